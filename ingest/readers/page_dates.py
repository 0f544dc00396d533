"""Dates as pages write them in their metadata, as ISO 8601: Arabic and English months of both calendars."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from hijridate import Hijri

from rag.language.dates import DateMention, find_dates
from rag.language.document import Document
from rag.language.normalize import fold_text

_MONTHS = (
    "January February March April May June July August September October November December".split(),
    ("Muharram", "Safar", "Rabi I", "Rabi II", "Jumada I", "Jumada II", "Rajab", "Shaban", "Ramadan", "Shawwal",
     "Dhu al-Qadah", "Dhu al-Hijjah"),
)  # fmt: skip
"""As the parser calls them: Gregorian, Hijri."""
_HIJRI_YEARS = range(1343, 1501)
"""Those of the Umm al-Qura calendar that the library knows. No page was published in these years of the other one."""
_MIN_GREGORIAN_YEAR = 1500
_NUMBERS = re.compile(r"(?<!\d)(\d{1,4})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{1,4})(?!\d)")
_MAX_CHARS = 200
"""Of a date, its name of the day and the time."""


def read_page_date(value: str) -> str | None:
    """A date as ISO 8601: of a Gregorian and a Hijri date the Gregorian one, of a Hijri date its day by the calendar of
    Umm al-Qura, of a month without a day the month. As it stands where it cannot be told; None where there is none."""
    text = value.strip()
    if len(text) > _MAX_CHARS:
        return text
    folded = fold_text(text)
    return _read_standard(folded) or _read_names(text) or _read_numbers(folded) or text or None


def _read_standard(text: str) -> str | None:
    """A date of ISO 8601 or as e-mail has it."""
    for read in (datetime.fromisoformat, _read_message_date):
        try:
            found = read(text.upper()).date()
        except (ValueError, OverflowError):
            continue
        return _to_iso(found.year, found.month, found.day)
    return None


def _read_names(text: str) -> str | None:
    days = [day for mention in find_dates(Document(text).words) for day in _read_mention(mention)]
    return days[0][1] if len(days) == 1 else next((iso for is_hijri, iso in days if not is_hijri), None)


def _read_mention(mention: DateMention) -> Iterator[tuple[bool, str]]:
    """Whether it is of the Hijri calendar, and the date."""
    for is_hijri, names in enumerate(_MONTHS):
        if mention.month not in names or mention.year is None:
            continue
        year, month, day = int(mention.year), names.index(mention.month) + 1, int(mention.day or 0)
        if (year in _HIJRI_YEARS) == bool(is_hijri):
            iso = _to_iso(year, month, day) if day else None if is_hijri else f"{year:04}-{month:02}"
            if iso:
                yield bool(is_hijri), iso


def _read_numbers(text: str) -> str | None:
    """A date in numbers, the year first or last; the day before the month, as Arabic has it and the
    parser too, where both may be."""
    found = [iso for match in _NUMBERS.finditer(text) if (iso := _read_ordered(*map(int, match.groups())))]
    return found[0] if len({*found}) == 1 else None


def _read_ordered(first: int, second: int, third: int) -> str | None:
    if first > 31:
        return _to_iso(first, second, third)
    if third <= 31:
        return None
    day, month = (second, first) if second > 12 else (first, second)
    return _to_iso(third, month, day)


def _to_iso(year: int, month: int, day: int) -> str | None:
    """None for what is no day."""
    try:
        if year in _HIJRI_YEARS:
            return str(Hijri(year, month, day).to_gregorian().isoformat())
        return date(year, month, day).isoformat() if year >= _MIN_GREGORIAN_YEAR else None
    except (ValueError, OverflowError):
        return None


def _read_message_date(text: str) -> datetime:
    """Only with a month's name: numbers alone it takes for month, day and year."""
    if not any(map(str.isalpha, text)):
        raise ValueError
    return parsedate_to_datetime(text)
