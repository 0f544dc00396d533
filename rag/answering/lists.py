"""Lists in an article: a line that leads to them, and their items."""

import re
from typing import NamedTuple

from rag.types import Span

_ITEM = re.compile(r"[ \t]*(?:[-*•‣◦▪●–]|[0-9٠-٩]{1,2}[.)-])[ \t]+\S")
_LINE = re.compile(r"[^\n]*[^\s][^\n]*")
_MIN_ITEMS, _MAX_ITEMS = 2, 15


class ArticleList(NamedTuple):
    """A list of an article.

    Attributes
    ----------
    lead : Span or None
        The line before its items, such as a heading.
    items : tuple of Span
        Its lines, in offsets of the article.
    """

    lead: Span | None
    items: tuple[Span, ...]


def find_list(text: str, at: int) -> ArticleList | None:
    """The list that the line at an offset leads to, or is an item of; None where there is none.

    Parameters
    ----------
    text : str
        Of the article.
    at : int
        Offset within the line.
    """
    lines = [Span(*match.span()) for match in _LINE.finditer(text)]
    here = next((number for number, line in enumerate(lines) if line.start <= at < line.end), None)
    if here is None:
        return None
    is_item = [bool(_ITEM.match(text, *line)) for line in lines]
    first = here if is_item[here] else here + 1
    while first > 0 and is_item[here] and is_item[first - 1]:
        first -= 1
    end = first
    while end < len(lines) and is_item[end] and end - first < _MAX_ITEMS:
        end += 1
    if end - first < _MIN_ITEMS:
        return None
    return ArticleList(lines[first - 1] if first else None, tuple(lines[first:end]))
