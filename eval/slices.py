"""Kinds of questions, and other spellings of one question."""

import re
import unicodedata
from collections.abc import Callable

from eval.datasets import Question
from rag.language.arabic.letters import BASIC_LETTER_CLASS, TATWEEL, VOWEL_MARK_CLASS
from rag.language.arabic.profile import ARABIC
from rag.language.document import Document
from rag.language.english.letters import ASCII_LETTER_CLASS
from rag.language.english.profile import ENGLISH
from rag.language.languages import PROFILES
from rag.language.normalize import fold_text
from rag.types import Language

_VOWEL_MARK = re.compile(f"[{VOWEL_MARK_CLASS}]")
_NAME: dict[Language, re.Pattern[str]] = {
    ARABIC.code: re.compile(f"[{ASCII_LETTER_CLASS}]{{2}}"),
    ENGLISH.code: re.compile(r"(?<=[a-z,] )[A-Z]"),
}
"""What shows a name: a Latin word in an Arabic question, a capital inside an English one."""


def label_question(question: Question) -> dict[str, str]:
    """The value of each slice that a question belongs to, by the name of the slice."""
    words = len(Document(question.text).terms)
    return {
        "language": question.language,
        "kind": question.kind,
        "asks": _question_type(question),
        "words": "1-6" if words <= 6 else "7-12" if words <= 12 else "13+",
        "vocalised": _yes_or_no(_VOWEL_MARK.search(question.text)),
        "names": _yes_or_no(_NAME[question.language].search(question.text)),
        "numbers": _yes_or_no(any(char.isdigit() for char in question.text)),
    }


def respell(question: Question) -> dict[str, str]:
    """A question in other spellings, by the name of the spelling.

    Only spellings that differ from the question are given; for a language that is spelt in one way there are none.
    """
    spelt = {name: spell(question.text) for name, spell in _SPELLINGS.get(question.language, {}).items()}
    return {name: text for name, text in spelt.items() if text != question.text and fold_text(text)}


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"


def _question_type(question: Question) -> str:
    text = fold_text(question.text)
    for name, words in PROFILES[question.language].question_types.items():
        if re.search(rf"(?:^|\s|[وف])(?:{words})(?:\s|[؟?])", text):
            return name
    return "other"


# Spellings of Arabic

_BEFORE_LETTER = f"(?=[{BASIC_LETTER_CLASS}])"
_VOCALISED_LETTER = re.compile(f"((?![ءآأؤإئا])[{BASIC_LETTER_CLASS}]){_BEFORE_LETTER}")
_FATHA = "\u064e"
_STRETCHED_LETTER = re.compile(f"([بتثجحخسشصضطظعغفقكلمنهي]){_BEFORE_LETTER}")
_MAX_STRETCHED = 5
_WITHOUT_HAMZA = str.maketrans("أإآؤئ", "اااوي")
_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_FIRST_PRESENTATION_FORM, _LAST_PRESENTATION_FORM = 0xFE80, 0xFEFC
_PRESENTATION_FORMS = {
    unicodedata.normalize("NFKC", chr(code)): chr(code)
    for code in range(_FIRST_PRESENTATION_FORM, _LAST_PRESENTATION_FORM + 1)
}
"""A presentation form of each letter, as old documents hold them."""


def _remove_vowel_marks(text: str) -> str:
    return _VOWEL_MARK.sub("", text)


def _add_vowel_marks(text: str) -> str:
    """A fatha on every consonant but the last letter of a word: wrong vowels, as a careless writer leaves."""
    return _VOCALISED_LETTER.sub(rf"\1{_FATHA}", _remove_vowel_marks(text))


def _add_clitic(text: str) -> str:
    """و before the question, as in a conversation."""
    return f"و{text}" if text[:1].isalpha() and not text.startswith("و") else text


_SPELLINGS: dict[Language, dict[str, Callable[[str], str]]] = {
    ARABIC.code: {
        "no tashkeel": _remove_vowel_marks,
        "tashkeel": _add_vowel_marks,
        "no hamza": lambda text: text.translate(_WITHOUT_HAMZA),
        "ya": lambda text: re.sub(r"ي\b", "ى", text),
        "ta marbuta": lambda text: re.sub(r"ة\b", "ه", text),
        "tatweel": lambda text: _STRETCHED_LETTER.sub(rf"\1{TATWEEL}", text, count=_MAX_STRETCHED),
        "arabic digits": lambda text: text.translate(_ARABIC_DIGITS),
        "presentation forms": lambda text: "".join(_PRESENTATION_FORMS.get(char, char) for char in text),
        "clitic": _add_clitic,
    }
}
