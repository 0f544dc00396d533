"""A page of a PDF as a picture."""

from math import sqrt

import pypdfium2 as pdfium

from ingest.pdf.prepare import open_document
from ingest.reasons import reason
from rag.errors import ReadError

_MAX_PIXELS = 12_000_000
"""A page that is far higher than it is wide comes smaller: this is 2,000 pixels by three times an A4 page."""


def draw_page(path: str, number: int, width: int, picture: str, password: str | None) -> None:
    """Write a page as PNG.

    Parameters
    ----------
    path : str
        Of a PDF.
    number : int
        Of the page, from 1.
    width : int
        Of the picture, in pixels.
    picture : str
        Where it goes.
    password : str or None
        Of the file.

    Raises
    ------
    ReadError
        When the file cannot be opened, or the page cannot be drawn.
    """
    document = open_document(path, password)
    try:
        page = document[number - 1]
        across, up = page.get_size()
        scale = min(width / across, sqrt(_MAX_PIXELS / (across * up)))
        page.render(scale=scale).to_pil().save(picture, "PNG")
    except (pdfium.PdfiumError, IndexError, ArithmeticError, ValueError):
        raise ReadError(reason("page_not_drawn", number=number)) from None
