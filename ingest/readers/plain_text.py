"""Plain text: the whole of it is one article."""

from collections.abc import Iterator
from io import BufferedReader

from ingest.readers.base import ReadResult, Source, make_article, read_limited
from ingest.readers.decoding import decode_text, encoding_warning
from ingest.readers.metadata import ArticleFields


def read_plain_text(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a text, whose title is its first line; raises ReadError."""
    text, encoding = decode_text(read_limited(stream, source))
    yield from make_article(ArticleFields(), text, source, warnings=filter(None, [encoding_warning(encoding)]))
