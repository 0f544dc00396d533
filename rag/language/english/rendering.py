"""Arabic figures, dates, units and listed names as English writes them.

Nothing is translated freely: words that are none of these leave a text as it is.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from rag.language.dates import find_months
from rag.language.document import Document
from rag.language.numbers import Numeral
from rag.language.units import Quantity
from rag.language.words import Word

_CONNECTIVES = {
    "و": "and",
    "او": "or",
    "الي": "to",
    "حتي": "to",
    "من": "of",
    "نحو": "about",
    "حوالي": "about",
    "قرابه": "about",
    "زهاء": "about",
    "اكثر": "more",
    "اقل": "less",
    "عام": "",
    "سنه": "",
    "ه": "AH",
    "في": "in",
    "بين": "between",
}
"""What may stand between figures, folded, and how English says it."""
_PERCENT = frozenset(("في المئه", "في الميه", "بالمئه", "بالمايه", "في المايه", "%"))
_ABBREVIATED = {"percent": "percent", "CE": "CE"}
_BIG = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))
_MAX_DIGITS_BEHIND_POINT = 3
_YEARS = range(1000, 2101)
_JOINING = re.compile(r"[\s«»\"()]*")
"""What may stand between words that are rendered one by one."""


class _Rendered(NamedTuple):
    """What some words say in English: the words `words[first:end]`."""

    first: int
    end: int
    text: str


def render_in_english(text: str) -> str | None:
    """An Arabic text in English where it consists of figures, dates, units, listed names and what joins them; None for
    any other text."""
    document = Document(text, "ar")
    words, starts = document.words, _word_starts(document)
    if not words or (starts and not _is_joined_plainly(document, starts)):
        return None
    found = {one.first: one for one in (*_names(document), *_numbers(document), *_dates(document))}
    parts: list[str] = []
    at = 0
    while at < len(words):
        if at in found:
            parts.append(found[at].text)
            at = found[at].end
        elif words[at].text in _CONNECTIVES and found:
            parts.append(_CONNECTIVES[words[at].text])
            at += 1
        else:
            return None
    return " ".join(part for part in parts if part) if found else None


def _is_joined_plainly(document: Document, starts: Sequence[int]) -> bool:
    """Whether nothing but blanks, brackets and quotation marks stands between the words."""
    ends = [start + len(word.source) for word, start in zip(document.words, starts, strict=True)]
    return all(_JOINING.fullmatch(document.text[end:start]) for end, start in zip(ends, starts[1:], strict=False))


def _numbers(document: Document) -> Iterator[_Rendered]:
    words = document.words
    for quantity in document.quantities:
        number = quantity.number
        first = number.first
        if number.kind in ("part", "decade"):
            continue
        text, end = _format_number(number), number.end
        if number.value == 2 and quantity.units and number.first + 1 == number.end and number.is_spelled:
            yield _Rendered(first, end, f"2 {_plural(quantity)}")
            continue
        share = next((size for size in (1, 2) if _join_words(words[end : end + size]) in _PERCENT), 0)
        if share:
            yield _Rendered(first, end + share, f"{text} percent")
        elif quantity.units and end < len(words):
            yield _Rendered(first, end + 1, f"{text} {_plural(quantity)}")
        else:
            yield _Rendered(first, end, text)


def _join_words(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _plural(quantity: Quantity) -> str:
    unit = _likelier_unit(quantity)
    is_word = unit.isalpha() and unit.islower() and unit not in _ABBREVIATED
    return f"{unit}s" if is_word and quantity.number.value != 1 else unit


def _likelier_unit(quantity: Quantity) -> str:
    """Of the two units that an abbreviation may name, the era behind what may be a year."""
    is_year = quantity.number.value in _YEARS and not quantity.number.is_spelled
    return next((unit for unit in quantity.units if unit.isupper() == is_year), next(iter(quantity.units)))


def _format_number(number: Numeral) -> str:
    value = number.value
    if number.kind == "ordinal":
        return _ordinal(int(value))
    for size, name in _BIG:
        if value >= size:
            return f"{_decimal(Fraction(value, size))} {name}"
    is_year = value.denominator == 1 and int(value) in _YEARS and not number.is_spelled
    return str(int(value)) if is_year else _decimal(value)


def _decimal(value: Fraction) -> str:
    if value.denominator == 1:
        return f"{int(value):,}"
    return f"{float(value):,.{_MAX_DIGITS_BEHIND_POINT}f}".rstrip("0").rstrip(".")


def _ordinal(value: int) -> str:
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def _dates(document: Document) -> Iterator[_Rendered]:
    for month, first, end in find_months(document.words):
        yield _Rendered(first, end, month)


def _names(document: Document) -> Iterator[_Rendered]:
    starts = _word_starts(document)
    for name in document.listed_names:
        inside = [at for at, start in enumerate(starts) if name.span.start <= start < name.span.end]
        if inside and len(name.canonical_names) == 1:
            yield _Rendered(inside[0], inside[-1] + 1, name.canonical_names[0].title())


def _word_starts(document: Document) -> list[int]:
    """Where each word stands in the text; empty where some do not stand in it as they are (2022/11/20 is read as
    20 November 2022)."""
    starts, at = [], 0
    for word in document.words:
        at = document.text.find(word.source, at)
        if at < 0:
            return []
        starts.append(at)
        at += len(word.source)
    return starts
