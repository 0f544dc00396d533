"""Days, months, seasons and quarters of both calendars, by whichever of their names."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from rag.language.arabic.stemming import CLITICS
from rag.language.data import read_rows
from rag.language.detect import is_latin
from rag.language.numbers import Numeral, means_quarter, ordinal_beside
from rag.language.units import may_be_year, units_of_word
from rag.language.words import Word, build_lookup, look_up

_AMBIGUOUS_DAYS = frozenset(("Sunday", "Monday"))
"""أحد and اثنين are numbers too."""
_BEFORE_DAY = frozenset("يوم ايام كل مساء صباح ليله ظهر فجر عصر".split())
_AMBIGUOUS_MONTHS = frozenset(("اب", "ماي", "اوت", "جوان", "صفر", "محرم", "رجب", "شعبان", "may", "march"))
"""Words or names of people as well: months only beside a number or behind a word for month."""
_BEFORE_MONTH = frozenset("شهر شهري in of since until by from during early mid late منذ".split())
_BEFORE_DHU_MONTH = frozenset(("ذو", "ذي", "dhu", "dhul", "zul"))
_FROM = "من"
_BETWEEN_DAY_AND_MONTH = frozenset((_FROM, "of", "th", "st", "nd", "rd"))
_BETWEEN_MONTH_AND_YEAR = frozenset((_FROM, "عام", "سنه", "of"))
_MAX_DAY_DIGITS = 2
_QUARTERS = frozenset(("Q1", "Q2", "Q3", "Q4"))


class DateMention(NamedTuple):
    """A month with the day and the year that stand beside it, None where none does."""

    month: str
    day: str | None
    year: str | None

    def may_equal(self, other: "DateMention") -> bool:
        """Whether both can be the same date."""
        pairs = ((self.day, other.day), (self.year, other.year))
        return self.month == other.month and all(None in pair or pair[0] == pair[1] for pair in pairs)


def find_dates(words: Sequence[Word]) -> list[DateMention]:
    """Every month with what stands beside it. A word that may be something else counts only where it surely is a
    month."""
    return [_date_at(words, *month) for month in find_months(words)]


def is_year(words: Sequence[Word], number: Numeral) -> bool:
    """Whether a number is a year: of the size of one, or behind a month or a word for year (354 after the Hijra)."""
    behind_month = any(end == number.first for _, _, end in find_months(words))
    behind_year = bool(number.first) and "year" in units_of_word(words[number.first - 1].text)
    return may_be_year(number) or (not number.is_spelled and (behind_month or behind_year))


def find_weekdays(words: Sequence[Word]) -> set[str]:
    """Days of the week; أحد and اثنين only behind a word for day or time of day."""
    found = set()
    for at, word in enumerate(words):
        day = look_up(word.text, _names("weekday"))
        is_certain = day not in _AMBIGUOUS_DAYS or is_latin(word.text)
        if day is not None and (is_certain or (at and words[at - 1].text in _BEFORE_DAY)):
            found.add(day)
    return found


def find_seasons(words: Sequence[Word]) -> set[str]:
    """Seasons; ربيع is a month where first or second follows."""
    found = set()
    for at, word in enumerate(words):
        season = look_up(word.text, _names("season"))
        following = words[at + 1].text if at + 1 < len(words) else ""
        if season is not None and not (season == "spring" and following in _names("order")):
            found.add(season)
    return found


def find_quarters(words: Sequence[Word]) -> set[str]:
    """The quarters of a year, as Q1 to Q4."""
    spelled = {f"Q{ordinal_beside(words, at)}" for at, word in enumerate(words) if means_quarter(word.text)}
    signs = {f"Q{following.text}" for word, following in pairwise(words) if word.text == "q" and following.is_joined}
    return (spelled | signs) & _QUARTERS


@cache
def _names(kind: str) -> dict[str, str]:
    """Folded aliases of one kind of the table: `month`, `weekday`, `season`, `paired_month`, `dhu_month`, `order`."""
    return build_lookup((" ".join(aliases), name) for of_kind, name, *aliases in read_rows("dates") if of_kind == kind)


def find_months(words: Sequence[Word]) -> Iterator[tuple[str, int, int]]:
    """Each month with the first word that names it and the word behind its name."""
    for at, word in enumerate(words):
        text = word.text
        bare = text[1:] if text[0] in CLITICS and text[1:] in _names("paired_month") else text
        if bare in _names("paired_month"):
            end = _skip_article(words, at + 1)
            order = _names("order").get(words[end - 1].text) if end <= len(words) else None
            if order:
                first, second = _names("paired_month")[bare].split(",")
                yield (second if order == "second" else first), at, end
        elif text in _BEFORE_DHU_MONTH and at + 1 < len(words):
            end = _skip_article(words, at + 1, ("al", "l"))
            name = _names("dhu_month").get(words[end - 1].text) if end <= len(words) else None
            if name:
                yield name, at, end
        else:
            month = look_up(text, _names("month"))
            if month is not None and (text not in _AMBIGUOUS_MONTHS or _is_month(words, at)):
                yield month, at, at + 1


def _skip_article(words: Sequence[Word], at: int, articles: Sequence[str] = ("al",)) -> int:
    """The word behind the one at `at`, or behind the next one where an article stands at `at`."""
    return at + 2 if at < len(words) and words[at].text in articles else at + 1


def _is_month(words: Sequence[Word], at: int) -> bool:
    before = words[at - 1].text if at else ""
    if before == _FROM and at > 1:  # 1 من آب
        before = words[at - 2].text
    following = words[at + 1].text if at + 1 < len(words) else ""
    source = words[at].source
    if is_latin(source) and not source[0].isupper():
        return False
    return before[:1].isdigit() or following[:1].isdigit() or before in _BEFORE_MONTH


def _date_at(words: Sequence[Word], month: str, first: int, end: int) -> DateMention:
    before = words[first - 1].text if first else ""
    if before in _BETWEEN_DAY_AND_MONTH and first > 1:
        before = words[first - 2].text
    following = [word.text for word in words[end : end + 2]]
    if following and following[0] in _BETWEEN_MONTH_AND_YEAR:
        following = following[1:]
    numbers = [text for text in following if text.isdigit()] if following and following[0].isdigit() else []
    day = next((text for text in (before, *numbers[:1]) if text.isdigit() and len(text) <= _MAX_DAY_DIGITS), None)
    year = next((text for text in numbers if len(text) > _MAX_DAY_DIGITS), None)
    return DateMention(month, day, year)
