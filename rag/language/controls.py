"""Characters that are not seen: those that cannot be stored or shown, and those that turn the text around them."""

import re

_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line feed, and halves of surrogate pairs."""
_EMBEDDINGS, _END_OF_EMBEDDING = "\u202a\u202b\u202d\u202e", "\u202c"
_ISOLATES, _END_OF_ISOLATE = "\u2066\u2067\u2068", "\u2069"
_DIRECTIONS = re.compile(f"[{_EMBEDDINGS}{_END_OF_EMBEDDING}{_ISOLATES}{_END_OF_ISOLATE}]")
"""The explicit formatting characters of Unicode's bidirectional algorithm (UAX #9, 2.1 to 2.5). Marks (LRM, RLM, ALM)
are none: they turn nothing behind them."""


def replace_controls(text: str) -> str:
    """Line ends as line feeds, and a space for every other character that cannot be stored or shown."""
    return _UNSHOWABLE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def remove_directions(text: str) -> str:
    """Text without embeddings, overrides and isolates, which would turn what stands beside it."""
    return _DIRECTIONS.sub("", text)


def isolate_text(text: str) -> str:
    """Text with a direction of its own, that of its first letter, which turns nothing beside it."""
    return f"{_ISOLATES[-1]}{remove_directions(text)}{_END_OF_ISOLATE}"


def close_directions(text: str) -> str:
    """Text that turns nothing beside it: what it opens is closed in each line, and what closes nothing is left out."""
    if not _DIRECTIONS.search(text):
        return text
    return "\n".join(map(_close_line, text.split("\n")))


def _close_line(line: str) -> str:
    parts: list[str] = []
    due: list[str] = []  # what is to close the open ones, the innermost last
    isolates = 0
    for char in line:
        if char in _EMBEDDINGS:
            due.append(_END_OF_EMBEDDING)
        elif char in _ISOLATES:
            due.append(_END_OF_ISOLATE)
            isolates += 1
        elif char == _END_OF_ISOLATE and isolates:
            while due[-1] != _END_OF_ISOLATE:  # an isolate ends with all that was opened in it
                parts.append(due.pop())
            due.pop()
            isolates -= 1
        elif char == _END_OF_EMBEDDING and due and due[-1] == _END_OF_EMBEDDING:
            due.pop()
        elif char in (_END_OF_EMBEDDING, _END_OF_ISOLATE):
            continue
        parts.append(char)
    return "".join([*parts, *reversed(due)])
