"""Where the letters of a page stand: by its glyphs, and as PDFium has them."""

from collections.abc import Iterator, Sequence
from ctypes import byref, c_int
from typing import Any

import playa
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from playa.page import Page

from ingest.pdf.glyph_lines import read_letters
from ingest.pdf.glyph_marks import Letter
from ingest.pdf.glyph_text import FAILURES
from ingest.pdf.glyphs import read_page_glyphs
from ingest.pdf.prepare import open_document
from ingest.reasons import reason
from rag.errors import ReadError

_ASCENT, _DESCENT = 0.9, 0.35
"""Of a line that is marked, in sizes of its letters: with tashkeel above and the tails of letters below."""
_DIGITS = 5
_SCALE = 10**_DIGITS
"""Parts that a page is measured in: PDFium gives whole ones."""

Place = tuple[str, float, float, float, float]
"""A letter with left, top, width and height in shares of the page; a space has no width."""
_SPACE: Place = (" ", 0.0, 0.0, 0.0, 0.0)


def read_page_letters(path: str, pages: Sequence[int], password: str | None) -> list[dict[str, Any]]:
    """The letters of some pages.

    Parameters
    ----------
    path : str
        Of a PDF.
    pages : sequence of int
        Their numbers, from 1.
    password : str or None
        Of the file.

    Returns
    -------
    list of dict
        For each page its `width` and `height` in points as it is shown, and its letters (`Place`) in reading order, by
        `glyphs` and by `chars`; none where that way cannot read it.

    Raises
    ------
    ReadError
        When the file cannot be opened, or has no such page.
    """
    document = open_document(path, password)
    if not all(1 <= number <= len(document) for number in pages):
        raise ReadError(reason("page_missing", count=len(document)))
    found = []
    for number in pages:
        page = document[number - 1]
        width, height = page.get_size()
        found.append({"width": width, "height": height, "glyphs": [], "chars": list(_read_chars(page))})
    for number, letters in _read_glyphs(path, pages, password):
        for one, of_page in zip(pages, found, strict=True):
            if one == number:
                of_page["glyphs"] = letters
    return found


def _read_glyphs(path: str, pages: Sequence[int], password: str | None) -> Iterator[tuple[int, list[Place]]]:
    try:
        with playa.open(path, space="page", password=password or "") as document:
            for number in sorted(set(pages)):
                page = document.pages[number - 1]
                glyphs = read_page_glyphs(page)
                yield number, list(_place_lines(page, read_letters(glyphs))) if glyphs else []
    except FAILURES:
        return


def _place_lines(page: Page, lines: Sequence[Sequence[Letter]]) -> Iterator[Place]:
    left, bottom, right, top = _shown_box(page)
    width, height = right - left, top - bottom
    for line in lines:
        for letter in line:
            if not letter.text:
                yield _SPACE
                continue
            yield (
                letter.text,
                round((letter.left - left) / width, _DIGITS),
                round((top - letter.baseline - _ASCENT * letter.size) / height, _DIGITS),
                round((letter.right - letter.left) / width, _DIGITS),
                round((_ASCENT + _DESCENT) * letter.size / height, _DIGITS),
            )
        yield _SPACE


def _shown_box(page: Page) -> tuple[float, float, float, float]:
    """What of a page is shown, in the space of its glyphs: the part of the CropBox that lies within the MediaBox."""
    (left, bottom, right, top), media = page.cropbox, page.mediabox
    box = max(left, media[0]), max(bottom, media[1]), min(right, media[2]), min(top, media[3])
    if box[0] >= box[2] or box[1] >= box[3]:
        box = media
    corners = [_transform(page.ctm, x, y) for x, y in ((box[0], box[1]), (box[2], box[3]))]
    across, up = sorted(x for x, _ in corners), sorted(y for _, y in corners)
    return across[0], up[0], across[1], up[1]


def _transform(matrix: Sequence[float], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _read_chars(page: pdfium.PdfPage) -> Iterator[Place]:
    try:
        text = page.get_textpage()
        count = text.count_chars()
    except pdfium.PdfiumError:
        return
    for at in range(count):
        char = chr(pdfium_c.FPDFText_GetUnicode(text, at))
        if char.isspace() or char == "\0":
            yield _SPACE
            continue
        left, bottom, right, top = text.get_charbox(at, loose=True)
        corners = [_to_device(page, x, y) for x, y in ((left, bottom), (right, top))]
        across, down = sorted(x for x, _ in corners), sorted(y for _, y in corners)
        yield char, across[0], down[0], across[1] - across[0], down[1] - down[0]


def _to_device(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    """A point of the page in shares of it as it is shown."""
    across, down = c_int(), c_int()
    pdfium_c.FPDF_PageToDevice(page, 0, 0, _SCALE, _SCALE, 0, x, y, byref(across), byref(down))
    return across.value / _SCALE, down.value / _SCALE
