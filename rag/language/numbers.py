"""Numbers as people write them: `121 ألف`, `مئة وخمسين`, `إحدى وعشرون`, `two and a half`, `1930s`, `ثلثيها`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Literal

from rag.language.data import read_rows
from rag.language.detect import is_latin
from rag.language.normalize import FoldedText
from rag.language.words import Word, build_lookup, look_up

NumeralKind = Literal["cardinal", "ordinal", "part", "decade"]

_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_CONJUNCTION = "و"
_AND = frozenset(("and", _CONJUNCTION))
_ORDINAL_ENDINGS = frozenset(("st", "nd", "rd", "th"))
_AND_A_HALF = ("ونصف", "والنصف")
_UNCOUNTED_SCALES = frozenset("الاف ملايين مليارات".split())
"""Standing alone they are no number: "thousands of"."""
_HALF = Fraction(1, 2)
_ITS_WATER = re.compile(r"ائ[\u064b-\u0652]*ه[\u064b-\u0652]*$")
_SCALE_LETTERS = {"k": 10**3, "b": 10**9, "mn": 10**6, "tn": 10**12}
"""Right behind a number: 30K, 3.27b."""
_CAPITAL_SCALES = {"M": 10**6, "T": 10**12}
"""What a small letter would make a metre or a ton."""
_BETWEEN_RANGE = frozenset(("to", "and", "or", _CONJUNCTION, "الي", "او", "حتي"))
_MAX_RANGE_START = 1000
"""The first number of a range of thousands or millions is below; a year is not."""


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number and the words that say it.

    Attributes
    ----------
    value : Fraction
        Of a decade, the years since its century.
    kind : {"cardinal", "ordinal", "part", "decade"}
        `part`: of a whole, as a third.
    first, end : int
        The words `words[first:end]` say it.
    is_spelled : bool
        Said in words, not in digits.
    """

    value: Fraction
    kind: NumeralKind
    first: int
    end: int
    is_spelled: bool


def find_numbers(text: FoldedText) -> frozenset[str]:
    """The numbers in digits of a text, in one spelling: 0-9, a full stop for decimals, no leading zeros."""
    return frozenset(_canonical_number(match.group()) for match in _DIGITS.finditer(text.text))


def find_numerals(words: Sequence[Word]) -> list[Numeral]:
    """All numbers, in digits or in words of either language, in order."""
    found, at = [], 0
    while at < len(words):
        numeral = _read_digits(words, at) if words[at].text[0].isdigit() else _read_words(words, at)
        if numeral is not None:
            found.append(numeral)
        at = numeral.end if numeral is not None else at + 1
    return _scale_range_starts(words, found)


def _scale_range_starts(words: Sequence[Word], numerals: Sequence[Numeral]) -> list[Numeral]:
    """The numerals, of which the first of a range has the scale that is said once, behind the second: 37 و40 مليار."""
    scaled = list(numerals)
    for at in range(len(scaled) - 2, -1, -1):
        one, other = scaled[at], scaled[at + 1]
        scale = _scale_at_end(words, other)
        between = [word.text for word in words[one.end : other.first]]
        is_range = between == [] or (len(between) == 1 and between[0] in _BETWEEN_RANGE)
        is_bare = one.kind == other.kind == "cardinal" and _scale_at_end(words, one) == 1
        is_start = one.value < _MAX_RANGE_START and one.value * scale < other.value
        if scale > 1 and is_range and is_bare and is_start:
            scaled[at] = replace(one, value=one.value * scale)
    return scaled


def _scale_at_end(words: Sequence[Word], numeral: Numeral) -> Fraction:
    """The scale that a number ends with; 1 where it has none."""
    if numeral.end - numeral.first < 2:
        return Fraction(1)
    last = words[numeral.end - 1]
    return _look_up(last.text, "scale") or _scale_letter(last)


def _scale_letter(word: Word) -> Fraction:
    letters = _CAPITAL_SCALES.get(word.source) or _SCALE_LETTERS.get(word.text, 1)
    return Fraction(letters if word.is_joined else 1)


def ordinal_beside(words: Sequence[Word], at: int) -> int | None:
    """The ordinal number behind or before the word at `at`."""
    neighbours = (words[other].text for other in (at + 1, at - 1) if 0 <= other < len(words))
    ordinals = _tables()["ordinal"]
    return next((int(value) for word in neighbours if (value := look_up(word, ordinals)) is not None), None)


def means_quarter(word: str) -> bool:
    """Whether a word may name a quarter."""
    return look_up(word, _tables()["quarter"]) is not None


@cache
def _tables() -> dict[str, dict[str, Fraction]]:
    """Words of numbers by kind: `one`, `ten`, `tens`, `hundreds`, `scale`, `two_scales`, `ordinal`, `part`, `quarter`,
    `decade`."""
    rows: dict[str, list[tuple[str, Fraction]]] = {}
    for kind, value, *aliases in read_rows("numbers"):
        rows.setdefault(kind, []).append((" ".join(aliases), Fraction(value)))
    return {kind: build_lookup(of_kind) for kind, of_kind in rows.items()}


def _look_up(word: str, kind: str) -> Fraction | None:
    return look_up(word, _tables()[kind])


def _canonical_number(number: str) -> str:
    whole, _, decimals = number.partition(".")
    decimals = decimals.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + decimals if decimals else "")


def _read_digits(words: Sequence[Word], at: int) -> Numeral:
    value, end = Fraction(words[at].text), at + 1
    following = words[end] if end < len(words) else None
    if following is not None and following.is_joined:
        if following.text == "s" and value % 10 == 0:
            return Numeral(value % 100, "decade", at, end + 1, is_spelled=False)
        if following.text in _ORDINAL_ENDINGS:
            return Numeral(value, "ordinal", at, end + 1, is_spelled=False)
    scale = _scale_letter(following) if following is not None else Fraction(1)
    end += scale > 1
    while end < len(words) and (more := _look_up(words[end].text, "scale")) is not None:
        if words[end].text.startswith(_CONJUNCTION):
            break
        scale, end = scale * more, end + 1
    half = _count_half_words(words, end)
    return Numeral((value + _HALF * bool(half)) * scale, "cardinal", at, end + half, is_spelled=False)


def _count_half_words(words: Sequence[Word], at: int) -> int:
    """How many words say "and a half" at `at`."""
    following = [word.text for word in words[at : at + 3]]
    if following and following[0].startswith(_AND_A_HALF):
        return 1
    return 3 if following == ["and", "a", "half"] else 2 if following[:2] == ["and", "half"] else 0


def _read_words(words: Sequence[Word], at: int) -> Numeral | None:
    word = words[at].text
    decade = _look_up(word, "decade")
    if decade is not None:
        return Numeral(decade, "decade", at, at + 1, is_spelled=True)
    part = _read_part(words, at)
    if part is not None:
        return part
    if word in _UNCOUNTED_SCALES or _is_percent_hundred(words, at):
        return None
    numeral = _read_sum(words, at)
    return None if numeral and numeral.end == at + 1 and _is_its_water(words[at]) else numeral


def _read_sum(words: Sequence[Word], at: int) -> Numeral | None:
    total, end, is_linked = _NumeralSum(), at, False
    for number, word in enumerate(words[at:], at):
        text = word.text
        if end > at and text in _AND and not is_linked:
            is_linked = True
        elif total.add(text, is_linked or (end > at and text.startswith(_CONJUNCTION))):
            end, is_linked = number + 1, False
        else:
            break
    if end == at:
        return None
    half = _count_half_words(words, end)
    return Numeral(total.value + total.half * bool(half), total.kind, at, end + half, is_spelled=True)


def _is_percent_hundred(words: Sequence[Word], at: int) -> bool:
    """Whether the hundred here is that of "in the hundred"."""
    word = words[at].text
    if _look_up(word, "hundreds") != 100:
        return False
    return word.startswith("بال") or (at > 0 and words[at - 1].text == "في" and word.startswith("ال"))


def _is_its_water(word: Word) -> bool:
    """Whether a hundred that stands alone is spelled as "its water": مائه folds to what مائة does."""
    return _look_up(word.text, "hundreds") == 100 and _ITS_WATER.search(word.source) is not None


def _read_part(words: Sequence[Word], at: int) -> Numeral | None:
    """A part of a whole: half, a third, two thirds, three quarters."""
    word = words[at].text
    before = words[at - 1].text if at else ""
    if word in ("third", "thirds") and (before in ("a", "one", "two") or word == "thirds"):
        return Numeral(Fraction(2 if before == "two" else 1, 3), "part", at, at + 1, is_spelled=True)
    if word == "quarters" or look_up(word, {"ارباع": 4}) is not None:
        return Numeral(Fraction(3, 4), "part", at, at + 1, is_spelled=True)
    value = _look_up(word, "part")
    if value is None or (value == Fraction(1, 4) and ordinal_beside(words, at) is not None):
        return None  # "the second quarter" is one of a year's
    return Numeral(value, "part", at, at + 1, is_spelled=True)


class _NumeralSum:
    """The value of number words read one by one."""

    def __init__(self) -> None:
        self._total = self._group = Fraction(0)
        self._scale = Fraction(1)
        self.kind: NumeralKind = "cardinal"

    @property
    def value(self) -> Fraction:
        return self._total + self._group

    @property
    def half(self) -> Fraction:
        """What "and a half" adds: of a million, half a million."""
        return _HALF * (1 if self._group or not self._total else self._scale)

    def add(self, word: str, is_linked: bool) -> bool:
        """Take `word` in; False when it does not go on the number. `is_linked`: an "and" stands before it."""
        is_empty = not (self._total or self._group)
        ordinal = _look_up(word, "ordinal")
        ones = _look_up(word, "one") or ordinal
        if ones is not None and self._takes_ones(ones, is_linked, is_empty, is_latin(word)):
            self._group += ones
            self.kind = "ordinal" if ordinal is not None else self.kind
            return True
        return ones is None and (
            self._add_tens(word, is_linked, is_empty)
            or self._add_hundreds(word, is_linked, is_empty)
            or self._add_scale(word, is_linked, is_empty)
        )

    def _takes_ones(self, ones: Fraction, is_linked: bool, is_empty: bool, is_english: bool) -> bool:
        if is_empty:
            return True
        if self._group % 100 == 0:
            return is_linked or (is_english and not self._group)
        is_after_tens = self._group % 100 >= 20 and self._group % 10 == 0
        return is_english and not is_linked and is_after_tens and ones < 10

    def _add_tens(self, word: str, is_linked: bool, is_empty: bool) -> bool:
        if _look_up(word, "ten"):
            below_hundred = self._group % 100
            takes = is_empty or (not is_linked and 0 < below_hundred < 10) or (is_linked and below_hundred == 0)
            self._group += 10 if takes else 0
            return takes
        tens = _look_up(word, "tens")
        if tens is None or not (is_empty or (is_linked and self._group % 100 < 10)):
            return False
        self._group += tens
        return True

    def _add_hundreds(self, word: str, is_linked: bool, is_empty: bool) -> bool:
        hundreds = _look_up(word, "hundreds")
        if hundreds is None:
            return False
        if hundreds == 100 and 0 < self._group < 10 and not is_linked:
            self._group *= 100
        elif self._group == 0 and (is_empty or is_linked):
            self._group = hundreds
        else:
            return False
        return True

    def _add_scale(self, word: str, is_linked: bool, is_empty: bool) -> bool:
        if _look_up(word, "hundreds") is not None:
            return False
        twice = _look_up(word, "two_scales")
        if twice is not None and is_empty:
            self._total, self._scale = twice, twice / 2
            return True
        scale = _look_up(word, "scale")
        if scale is None or (is_linked and self._group and not is_empty):
            return False
        if self._group or is_empty or is_linked:
            self._total += max(self._group, Fraction(1)) * scale
        else:
            self._total *= scale
        self._group, self._scale = Fraction(0), scale
        return True
