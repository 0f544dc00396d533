"""What the search is limited to: topics, single articles, and the dates of articles."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rag.iso_dates import check_iso_date, is_in_order
from rag.types import Filters
from ui.page.html import render_macro
from ui.page.labels import Labels

SCOPE = ("topics", "only_articles", "dates")
"""The components that hold it."""
OPEN_RANGE = ("", "")


class Scope(NamedTuple):
    """What is searched; an empty part limits nothing.

    Attributes
    ----------
    topics : tuple of str
        Of articles.
    articles : tuple of (str, str)
        Ids with titles.
    dates : tuple of (str, str)
        The first and the last day, ISO; an empty one is open.
    """

    topics: tuple[str, ...] = ()
    articles: tuple[tuple[str, str], ...] = ()
    dates: tuple[str, str] = OPEN_RANGE

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> "Scope":
        """From the values of `SCOPE` by name; what is missing limits nothing."""
        topics, articles, dates = (chosen.get(name) for name in SCOPE)
        first, last = dates or OPEN_RANGE
        return cls(tuple(topics or ()), tuple((one, title) for one, title in articles or ()), (first, last))

    def to_filters(self) -> Filters:
        """The same as the search takes it."""
        first, last = self.dates
        return Filters(
            articles=tuple(article_id for article_id, _ in self.articles),
            topics=self.topics,
            date_from=first or None,
            date_to=last or None,
        )

    def describe(self, labels: Labels) -> list[str]:
        """Each part in words."""
        titles = (title or article_id for article_id, title in self.articles)
        return [*self.topics, *titles, *filter(None, [describe_dates(self.dates, labels)])]

    def render(self, labels: Labels) -> str:
        """The row above the box: a chip for each part, and where the dates are chosen."""
        return render_macro("scope", "scope", scope=self, dates=describe_dates(self.dates, labels), labels=labels)


def describe_dates(dates: tuple[str, str], labels: Labels) -> str:
    """A range of dates in words; empty where it is open at both ends."""
    first, last = dates
    if first and last:
        return labels["dates_between"].format(first=first, last=last)
    if first or last:
        return labels["dates_since" if first else "dates_until"].format(date=first or last)
    return ""


def read_dates(first: str, last: str) -> tuple[str, str]:
    """The range that a reader has chosen, whichever end was named first; what is no date is an open end."""
    ends = tuple(_read_date(end) for end in (first, last))
    return (ends[0], ends[1]) if is_in_order(*ends) else (ends[1], ends[0])


def _read_date(text: str) -> str:
    try:
        return check_iso_date(text)
    except ValueError:
        return ""
