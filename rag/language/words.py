"""Words of a text as numbers, dates and units are looked for in them, and lookup of a word by any of its forms."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from rag.language.arabic.stemming import ATTACHED_PREFIXES, ATTACHED_SUFFIXES
from rag.language.normalize import FoldedText, fold_text

_WORD = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d_]+|%")
_DATE = re.compile(
    r"(?<![0-9./-])(?:(?P<y>1[89][0-9]{2}|20[0-9]{2})(?P<s>[-/.])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})"
    r"|(?P<one>[0-9]{1,2})(?P<s2>[-/.])(?P<two>[0-9]{1,2})(?P=s2)(?P<year>1[89][0-9]{2}|20[0-9]{2}))(?![0-9]|[./-][0-9])"
)
"""A date in digits: the year first, or last."""
_MONTHS = "january february march april may june july august september october november december".split()
_YEAR = re.compile("1[0-9]{3}|20[0-9]{2}")
_MAX_DAY = 31
_RANGE_MARKS = frozenset("-–—/")
_MIN_BARE_LETTERS = 3
"""Letters of what a clitic may be taken from: كم is no unit behind a ك."""

Meaning = TypeVar("Meaning")


class Word(NamedTuple):
    """A word, a number or a percent sign.

    Attributes
    ----------
    text : str
        Its folded form.
    source : str
        How it is written in the text.
    is_joined : bool
        Whether it stands right behind the word before, without a space.
    """

    text: str
    source: str
    is_joined: bool


def find_words(text: FoldedText) -> list[Word]:
    """The words, numbers and percent signs of a text. The last year of a range (2001–02) is given whole, and a date in
    digits (2001-02-28, 28/2/2001) as its day, month by name, and year."""
    found: list[Word] = []
    end = 0
    for date in _DATE.finditer(text.text):
        parts = _date_parts(date)
        if parts is not None:
            found += _find_words(text, end, date.start(), found)
            found += [Word(part, part.capitalize(), is_joined=False) for part in parts]
            end = date.end()
    return found + _find_words(text, end, len(text.text), found)


def _date_parts(date: re.Match[str]) -> tuple[str, str, str] | None:
    """The day, the month by name and the year; None where the digits are no date. The day stands before the month,
    as in Arabic, unless only the other order makes a date."""
    if date["y"]:
        day, month, year = int(date["d"]), int(date["m"]), date["y"]
    else:
        day, month, year = int(date["one"]), int(date["two"]), date["year"]
        day, month = (month, day) if month > len(_MONTHS) >= day else (day, month)
    is_date = 1 <= day <= _MAX_DAY and 1 <= month <= len(_MONTHS)
    return (str(day), _MONTHS[month - 1], year) if is_date else None


def _find_words(text: FoldedText, start: int, stop: int, before: Sequence[Word]) -> list[Word]:
    """The words between two offsets; `before`: those in front of them."""
    found: list[Word] = []
    end = start
    for match in _WORD.finditer(text.text, start, stop):
        word, between = match.group(), text.text[end : match.start()]
        following = text.text[match.end() : match.end() + 1]
        if found and between in _RANGE_MARKS and _ends_range(found[-1].text, word, following):
            word = found[-1].text[:2] + word
        source = text.source[slice(*text.source_span(*match.span()))]
        found.append(Word(word, source, not between and bool(found or before)))
        end = match.end()
    return found


def build_lookup(rows: Iterable[tuple[str, Meaning]]) -> dict[str, Meaning]:
    """A table from each alias, folded, to its meaning.

    Parameters
    ----------
    rows : iterable of (str, Meaning)
        Aliases parted by spaces, and what each of them means.
    """
    return {fold_text(alias): meaning for aliases, meaning in rows for alias in aliases.split()}


def look_up(word: str, table: Mapping[str, Meaning]) -> Meaning | None:
    """The meaning of a folded word, with whatever clitics and ending; None when no form of it is in the table."""
    if word in table:
        return table[word]
    for prefix in ATTACHED_PREFIXES:
        if not word.startswith(prefix):
            continue
        for suffix in ATTACHED_SUFFIXES:
            bare = word[len(prefix) : len(word) - len(suffix)]
            if len(bare) >= _MIN_BARE_LETTERS and bare in table and word == prefix + bare + suffix:
                return table[bare]
    return None


def _ends_range(year: str, word: str, following: str) -> bool:
    """Whether a word is the last year of a range (2001–02), not the month of a date (2001-02-28)."""
    return bool(_YEAR.fullmatch(year)) and len(word) == 2 and year[2:] < word <= "99" and following not in _RANGE_MARKS
