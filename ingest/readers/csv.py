"""Tables as text (.csv, .tsv): a row a line."""

import csv
from collections.abc import Iterator
from io import BufferedReader, StringIO
from pathlib import PurePosixPath

from ingest.readers.base import ArticleFields, ReadFailure, Source, make_article, read_limited
from ingest.readers.encodings import decode_any
from ingest.readers.html_text import join_cells
from rag.errors import ReadError
from rag.types import Article

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 20_000


def read_csv(stream: BufferedReader, source: Source) -> Iterator[Article | ReadFailure]:
    """The article of a table, whose title is the file's name; raises ReadError."""
    text = decode_any(read_limited(stream, source))
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=_find_delimiter(text)))
    except csv.Error as error:
        raise ReadError(f"It cannot be read as a table: {error}.") from None
    words = "\n".join(filter(None, map(join_cells, rows)))
    yield make_article(ArticleFields(), words, source, PurePosixPath(source.name).name)


def _find_delimiter(text: str) -> str:
    """What parts the cells: found by the library, else the one that the first line has most of."""
    sample = text[:_SAMPLE_CHARS]
    try:
        return csv.Sniffer().sniff(sample, _DELIMITERS).delimiter
    except csv.Error:
        first = sample.lstrip().partition("\n")[0]
        return max(_DELIMITERS, key=first.count)
