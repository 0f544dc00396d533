"""Pictures of pages: scans and photographs, read by OCR where that is asked for."""

import tempfile
from collections.abc import Iterator
from io import BufferedReader
from itertools import pairwise
from pathlib import Path

from ingest.ocr.scans import copy_as_pdf, describe_words, find_title, read_scans
from ingest.pdf.pages import drop_running_heads
from ingest.pdf.paragraphs import join_paragraphs
from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.metadata import ArticleFields
from ingest.readers.ocr_warnings import describe_ocr
from ingest.readers.original_file import OriginalFile
from ingest.reasons import reason
from rag.errors import ReadError

_MAX_BYTES = 256_000_000


def read_picture(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a picture, or of a TIFF with several; raises ReadError."""
    if not source.ocr.is_on:
        raise source.ocr.refuse()
    content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ReadError(reason("file_too_large", limit=_MAX_BYTES / 1e6))
    if not content.strip():
        raise ReadError(reason("empty"))
    with tempfile.TemporaryDirectory(prefix="dalil-picture-") as folder:
        path = Path(folder, "file")
        path.write_bytes(content)
        pages = read_scans(path, source.ocr)
        copy = copy_as_pdf(path) if any(page.lines for page in pages) else b""
    if not any(page.lines for page in pages):
        raise ReadError(next((page.problem for page in pages if page.problem), reason("ocr_no_words")))
    lines = drop_running_heads([page.lines for page in pages])
    text, starts = join_paragraphs(lines)
    parts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    yield from make_article(
        ArticleFields(),
        parts,
        source,
        find_title(pages[0], lines[0]),
        describe_ocr(pages),
        is_ocr=[True] * len(parts),
        original=OriginalFile(copy, describe_words(pages)),
    )
