"""What a web page says of itself: title, address and date from its metadata, never guessed from its text."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from resiliparse.parse.html import HTMLTree

from ingest.readers.metadata import ArticleFields, clean_line, read_fields

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
_HEADINGS = "h1, h2, h3, h4"
_LINK_MARKS = "¶# "
"""Behind a heading: the link to it."""
_MAX_DATA_CHARS = 200_000
"""Of structured data: room for more than any article's."""


def read_page_fields(tree: HTMLTree) -> ArticleFields:
    """The fields that a page's metadata fill."""
    named = _read_named(tree)
    data = _read_structured_data(tree)
    title = _first(named, _TITLES) or str(data.get("headline") or "") or _read_title(tree)
    link = tree.head.query_selector('link[rel="canonical"]') if tree.head else None
    return read_fields(
        {
            "title": title,
            "url": (link.getattr("href") if link else "") or _first(named, _ADDRESSES),
            "date": _read_day(_first(named, _DATES) or str(data.get("datePublished") or "")),
        }
    )


def _read_named(tree: HTMLTree) -> dict[str, str]:
    """The contents of `meta` by their names, the first of each."""
    named: dict[str, str] = {}
    for meta in tree.document.query_selector_all("meta"):
        name = meta.getattr("property") or meta.getattr("name") or meta.getattr("itemprop") or ""
        named.setdefault(name.strip().lower(), (meta.getattr("content") or "").strip())
    return named


def _first(named: dict[str, str], names: tuple[str, ...]) -> str:
    return next((named[name] for name in names if named.get(name)), "")


def _read_structured_data(tree: HTMLTree) -> dict[str, Any]:
    """The first object of JSON-LD that has a headline; empty where none has."""
    for script in tree.document.query_selector_all('script[type="application/ld+json"]'):
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
    title = clean_line(tree.title or "")
    headings = [clean_line(heading.text).rstrip(_LINK_MARKS) for heading in tree.body.query_selector_all(_HEADINGS)]
    return max((heading for heading in headings if heading and heading in title), key=len, default=title)


def _read_day(value: str) -> str | None:
    """A date as ISO, where it is written so; else as it stands."""
    try:
        return datetime.fromisoformat(value.strip()).date().isoformat()
    except ValueError:
        return value or None
