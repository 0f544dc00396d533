"""Lists in an article: a line that leads to them, and their items."""

import re
from itertools import takewhile

from rag.types import Span

_ITEM = re.compile(r"[ \t]*(?:[-*•‣◦▪●–]|[0-9٠-٩]{1,2}[.)-])[ \t]+\S")
_LINE = re.compile(r"[^\n]*[^\s][^\n]*")
_MIN_ITEMS, _MAX_ITEMS = 2, 15
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
