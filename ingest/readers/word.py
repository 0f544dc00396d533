"""Word documents (.docx): their words with footnotes, insertions, text boxes, lists and tables; without what was
deleted, headers, footers and pictures."""

from collections.abc import Iterator
from io import BufferedReader

from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.html import split_heading
from ingest.readers.html_text import parse_html
from ingest.readers.metadata import ArticleFields
from ingest.readers.package import open_package

_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"
"""Beside the headings that the library knows."""


def read_word(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a document, whose title is the heading that it begins with; raises ReadError."""
    import mammoth  # where one is read: other commands start without it

    with open_package(stream, "kind_word"):
        html = mammoth.convert_to_html(
            stream, style_map=_STYLES, include_embedded_style_map=False, convert_image=lambda _: []
        ).value
    heading, text = split_heading(parse_html(html))
    yield from make_article(ArticleFields(), text, source, heading)
