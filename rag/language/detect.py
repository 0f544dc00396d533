"""The language of a text, and the script of its letters."""

import re
from collections.abc import Iterable

from rag.language.languages import DEFAULT_LANGUAGE, LANGUAGES, PROFILES
from rag.types import Language

_LETTER: dict[Language, re.Pattern[str]] = {
    code: re.compile(f"[{profile.letter_class}]") for code, profile in PROFILES.items()
}


def count_letters(text: str) -> dict[Language, int]:
    """How many letters of each language's script stand in `text`."""
    return {code: len(letter.findall(text)) for code, letter in _LETTER.items()}


def count_function_words(words: Iterable[str]) -> dict[Language, int]:
    """How many of the folded `words` are function words of each language."""
    given = list(words)
    return {code: sum(word in profile.function_words for word in given) for code, profile in PROFILES.items()}


def language_of_words(words: Iterable[str], text: str, default: Language = DEFAULT_LANGUAGE) -> Language:
    """The language of a text whose folded words are known.

    Function words decide, since names are often in another script; then the share of letters of each script.

    Parameters
    ----------
    words : iterable of str
        The folded words of the text.
    text : str
        The text as written.
    default : Language
        Given back when the text holds no letter of any language, or as many of each.
    """
    function_words = count_function_words(words)
    used = [code for code, count in function_words.items() if count]
    if len(used) == 1:
        return used[0]
    return max_language(count_letters(text)) or default


def max_language(counts: dict[Language, int]) -> Language | None:
    """The language with the largest count, None where the largest is shared."""
    best = max(counts, key=counts.__getitem__)
    return None if sum(count == counts[best] for count in counts.values()) > 1 else best


def script_of(word: str) -> Language | None:
    """The language in whose script a word begins, None for a number or another script."""
    return next((code for code in LANGUAGES if _LETTER[code].match(word)), None)


def contains_script(text: str, language: Language) -> bool:
    """Whether a letter of that language's script stands in `text`."""
    return _LETTER[language].search(text) is not None


def is_latin(word: str) -> bool:
    """Whether a folded word has Latin letters and digits only."""
    return word.isascii()
