"""What a model writes, made fit to be sent on while it comes."""

import re
from collections.abc import Iterable, Iterator

from rag.errors import ModelError
from rag.language.controls import remove_directions, replace_controls

_OPEN_END = re.compile(r"[\r\ud800-\udbff]\Z")
"""What the next piece may complete: the first half of a line end, or of a surrogate pair."""

_LOOP_TIMES, _LOOP_CHARS = 4, 120
"""A piece of text this many times in a row, and over this many characters in all, is a model that has lost itself."""
_LONGEST_LOOP = 500
"""Of the piece, in characters."""
_LOOP_STEP = 40
"""Characters between two looks."""


def clean_deltas(deltas: Iterable[str]) -> Iterator[str]:
    """A model's text without what no answer may carry, however it is cut into pieces.

    Control characters are spaces, as those of articles are; embeddings, overrides and isolates, which would turn what
    stands beside the answer, and halves of surrogate pairs, which could not be sent on, are left out.
    """
    held = ""
    for delta in deltas:
        text = held + delta
        held = text[-1:] if _OPEN_END.search(text) else ""
        yield from filter(None, [_clean_text(text[: len(text) - len(held)])])
    yield from filter(None, [_clean_text(held)])


def stop_at_loops(deltas: Iterable[str]) -> Iterator[str]:
    """A model's text as long as it does not say one thing again and again.

    Raises
    ------
    ModelError
        When it does: no more is to be had of it.
    """
    tail, unread = "", 0
    for delta in deltas:
        tail, unread = (tail + delta)[-_LOOP_TIMES * _LONGEST_LOOP :], unread + len(delta)
        if unread >= _LOOP_STEP:
            unread = 0
            if ends_in_loop(tail):
                raise ModelError("The model says the same again and again.", "model_loops")
        yield delta


def ends_in_loop(text: str) -> bool:
    """Whether a text ends with one piece of it again and again; lines and dots alone are none."""
    for period in range(1, min(_LONGEST_LOOP, len(text) // _LOOP_TIMES) + 1):
        length = max(_LOOP_TIMES * period, _LOOP_CHARS)
        if length <= len(text) and text[-length:-period] == text[-length + period :]:
            return any(char.isalpha() for char in text[-period:])
    return False


def _clean_text(text: str) -> str:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return remove_directions(replace_controls(whole))
