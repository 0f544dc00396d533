"""The one table of what can be read: suffixes of files, media types over HTTP, and the reader of each format."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers.base import Reader, ReadResult, Source
from ingest.readers.csv import read_csv
from ingest.readers.email import read_email
from ingest.readers.epub import read_epub
from ingest.readers.excel import read_excel
from ingest.readers.html import read_html
from ingest.readers.json_objects import read_json, read_json_lines
from ingest.readers.libreoffice import find_libreoffice
from ingest.readers.markdown import read_markdown
from ingest.readers.old_word import read_old_word
from ingest.readers.original_file import OriginalFile
from ingest.readers.pdf import read_pdf
from ingest.readers.picture import read_picture
from ingest.readers.plain_text import read_plain_text
from ingest.readers.powerpoint import read_powerpoint
from ingest.readers.word import read_word
from ingest.readers.wordpress import read_wordpress
from ingest.reasons import reason, reason_of
from rag.errors import ReadError
from rag.types import Article

UPLOAD_ORIGIN = "upload:"
"""How the source of an article begins that came over HTTP and not from a file."""
_OFFICE = "application/vnd.openxmlformats-officedocument."


class Format(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    name : str
        For people.
    suffixes : tuple of str
        Of file names, lower case, with the dot.
    media_types : tuple of str
        Over HTTP; the first one is sent.
    read : Reader
        Reads the articles of such a file.
    has_many : bool
        Whether a file may be several articles.
    """

    name: str
    suffixes: tuple[str, ...]
    media_types: tuple[str, ...]
    read: Reader
    has_many: bool = False


WORDPRESS = Format(
    "WordPress export", (".xml",), ("application/rss+xml", "application/xml", "text/xml"), read_wordpress, True
)
PICTURE = Format(
    "picture",
    (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"),
    ("image/png", "image/jpeg", "image/tiff", "image/webp"),
    read_picture,
)
OLD_WORD = Format("Word before 2007", (".doc",), ("application/msword",), read_old_word)
FORMATS = (
    Format("Markdown", (".md", ".markdown"), ("text/markdown",), read_markdown),
    Format("plain text", (".txt",), ("text/plain",), read_plain_text),
    Format("JSON lines", (".jsonl",), ("application/jsonl", "application/x-ndjson"), read_json_lines, True),
    Format("JSON", (".json",), ("application/json",), read_json, True),
    Format("web page", (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml"), read_html),
    Format("Word", (".docx",), (f"{_OFFICE}wordprocessingml.document",), read_word),
    OLD_WORD,
    Format("PowerPoint", (".pptx",), (f"{_OFFICE}presentationml.presentation",), read_powerpoint),
    Format("Excel", (".xlsx",), (f"{_OFFICE}spreadsheetml.sheet",), read_excel),
    Format("CSV", (".csv", ".tsv"), ("text/csv", "text/tab-separated-values"), read_csv),
    Format("EPUB", (".epub",), ("application/epub+zip",), read_epub),
    Format("e-mail", (".eml",), ("message/rfc822",), read_email),
    Format("PDF", (".pdf",), ("application/pdf",), read_pdf),
    WORDPRESS,
    PICTURE,
)
OLD_SUFFIXES = {".xls": ".xlsx", ".ppt": ".pptx"}
"""Of Office before 2007, each with what to save it as: people take these for readable, so they are named."""
SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)
MEDIA_TYPES = tuple(media_type for known in FORMATS for media_type in known.media_types)


def format_of_file(path: Path) -> Format | None:
    """The format of a file by its suffix, None when it is none that Dalil reads."""
    return next((known for known in FORMATS if path.suffix.lower() in known.suffixes), None)


def can_read(path: Path) -> bool:
    """Whether a file is of a format that Dalil reads on this machine."""
    known = format_of_file(path)
    return known is not None and (known is not OLD_WORD or find_libreoffice() is not None)


def describe_unread(path: Path) -> str:
    """Why a file of no format is not read, and what helps; one line a kind of file."""
    suffix = path.suffix.lower()
    if suffix in OLD_WORD.suffixes:
        return reason("old_word_missing")
    if suffix in OLD_SUFFIXES:
        new = OLD_SUFFIXES[suffix]
        return (
            f"It is of Office before 2007 ({suffix}), which Dalil does not read. Save it as {new}: in Excel or "
            f"PowerPoint, or with LibreOffice by `soffice --headless --convert-to {new[1:]} FILE`."
        )
    return f"Dalil does not read {path.suffix or 'files without a suffix'}."


def format_of_media_type(header: str) -> Format | None:
    """The format of a Content-Type header, None when it is none that Dalil reads."""
    media_type = header.partition(";")[0].strip().lower()
    return next((known for known in FORMATS if media_type in known.media_types), None)


def read_stream(stream: io.BufferedReader, known: Format, source: Source) -> Iterator[ReadResult]:
    """The articles of a stream, each a success or a failure of its own."""
    try:
        yield from known.read(stream, source)
    except ReadError as error:
        yield source.failure(reason_of(error))


def read_upload(
    content: bytes, known: Format, name: str, max_chars: int, source: str | None = None, ocr: OcrOptions = NO_OCR
) -> Iterator[ReadResult]:
    """The articles of an upload, with what was sent as the original of each that is the whole of it: the file may be
    nowhere else.

    Parameters
    ----------
    content : bytes
        As it was sent.
    known : Format
        How it is to be read.
    name : str
        Id of an article that has none of its own.
    max_chars : int
        Longest article.
    source : str, optional
        The file that it was: what comes from another one under the same name is another article. Unset: the name.
    ocr : OcrOptions
        Whether scans are read.
    """
    stream: Any = io.BufferedReader(io.BytesIO(content))
    origin = f"{UPLOAD_ORIGIN}{source or name}"
    original = None if known.has_many else OriginalFile(content, suffix=known.suffixes[0])
    for item in read_stream(stream, known, Source(origin, name, name, max_chars, ocr=ocr)):
        yield replace(item, original=item.original or original) if isinstance(item, Article) else item
