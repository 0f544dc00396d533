"""The languages that Dalil knows, by code."""

from rag.language.arabic.profile import ARABIC
from rag.language.english.profile import ENGLISH
from rag.language.profile import LanguageProfile
from rag.types import Language

PROFILES: dict[Language, LanguageProfile] = {profile.code: profile for profile in (ARABIC, ENGLISH)}
"""Every language; the first one is that of a text that tells none."""

LANGUAGES: tuple[Language, ...] = tuple(PROFILES)
DEFAULT_LANGUAGE: Language = LANGUAGES[0]
PROGRAM_LANGUAGE: Language = "en"
"""In which the API, the command line and the log say what went wrong."""

FUNCTION_WORDS = frozenset[str]().union(*(profile.function_words for profile in PROFILES.values()))
"""Of all languages: a rare language's "the" must not count as a rare word."""

NAME_PARTICLES = frozenset[str]().union(*(profile.name_particles for profile in PROFILES.values()))
"""Parts of names that are no names by themselves, in any language."""


_NAMES: dict[str, Language] = {
    "ara": "ar", "arb": "ar", "arabic": "ar", "عربي": "ar", "عربية": "ar", "العربية": "ar", "اللغة العربية": "ar",
    "eng": "en", "english": "en", "إنجليزي": "en", "إنجليزية": "en", "الإنجليزية": "en", "اللغة الإنجليزية": "en",
}  # fmt: skip
"""ISO 639-3 codes and names, as people write them beside the codes of two letters."""


def other_language(language: Language) -> Language:
    """The language that is not `language`."""
    return next(code for code in LANGUAGES if code != language)


def as_language(code: str | None) -> Language | None:
    """`code` as a language, None when Dalil knows none of that code."""
    return next((language for language in LANGUAGES if language == code), None)


def find_language(name: str) -> Language | None:
    """The language of a code, with or without a region, or of a name that people write; None when Dalil knows none."""
    written = name.lower()
    return _NAMES.get(written) or as_language(written.replace("_", "-").partition("-")[0])
