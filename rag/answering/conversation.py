"""What a question says beside what it asks: the language of the answer, or something about the answer before it.

"In English, please", "shorter", "explain" are no questions: the question before them is answered once more, in another
language, shorter or longer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from rag.answering.intents import TURNS, IntentDetector, IntentKind
from rag.answering.utterances import match_utterance
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from rag.types import AnswerRequest, Detail, Language, Message

_DETAIL: dict[IntentKind, Detail] = {"shorter": "short", "longer": "long", "again": "usual"}


class _Said(NamedTuple):
    """A question without the language that it names, and that; None where it names none."""

    question: str
    language: Language | None


def resolve_request(request: AnswerRequest, intents: IntentDetector) -> AnswerRequest:
    """What is to be answered: the question itself, or the one before it where it is about the last answer.

    Parameters
    ----------
    request : AnswerRequest
        As it came.
    intents : IntentDetector
        Tells what is no question.
    """
    said = _take_language(request.question)
    language = said.language or request.language or _language_of_system(request.history)
    detail = _find_detail(said, intents) if request.history else None
    earlier = _last_question(request.history, intents) if detail else None
    if detail is None or earlier is None:
        return replace(request, question=said.question or request.question, language=language)
    before = resolve_request(
        replace(request, question=request.history[earlier].text, history=request.history[:earlier], language=None),
        intents,
    )
    return replace(before, language=language or before.language, detail=detail)


def _take_language(question: str) -> _Said:
    document = Document(question)
    for language in LANGUAGES:
        if match_utterance(document, f"only_in_{language}") is not None:
            return _Said("", language)
        if slots := match_utterance(document, f"answer_in_{language}"):
            return _Said(slots["question"], language)
    return _Said(question, None)


def _find_detail(said: _Said, intents: IntentDetector) -> Detail | None:
    """How the last answer is to be given once more; None for a question of its own."""
    if not said.question:
        return "usual"
    intent = intents.detect_turn(Document(said.question))
    return _DETAIL[intent.kind] if intent else None


def _last_question(history: Sequence[Message], intents: IntentDetector) -> int | None:
    """The place of the last message that asked something of its own."""
    for at in range(len(history) - 1, -1, -1):
        if history[at].role == "user" and not _is_about_answer(history[at].text, intents):
            return at
    return None


def _is_about_answer(text: str, intents: IntentDetector) -> bool:
    said = _take_language(text)
    if not said.question:
        return True
    document = Document(said.question)
    intent = intents.detect_turn(document) or intents.detect(document)
    return intent is not None and (intent.kind in TURNS or intent.kind in ("greeting", "thanks"))


def _language_of_system(history: Sequence[Message]) -> Language | None:
    """The language that a system message names."""
    for message in history:
        if message.role != "system":
            continue
        for language in LANGUAGES:
            if match_utterance(Document(message.text), f"system_in_{language}") is not None:
                return language
    return None
