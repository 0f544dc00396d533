"""Headings on their way from a reader to the article: marked in its words, then taken out and kept by their places."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rag.types import MAX_HEADING_LEVEL, Heading

_MARK = "\U0001fffe"
"""A code point that Unicode keeps from ever being a character: no text holds it."""
_MARKED = re.compile(f"{_MARK}([1-{MAX_HEADING_LEVEL}])[ \t]*")
_ANY_MARK = re.compile(f"{_MARK}[0-9]?")

Lines = dict[int, int]
"""Of a text, the numbers of the lines that are headings, from 0, each with its level."""


def mark_heading(text: str, level: int) -> str:
    """The words of a heading as one line, marked as such."""
    return f"{heading_mark(level)}{' '.join(text.split())}" if text.strip() else ""


def heading_mark(level: int) -> str:
    """What stands before the words of a heading."""
    return f"{_MARK}{min(max(1, level), MAX_HEADING_LEVEL)}"


def remove_marks(text: str) -> str:
    """A text without marks of headings."""
    return _ANY_MARK.sub("", text)


def take_marks(parts: Sequence[str]) -> tuple[list[str], list[Lines]]:
    """The parts of a text without marks, and the headings of each."""
    headings = [
        {number: int(found[1]) for number, line in enumerate(part.split("\n")) if (found := _MARKED.match(line))}
        for part in parts
    ]
    return [_ANY_MARK.sub("", _MARKED.sub("", part)) for part in parts], headings


def place_headings(parts: Sequence[str], headings: Sequence[Lines]) -> tuple[Heading, ...]:
    """The headings by their places in the text that all parts are, stripped. What mends a part keeps its lines."""
    whole = "".join(parts)
    before = len(whole) - len(whole.lstrip())
    starts = accumulate(map(len, parts[:-1]), initial=-before)
    return tuple(
        heading
        for start, part, lines in zip(starts, parts, headings, strict=True)
        for heading in _place_in_part(start, part, lines)
    )


def _place_in_part(start: int, part: str, lines: Lines) -> Iterator[Heading]:
    for number, line in enumerate(part.split("\n") if lines else ()):
        words = line.strip()
        if number in lines and words:
            at = start + line.index(words)
            yield Heading(at, at + len(words), lines[number])
        start += len(line) + 1
