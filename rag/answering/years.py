"""The years that a text names."""

import re

_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_YEARS = range(1000, 2100)


def find_years(text: str) -> set[int]:
    """The years from 1000 to 2099 in a text, in any digits and of any calendar, and what looks like one."""
    return {year for found in _FOUR_DIGITS.findall(text) if (year := int(found)) in _YEARS}
