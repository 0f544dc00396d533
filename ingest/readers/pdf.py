"""PDF files: the words of all pages are one article; pages that are pictures are read where that is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BufferedReader

from ingest.ocr.scans import describe_words
from ingest.pdf.extract import PdfText, extract_text
from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.headings import mark_heading
from ingest.readers.metadata import MAX_TITLE_CHARS, ArticleFields, clean_line
from ingest.readers.ocr_warnings import describe_ocr, describe_unread
from ingest.readers.original_file import OriginalFile
from ingest.reasons import reason
from rag.errors import ReadError
from rag.language.health import heal_parts, judge_headings
from rag.types import Article

_MAX_BYTES = 256_000_000
"""Larger than any book of text; what makes a file larger are pictures."""
_MAX_LABEL_CHARS = 20
"""Of a page: more is no name that a page is called by."""


def read_pdf(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a PDF; raises ReadError."""
    content = _read_bytes(stream)
    found = extract_text(content, source.max_chars, ocr=source.ocr)
    _check_words(found, source)
    is_read = {page.number for page in found.scanned if page.lines}
    is_ocr = [number in is_read for number in range(len(found.page_texts))]
    _check_health(found, is_ocr)
    title = found.title if len(found.title) <= MAX_TITLE_CHARS else None
    pages = [_mark_headings(page, found.heading_levels) for page in found.page_texts]
    warnings = [*describe_ocr(found.scanned), *([describe_unread(found.scans)] if found.scans else [])]
    warnings += [reason("mended")] if found.is_mended else []
    labels, original = _clean_labels(found.page_labels), OriginalFile(content, describe_words(found.scanned))
    for item in make_article(ArticleFields(), pages, source, title, warnings, labels, is_ocr, original):
        if isinstance(item, Article) and found.is_mended and item.health == "ok":
            yield replace(item, health="mended")
        else:
            yield item


def _check_words(found: PdfText, source: Source) -> None:
    """Raise ReadError where there are no words."""
    if any(char.isalnum() for char in found.text):
        return
    if found.scans or (found.has_image and not source.ocr.is_on):
        raise source.ocr.refuse()
    raise ReadError(next((page.problem for page in found.scanned if page.problem), reason("no_words")))


def _check_health(found: PdfText, is_ocr: Sequence[bool]) -> None:
    """Raise ReadError where the words of the file's own text are not those that its reader sees."""
    texts = [text for text, by_ocr in zip(found.page_texts, is_ocr, strict=True) if not by_ocr]
    _, health = heal_parts(texts)
    for judged in (health, judge_headings(found.headings)):
        if not judged.is_good and any(char.isalnum() for text in texts for char in text):
            raise ReadError(reason("pdf_text", problem=reason(judged.code)))


def _mark_headings(page: str, levels: Mapping[str, int]) -> str:
    lines = page.split("\n")
    return "\n".join(mark_heading(line, levels[line]) if line in levels else line for line in lines)


def _clean_labels(labels: Sequence[str]) -> list[str]:
    """What pages are called; nothing where that is their numbers."""
    cleaned = [clean_line(label)[:_MAX_LABEL_CHARS] for label in labels]
    is_telling = any(label not in ("", str(number)) for number, label in enumerate(cleaned, 1))
    return cleaned if is_telling else []


def _read_bytes(stream: BufferedReader) -> bytes:
    content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ReadError(reason("file_too_large", limit=_MAX_BYTES / 1e6))
    if not content.strip():
        raise ReadError(reason("empty"))
    return content
