"""Days, months and seasons of both calendars, by whichever of their names."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.language.word_tokens import Word, looked_up, table

_MONTHS = table(
    {
        "January": "يناير جانفي january jan",
        "February": "فبراير شباط فيفري february feb",
        "March": "مارس آذار march",
        "April": "أبريل إبريل نيسان أفريل april apr",
        "May": "مايو أيار ماي may",
        "June": "يونيو حزيران جوان june",
        "July": "يوليو تموز جويلية يوليوز july",
        "August": "أغسطس آب أوت غشت august aug",
        "September": "سبتمبر أيلول شتنبر september sept",
        "October": "أكتوبر october oct",
        "November": "نوفمبر نونبر november nov",
        "December": "ديسمبر دجنبر december dec",
        "Muharram": "محرم muharram",
        "Safar": "صفر safar",
        "Rajab": "رجب rajab",
        "Shaban": "شعبان shaban",
        "Ramadan": "رمضان ramadan ramazan",
        "Shawwal": "شوال shawwal",
    }
)
_FIRST = frozenset("الاول الاولي اول الاولين awwal first i ula".split())
_SECOND = frozenset("الثاني الثانيه الاخر الاخره ثاني thani akhir second ii akhira".split())
_PAIRS = {
    "كانون": ("December", "January"),
    "تشرين": ("October", "November"),
    "ربيع": ("Rabi I", "Rabi II"),
    "rabi": ("Rabi I", "Rabi II"),
    "جمادي": ("Jumada I", "Jumada II"),
    "jumada": ("Jumada I", "Jumada II"),
}
"""Months of one name, told apart by first and second."""
_OF_DHU = {
    "القعده": "Dhu al-Qadah",
    "qadah": "Dhu al-Qadah",
    "qidah": "Dhu al-Qadah",
    "qada": "Dhu al-Qadah",
} | dict.fromkeys(("الحجه", "hijjah", "hijja", "hijah"), "Dhu al-Hijjah")
_DAYS = table(
    {
        "Sunday": "أحد sunday",
        "Monday": "اثنين اثنان monday",
        "Tuesday": "ثلاثاء tuesday",
        "Wednesday": "أربعاء wednesday",
        "Thursday": "خميس thursday",
        "Friday": "جمعة friday",
        "Saturday": "سبت saturday",
    }
)
_SEASONS = table({"spring": "ربيع spring", "summer": "صيف summer", "autumn": "خريف autumn", "winter": "شتاء winter"})
_NUMBER_OR_DAY = frozenset(("Sunday", "Monday"))  # أحد, اثنين
_DAY_BEFORE = frozenset("يوم ايام كل مساء صباح ليله ظهر فجر عصر".split())
_MONTH_OR_WORD = frozenset(("اب", "ماي", "اوت", "جوان", "صفر", "محرم", "رجب", "شعبان", "may", "march"))
"""Words or names of people as well: months only beside a number or behind a word for month."""
_MONTH_BEFORE = frozenset("شهر شهري in of since until by from during early mid late منذ".split())


class Date(NamedTuple):
    """A month with the day and the year that stand beside it, if any."""

    month: str
    day: str | None
    year: str | None

    def meets(self, other: "Date") -> bool:
        """Whether both can be the same date."""
        pairs = ((self.day, other.day), (self.year, other.year))
        return self.month == other.month and all(None in pair or pair[0] == pair[1] for pair in pairs)


def dates(said: Sequence[Word]) -> list[Date]:
    """Every month with what stands beside it; a word that may be something else only where it is surely a month."""
    return [_date(said, *month) for month in _months(said)]


def _months(said: Sequence[Word]) -> Iterator[tuple[str, int, int]]:
    for at, (text, source, _) in enumerate(said):
        after = said[at + 1].text if at + 1 < len(said) else ""
        bare = text[1:] if text[0] in "وبفلك" and text[1:] in _PAIRS else text
        if bare in _PAIRS:
            end = at + 3 if after == "al" else at + 2
            which = said[end - 1].text if end <= len(said) else ""
            if which in _FIRST | _SECOND:
                yield _PAIRS[bare][which in _SECOND], at, end
            continue
        if text in ("ذو", "ذي", "dhu", "dhul", "zul") and at + 1 < len(said):
            end = at + 3 if after in ("al", "l") else at + 2
            name = _OF_DHU.get(said[end - 1].text) if end <= len(said) else None
            if name:
                yield name, at, end
            continue
        month = looked_up(text, _MONTHS)
        if month is not None and (text not in _MONTH_OR_WORD or _is_month(said, at, source)):
            yield month, at, at + 1


def _is_month(said: Sequence[Word], at: int, source: str) -> bool:
    before = said[at - 1].text if at else ""
    if before == "من" and at > 1:  # 1 من آب
        before = said[at - 2].text
    after = said[at + 1].text if at + 1 < len(said) else ""
    if source.isascii() and not source[0].isupper():
        return False
    return before[:1].isdigit() or after[:1].isdigit() or before in _MONTH_BEFORE


def _date(said: Sequence[Word], month: str, first: int, end: int) -> Date:
    before = said[first - 1].text if first else ""
    if before in ("من", "of", "th", "st", "nd", "rd") and first > 1:
        before = said[first - 2].text
    after = [word.text for word in said[end : end + 2]]
    if after[:1] in (["من"], ["عام"], ["سنه"], ["of"]):
        after = after[1:]
    numbers = [text for text in after if text.isdigit()]
    if after and not after[0].isdigit():
        numbers = []
    day = before if before.isdigit() and len(before) <= 2 else next((x for x in numbers[:1] if len(x) <= 2), None)
    year = next((x for x in numbers if len(x) >= 3), None)
    return Date(month, day, year)


def days(said: Sequence[Word]) -> set[str]:
    """Days of the week; أحد and اثنين, which are numbers too, only behind a word for day or time of day."""
    found = set()
    for at, word in enumerate(said):
        day = looked_up(word.text, _DAYS)
        sure = day not in _NUMBER_OR_DAY or word.text.isascii()
        if day is not None and (sure or (at and said[at - 1].text in _DAY_BEFORE)):
            found.add(day)
    return found


def seasons(said: Sequence[Word]) -> set[str]:
    """Seasons; ربيع is a month where first or second follows."""
    found = set()
    for at, word in enumerate(said):
        season = looked_up(word.text, _SEASONS)
        after = said[at + 1].text if at + 1 < len(said) else ""
        if season is not None and not (season == "spring" and after in _FIRST | _SECOND):
            found.add(season)
    return found
