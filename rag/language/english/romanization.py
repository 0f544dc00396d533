"""Arabic names in Latin letters, with a guess at the short vowels, which the script leaves out."""

import re

from rag.language.normalize import fold_text

_ARABIC_ARTICLE = "ال"
_LETTERS = dict(zip("ءابتثجحخدذرزسشصضطظعغفقكلمنهةى", "'abtTjHKdDrzsSsdtzAGfqklmnhaa", strict=True))
_DIGRAPHS = {"T": "th", "K": "kh", "D": "dh", "S": "sh", "G": "gh", "H": "h", "A": "'"}
_VOWELS = frozenset("aiou")
_NAME_PARTS = {"بن": "bin", "ابن": "Ibn", "ابو": "Abu", "ابي": "Abi", "ام": "Umm", "الله": "Allah", "عبد": "Abd"}
"""Parts of names that English spells in one way."""


def romanize(text: str) -> str:
    """An Arabic name in Latin letters, with a guess at the short vowels, which the script leaves out."""
    return " ".join(_romanize_word(word) for word in _strip_marks(text).split())


def _strip_marks(text: str) -> str:
    """A text without vowel marks and with one form of alef, its letters else as written."""
    plain = re.sub("[\u064b-\u0652\u0670\u0640]", "", text)
    return re.sub("[أإآٱ]", "ا", plain)


def _romanize_word(word: str) -> str:
    if word in _NAME_PARTS:
        return _NAME_PARTS[word]
    article = "al-" if word.startswith(_ARABIC_ARTICLE) and len(word) > len(_ARABIC_ARTICLE) + 1 else ""
    bare = word[len(_ARABIC_ARTICLE) :] if article else word
    letters = [_romanize_letter(bare, at) for at in range(len(bare))]
    sounds = [letter for letter in letters if letter]
    spelled = ""
    for at, sound in enumerate(sounds):
        is_last = at + 1 == len(sounds)
        needs_vowel = (
            spelled and sound not in _VOWELS and spelled[-1] not in _VOWELS and not (is_last and len(spelled) > 1)
        )
        spelled += ("a" if needs_vowel else "") + _DIGRAPHS.get(sound, sound)
    return article + spelled[:1].upper() + spelled[1:]


def _romanize_letter(word: str, at: int) -> str:
    letter = word[at]
    beside_vowel = at == 0 or word[at - 1] in "اوىي" or word[at + 1 : at + 2] in ("ا", "و", "ي")
    if letter == "و":
        return "w" if beside_vowel else "u"
    if letter == "ي":
        return "y" if beside_vowel else "i"
    return _LETTERS.get(letter, fold_text(letter))
