"""The lines of a PDF, put together from its glyphs."""

import time
from typing import Any

import playa

from ingest.pdf.child import StepError
from ingest.pdf.glyph_lines import read_lines
from ingest.pdf.glyphs import read_glyphs

FAILURES = (playa.PDFException, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What playa raises on a file that breaks the rules."""


def read_pages(path: str, seconds: float) -> list[list[dict[str, Any]] | None]:
    """The lines of the first pages, as many as the time allows.

    Parameters
    ----------
    path : str
        A file that `prepare` wrote.
    seconds : float
        After which no further page is begun.

    Returns
    -------
    list of list of dict or None
        For each page the values of `TextLine` by their names; None where it cannot be read.

    Raises
    ------
    StepError
        When the file cannot be opened.
    """
    end = time.monotonic() + seconds
    pages: list[list[dict[str, Any]] | None] = []
    try:
        for glyphs in read_glyphs(path):
            pages.append(None if glyphs is None else [line._asdict() for line in read_lines(glyphs)])
            if time.monotonic() > end:
                break
    except FAILURES:
        if not pages:
            raise StepError("glyphs") from None
    return pages
