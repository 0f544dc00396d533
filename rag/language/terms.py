"""Words and numbers of a text, each with the stems by which its spellings and forms meet."""

import re
from typing import NamedTuple

from rag.language.languages import FUNCTION_WORDS, PROFILES
from rag.language.normalize import FoldedText
from rag.types import Span

_TERM = re.compile(
    "|".join(
        (
            r"(?P<number>[0-9]+(?:\.[0-9]+)*)",
            *(f"(?P<{code}>{profile.word_pattern}){profile.word_ending_pattern}" for code, profile in PROFILES.items()),
            r"(?P<other>[^\W0-9_]+)",
        )
    )
)


class Term(NamedTuple):
    """One word or number of a text.

    Attributes
    ----------
    surface : str
        Its folded form.
    stems : tuple of str
        Its stems, one for each reading of the word.
    span : Span
        Where it stands in the text as written.
    """

    surface: str
    stems: tuple[str, ...]
    span: Span


def find_terms(text: FoldedText) -> list[Term]:
    """The words and numbers of a text in order, numbers whole."""
    return [
        Term(match[kind], _stem(match[kind], kind), text.source_span(*match.span(kind)))
        for match in _TERM.finditer(text.text)
        for kind in (str(match.lastgroup),)
    ]


def is_content(term: Term) -> bool:
    """Whether a term is no function word."""
    return term.surface not in FUNCTION_WORDS


def _stem(word: str, kind: str) -> tuple[str, ...]:
    profile = next((profile for code, profile in PROFILES.items() if code == kind), None)
    return profile.stem(word) if profile else (word,)
