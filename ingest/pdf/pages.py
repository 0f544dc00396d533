"""Lines of a page, and what is no text of the article: running heads and page numbers."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_EDGE_LINES = 2
"""At the top and at the bottom of a page."""
_MIN_SHARE = 0.6
"""Of the pages, on which a line returns that is a running head."""
_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"[-–—|\[(\s]*(?:صفحة|ص|الصفحة|page|p\.?)?\s*#(?:\s*(?:/|من|of)\s*#)?\s*(?:صفحة|page)?[-–—|\])\s]*", re.IGNORECASE
)
"""A line that is nothing but the number of its page."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it stands on a page.

    Attributes
    ----------
    text : str
        In logical order.
    baseline, size : float
        In points from the bottom of the page; the size of its letters.
    is_row : bool
        Whether it is a row of a table.
    """

    text: str
    baseline: float
    size: float
    is_row: bool = False


def drop_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Pages without what returns at the top or bottom of most of them, numbers apart, and without page numbers.

    Parameters
    ----------
    pages : sequence of sequence of Line
        In order of reading within each page.
    """
    edges = [_edge_lines(page) for page in pages]
    returning = Counter(key for edge in edges for key in {_key(page_line.text) for page_line in edge})
    least = max(2, _MIN_SHARE * len(pages))
    heads = {key for key, count in returning.items() if count >= least}
    kept = []
    for number, (page, edge) in enumerate(zip(pages, edges, strict=True), 1):
        dropped = {id(line) for line in edge if _key(line.text) in heads or _is_number_of(line.text, number)}
        kept.append([line for line in page if id(line) not in dropped])
    return kept


def _edge_lines(page: Sequence[Line]) -> list[Line]:
    downwards = sorted((line for line in page if not line.is_row), key=lambda line: -line.baseline)
    return [*downwards[:_EDGE_LINES], *downwards[_EDGE_LINES:][-_EDGE_LINES:]]


def _key(text: str) -> str:
    """A line without its numbers and the order of its words, which engines differ about."""
    words = sorted(_NUMBER.sub("#", unicodedata.normalize("NFKC", text)).split())
    return " ".join(words)


def _is_number_of(text: str, page: int) -> bool:
    """Whether a line is a page number: of that page, since a document may count from elsewhere only on many pages."""
    plain = unicodedata.normalize("NFKC", text)
    numbers = [int(number) for number in _NUMBER.findall(plain)]
    return page in numbers and bool(_PAGE_NUMBER.fullmatch(_NUMBER.sub("#", plain)))
