"""Light stemming of folded Arabic words."""

from functools import lru_cache

DEFINITE_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال")
"""The definite article with whatever may stand before it."""

CLITICS = "وفبكل"
"""One-letter words that are written together with the next word."""

ATTACHED_PREFIXES = ("", "و", "ف", "ب", "ل", "ك", "ال", "لل", "وال", "فال", "بال", "كال", "ولل", "وب", "ول", "فب")
ATTACHED_SUFFIXES = ("", "ا", "ه", "ها", "هم", "هما")
"""What may be written together with a number, a unit or the name of a month."""

_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
_MIN_STEM_LETTERS = 2
_MIN_LETTERS_AFTER_CONJUNCTION = 3
_MIN_LETTERS_WITH_CLITIC = 5


def strip_definite_prefix(word: str) -> str:
    """A word without the definite article, when two letters stay behind it."""
    for prefix in DEFINITE_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= _MIN_STEM_LETTERS:
            return word[len(prefix) :]
    return word


@lru_cache(maxsize=65536)
def light_stem(word: str) -> str:
    """The light10 stem of a folded word (Larkey, Ballesteros and Connell 2007).

    One prefix goes when two letters stay behind it (three for the bare conjunction), then every suffix in order while
    two letters stay.
    """
    bare = strip_definite_prefix(word)
    if bare is word and word.startswith("و") and len(word) > _MIN_LETTERS_AFTER_CONJUNCTION:
        bare = word[1:]
    for suffix in _SUFFIXES:
        if bare.endswith(suffix) and len(bare) - len(suffix) >= _MIN_STEM_LETTERS:
            bare = bare[: -len(suffix)]
    return bare


def stem(word: str) -> tuple[str, ...]:
    """The light stem and, where the first letter may be a clitic, the stem without it.

    A clitic cannot be told from a root letter (كتاب, فرنسا), so both readings count and neither damages the other.
    """
    whole = light_stem(word)
    if len(word) < _MIN_LETTERS_WITH_CLITIC or word[0] not in CLITICS or word.startswith(DEFINITE_PREFIXES):
        return (whole,)
    bare = light_stem(word[1:])
    return (whole,) if bare == whole else (whole, bare)
