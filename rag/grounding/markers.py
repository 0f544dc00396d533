"""Markers: how an answer names the passages that a statement rests on, and how the drafts of models do."""

import re
from collections.abc import Sequence
from functools import cached_property

from rag.language.document import Document
from rag.language.normalize import fold_text
from rag.language.sentences import LOOK_BACK_CHARS
from rag.language.units import units_of_word

MARKER = re.compile(r"\[\s*\d{1,3}(?:\s*[,،]\s*\d{1,3})*\s*\]")
"""A marker as an answer shows it: one or several numbers in square brackets, in whichever digits."""

_GAP = "[\\s\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}\N{ARABIC LETTER MARK}]*"
"""White space, and the marks of direction that some models put around what is left to right."""
_LABEL = (
    "(?:passages?|sources?|documents?|docs?|articles?|refs?|references?|citations?|cite"
    "|ال(?:مقطع|مقاطع|فقرة|مصدر|مصادر|مرجع|مراجع|وثيقة|مقال)|مقطع|فقرة|مصدر|مرجع|وثيقة|مقال)"
)
_NUMBER = r"\d{1,3}"
_RANGE = re.compile(rf"(\d+){_GAP}[-–—]{_GAP}(\d+)|(\d+)")
_NUMBERS = rf"{_NUMBER}(?:{_GAP}(?:[,،;؛&+–—-]|and|و){_GAP}(?:{_LABEL}{_GAP})?#?{_NUMBER})*"
_BRACKETED = (
    rf"[\[【]{_GAP}(?:[\^#]|{_LABEL}{_GAP}[:.#]?)?{_GAP}{_NUMBERS}{_GAP}(?:(?::\d{{1,3}})?†[^\[\]【】]{{0,40}})?[\]】]"
)
_LABELLED = rf"\({_GAP}(?:passages?|sources?|(?:ال)?(?:مقطع|مصدر|فقرة)){_GAP}[:.#]?{_GAP}{_NUMBERS}{_GAP}\)"
_SURE = re.compile(f"{_BRACKETED}|{_LABELLED}", re.IGNORECASE)
"""What nothing else than a marker looks like."""
_OTHER_INDEX = re.compile(r"\d:")
"""Of a marker that counts something else first (【4:0†source】), its numbers name no passage for certain."""
_PARENTHESIZED = rf"\({_GAP}{_NUMBERS}{_GAP}\)"
_PARENTHESES = re.compile(rf"(?:{_PARENTHESIZED}{_GAP})+")
_RAISED_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_TO_DIGITS = str.maketrans(_RAISED_DIGITS, "0123456789")
_RAISED = re.compile(f"[{_RAISED_DIGITS}]+(?:[,،˒][{_RAISED_DIGITS}]+)*")
_ANY = re.compile(f"(?P<sure>{_SURE.pattern})|(?P<round>{_PARENTHESES.pattern})|(?P<raised>{_RAISED.pattern})", re.I)
_MAX_OPEN_CHARS = 40
_OPEN = re.compile(
    rf"(?:{_PARENTHESIZED}{_GAP})*"
    rf"(?:[\[【(](?:[^\[\]【】()]{{0,{_MAX_OPEN_CHARS}}}|[\d\s,،]{{0,200}})|[{_RAISED_DIGITS}][{_RAISED_DIGITS},،˒]*)?$"
)
"""The end of a draft that may yet become a marker, or a number in parentheses before it is known what follows."""
_HALF = re.compile(rf"[\[【(]{_GAP}[\^#]?{_GAP}(?:{_LABEL}{_GAP})?[\d\s,،;؛&–—-]*", re.IGNORECASE)
_LEFT_OPEN = re.compile(r"[\[【][\d\s,،^#–—-]*$")
"""The end of a sentence that the beginning of the next may make a marker."""
_END_MARKS = ".!?؟۔…"
_BEHIND_PARENTHESES = f"{_END_MARKS},،;؛"
_CLOSING_MARKS = "\"'”’»›)]}*"
"""What may stand between the end marks of a sentence and its markers."""
_OPENS = ":：(«“"
"""What leads to a number, so that it is no marker."""
_ABBREVIATED = re.compile(r"(?:^|[\s.])[^\W\d_]$")
_MIN_WORD_LETTERS = 3
"""Of a word that a raised number marks: in a shorter one it is a power, or part of a formula (CO², m²)."""
_YEARS = range(1000, 2100)
_FIRST_SIGN, _LAST_SIGN = 0xE000, 0xF8FF
_SIGN = re.compile(f"[{chr(_FIRST_SIGN)}-{chr(_LAST_SIGN)}]")


class MarkerReader:
    """Takes the markers out of a draft as it comes, in whichever form models write them.

    In the place of each stands a private-use character, a sign, while the draft is cut into sentences, so that nothing
    splits a marker. `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `[passage 1]`, `【1†source】` and the like are markers wherever
    they stand. A number in parentheses or a raised one is a marker only where it surely is none of the text's own: of
    a passage that exists, behind a word that the passages do not write it behind, no power of a unit, and the number in
    parentheses at the end of a clause, in a draft that has no surer markers.

    Parameters
    ----------
    passages : sequence of str
        The texts that markers number from 1.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        self._passages = passages
        self._raw = ""  # what may be the beginning of a marker
        self._has_sure = False
        self._numbers_of_sign: dict[str, list[int]] = {}

    def feed(self, before: str, delta: str) -> str:
        """The text `before`, in which markers are signs, with what came behind it."""
        draft = self._raw + _SIGN.sub("", delta)
        opened = _OPEN.search(draft)
        end = opened.start() if opened else len(draft)
        self._raw = draft[end:]
        return self._read(before, draft[:end])

    def finish(self, before: str) -> str:
        """The draft has ended: `before` with the rest of it. Half a marker at its end is dropped."""
        rest, self._raw = self._raw, ""
        complete = _PARENTHESES.match(rest)
        tail = rest[complete.end() :] if complete else rest
        kept = rest[: len(rest) - len(tail)] if _HALF.fullmatch(tail) else rest
        return self._read(before, kept)

    def numbers_in(self, sentence: str) -> list[int]:
        """The passages that the signs of a sentence name, each once."""
        named = (number for sign in _SIGN.findall(sentence) for number in self._numbers_of_sign.get(sign, ()))
        return list(dict.fromkeys(number for number in named if 1 <= number <= len(self._passages)))

    def _read(self, before: str, ready: str) -> str:
        end = 0
        for match in _ANY.finditer(ready):
            text = before + ready[end : match.start()]
            following = ready[match.end() : match.end() + 1]
            if not self._is_marker(match, _SIGN.sub("", text[-LOOK_BACK_CHARS:]), following):
                before = text + match.group()
            else:
                trailing = match.group()[len(match.group().rstrip()) :]
                before = _insert_sign(text, self._sign_for(match)) + trailing
            end = match.end()
        return before + ready[end:]

    def _is_marker(self, match: re.Match[str], before: str, following: str) -> bool:
        if match["sure"]:
            self._has_sure = True
            return True
        if self._has_sure or not self._names_passages(match):
            return False
        word = _last_word(before)
        is_note = self._closes_clause(match, before, following) if match["round"] else _may_be_noted(word)
        return is_note and bool(word) and not self._is_own(word, match)

    def _names_passages(self, match: re.Match[str]) -> bool:
        numbers = _numbers_of(match, len(self._passages))
        return bool(numbers) and all(1 <= number <= len(self._passages) for number in numbers)

    def _closes_clause(self, match: re.Match[str], before: str, following: str) -> bool:
        """Whether a number in parentheses stands before the end of its clause, and does not repeat a number in the
        words before it: three (3)."""
        is_at_end = not following or following in _BEHIND_PARENTHESES or "\n" in match.group()
        said = {quantity.number.value for quantity in Document(before).quantities} if is_at_end else set()
        return is_at_end and said.isdisjoint(_numbers_of(match, len(self._passages)))

    def _is_own(self, word: str, match: re.Match[str]) -> bool:
        """Whether the passages write such a number behind the same word."""
        if match["raised"]:
            return any(f"{word}{match.group()}" in text for text in self._passages)
        number = fold_text(match.group()).strip("() ")
        pattern = re.compile(rf"{re.escape(fold_text(word))}\s*[\[(]\s*{re.escape(number)}\s*[\])]")
        return any(pattern.search(text) for text in self._folded_passages)

    @cached_property
    def _folded_passages(self) -> list[str]:
        return [fold_text(text) for text in self._passages]

    def _sign_for(self, match: re.Match[str]) -> str:
        """A character that stands for a marker."""
        if len(self._numbers_of_sign) >= _LAST_SIGN - _FIRST_SIGN:
            return ""
        sign = chr(_FIRST_SIGN + len(self._numbers_of_sign))
        self._numbers_of_sign[sign] = _numbers_of(match, len(self._passages))
        return sign


def strip_signs(text: str) -> str:
    """A text without the characters that stand for markers."""
    return _SIGN.sub("", text)


def break_markers(text: str) -> str:
    """A text in which what is left of markers within markers, or across sentences, is none."""
    if _SURE.search(text) or _LEFT_OPEN.search(text):
        return re.sub(r"[\[\]【】]", "", text)
    return text


def _numbers_of(match: re.Match[str], passages: int) -> list[int]:
    """The numbers that a marker names, ranges written out as far as there are passages."""
    text = match.group()
    if match["raised"]:
        return [number for run in re.split("[,،˒]", text) for number in _raised_numbers(run, passages)]
    if _OTHER_INDEX.search(text):
        return []
    numbers: list[int] = []
    for first, last, single in _RANGE.findall(text.split("†")[0]):
        numbers += [int(single)] if single else range(int(first), min(int(last), passages) + 1)
    return numbers


def _raised_numbers(run: str, passages: int) -> list[int]:
    """One number, or several of one digit each where there are not so many passages: ¹² is 12, or 1 and 2."""
    digits = run.translate(_TO_DIGITS)
    return [int(digits)] if int(digits) <= passages else [int(digit) for digit in digits]


def _last_word(before: str) -> str:
    """The word that stands before a marker, on the same line; empty where none does."""
    line = before.rsplit("\n", 1)[-1]
    word = line.split()[-1].rstrip(_CLOSING_MARKS) if line.split() else ""
    return word if any(map(str.isalnum, word)) and word[-1] not in _OPENS else ""


def _may_be_noted(word: str) -> bool:
    """Whether a raised number right behind a word can be nothing but the number of a note."""
    bare = fold_text(word).rstrip(_END_MARKS)
    if bare != fold_text(word):
        return any(char.isalnum() for char in bare)
    if bare.isdigit():
        return int(bare) in _YEARS
    return len(bare) >= _MIN_WORD_LETTERS and not units_of_word(bare)


def _insert_sign(text: str, sign: str) -> str:
    """A text with a sign behind it, or before the end marks that it ends with: a marker may follow its sentence."""
    trimmed = text.rstrip()
    words = trimmed.rstrip(_CLOSING_MARKS).rstrip(_END_MARKS)
    end = trimmed[len(words) :]
    if not end or end[0] not in _END_MARKS or (end == "." and _ABBREVIATED.search(words[-2:])):
        return text + sign
    return words + sign + end
