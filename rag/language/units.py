"""What numbers count, alike in both languages: `27 دقيقة` is `27 minutes` and is not `27 ساعة`."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from rag.language.data import read_rows
from rag.language.detect import is_latin
from rag.language.numbers import Numeral, find_numerals
from rag.language.words import Word, build_lookup, look_up

_NO_UNIT = frozenset[str]()
_AMBIGUOUS = {"م": frozenset(("metre", "CE"))}
"""The abbreviation of both."""
TIME_UNITS_IN_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_629_800,
    "year": 31_557_600,
}
"""A month is a twelfth of a year, a year has 365.25 days."""
_MAX_WORDS_BEHIND_NUMBER = 2
"""As in "40 مليون دولار", "20 في المئة"."""
_DEFINITE = "ال"
_YEARS = frozenset(("year",))
_MAX_PLACE, _MAX_AGE = 12, 120
"""Up to the first such a number may also be an hour's, or a place in a row: وصل في الثالثة."""
_OF = "من"
_OF_ONE = frozenset("a an one another every each per single كل لكل".split())
_AFTER_ONE = frozenset("واحد واحده اخر اخري".split())
_TODAY = frozenset(("اليوم", "today"))


class Quantity(NamedTuple):
    """A number with what it counts.

    Attributes
    ----------
    number : Numeral
        The number.
    units : frozenset of str
        The units that the word behind it may name; empty when it counts no unit.
    """

    number: Numeral
    units: frozenset[str]


def units_of_word(word: str) -> frozenset[str]:
    """The units that a folded word may name; none for most words."""
    return look_up(word, _units()) or _NO_UNIT


def find_quantities(words: Sequence[Word]) -> list[Quantity]:
    """Every number with its unit, and the duals (`ساعتان`), which are numbers by their form."""
    counted = [Quantity(number, _unit_of(words, number)) for number in find_numerals(words)]
    return [*counted, *_find_duals(words)]


def find_single_units(words: Sequence[Word]) -> Iterator[frozenset[str]]:
    """The units of which one is meant, or each: `a month`, `كل شهر`, `شهرًا آخر`."""
    for at, word in enumerate(words):
        units = units_of_word(word.text)
        before = words[at - 1].text if at else ""
        following = words[at + 1].text if at + 1 < len(words) else ""
        if units and word.text not in _TODAY and (before in _OF_ONE or following in _AFTER_ONE):
            yield units


def find_units(words: Sequence[Word]) -> set[str]:
    """Every unit that some word may name."""
    return {unit for word in words for unit in units_of_word(word.text)}


@cache
def _units() -> dict[str, frozenset[str]]:
    rows = [(" ".join(aliases), frozenset((name,))) for kind, name, *aliases in read_rows("units") if kind == "unit"]
    return build_lookup(rows) | _AMBIGUOUS


@cache
def _duals() -> dict[str, int]:
    return build_lookup(
        (" ".join(aliases), int(count)) for kind, count, *aliases in read_rows("units") if kind == "dual"
    )


def _unit_of(words: Sequence[Word], number: Numeral) -> frozenset[str]:
    if number.value == 1 and number.is_spelled and number.first and not is_latin(words[number.first].text):
        return units_of_word(words[number.first - 1].text)  # كيلومتر واحد
    for at, word in enumerate(words[number.end : number.end + _MAX_WORDS_BEHIND_NUMBER]):
        if word.text[0].isdigit():
            break
        units = units_of_word(word.text)
        if units and (at == 0 or len(word.text) > 1):  # one letter further off is "p.m."
            return _NO_UNIT if may_be_year(number) and units & TIME_UNITS_IN_SECONDS.keys() else units
    return _YEARS if _is_age(words, number) else _NO_UNIT


def _is_age(words: Sequence[Word], number: Numeral) -> bool:
    """Whether an Arabic number in words is one of years that are not said: أتم الحادية والعشرين, بلغ الستين. Behind a
    noun it is an adjective of this (القرن الحادي والعشرين)."""
    if not number.is_spelled or not _MAX_PLACE < number.value <= _MAX_AGE:
        return False
    before = words[number.first - 1].text if number.first else ""
    following = words[number.end].text if number.end < len(words) else _OF
    counts_nothing = number.kind == "ordinal" or (number.kind == "cardinal" and following == _OF)
    return counts_nothing and words[number.first].text.startswith(_DEFINITE) and not before.startswith(_DEFINITE)


def may_be_year(number: Numeral) -> bool:
    """Whether a number has the size of a year, in digits."""
    return not number.is_spelled and 1000 <= number.value <= 2100


def _find_duals(words: Sequence[Word]) -> Iterator[Quantity]:
    for at, word in enumerate(words):
        count = look_up(word.text, _duals())
        if count and not word.text.startswith(_DEFINITE):
            has_half = at + 1 < len(words) and words[at + 1].text.startswith("ونصف")
            value = count + Fraction(has_half, 2)
            yield Quantity(Numeral(value, "cardinal", at, at + 1, is_spelled=True), units_of_word(word.text))
