"""Word documents of before 2007 (.doc): turned into .docx by LibreOffice, and read as these are."""

import io
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from ingest.readers.base import ReadResult, Source
from ingest.readers.libreoffice import convert_to_word
from ingest.readers.word import read_word
from ingest.reasons import reason
from rag.errors import ReadError

_MAX_BYTES = 64_000_000
_NEW, _RICH_TEXT, _OLD = b"PK\x03\x04", b"{\\rtf", b"\xd0\xcf\x11\xe0"
"""What a .docx, rich text, which Word saves under the same suffix, and a document of before 2007 begin with."""


def read_old_word(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a document; raises ReadError."""
    content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ReadError(reason("file_too_large", limit=_MAX_BYTES / 1e6))
    if not content.startswith((_NEW, _RICH_TEXT, _OLD)):
        raise ReadError(reason("old_word_damaged"))
    converted: Any = io.BytesIO(content if content.startswith(_NEW) else convert_to_word(content))
    yield from read_word(io.BufferedReader(converted), source)
