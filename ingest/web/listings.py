"""Addresses of pages that a sitemap or a feed lists."""

import io
import zlib
from typing import Any
from urllib.parse import urljoin
from xml.etree.ElementTree import ParseError

import feedparser
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from rag.addresses import web_address
from rag.errors import ReadError

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_SITEMAPS = ("urlset", "sitemapindex")
_FEEDS = ("rss", "feed", "RDF")
_EXPORT = b"http://wordpress.org/export/"
"""The name space of an export of WordPress, which is an RSS feed of everything."""
_HEAD_BYTES = 4_000


def unpack(content: bytes, max_bytes: int) -> bytes:
    """The content of a file that is compressed with gzip, as sitemaps often are; any other as it is."""
    if not content.startswith(_GZIP):
        return content
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(content, max_bytes)
    except zlib.error:
        raise ReadError("It is damaged: it cannot be unpacked.") from None
    if unpacker.unconsumed_tail:
        raise ReadError(f"It unpacks to more than {max_bytes / 1e6:.0f} MB, the most that is read.")
    return unpacked


def is_wordpress_export(content: bytes) -> bool:
    """Whether it is the XML of an export of WordPress."""
    return _EXPORT in content[:_HEAD_BYTES] and _root_name(content) == "rss"


def list_addresses(content: bytes, address: str) -> list[str] | None:
    """The addresses of a sitemap, of an index of sitemaps or of a feed, each once; None where it is nothing of these.

    Raises
    ------
    ReadError
        When it is damaged.
    """
    root = _root_name(content)
    if root in _SITEMAPS:
        found = _list_sitemap(content)
    elif root in _FEEDS:
        feed: Any = feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)
        found = [str(entry.get("link", "")) for entry in feed.entries]
    else:
        return None
    joined = (_join(address, one.strip()) for one in found if one.strip())
    return list(dict.fromkeys(one for one in joined if one is not None))


def _join(address: str, link: str) -> str | None:
    try:
        return web_address(urljoin(address, link))
    except ValueError:
        return None


def _root_name(content: bytes) -> str:
    """The name of the outermost element of XML, without its name space; empty where it is none."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return ""
    try:
        for _, element in iterparse(io.BytesIO(content[:_HEAD_BYTES]), events=("start",)):
            return str(element.tag).rpartition("}")[2]
    except (ParseError, DefusedXmlException, ValueError):
        pass
    return ""


def _list_sitemap(content: bytes) -> list[str]:
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        raise ReadError("It is a sitemap whose XML is damaged.") from None
    return [child.text or "" for one in root for child in one if str(child.tag).rpartition("}")[2] == "loc"]
