"""Names across scripts: words by the sound of their consonants."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rag.language.detect import script_of
from rag.language.english.profile import ENGLISH
from rag.language.languages import PROFILES
from rag.language.profile import LanguageProfile
from rag.language.terms import Term

_MIN_CONSONANTS = 3
_REPEATED = re.compile(r"(.)\1+")


@lru_cache(maxsize=65536)
def consonant_skeleton(word: str) -> str:
    """The consonants of a folded word in an alphabet shared by all scripts: Prometheus and بروميثيوس are one.

    Vowels, glides and a final h go, sounds that transliteration confuses take one letter, doubles are single.
    """
    return _REPEATED.sub(r"\1", _profile_of(word).skeleton(word)).rstrip("h")


def phonetic_keys(term: Term, text: str) -> tuple[str, ...]:
    """The consonant skeletons, of three consonants or more, of a term that may be a name.

    Parameters
    ----------
    term : Term
        A term of `text`.
    text : str
        The text as written: in Latin script a name has a capital.
    """
    word = term.surface
    forms = _profile_of(word).name_forms(word, text[slice(*term.span)])
    skeletons = map(consonant_skeleton, forms)
    return tuple(dict.fromkeys(skeleton for skeleton in skeletons if len(skeleton) >= _MIN_CONSONANTS))


def noun_keys(stems: Iterable[str]) -> frozenset[str]:
    """What a noun of some stems is known by in the singular and the plural: these, and the consonants that broken
    plurals share with their singulars (ملعب, ملاعب)."""
    skeletons = map(consonant_skeleton, stems)
    return frozenset((*stems, *(skeleton for skeleton in skeletons if len(skeleton) >= _MIN_CONSONANTS)))


def _profile_of(word: str) -> LanguageProfile:
    """The profile of a word's script; Latin rules for a script that no language has."""
    code = script_of(word)
    return PROFILES[code] if code else ENGLISH
