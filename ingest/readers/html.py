"""A saved web page: its article, without menus, related articles and comments."""

from collections.abc import Iterator
from io import BufferedReader

from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

from ingest.readers.base import ReadResult, Source, make_article, read_limited
from ingest.readers.decoding import decode_text, encoding_warning
from ingest.readers.headings import remove_marks
from ingest.readers.html_metadata import read_page_fields
from ingest.readers.html_text import extract_article, extract_words, parse_html
from ingest.readers.metadata import MAX_TITLE_CHARS, clean_line

_BYTES_PER_CHAR = 16
"""Of markup, scripts and pictures that a page carries in itself, for each character that an article may have."""

_MAX_CHARS_ABOVE_TITLE = 300


def read_html(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a page; raises ReadError."""
    content = read_limited(stream, source, _BYTES_PER_CHAR)
    declared = detect_encoding(content, from_html_meta=True)
    text, encoding = decode_text(content, declared)
    tree = parse_html(text)
    fields = read_page_fields(tree, source.address)
    words = _cut_at_title(extract_article(tree), fields.title)
    yield from make_article(fields, words, source, warnings=filter(None, [encoding_warning(encoding, declared)]))


def _cut_at_title(text: str, title: str | None) -> str:
    """The text after the line that is its title, where that comes soon: what is above it is the site's."""
    at = 0
    for line in text.splitlines(keepends=True):
        if at > _MAX_CHARS_ABOVE_TITLE:
            break
        at += len(line)
        if clean_line(remove_marks(line)) == title and text[at:].strip():
            return text[at:]
    return text


def split_heading(tree: HTMLTree) -> tuple[str | None, str]:
    """The heading of level one that a document begins with, and the words of the rest."""
    first = tree.body.first_element_child
    heading = clean_line(first.text) if first is not None and first.tag == "h1" else ""
    if not 0 < len(heading) <= MAX_TITLE_CHARS:
        return None, extract_words(tree)
    tree.body.remove_child(first)
    return heading, extract_words(tree)
