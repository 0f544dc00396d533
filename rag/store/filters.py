"""Filters as conditions on the payload of chunks."""

import re
from dataclasses import dataclass
from typing import Any, Self

from rag.language.normalize import fold_text
from rag.types import Article, Filters, Language

_ISO_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?(?:T.*)?")
"""A year, month, day or moment."""
_FIRST_MONTH, _LAST_MONTH = "01", "12"
_FIRST_DAY, _LAST_DAY = "01", "31"


@dataclass(frozen=True, slots=True)
class ChunkFilter:
    """Conditions that a chunk must fulfil, each with one of its values; an empty one restricts nothing.

    Attributes
    ----------
    article_ids, topics : tuple of str
        Topics are folded.
    article_languages : tuple of Language
        Of the article.
    from_day, to_day : int or None
        `yyyymmdd`, inclusive: the period of the article's date overlaps the range.
    """

    article_ids: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    article_languages: tuple[Language, ...] = ()
    from_day: int | None = None
    to_day: int | None = None

    @classmethod
    def of(cls, filters: Filters) -> Self | None:
        """The conditions of `filters`; None when they restrict nothing."""
        if not filters:
            return None
        return cls(
            filters.articles,
            tuple(dict.fromkeys(map(fold_text, filters.topics))),
            filters.languages,
            _first_day(filters.date_from),
            _last_day(filters.date_to),
        )

    @property
    def keywords(self) -> dict[str, tuple[str, ...]]:
        """By payload field, the values of which a chunk must have one."""
        fields = {"article_id": self.article_ids, "topic": self.topics, "article_language": self.article_languages}
        return {field: values for field, values in fields.items() if values}

    @property
    def minima(self) -> dict[str, int]:
        """By payload field, the value that a chunk must reach."""
        return {} if self.from_day is None else {"last_day": self.from_day}

    @property
    def maxima(self) -> dict[str, int]:
        """By payload field, the value that a chunk must not exceed."""
        return {} if self.to_day is None else {"first_day": self.to_day}


def filter_fields(article: Article) -> dict[str, Any]:
    """The payload by which the chunks of an article are filtered. A field that the article lacks is left out, and
    fulfils no condition."""
    fields = {
        "article_id": article.id,
        "topic": fold_text(article.topic) if article.topic else None,
        "article_language": article.language,
        "first_day": _first_day(article.date),
        "last_day": _last_day(article.date),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _first_day(date: str | None) -> int | None:
    """The first day of the period that an ISO date names."""
    return _day(date, _FIRST_MONTH, _FIRST_DAY)


def _last_day(date: str | None) -> int | None:
    return _day(date, _LAST_MONTH, _LAST_DAY)


def _day(date: str | None, month: str, day: str) -> int | None:
    """A day as `yyyymmdd`, with `month` and `day` where the date has none; None for what is not ISO."""
    iso = _ISO_DATE.fullmatch(date or "")
    return int(f"{iso[1]}{iso[2] or month}{iso[3] or day}") if iso else None
