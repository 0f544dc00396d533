"""Which articles the list shows: filtered, sorted by a column, as many as were asked for."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rag.language.normalize import fold_text
from rag.store import ArticleSummary, Store

ROWS = 100
"""Shown at once; a reader asks for more, or filters."""
_DESCENDING_FIRST = ("date", "size", "pages", "added", "health")
"""Columns of which the newest, the largest or the worst is looked for first."""


class ListOrder(NamedTuple):
    """By which of `COLUMNS` the list is sorted, which way, and how many rows of it are shown."""

    column: str = "added"
    is_descending: bool = True
    rows: int = ROWS

    def by(self, column: str) -> "ListOrder":
        """Sorted by a column; the other way round where it is that already."""
        if column not in COLUMNS:
            return self
        is_descending = not self.is_descending if column == self.column else column in _DESCENDING_FIRST
        return self._replace(column=column, is_descending=is_descending)

    def with_more(self) -> "ListOrder":
        """With more rows."""
        return self._replace(rows=self.rows + ROWS)


class ArticleRow(NamedTuple):
    """An article of the list; `added` is when it was written, ISO in UTC, empty where that is not known."""

    article: ArticleSummary
    added: str
    has_original: bool


_SORT_KEYS: dict[str, Callable[[ArticleSummary], Any]] = {
    "title": lambda article: fold_text(article.title) or None,
    "topic": lambda article: fold_text(article.topic) if article.topic else None,
    "date": lambda article: article.date,
    "size": lambda article: article.chars,
    "pages": lambda article: article.page_count,
    "added": lambda article: article.stored_at,
    "health": lambda article: article.health if article.health != "ok" else "",
}
"""What each column is sorted by; None: unknown, at the end whichever way."""
COLUMNS = tuple(_SORT_KEYS)


def select_articles(store: Store, wanted: str, order: ListOrder) -> tuple[list[ArticleSummary], int]:
    """The articles whose title, topic or id contains `wanted`, in order, and how many of
    them there are.

    Without either, no more is read than is shown.
    """
    key = fold_text(wanted).strip()
    if not key and order[:2] == ListOrder()[:2]:
        return store.list_articles(order.rows), store.count_articles()
    articles = store.summarize_articles().values()
    found = [article for article in articles if key in _searchable_text(article)]
    return _sort(found, order)[: order.rows], len(found)


def describe_added(article: ArticleSummary) -> str:
    """When an article was written, ISO in UTC to the second."""
    if article.stored_at is None:
        return ""
    return datetime.fromtimestamp(article.stored_at / 1e9, UTC).isoformat(timespec="seconds")


def _sort(articles: Sequence[ArticleSummary], order: ListOrder) -> list[ArticleSummary]:
    key = _SORT_KEYS[order.column]
    known = [article for article in articles if key(article) is not None]
    unknown = [article for article in articles if key(article) is None]
    return sorted(known, key=key, reverse=order.is_descending) + unknown


def _searchable_text(article: ArticleSummary) -> str:
    return fold_text(f"{article.title} {article.topic or ''} {article.id}")
