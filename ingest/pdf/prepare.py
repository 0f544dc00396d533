"""A plain copy of a PDF, with which the engine that knows Arabic does best, and PDFium's own text of each page.

The copy has no structure tree (of Chromium's tagged files qalam lost whole paragraphs at page ends), no pictures, no
encryption, and one page for each part of a page in columns.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingest.pdf.columns import Box, Part, part_columns
from rag.errors import ReadError

_LOCKED = "It is encrypted and needs a password: set DALIL_PDF_PASSWORD, or save it without one."
_WRONG_PASSWORD = "It is encrypted, and DALIL_PDF_PASSWORD is not its password."
_DAMAGED = "It is no PDF that can be opened, or it is damaged."
_MIN_CHARS_PER_PAGE, _MIN_PAGES = 400, 100
"""A page of a book has 1,500 to 2,500 characters, one of slides some hundreds. By default that is 5,000 pages."""
_MOVED_WHOLE = (pdfium_c.FPDF_PAGEOBJ_TEXT, pdfium_c.FPDF_PAGEOBJ_FORM)
"""Kinds of page objects that hold words."""
_MIN_COVERED, _MIN_COVERED_ALONE, _MAX_STAMP_CHARS = 0.5, 0.05, 30
"""Of a scan: the share of the page that pictures cover, beside text that was put on it and without any; letters and
digits of that text. A receipt covers a twentieth of A4."""


def prepare_copy(path: str, copy: str, max_chars: int, password: str | None) -> dict[str, Any]:
    """Write the plain copy of a PDF.

    Parameters
    ----------
    path, copy : str
        The file, and where its copy goes.
    max_chars : int
        More text than that is not looked at.
    password : str or None
        Of the file.

    Returns
    -------
    dict
        `pages`: for each page its `text` as PDFium reads it, whether it `has_image` and `is_scan`, and its `label`;
        `parts`: for each page of the copy the number of the page it comes from, from 0, and whether it is the whole
        of it.

    Raises
    ------
    ReadError
        When the file cannot be opened, or has too much text.
    """
    document = open_document(path, password)
    _check_pages(len(document), max_chars)
    plain = pdfium.PdfDocument.new()
    pages: list[dict[str, Any]] = []
    parts: list[tuple[int, bool]] = []
    chars = 0
    for number in range(len(document)):
        label = _read_label(document, number)
        try:
            page = document[number]
            text = page.get_textpage().get_text_range()
        except pdfium.PdfiumError:
            pages.append({"text": "", "has_image": False, "label": label, "is_scan": False})
            continue
        chars += len(text)
        if chars > max_chars:
            raise ReadError(f"It holds more than {max_chars:,} characters (DALIL_MAX_ARTICLE_CHARS).")
        pages.append(
            {
                "text": text.replace("\r\n", "\n"),
                "has_image": _has_image(page),
                "label": label,
                "is_scan": is_scan(page, text),
            }
        )
        if text.strip():
            parts += [(number, at == 0) for at in range(_copy_page(document, number, plain))]
    plain.save(copy)
    return {"pages": pages, "parts": parts}


def open_document(path: str, password: str | None) -> pdfium.PdfDocument:
    """A PDF; raises ReadError, in the words of the person who has it."""
    try:
        document = pdfium.PdfDocument(Path(path), password=password)
        if len(document) == 0:
            raise ReadError(_DAMAGED)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise ReadError(_WRONG_PASSWORD if password else _LOCKED) from None
        raise ReadError(_DAMAGED) from None
    return document


def _check_pages(count: int, max_chars: int) -> None:
    """Raise ReadError where a file has so many pages that reading them would only end with its time."""
    limit = max(_MIN_PAGES, max_chars // _MIN_CHARS_PER_PAGE)
    if count > limit:
        raise ReadError(
            f"It has {count:,} pages; an article of at most {max_chars:,} characters (DALIL_MAX_ARTICLE_CHARS) may "
            f"have {limit:,}. Cut it into parts of fewer pages."
        )


def _read_label(document: pdfium.PdfDocument, number: int) -> str:
    """What the file calls a page; empty where it says nothing that can be read."""
    try:
        return str(document.get_page_label(number))
    except (pdfium.PdfiumError, UnicodeError):
        return ""


def is_scan(page: pdfium.PdfPage, text: str) -> bool:
    """Whether a page is a picture: pictures cover most of it beside a stamp or a number, or part of it without."""
    if sum(char.isalnum() for char in text) > _MAX_STAMP_CHARS:
        return False
    width, height = page.get_size()
    boxes = [found.get_bounds() for found in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE])]
    covered = sum(max(0.0, right - left) * max(0.0, top - bottom) for left, bottom, right, top in boxes)
    least = _MIN_COVERED if any(char.isalnum() for char in text) else _MIN_COVERED_ALONE
    return bool(covered >= least * width * height)


def _has_image(page: pdfium.PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE]))


def _copy_page(document: pdfium.PdfDocument, number: int, plain: pdfium.PdfDocument) -> int:
    """Copy a page, and where it has columns each part of it again; the number of copies."""
    first = len(plain)
    plain.import_pages(document, [number])
    parts = part_columns([Box(*box) for _, box in _word_objects(plain[first])])
    wanted: list[Part] = [None, *(parts if len(parts) > 1 else [])]
    if len(wanted) > 1:
        plain.import_pages(document, [number] * (len(wanted) - 1))
    for at, part in enumerate(wanted):
        _keep_part(plain[first + at], part)
    return len(wanted)


def _word_objects(page: pdfium.PdfPage) -> list[tuple[pdfium.PdfObject, tuple[float, float, float, float]]]:
    """The objects of a page that hold words, each with (left, bottom, right, top)."""
    return [(found, found.get_bounds()) for found in page.get_objects(filter=_MOVED_WHOLE, max_depth=1)]


def _keep_part(page: pdfium.PdfPage, part: Part) -> None:
    """Take pictures out of a page, and the words of other parts."""
    unwanted = list(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=1))
    if part is not None:
        unwanted += [found for at, (found, _) in enumerate(_word_objects(page)) if at not in part]
    if not unwanted:
        return
    for found in unwanted:
        with suppress(pdfium.PdfiumError):
            page.remove_obj(found)
    page.gen_content()
