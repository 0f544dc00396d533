"""Plain text: the whole of it is one article."""

from collections.abc import Iterator
from io import BufferedReader

from ingest.readers.base import ArticleFields, ReadFailure, Source, make_article, read_limited
from ingest.readers.decoding import decode_text
from rag.types import Article


def read_plain_text(stream: BufferedReader, source: Source) -> Iterator[Article | ReadFailure]:
    """The article of a text, whose title is its first line; raises ReadError."""
    yield make_article(ArticleFields(), decode_text(read_limited(stream, source)), source)
