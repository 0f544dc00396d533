"""Whether a model says that the passages hold no answer, in whichever words: `prompts/<language>/declines.json`."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from rag.grounding.markers import MARKER
from rag.language.languages import LANGUAGES
from rag.language.normalize import fold_text
from rag.types import Language

_MAX_WORDS = 40
"""Of a reply that says nothing else."""
_CLAUSE = re.compile(r"[^,،;؛:]+[,،;؛:]*")
_PART_END = re.compile(r"[\n.:!؟?،,;؛]+")


class _Declines(NamedTuple):
    """How one language says it.

    Attributes
    ----------
    mark : str
        What a model is told to write.
    marks : frozenset of str
        The mark and others of its kind, folded and without spaces.
    patterns : tuple of re.Pattern
        Of which one is in a reply that says it in a sentence, folded and without punctuation.
    contrast : re.Pattern
        In a reply that says something else as well.
    subject : re.Pattern
        What a sentence about the passages, and not about what they tell, names.
    """

    mark: str
    marks: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    contrast: re.Pattern[str]
    subject: re.Pattern[str]


def no_answer_mark(language: Language) -> str:
    """What a model that answers in a language is told to write when the passages do not hold the answer."""
    return _declines(language).mark


def is_decline(reply: str) -> bool:
    """Whether a whole reply says, in either language, that the passages hold no answer, and nothing else."""
    plain = MARKER.sub(" ", reply)
    words = _fold_words(plain)
    if not words or len(words.split()) > _MAX_WORDS:
        return False
    parts = {_fold_words(part).replace(" ", "") for part in _PART_END.split(plain)} | {words.replace(" ", "")}
    return any(_says_so(words, parts, _declines(language)) for language in LANGUAGES)


def strip_decline(statement: str) -> str:
    """What a statement says of anything but of what the passages leave out; empty where it says nothing else."""
    parts = [part for part in _CLAUSE.findall(statement) if part.strip()]
    kept = [part for part in parts if not _tells_what_lacks(_fold_words(part))]
    return statement if len(kept) == len(parts) else "".join(kept).strip()


def _tells_what_lacks(words: str) -> bool:
    """Whether folded words say that the passages lack something, and give no number."""
    if any(char.isdigit() for char in words):
        return False
    languages = (_declines(language) for language in LANGUAGES)
    return any(
        one.subject.search(words) and any(pattern.search(words) for pattern in one.patterns) for one in languages
    )


def _says_so(words: str, parts: set[str], declines: _Declines) -> bool:
    """Whether a reply is, or has as a part, one of the marks, or says the same in a sentence that gives no number."""
    if not parts.isdisjoint(declines.marks):
        return True
    says_more = declines.contrast.search(words) or any(char.isdigit() for char in words)
    return not says_more and any(pattern.search(words) for pattern in declines.patterns)


def _fold_words(text: str) -> str:
    """The folded words of a text, one space between two; whatever is no letter or digit parts words."""
    return " ".join(re.findall(r"[^\W_]+", fold_text(text)))


@cache
def _declines(language: Language) -> _Declines:
    text = resources.files("prompts").joinpath(language, "declines.json").read_text("utf-8")
    data: Mapping[str, Any] = json.loads(text)
    marks = frozenset(_fold_words(mark).replace(" ", "") for mark in (data["mark"], *data["marks"]))
    patterns = tuple(re.compile(pattern) for pattern in data["patterns"])
    return _Declines(data["mark"], marks, patterns, re.compile(data["contrast"]), re.compile(data["subject"]))
