"""Dates as people write them to limit a search: a day, a month or a year."""

import re
from datetime import date

_ISO_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")
_FIRST_DAY = "-01-01"


def check_iso_date(text: str) -> str:
    """The date, where it is one.

    Raises
    ------
    ValueError
        For what is no day (2024-05-31), month (2024-05) or year (2024).
    """
    try:
        if _ISO_DATE.fullmatch(text):
            date.fromisoformat(text + _FIRST_DAY[len(text) - 4 :])
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no date: write a day (2024-05-31), a month (2024-05) or a year (2024)")


def is_in_order(first: str | None, last: str | None) -> bool:
    """Whether a range of dates, each of which may be open, holds any day."""
    return not (first and last and first[: len(last)] > last)
