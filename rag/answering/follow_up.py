"""Questions that follow others: put in words that stand alone."""

from collections.abc import Sequence

from prompts import reader_message, render_prompt
from rag.answering.generation import make_prompt_safe, skip_thoughts
from rag.answering.llm import ChatModel, Deadline, stream_text
from rag.errors import ModelError
from rag.grounding.verifier import NO_ANSWER
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.types import Message

_MAX_MESSAGES = 6
"""Earlier messages shown to the model."""
_MAX_MESSAGE_CHARS = 600
_MIN_CONTENT_TERMS = 2
"""A question of fewer says too little to stand alone."""
_QUOTES = "\"'“”«»"


def is_follow_up(question: Document) -> bool:
    """Whether a question refers to what was said before it, or says too little to stand alone."""
    refers_back = any(profile.follow_up.search(question.folded_text.text) for profile in PROFILES.values())
    return refers_back or len(question.content_terms) < _MIN_CONTENT_TERMS


def find_subject(history: Sequence[Message]) -> str:
    """What a conversation is about: the article that was cited last, else the last question; empty where there is
    neither."""
    questions = [message.text for message in history if message.role == "user"]
    return (last_title(history) or questions[-1]) if questions else ""


def last_title(history: Sequence[Message]) -> str:
    """The title that the last answer that named one named first; empty when none did."""
    answers = [message.text for message in history if message.role == "assistant"]
    for language, profile in PROFILES.items():
        opening, closing = profile.quotation_marks
        before, after = reader_message(language, "source", title="\0").split("\0")
        if answers and before.rstrip(opening) in answers[-1]:
            said = answers[-1].split(before, 1)[-1]
            return said.split(after.rstrip(), 1)[0].strip(opening + closing)
    return ""


def rewrite_question(
    model: ChatModel, question: Document, history: Sequence[Message], deadline: Deadline
) -> str | None:
    """A follow-up question in words that need no conversation around them.

    Parameters
    ----------
    model : ChatModel
        That rewrites.
    question : Document
        The question.
    history : sequence of Message
        The conversation before it, oldest first.
    deadline : Deadline
        For the answer as a whole.

    Returns
    -------
    str or None
        None when the model fails or gives nothing usable, which keeps every number and name of the question: the
        question itself can always be asked.
    """
    conversation = "\n".join(
        f"{message.role}: {make_prompt_safe(message.text[:_MAX_MESSAGE_CHARS])}" for message in history[-_MAX_MESSAGES:]
    )
    prompt = render_prompt(question.language, "standalone", conversation=conversation, question=question.text)
    try:
        draft = "".join(skip_thoughts(stream_text(model, [Message("user", prompt)], deadline)))
    except ModelError:
        return None
    rewritten = draft.strip().strip(_QUOTES).strip()
    return rewritten if _preserves_facts(rewritten, question) else None


def _preserves_facts(text: str, question: Document) -> bool:
    """Whether a rewritten question is one question in the same language that lost no number and no name."""
    is_one_line = 0 < len(text) <= 3 * len(question.text) + 300 and "\n" not in text
    rewritten = Document(text)
    if not is_one_line or rewritten.language != question.language or NO_ANSWER in text:
        return False
    if not question.numbers <= rewritten.numbers:
        return False
    canonical = {name for found in rewritten.names for name in found.canonical_names}
    capitalized = [
        term for term in question.content_terms if term.span.start and question.text[term.span.start].isupper()
    ]
    return all(not rewritten.content_stems.isdisjoint(term.stems) for term in capitalized) and all(
        not canonical.isdisjoint(name.canonical_names) for name in question.names if name.unambiguous
    )
