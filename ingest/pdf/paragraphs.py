"""Lines of pages into paragraphs, so that a line end is not taken for the end of a sentence."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import median, quantiles

from ingest.pdf.pages import Line

_SIZE_TOLERANCE = 0.06
_MAX_GAP = 1.45
"""In usual distances of lines of that size; paragraphs set apart by space stand 1.5 and more."""
_FULL_LINE = 0.72
"""Of a long line: a shorter one ends its paragraph."""
_LIST_MARKER = re.compile(r"^(?:[•●▪◦‣*–—-]\s|[(\[]?(?:\d{1,3}|[^\W\d_])[.)\]-](?:\s|$))")
_SENTENCE_END = re.compile(r"[.!?؟…:][»)\]\"”]*$")


def join_paragraphs(pages: Sequence[Sequence[Line]]) -> tuple[str, list[int]]:
    """The text of pages, a paragraph a line, and where in it each page begins (code points).

    Parameters
    ----------
    pages : sequence of sequence of Line
        Without running heads, in order of reading.
    """
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    before: Line | None = None
    for page in pages:
        long, gap = _long_lines(page), _usual_gaps(page)
        starts_page = True
        for line in page:
            separator = _separator(before, line, long, gap, starts_page) if before else ""
            parts += [separator, line.text]
            length += len(separator)
            if starts_page:
                starts.append(length)
            length += len(line.text)
            before, starts_page = line, False
        if starts_page:
            starts.append(length)
    return "".join(parts), starts


def _separator(before: Line, line: Line, long: dict[int, float], gap: dict[int, float], is_new_page: bool) -> str:
    """A space within a paragraph, a line end between rows, an empty line between paragraphs."""
    if before.is_row and line.is_row and not is_new_page:
        return "\n"
    same_size = abs(before.size - line.size) <= _SIZE_TOLERANCE * line.size
    if before.is_row or line.is_row or not same_size or _LIST_MARKER.match(line.text):
        return "\n\n"
    size = round(line.size)
    distance = before.baseline - line.baseline
    if distance < 0 or is_new_page:  # another column or page: a sentence that has not ended goes on
        goes_on = not _SENTENCE_END.search(before.text)
    else:
        goes_on = distance <= _MAX_GAP * gap.get(size, distance)
    return " " if goes_on and len(before.text) >= _FULL_LINE * long.get(size, 0) else "\n\n"


def _long_lines(page: Sequence[Line]) -> dict[int, float]:
    """The length that a tenth of the lines of each size reach."""
    lengths = defaultdict(list)
    for line in page:
        if not line.is_row:
            lengths[round(line.size)].append(len(line.text))
    return {size: _tenth_longest(found) for size, found in lengths.items()}


def _tenth_longest(lengths: Sequence[int]) -> float:
    """Within the lengths: of two lines that are one title, the longer one is long."""
    return quantiles(lengths, n=10, method="inclusive")[-1] if len(lengths) > 1 else lengths[0]


def _usual_gaps(page: Sequence[Line]) -> dict[int, float]:
    gaps = defaultdict(list)
    for one, other in pairwise(page):
        if round(one.size) == round(other.size) and one.baseline > other.baseline:
            gaps[round(one.size)].append(one.baseline - other.baseline)
    return {size: median(found) for size, found in gaps.items()}
