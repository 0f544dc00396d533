"""Tables as text (.csv, .tsv): a row a line."""

import csv
from collections.abc import Iterator
from io import BufferedReader, StringIO
from pathlib import PurePosixPath

from ingest.readers.base import ReadResult, Source, make_article, read_limited
from ingest.readers.decoding import decode_text, encoding_warning
from ingest.readers.html_text import join_cells
from ingest.readers.metadata import ArticleFields
from ingest.reasons import reason
from rag.errors import ReadError

_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 20_000


def read_csv(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a table, whose title is the file's name; raises ReadError."""
    text, encoding = decode_text(read_limited(stream, source))
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=_find_delimiter(text)))
    except csv.Error as error:
        raise ReadError(reason("no_table", problem=str(error))) from None
    words = "\n".join(filter(None, map(join_cells, rows)))
    warnings = filter(None, [encoding_warning(encoding)])
    yield from make_article(ArticleFields(), words, source, PurePosixPath(source.name).name, warnings)


def _find_delimiter(text: str) -> str:
    """What parts the cells: found by the library, else the one that the first line has most of."""
    sample = text[:_SAMPLE_CHARS]
    try:
        return csv.Sniffer().sniff(sample, _DELIMITERS).delimiter
    except csv.Error:
        first = sample.lstrip().partition("\n")[0]
        return max(_DELIMITERS, key=first.count)
