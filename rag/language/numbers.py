"""Numbers as people write them: `121 ألف`, `مئة وخمسين`, `إحدى وعشرون`, `two and a half`, `1930s`, `ثلثيها`."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from rag.language.word_tokens import Word, looked_up, table

Kind = Literal["cardinal", "ordinal", "part", "decade"]

_ONES = table(
    {
        1: "واحد واحدة إحدى أحد one",
        2: "اثنان اثنين اثنا اثني اثنتان اثنتين اثنتا اثنتي two",
        3: "ثلاث ثلاثة three",
        4: "أربع أربعة four",
        5: "خمس خمسة five",
        6: "ست ستة six",
        7: "سبع سبعة seven",
        8: "ثمان ثماني ثمانية eight",
        9: "تسع تسعة nine",
        10: "ten",
        11: "eleven",
        12: "twelve",
        13: "thirteen",
        14: "fourteen",
        15: "fifteen",
        16: "sixteen",
        17: "seventeen",
        18: "eighteen",
        19: "nineteen",
    }
)
_TEN = table({10: "عشر عشرة"})
_TENS = table(
    {
        20: "عشرون عشرين twenty",
        30: "ثلاثون ثلاثين thirty",
        40: "أربعون أربعين forty",
        50: "خمسون خمسين fifty",
        60: "ستون ستين sixty",
        70: "سبعون سبعين seventy",
        80: "ثمانون ثمانين eighty",
        90: "تسعون تسعين ninety",
    }
)
# مئتا is left out: folded, it is ميتا, which is also a company.
_HUNDREDS = table(
    {
        100: "مئة مائة hundred",
        200: "مئتان مئتين مائتان مائتين مئتي مائتا مائتي",
        300: "ثلاثمئة ثلاثمائة",
        400: "أربعمئة أربعمائة",
        500: "خمسمئة خمسمائة",
        600: "ستمئة ستمائة",
        700: "سبعمئة سبعمائة",
        800: "ثمانمئة ثمانمائة ثمانيمئة",
        900: "تسعمئة تسعمائة",
    }
)
_SCALES = table(
    {
        10**3: "ألف ألفا آلاف thousand",
        10**6: "مليون مليونا ملايين million",
        10**9: "مليار مليارا مليارات بليون billion bn",
        10**12: "تريليون تريليونا تريليونات trillion",
    }
)
_TWICE_SCALES = table({2 * 10**3: "ألفان ألفين", 2 * 10**6: "مليونان مليونين", 2 * 10**9: "ملياران مليارين"})
_PLURAL_SCALES = frozenset("الاف ملايين مليارات".split())
"""Standing alone they are no number: "thousands of"."""
_ORDINALS = table(
    {
        1: "أول أولى حادي حادية first",
        2: "ثان ثاني ثانية second",
        3: "ثالث ثالثة third",
        4: "رابع رابعة fourth",
        5: "خامس خامسة fifth",
        6: "سادس سادسة sixth",
        7: "سابع سابعة seventh",
        8: "ثامن ثامنة eighth",
        9: "تاسع تاسعة ninth",
        10: "عاشر عاشرة tenth",
        11: "eleventh",
        12: "twelfth",
        13: "thirteenth",
        14: "fourteenth",
        15: "fifteenth",
        16: "sixteenth",
        17: "seventeenth",
        18: "eighteenth",
        19: "nineteenth",
        20: "twentieth",
    }
)
_PARTS = table(
    {
        Fraction(1, 2): "نصف half halfway halves",
        Fraction(1, 3): "ثلث",
        Fraction(2, 3): "ثلثان ثلثين ثلثا ثلثي",
        Fraction(1, 4): "ربع quarter",
    }
)
_QUARTER = table({True: "ربع quarter"})
_DECADES = table(
    {
        20: "عشرينيات عشرينات twenties",
        30: "ثلاثينيات ثلاثينات thirties",
        40: "أربعينيات أربعينات forties",
        50: "خمسينيات خمسينات fifties",
        60: "ستينيات ستينات sixties",
        70: "سبعينيات سبعينات seventies",
        80: "ثمانينيات ثمانينات eighties",
        90: "تسعينيات تسعينات nineties",
    }
)
_AND = frozenset(("and", "و"))
_ARTICLES = frozenset(("a", "one"))
_SUFFIXES = frozenset(("st", "nd", "rd", "th"))
_IN_PERCENT = frozenset(("في", "بال"))


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number and the words `first` up to `end` that say it. A decade has the years since its century."""

    value: Fraction
    kind: Kind
    first: int
    end: int
    spelled: bool
    """Said in words, not in digits."""


def numerals(said: Sequence[Word]) -> list[Numeral]:
    """All numbers, in order."""
    found, at = [], 0
    while at < len(said):
        numeral = _digits(said, at) if said[at].text[0].isdigit() else _spelled(said, at)
        if numeral is not None:
            found.append(numeral)
        at = numeral.end if numeral is not None else at + 1
    return found


def _digits(said: Sequence[Word], at: int) -> Numeral:
    value, end = Fraction(said[at].text), at + 1
    after = said[end] if end < len(said) else None
    if after is not None and after.joined and after.text == "s" and value % 10 == 0:
        return Numeral(value % 100, "decade", at, end + 1, False)
    if after is not None and after.joined and after.text in _SUFFIXES:
        return Numeral(value, "ordinal", at, end + 1, False)
    scale = 1
    while end < len(said) and (more := looked_up(said[end].text, _SCALES)) is not None and said[end].text[0] != "و":
        scale, end = scale * more, end + 1
    half = _half(said, end)
    return Numeral((value + Fraction(1, 2) * bool(half)) * scale, "cardinal", at, end + half, False)


def _half(said: Sequence[Word], at: int) -> int:
    """How many words say "and a half" at `at`."""
    following = [word.text for word in said[at : at + 3]]
    if following and following[0].startswith(("ونصف", "والنصف")):
        return 1
    return 3 if following == ["and", "a", "half"] else 2 if following[:2] == ["and", "half"] else 0


def _spelled(said: Sequence[Word], at: int) -> Numeral | None:
    word = said[at].text
    decade = looked_up(word, _DECADES)
    if decade is not None:
        return Numeral(Fraction(decade), "decade", at, at + 1, True)
    part = _part(said, at)
    if part is not None:
        return part
    if word in _PLURAL_SCALES or _says_percent(said, at):
        return None
    total, end, linked = _Sum(), at, False
    for next_, (text, *_) in enumerate(said[at:], at):
        if end > at and text in _AND and not linked:
            linked = True
        elif total.add(text, linked or (end > at and text[0] == "و")):
            end, linked = next_ + 1, False
        else:
            break
    if end == at:
        return None
    half = _half(said, end)
    return Numeral(total.value + total.half * bool(half), total.kind, at, end + half, True)


def _says_percent(said: Sequence[Word], at: int) -> bool:
    """Whether the hundred here is that of "in the hundred"."""
    word = said[at].text
    if looked_up(word, _HUNDREDS) != 100:
        return False
    return word.startswith("بال") or (at > 0 and said[at - 1].text == "في" and word.startswith("ال"))


def _part(said: Sequence[Word], at: int) -> Numeral | None:
    """A part of a whole: half, a third, two thirds, three quarters."""
    word = said[at].text
    before = said[at - 1].text if at else ""
    if word in ("third", "thirds") and (before in ("a", "one", "two") or word == "thirds"):
        return Numeral(Fraction(2 if before == "two" else 1, 3), "part", at, at + 1, True)
    if word == "quarters" or looked_up(word, {"ارباع": 4}) is not None:
        return Numeral(Fraction(3, 4), "part", at, at + 1, True)
    value = looked_up(word, _PARTS)
    if value is None or (value == Fraction(1, 4) and _counts_quarters(said, at)):
        return None
    return Numeral(value, "part", at, at + 1, True)


def _counts_quarters(said: Sequence[Word], at: int) -> bool:
    """Whether a quarter is one of a year's, "the second quarter"."""
    return _ordinal_beside(said, at) is not None


def _ordinal_beside(said: Sequence[Word], at: int) -> int | None:
    near = (said[other].text for other in (at + 1, at - 1) if 0 <= other < len(said))
    return next((ordinal for word in near if (ordinal := looked_up(word, _ORDINALS)) is not None), None)


def quarters(said: Sequence[Word]) -> set[str]:
    """The quarters of a year, as Q1 to Q4."""
    found = {f"Q{_ordinal_beside(said, at)}" for at, word in enumerate(said) if looked_up(word.text, _QUARTER)}
    signs = {f"Q{after.text}" for word, after in pairwise(said) if word.text == "q" and after.joined}
    return (found | signs) & {"Q1", "Q2", "Q3", "Q4"}


class _Sum:
    """The value of number words read one by one."""

    def __init__(self) -> None:
        self._total = self._group = 0
        self._scale = 1
        self.kind: Kind = "cardinal"

    @property
    def value(self) -> Fraction:
        return Fraction(self._total + self._group)

    @property
    def half(self) -> Fraction:
        """What "and a half" adds: of a million, half a million."""
        return Fraction(1 if self._group or not self._total else self._scale, 2)

    def add(self, word: str, linked: bool) -> bool:
        """Take `word` in; False when it does not go on the number. `linked`: an "and" stands before it."""
        empty = not (self._total or self._group)
        ordinal = looked_up(word, _ORDINALS)
        ones = looked_up(word, _ONES) or ordinal
        if ones is not None and self._takes_ones(ones, linked, empty, word.isascii()):
            self._group += ones
            self.kind = "ordinal" if ordinal is not None else self.kind
            return True
        return ones is None and (self._add_tens(word, linked, empty) or self._add_large(word, linked, empty))

    def _takes_ones(self, ones: int, linked: bool, empty: bool, english: bool) -> bool:
        if empty:
            return True
        if self._group % 100 == 0:
            return linked or (english and not self._group)
        return english and not linked and self._group % 100 >= 20 and self._group % 10 == 0 and ones < 10

    def _add_tens(self, word: str, linked: bool, empty: bool) -> bool:
        if looked_up(word, _TEN):
            takes = empty or (not linked and 0 < self._group % 100 < 10) or (linked and self._group % 100 == 0)
            self._group += 10 if takes else 0
            return takes
        tens = looked_up(word, _TENS)
        takes = tens is not None and (empty or (linked and self._group % 100 < 10))
        self._group += tens if tens is not None and takes else 0
        return takes

    def _add_large(self, word: str, linked: bool, empty: bool) -> bool:
        hundreds = looked_up(word, _HUNDREDS)
        if hundreds is not None:
            if hundreds == 100 and 0 < self._group < 10 and not linked:
                self._group *= 100
            elif self._group == 0 and (empty or linked):
                self._group = hundreds
            else:
                return False
            return True
        twice = looked_up(word, _TWICE_SCALES)
        if twice is not None and empty:
            self._total, self._scale = twice, twice // 2
            return True
        scale = looked_up(word, _SCALES)
        if scale is None or (linked and self._group and not empty):
            return False
        if self._group or empty or linked:
            self._total += max(self._group, 1) * scale
        else:
            self._total *= scale
        self._group, self._scale = 0, scale
        return True
