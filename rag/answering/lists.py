"""Lists, tables and sections in an article: a line that leads to them, and what stands beneath it."""

import re
from collections.abc import Sequence
from itertools import takewhile

from rag.answering.tables import find_column_names, is_row
from rag.types import Span

_ITEM = re.compile(r"[ \t]*(?:[-*•‣◦▪●–]|[0-9٠-٩]{1,2}[.)-])[ \t]+\S")
_LINE = re.compile(r"[^\n]*[^\s][^\n]*")
_MIN_ITEMS, _MAX_ITEMS = 2, 15
_MAX_HEADING_WORDS = 8
_LINE_BREAK, _LEADS = "\n", ":"
_ENDS_SENTENCE = (".", "؟", "?", "!", ":", "؛", ";", "،", ",")
_WINDOW_CHARS = 20_000
"""Before and behind the line: an article may be long, its lists are not."""


def find_list_items(text: str, at: int) -> tuple[Span, ...]:
    """The items of the list that the line at an offset leads to, or is an item of; empty where there is none.

    Parameters
    ----------
    text : str
        Of the article.
    at : int
        Offset within the line.
    """
    start, end = max(0, at - _WINDOW_CHARS), at + _WINDOW_CHARS
    lines = [Span(*match.span()) for match in _LINE.finditer(text, start, end)]
    here = next((number for number, line in enumerate(lines) if line.start <= at < line.end), None)
    if here is None:
        return ()
    is_item = [bool(_ITEM.match(text, *line)) for line in lines]
    first = here if is_item[here] else here + 1
    while first > 0 and is_item[here] and is_item[first - 1]:
        first -= 1
    items = tuple(takewhile(lambda line: _ITEM.match(text, *line), lines[first : first + _MAX_ITEMS]))
    return items if len(items) >= _MIN_ITEMS else ()


def find_section(text: str, heading: Span) -> Span | None:
    """What stands beneath a heading, up to the next one; None where the line is no heading.

    Parameters
    ----------
    text : str
        Of the article.
    heading : Span
        Of the line.
    """
    lines = [Span(*match.span()) for match in _LINE.finditer(text, heading.start, heading.start + _WINDOW_CHARS)]
    if not lines or not is_heading(text[slice(*lines[0])]):
        return None
    beneath = list(takewhile(lambda line: not is_heading(text[slice(*line)]), lines[1:]))
    return Span(beneath[0].start, beneath[-1].end) if beneath else None


def find_leading_lines(text: str, sentences: Sequence[Span]) -> list[tuple[int, ...]]:
    """Of each sentence of a chunk, which of those before it say what it is about: the heading above it, the line that
    leads to the list of which it is an item, and the names of the columns of the table of which it is a row; by their
    places in `sentences`.

    Parameters
    ----------
    text : str
        Of the article.
    sentences : sequence of Span
        In reading order.
    """
    leading: list[tuple[int, ...]] = []
    places = {span.start: at for at, span in enumerate(sentences)}
    heading = lead = None
    for at, span in enumerate(sentences):
        words = text[slice(*span)]
        starts_line = span.start == 0 or text[span.start - 1] == _LINE_BREAK
        if starts_line and text[span.end : span.end + 1] in {_LINE_BREAK, ""} and is_heading(words):
            leading.append(())
            heading, lead = at, None
            continue
        is_item = starts_line and bool(_ITEM.match(words))
        names = find_column_names(text, span.start) if is_row(words) else None
        above = (heading, lead if is_item else None, places.get(names.start) if names else None)
        leading.append(tuple(line for line in above if line is not None))
        if not is_item:
            lead = at if words.endswith(_LEADS) else None
    return leading


def is_heading(line: str) -> bool:
    """Whether a line may head a section: it is short, is no item of a list and no row of a table, and ends no
    sentence."""
    words = line.split()
    is_part = _ITEM.match(line) or is_row(line)
    return 0 < len(words) <= _MAX_HEADING_WORDS and not is_part and not words[-1].endswith(_ENDS_SENTENCE)
