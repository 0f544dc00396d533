"""What a web page says of itself: title, address and date from its metadata, never guessed from its text."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from resiliparse.parse.html import HTMLTree

from ingest.readers.html_tree import find_elements, find_outermost
from ingest.readers.metadata import ArticleFields, clean_line, read_fields
from ingest.readers.page_dates import read_page_date

_TITLES = ("og:title", "twitter:title", "citation_title", "dc.title", "dcterms.title")
_DATES = (
    "article:published_time",
    "datepublished",
    "citation_publication_date",
    "dcterms.date",
    "dcterms.issued",
    "dcterms.created",
    "dc.date",
    "dc.date.issued",
    "pubdate",
    "publish-date",
    "date",
)
"""Names of `meta`, lower case: when it was published, the surest first."""
_ADDRESSES = ("og:url",)
_HEADINGS = ("h1", "h2", "h3", "h4")
_MAX_HEADED_TITLE_CHARS = 1_000
"""Of a title that headings are looked for in."""
_DATA_TYPE = "application/ld+json"
_LINK_MARKS = "¶# "
"""Behind a heading: the link to it."""
_MAX_DATA_CHARS = 200_000
"""Of structured data: room for more than any article's."""


def read_page_fields(tree: HTMLTree, address: str | None = None) -> ArticleFields:
    """The fields that a page's metadata fill; what they say of its address counts from the one that it was fetched
    from."""
    named = _read_named(tree)
    data = _read_structured_data(tree)
    title = _first(named, _TITLES) or str(data.get("headline") or "") or _read_title(tree)
    link = tree.head.query_selector('link[rel="canonical"]') if tree.head else None
    return read_fields(
        {
            "title": title,
            "url": _join(address, (link.getattr("href") if link else "") or _first(named, _ADDRESSES)),
            "date": read_page_date(_first(named, _DATES) or str(data.get("datePublished") or "")),
        }
    )


def _join(address: str | None, stated: str) -> str:
    try:
        return urljoin(address, stated) if address and stated else stated
    except ValueError:  # brackets that hold no IPv6 address
        return stated


def _read_named(tree: HTMLTree) -> dict[str, str]:
    """The contents of `meta` by their names, the first of each."""
    named: dict[str, str] = {}
    for meta in find_elements(tree.body.parent or tree.body, "meta"):
        name = meta.getattr("property") or meta.getattr("name") or meta.getattr("itemprop") or ""
        named.setdefault(name.strip().lower(), (meta.getattr("content") or "").strip())
    return named


def _first(named: dict[str, str], names: tuple[str, ...]) -> str:
    return next((named[name] for name in names if named.get(name)), "")


def _read_structured_data(tree: HTMLTree) -> dict[str, Any]:
    """The first object of JSON-LD that has a headline; empty where none has."""
    scripts = find_elements(tree.body.parent or tree.body, "script")
    for script in (one for one in scripts if one.getattr("type") == _DATA_TYPE):
        try:
            values = json.loads(script.text[:_MAX_DATA_CHARS])
        except (ValueError, RecursionError):
            continue
        for value in _find_objects(values):
            if isinstance(value.get("headline"), str):
                return value
    return {}


def _find_objects(values: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list, of a graph, or the one that it is."""
    graph = values.get("@graph", values) if isinstance(values, dict) else values
    yield from (value for value in (graph if isinstance(graph, list) else [graph]) if isinstance(value, dict))


def _read_title(tree: HTMLTree) -> str:
    """The longest heading that stands in the page's title, which often has the site's name beside it; the title where
    none does."""
    title = clean_line((tree.title or "")[:_MAX_HEADED_TITLE_CHARS])
    found = find_outermost(tree.body, *_HEADINGS)
    headings = [clean_line(heading.text).rstrip(_LINK_MARKS) for heading, _ in found]
    return max((heading for heading in headings if heading and heading in title), key=len, default=title)
