"""Which paragraphs of a PDF are headings: short ones in larger letters than those of the text."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ingest.pdf.pages import Line
from rag.types import MAX_HEADING_LEVEL

_MIN_SIZE = 1.1
"""In sizes of the text: less is a font that is drawn a little larger, or the rounding of a tool."""
_MAX_WORDS = 15
_MAX_SIZES = 4
"""Sizes of headings in a document: more are of a poster or a form, whose large words head nothing."""


def rank_headings(pages: Sequence[Sequence[Line]], body: int, title: str) -> dict[str, int]:
    """The paragraphs that are headings, each with its level.

    Parameters
    ----------
    pages : sequence of sequence of Line
        In order of reading.
    body : int
        The size of most letters, rounded.
    title : str
        Of the document, which heads the whole of it.

    Returns
    -------
    dict of str to int
        The larger the letters, the lower the level, from 1; empty where sizes do not tell headings.
    """
    found = [run for page in pages for run in _large_runs(page, body) if _join(run) != title]
    sizes = sorted({round(run[0].size) for run in found}, reverse=True)
    if len(sizes) > min(_MAX_SIZES, MAX_HEADING_LEVEL):
        return {}
    levels: dict[str, int] = {}
    for run in found:
        # Lines of one size are one paragraph, or a few.
        for text in (_join(run), *(line.text for line in run)):
            levels[text] = sizes.index(round(run[0].size)) + 1
    return levels


def _large_runs(page: Sequence[Line], body: int) -> Iterator[list[Line]]:
    """The lines of a page in larger letters than the text, those of one size together; none of a page without others:
    its sizes are of another reading."""
    runs = [(size, list(run)) for size, run in groupby(page, lambda line: 0 if line.is_row else round(line.size))]
    if all(size > body for size, _ in runs):
        return
    for size, run in runs:
        if size > _MIN_SIZE * body and len(_join(run).split()) <= _MAX_WORDS:
            yield run


def _join(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)
