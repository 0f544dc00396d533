"""Electronic books (.epub): the chapters in reading order, each under its name."""

import posixpath
import re
from collections.abc import Iterator
from io import BufferedReader
from urllib.parse import unquote
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from defusedxml.ElementTree import fromstring

from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.decoding import decode_text
from ingest.readers.headings import remove_marks
from ingest.readers.html_text import extract_words, parse_html
from ingest.readers.metadata import clean_line, read_fields
from ingest.readers.package import open_package
from ingest.readers.sections import Section, join_sections
from ingest.reasons import reason
from rag.errors import ReadError

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_CHAPTER_TYPES = ("application/xhtml+xml", "text/html")
_CONTENTS = "nav"
"""The property of the chapter that is the table of contents."""
_EMPTY_ELEMENT = re.compile(r"<(title|script|style|a|b|i|em|strong|span|div|p|td|th|li|h[1-6])(\s[^<>]*)?/>", re.I)
"""XML closes an element that way; HTML does not, and would take what follows as part of it."""


def read_epub(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a book; raises ReadError."""
    with open_package(stream, "kind_epub") as book:
        path = _find(fromstring(book.read(_CONTAINER)), "rootfile").attrib["full-path"]
        package = fromstring(book.read(path))
        chapters = list(_find_chapters(package, posixpath.dirname(path)))
        _refuse_protected(book, chapters)
        sections = [_read_chapter(book.read(chapter)) for chapter in chapters]
    fields = read_fields({name: _read_word(package, name) for name in ("title", "date")})
    yield from make_article(fields, join_sections(sections), source)


def _name(element: Element) -> str:
    """The name of an element without its namespace, which books get wrong."""
    return str(element.tag).rpartition("}")[2]


def _find_all(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if _name(element) == name]


def _find(root: Element, name: str) -> Element:
    return _find_all(root, name)[0]


def _read_word(package: Element, name: str) -> str | None:
    """What the book's metadata say of it; None where they do not."""
    metadata = _find_all(package, "metadata")
    found = _find_all(metadata[0], name) if metadata else []
    return clean_line(found[0].text or "") if found else None


def _find_chapters(package: Element, folder: str) -> Iterator[str]:
    """The parts of the archive that are chapters, in reading order, without the table of contents."""
    items = {item.attrib["id"]: item.attrib for item in _find_all(package, "item")}
    for reference in _find_all(package, "itemref"):
        item = items.get(reference.attrib["idref"])
        if item and item.get("media-type") in _CHAPTER_TYPES and _CONTENTS not in item.get("properties", "").split():
            yield posixpath.normpath(posixpath.join(folder, unquote(item["href"])))


def _refuse_protected(book: ZipFile, chapters: list[str]) -> None:
    """Raise ReadError where chapters are encrypted; fonts often are, and are not read."""
    if _ENCRYPTION in book.namelist():
        encrypted = {
            element.attrib.get("URI") for element in _find_all(fromstring(book.read(_ENCRYPTION)), "CipherReference")
        }
        if not encrypted.isdisjoint(chapters):
            raise ReadError(reason("drm"))


def _read_chapter(content: bytes) -> Section:
    if not content.strip():
        return Section("", "")
    markup, _ = decode_text(content)
    tree = parse_html(_EMPTY_ELEMENT.sub(r"<\1\2></\1>", markup))
    name = clean_line(tree.title or "")
    text = extract_words(tree)
    heading = tree.body.query_selector("h1, h2, h3")
    has_heading = heading is not None and remove_marks(text).lstrip().startswith(remove_marks(heading.text).strip())
    return Section("" if has_heading else name, text)
