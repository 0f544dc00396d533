"""Kinds of questions, and the spellings of one question."""

import re
import unicodedata
from collections.abc import Callable

from eval.datasets import Question
from rag.language.text import fold, folded, terms

_ASKED: dict[str, dict[str, str]] = {
    "ar": {
        "how many": r"ب?كم|عدد|نسبه|مقدار",
        "when": r"متي|تاريخ|عام|سنه",
        "where": r"اين",
        "why": r"لماذا|سبب",
        "how": r"كيف",
        "who": r"من|لمن",
        "which": r"اي|ايه",
        "what": r"ما|ماذا|بماذا",
    },
    "en": {
        "how many": r"how (?:many|much|long|old|far|large|big|tall|high)",
        "when": r"when|what year|which year",
        "where": r"where",
        "why": r"why",
        "how": r"how",
        "who": r"who|whom|whose",
        "which": r"which",
        "what": r"what",
    },
}
_ARABIC_MARK = re.compile("[\u064b-\u0652\u0670]")


def labels(question: Question) -> dict[str, str]:
    """Where a question belongs, by slice."""
    words = len(terms(question.text))
    return {
        "language": question.language,
        "kind": question.kind,
        "asks": _asks(question),
        "words": "1-6" if words <= 6 else "7-12" if words <= 12 else "13+",
        "vocalised": "yes" if _ARABIC_MARK.search(question.text) else "no",
        "names": "yes" if _names(question) else "no",
        "numbers": "yes" if any(char.isdigit() for char in question.text) else "no",
    }


def _asks(question: Question) -> str:
    text = folded(question.text)
    for name, words in _ASKED[question.language].items():
        if re.search(rf"(?:^|\s|[وف])(?:{words})(?:\s|[؟?])", text):
            return name
    return "other"


def _names(question: Question) -> bool:
    """Latin words in Arabic, words with a capital inside an English sentence."""
    if question.language == "ar":
        return bool(re.search("[A-Za-z]{2}", question.text))
    return bool(re.search(r"(?<=[a-z,] )[A-Z]", question.text))


def _without_marks(text: str) -> str:
    return _ARABIC_MARK.sub("", text)


def _with_tashkeel(text: str) -> str:
    """A fatha on every Arabic letter but the last of a word: wrong vowels, as a careless writer leaves."""
    return re.sub("([\u0628-\u064a])(?=[\u0621-\u064a])", "\\1\u064e", _without_marks(text))


def _clitic(text: str) -> str:
    """و before the question, as in a conversation."""
    return f"و{text}" if text[:1].isalpha() and not text.startswith("و") else text


_FORMS = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFE80, 0xFEFD)}

_SPELLINGS: dict[str, Callable[[str], str]] = {
    "no tashkeel": _without_marks,
    "tashkeel": _with_tashkeel,
    "no hamza": lambda text: text.translate(str.maketrans("أإآؤئ", "اااوي")),
    "ya": lambda text: re.sub(r"ي\b", "ى", text),
    "ta marbuta": lambda text: re.sub(r"ة\b", "ه", text),
    "tatweel": lambda text: re.sub("([بتثجحخسشصضطظعغفقكلمنهي])(?=[\u0621-\u064a])", "\\1\u0640", text, count=5),
    "arabic digits": lambda text: text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
    "presentation forms": lambda text: "".join(_FORMS.get(char, char) for char in text),
    "clitic": _clitic,
}


def spellings(text: str) -> dict[str, str]:
    """The same Arabic question spelt otherwise, by name; only spellings that differ."""
    changed = {name: spell(text) for name, spell in _SPELLINGS.items()}
    return {name: spelt for name, spelt in changed.items() if spelt != text and fold(spelt).text}
