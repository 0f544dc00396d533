"""Exports of WordPress (WXR, .xml): each published post and page is an article, the others are counted."""

import re
from collections.abc import Iterator
from io import BufferedReader
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse

from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.html_text import extract_words, parse_html
from ingest.readers.metadata import read_fields
from ingest.readers.package import map_failures
from ingest.readers.page_dates import read_page_date
from ingest.readers.web_ids import address_id
from ingest.reasons import reason, reason_of
from rag.addresses import web_address
from rag.errors import ReadError

_KIND = "kind_wordpress"
_READ_TYPES = ("post", "page")
_PUBLISHED = "publish"
_BYTES_PER_CHAR = 16
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
"""That WordPress exports although XML allows none of them."""
_SHORTCODE = re.compile(r"\[/?(?:caption|gallery|embed|audio|video|playlist|wp_caption)\b[^\[\]]{0,2000}\]")
_PARAGRAPHS = re.compile(r"<p[\s>]|<!-- wp:", re.IGNORECASE)
_GAP = re.compile(r"\n[ \t]*\n\s*")


class _Cleaned:
    """A stream without control characters."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer than `size` where some are left out, none at the end alone."""
        while content := self._stream.read(size):
            if cleaned := content.translate(None, _CONTROLS):
                return cleaned
        return b""


def read_wordpress(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The articles of an export; raises ReadError."""
    others = number = 0
    for item in _read_items(stream):
        number += 1
        if _text(item, "post_type") not in _READ_TYPES or _text(item, "status") != _PUBLISHED:
            others += 1
            continue
        if _text(item, "post_password"):
            yield source.line(number).failure(reason("wordpress_password"))
            continue
        try:
            yield from _read_item(item, source.line(number))
        except ReadError as error:
            yield source.line(number).failure(reason_of(error))
    if not number:
        raise ReadError(reason("wordpress_empty"))
    if others:
        yield source.warning(reason("wordpress_left_out", count=others, total=number))


def _read_items(stream: BufferedReader) -> Iterator[Element]:
    with map_failures(_KIND):
        events: Any = iter(iterparse(_Cleaned(stream), events=("start", "end")))
        _, root = next(events)
        if root.tag != "rss":
            raise ReadError(reason("wordpress_other"))
        for event, element in events:
            if event == "end" and element.tag == "item":
                yield element
                element.clear()


def _read_item(item: Element, source: Source) -> Iterator[ReadResult]:
    content = _text(item, "encoded")
    if len(content) > _BYTES_PER_CHAR * source.max_chars:
        raise ReadError(reason("too_long_for_one", limit=source.max_chars))
    address = web_address(_text(item, "link"))
    topics = [one.text for one in item if _name(one) == "category" and one.get("domain") == "category"]
    fields = read_fields(
        {
            "id": address_id(address) if address else None,
            "title": _text(item, "title"),
            "url": address,
            "date": read_page_date(_text(item, "post_date") or _text(item, "pubDate")),
            "topic": topics[:1],
        }
    )
    markup = _SHORTCODE.sub("", content)
    if not _PARAGRAPHS.search(markup):  # as its older editor keeps them: WordPress makes paragraphs of empty lines
        markup = _GAP.sub("<p>", markup).replace("\n", "<br>")
    yield from make_article(fields, extract_words(parse_html(markup)), source)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(item: Element, name: str) -> str:
    """The first text of that name; of the two that are called `encoded` the content, not the excerpt."""
    found = (one for one in item if _name(one) == name and "/excerpt/" not in str(one.tag))
    return next(((one.text or "").strip() for one in found), "")
