"""Letters that an Arabic text lost: words that nobody writes and that are a word with one letter more.

The words are pyspellchecker's, 120,000 forms of film subtitles. Names are no words of it either, but seldom a word that
lacks one letter.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from math import sqrt

from spellchecker import SpellChecker

from rag.language.arabic.letters import BASIC_LETTER_CLASS
from rag.language.normalize import fold_text

_WORD = re.compile(f"[{BASIC_LETTER_CLASS}]+")
_LETTERS = "ءابتثجحخدذرزسشصضطظعغفقكلمنهوي"
"""What words are written with once they are folded."""
_UTHMANI_SIGN = re.compile("[\u0670\u0671\u06d6-\u06ed]")
_MAX_UTHMANI = 0.05
"""To all words: the Quran is written without letters that its words have elsewhere."""
_MIN_WORDS, _MIN_LETTERS = 25, 3
_MAX_LACKING, _LACKING_NOISE = 0.04, 0.6
"""Share of the different words that may lack a letter; more in a text of few words, by their square root. Of 1,849 good
texts (question sets, the sample articles, texts of an interface, questions in dialects) none is over the limit: the
nearest have 0.115 of 26 words, 0.099 of 101 and 0.051 of 316. With a twentieth of the letters gone 99 of 100 texts of
200 words and more have 0.086 (`python -m eval.text_health`)."""
_PARTS, _EVERYWHERE = 3, 0.5
"""Where letters are lost they are so throughout: each third of the text has half the limit. A text of which one part is
in a broken font is told otherwise."""


def lacks_letters(text: str) -> bool:
    """Whether so many words of a text lack a letter, from its beginning to its end, that it lost some; False for less
    than 25 different words, which tell too little."""
    words = _WORD.findall(fold_text(text))
    if len(set(words)) < _MIN_WORDS or len(_UTHMANI_SIGN.findall(text)) > _MAX_UTHMANI * len(words):
        return False
    limit = _MAX_LACKING + _LACKING_NOISE / sqrt(len(set(words)))
    third = -(-len(words) // _PARTS)
    parts = [words[at : at + third] for at in range(0, len(words), third)]
    return _share_lacking(words) > limit and min(map(_share_lacking, parts)) > limit * _EVERYWHERE


def _share_lacking(words: Sequence[str]) -> float:
    different = set(words)
    return sum(map(_lacks_letter, different)) / len(different)


@lru_cache(maxsize=50_000)
def _lacks_letter(word: str) -> bool:
    known = _known_words()
    if len(word) < _MIN_LETTERS or word in known:
        return False
    return any(f"{word[:at]}{letter}{word[at:]}" in known for at in range(len(word) + 1) for letter in _LETTERS)


@cache
def _known_words() -> frozenset[str]:
    return frozenset(map(fold_text, SpellChecker(language="ar").word_frequency.dictionary))
