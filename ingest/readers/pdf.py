"""PDF files that were made as text: the words of all pages are one article."""

from collections.abc import Iterator, Sequence
from io import BufferedReader

from ingest.pdf.extract import extract_text
from ingest.readers.base import OriginalFile, ReadResult, Source, make_article
from ingest.readers.metadata import MAX_TITLE_CHARS, ArticleFields, clean_line
from rag.errors import ReadError
from rag.language.health import heal_parts, judge_headings

_MAX_BYTES = 256_000_000
"""Larger than any book of text; what makes a file larger are pictures."""
_NO_TEXT_LAYER = (
    "It has no text, only pictures of its pages, as a scanner makes them. Dalil reads no pictures: run text "
    "recognition over it first (OCRmyPDF with `-l ara` adds the text to the file), or give the document behind it."
)
_MAX_LABEL_CHARS = 20
"""Of a page: more is no name that a page is called by."""
_REMEDY = "Save it as PDF anew from the document that it was made of, or give that document."


def read_pdf(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a PDF; raises ReadError."""
    content = _read_bytes(stream)
    found = extract_text(content, source.max_chars)
    if not any(char.isalnum() for char in found.text):
        raise ReadError(_NO_TEXT_LAYER if found.has_image else "It holds no words.")
    _, health = heal_parts(found.page_texts)
    for judged in (health, judge_headings(found.headings)):
        if not judged.is_good:
            raise ReadError(f"{judged.reason} {_REMEDY}")
    title = found.title if len(found.title) <= MAX_TITLE_CHARS else None
    labels, original = _clean_labels(found.page_labels), OriginalFile(content)
    yield from make_article(ArticleFields(), found.page_texts, source, title, labels=labels, original=original)


def _clean_labels(labels: Sequence[str]) -> list[str]:
    """What pages are called; nothing where that is their numbers."""
    cleaned = [clean_line(label)[:_MAX_LABEL_CHARS] for label in labels]
    is_telling = any(label not in ("", str(number)) for number, label in enumerate(cleaned, 1))
    return cleaned if is_telling else []


def _read_bytes(stream: BufferedReader) -> bytes:
    content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ReadError(f"It is too large: at most {_MAX_BYTES / 1e6:.0f} MB.")
    if not content.strip():
        raise ReadError("It is empty.")
    return content
