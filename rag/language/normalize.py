"""Folding: spellings of one word to one search key, with the way back to the text.

All offsets are code points of the text as given.
"""

import re
import unicodedata
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count, repeat

from rag.language.arabic.letters import (
    BARE_MARK_CLASS,
    HAMZA_MARK_CLASS,
    LETTER_CLASS,
    MARK_CLASS,
    SEAT_WITHOUT_HAMZA,
    SMALL_LETTERS,
    SPELLINGS,
    TATWEEL,
    THOUSANDS_SEPARATOR,
    VOWEL_MARK_CLASS,
)
from rag.types import Span

NORMALIZATION_VERSION = 4
"""Part of the index fingerprint: raise it whenever folding, sentences or terms give other results."""

_ALEF, _ALEF_WITH_MADDA, _DAGGER_ALEF = "\u0627", "\u0622", "\u0670"
_DROPPED_LETTERS = TATWEEL + SMALL_LETTERS
_DROPPED_CATEGORIES = ("Mn", "Me", "Cf")
"""Vowel signs and every other mark, zero-width and bidirectional controls, the byte order mark."""
_MARKS = re.compile(f"[{MARK_CLASS}{TATWEEL}]")
_THOUSANDS = (
    re.compile(rf"(?<=[0-9]){THOUSANDS_SEPARATOR}(?=[0-9])"),
    re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))"),
)


_WAW_FOR_ALEF = re.compile(
    f"\u0648(?=[{BARE_MARK_CLASS}]*\u0670[{BARE_MARK_CLASS}]*(?![{VOWEL_MARK_CLASS}{HAMZA_MARK_CLASS}]))"
)
"""As the Quran spells الصلوٰة. With a vowel sign or a shadda the waw is a consonant (السمَٰوَٰت)."""
_ALEF_AFTER_IT = re.compile(
    f"(\u0648[{BARE_MARK_CLASS}]*\u0670[{BARE_MARK_CLASS}]*)\u0627(?![{LETTER_CLASS}]|[{MARK_CLASS}]*[{HAMZA_MARK_CLASS}])"
)
"""As in الربوٰا, which is الربا."""
_BEGINS_WORD = r"(?<![^\W\d_])"
_HAMZA_FOR_MADDA = re.compile(
    rf"(?:{_BEGINS_WORD}|(?<![^\W\d_][\u0648\u0641])(?<=[\u0648\u0641])|(?<=\u0642\u0631)(?=\u0621\u0627\u0646))\u0621+\u0627"
)
"""ءامنوا, وءاتوا and قرءان in folded text. Elsewhere the two letters are what they say (إجراءات, جزءًا, سوءات)."""


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text folded to a search key, with the way back.

    Attributes
    ----------
    text : str
        The search key. Never shown or stored.
    source : str
        The text that was folded.
    offsets : array of int
        `offsets[i]` is where in `source` the character `text[i]` comes from; ascending.
    """

    text: str
    source: str
    offsets: "array[int]"

    def source_span(self, start: int, end: int) -> Span:
        """The span of `source` behind `text[start:end]`, with the marks that follow its last letter."""
        if start >= end:
            at = self.offsets[start] if start < len(self.text) else len(self.source)
            return Span(at, at)
        following = self.offsets[end] if end < len(self.text) else len(self.source)
        return Span(self.offsets[start], max(self.offsets[end - 1] + 1, following))

    def part(self, span: Span) -> "FoldedText":
        """The folding of `source[span.start:span.end]`, without folding it again."""
        start, end = bisect_left(self.offsets, span.start), bisect_left(self.offsets, span.end)
        offsets = array("q", (offset - span.start for offset in self.offsets[start:end]))
        return FoldedText(self.text[start:end], self.source[slice(*span)], offsets)


def fold(text: str) -> FoldedText:
    """Bring the spellings of a word together, remembering where each character came from.

    Compatibility forms are unfolded; every mark (tashkeel, hamza above and below, accents), tatweel and invisible
    control is dropped; words of the Quran are spelled as today (الصلوٰة, ءامنوا); alef, ya and ta marbuta take one
    form; digits become 0-9; thousands separators go; Latin is lower case. Idempotent, and linear in the length of
    `text`.

    Marks are dropped rather than composed (NFKD where NFKC is common), because that makes folding a map from single
    characters, so its offsets are exact on any input.

    Parameters
    ----------
    text : str
        Any text, of any length.

    Returns
    -------
    FoldedText
        The search key with the way back to `text`.
    """
    pieces = list(map(_fold_char, _respell_waw(text)))
    offsets = array("q", chain.from_iterable(map(repeat, count(), map(len, pieces))))
    key = "".join(pieces)
    dropped = {at for match in _HAMZA_FOR_MADDA.finditer(key) for at in range(match.start() + 1, match.end())}
    if dropped:
        offsets = array("q", (offset for at, offset in enumerate(offsets) if at not in dropped))
        key = _HAMZA_FOR_MADDA.sub(_ALEF, key)
    for separator in _THOUSANDS:
        dropped = {match.start() for match in separator.finditer(key)}
        if dropped:
            offsets = array("q", (offset for at, offset in enumerate(offsets) if at not in dropped))
            key = separator.sub("", key)
    return FoldedText(key, text, offsets)


def fold_text(text: str) -> str:
    """The search key of `text` alone, for callers that need no way back."""
    key = _HAMZA_FOR_MADDA.sub(_ALEF, "".join(map(_fold_char, _respell_waw(text))))
    for separator in _THOUSANDS:
        key = separator.sub("", key)
    return key


def normalize_for_embedding(text: str) -> str:
    """The text that an embedding model reads.

    Compatibility forms are unfolded and digits are 0-9; tashkeel, tatweel and invisible controls are dropped, so that
    a vocalised text and a bare one have one vector. Letters stay as they are.
    """
    composed = _DETACHED_HAMZA.sub(_compose_hamza, _respell_waw(text))
    return _HAMZA_FOR_MADDA.sub(_ALEF_WITH_MADDA, "".join(map(normalize_char, composed)))


def _respell_waw(text: str) -> str:
    """A text of the same length in which a waw that stands for an alef is one."""
    if _DAGGER_ALEF not in text:
        return text
    return _WAW_FOR_ALEF.sub(_ALEF, _ALEF_AFTER_IT.sub(rf"\1{TATWEEL}", text))


def remove_marks(text: str) -> str:
    """A text without vowel and recitation marks and without tatweel; letters stay as they are written."""
    return _MARKS.sub("", text)


def _is_dropped(char: str) -> bool:
    return char in _DROPPED_LETTERS or unicodedata.category(char) in _DROPPED_CATEGORIES


@lru_cache(maxsize=65536)
def _fold_char(char: str) -> str:
    """The search form of one character: "" when it carries none, several characters for a ligature."""
    key = char
    for _ in range(4):  # until it stays the same: lower-casing or mapping may open another decomposition
        parts = (part for part in unicodedata.normalize("NFKD", key) if not _is_dropped(part))
        step = "".join(str(unicodedata.decimal(part, part)) for part in parts).translate(SPELLINGS).lower()
        if step == key:
            break
        key = step
    return _space_before(char) + key


@lru_cache(maxsize=65536)
def normalize_char(char: str) -> str:
    """What an embedding model reads of one character, alone: none, or several for a ligature."""
    unfolded = unicodedata.normalize("NFKC", char)
    kept = "".join(str(unicodedata.decimal(part, part)) for part in unfolded if not _is_dropped(part))
    return _space_before(char) + kept


def _space_before(char: str) -> str:
    """A space before a raised digit or a fraction, which is no digit of the number it stands behind (1908¹, 1½)."""
    is_raised = unicodedata.decomposition(char).startswith(("<super>", "<fraction>"))
    return " " if is_raised and char.isnumeric() else ""


_DETACHED_HAMZA = re.compile(f"([{SEAT_WITHOUT_HAMZA}])([{VOWEL_MARK_CLASS}]{{0,3}})([{HAMZA_MARK_CLASS}])")
"""A letter whose hamza or madda stands apart, perhaps after a vowel sign: a letter of its own, not a mark."""


def _compose_hamza(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match[1] + match[3]) + match[2]
