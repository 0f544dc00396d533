"""Sentences of a text, by offsets."""

import re
from collections import deque
from collections.abc import Iterator

from rag.language.detect import is_latin
from rag.language.languages import PROFILES
from rag.language.normalize import fold_text
from rag.types import Span

_DIRECTION_CONTROLS = "\u200e\u200f\u202c\u2069"
"""Marks and closers of direction, which editors leave behind a full stop."""
_END = re.compile(rf"[.!?؟۔…]+[\"'”’»›)\]}}*_{_DIRECTION_CONTROLS}]*|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_ENDS_WITHOUT_SPACE = frozenset("؟۔")
_OPENING_MARKS = "(«“\"'["
_ABBREVIATIONS = frozenset[str]().union(*(profile.abbreviations for profile in PROFILES.values()))
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_NUMBER = re.compile(r"[0-9]{1,3}")
_CAPITALIZED = re.compile(r"\s*[A-Z][a-z]")
LOOK_BACK_CHARS = 24
"""Abbreviations, initials and list numbers are shorter than this; no more is read back from a full stop."""


CELL_SEPARATOR = " | "
"""Between the cells of a table's row, which is one line."""
_MAX_ROW_CHARS = 500
"""A longer line with a separator is prose."""


def find_sentences(text: str) -> list[Span]:
    """Split a text into sentences.

    Ends are `. ! ? ؟ ۔ …` before white space (the Arabic question mark needs none), and line breaks; never the comma.
    Decimals, abbreviations, initials and the number of a list item end nothing, and a row of a table, whose cells
    `CELL_SEPARATOR` joins, is one sentence whatever they hold. Linear in the length of `text`.

    Returns
    -------
    list of Span
        Spans that cover `text` without gap or overlap, each with the white space behind it; none for an empty text.
    """
    spans: list[Span] = []
    start = 0
    first = len(text) - len(text.lstrip())
    rows = deque(_find_rows(text))
    for match in _END.finditer(text, first):
        while rows and rows[0].end <= match.start():
            rows.popleft()
        if rows and rows[0].start <= match.start():
            continue
        if match.start() < start or not _ends_sentence(text, match):
            continue  # white space that belongs to the sentence before, or no end
        end = match.end()
        while end < len(text) and text[end].isspace():
            end += 1
        spans.append(Span(start, end))
        start = end
    if start < len(text):
        spans.append(Span(start, len(text)))
    return spans


def _find_rows(text: str) -> Iterator[Span]:
    if CELL_SEPARATOR not in text:
        return
    start = 0
    for line in text.splitlines(keepends=True):
        if CELL_SEPARATOR in line and len(line) <= _MAX_ROW_CHARS:
            yield Span(start, start + len(line.rstrip()))
        start += len(line)


def trim_span(text: str, span: Span) -> Span:
    """`span` without the white space at both its ends."""
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    return Span(start, max(start, span.start + len(piece.rstrip())))


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    mark = match.group()
    if mark.isspace() or not _ENDS_WITHOUT_SPACE.isdisjoint(mark):
        return True
    followed_by_space = match.end() == len(text) or text[match.end()].isspace()
    return followed_by_space and (mark.rstrip(_DIRECTION_CONTROLS) != "." or _full_stop_ends(text, match.start()))


def _full_stop_ends(text: str, at: int) -> bool:
    """Whether the single full stop at `at`, followed by white space, ends a sentence."""
    window = text[max(0, at - LOOK_BACK_CHARS) : at]
    line = re.split(r"[\r\n]", window)[-1]
    is_whole_line = at <= LOOK_BACK_CHARS or len(line) < len(window)
    words = fold_text(line).split()
    if not words:
        return True
    word = words[-1].lstrip(_OPENING_MARKS)
    if len(words) == 1 and is_whole_line and _LIST_NUMBER.fullmatch(word):
        return False
    if len(words) > 1 and words[-2][-1].isdigit():
        # "1908 م." and "354 هـ." close a date, they do not open a name; "6 p.m." closes a sentence before a capital
        return not is_latin(word) or bool(_CAPITALIZED.match(text, at + 1))
    return word not in _ABBREVIATIONS and not _INITIALS.fullmatch(word)
