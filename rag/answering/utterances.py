"""How people word what is no plain question: `prompts/<language>/intents.json`, examples and patterns with slots."""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

from rag.language.document import Document
from rag.language.languages import LANGUAGES
from rag.types import Language

_SLOT = re.compile(r"\{(\w+)\}")
_AROUND = r"[\W_]*"
"""Marks before and behind what is said."""


@cache
def utterances(language: Language) -> dict[str, Sequence[str]]:
    """Examples or patterns by what they mean, as people of a language word it."""
    text = resources.files("prompts").joinpath(language, "intents.json").read_text("utf-8")
    found: dict[str, Sequence[str]] = json.loads(text)
    return found


def match_utterance(question: Document, meaning: str) -> dict[str, str] | None:
    """What stands in the slots of the first pattern that a question follows, in the question's own words.

    Parameters
    ----------
    question : Document
        The whole of it has to follow the pattern.
    meaning : str
        Names the patterns.
    """
    folded = question.folded_text
    for language in LANGUAGES:
        for pattern in _patterns(language, meaning):
            if match := pattern.fullmatch(folded.text):
                spans = {name: folded.source_span(*match.span(name)) for name in match.groupdict()}
                return {name: question.text[slice(*span)].strip() for name, span in spans.items()}
    return None


@cache
def _patterns(language: Language, meaning: str) -> list[re.Pattern[str]]:
    """Patterns over folded text: a blank is any white space, `{name}` a slot."""
    bodies = (_SLOT.sub(r"(?P<\1>\\S.*?)", text).replace(" ", r"\s+") for text in utterances(language).get(meaning, ()))
    return [re.compile(f"{_AROUND}(?:{body}){_AROUND}", re.DOTALL) for body in bodies]
