"""Questions about several things at once, as one question for each."""

from typing import NamedTuple

from rag.answering.follow_up import is_follow_up
from rag.answering.wordings import match_wording
from rag.language.document import Document

_QUESTION_MARKS = ("?", "؟")
_MAX_PARTS = 4


class Part(NamedTuple):
    """One of the things that are asked about.

    Attributes
    ----------
    subject : str
        What stands before its answer.
    question : str
        What is searched for.
    """

    subject: str
    question: str


def split_question(question: Document) -> list[Part]:
    """The things that a question compares, or the questions that it consists of; empty where it is about one thing."""
    if slots := match_wording(question, "compare"):
        return [Part(slots["first"], slots["first"]), Part(slots["second"], _complete(slots["second"], slots["first"]))]
    if slots := match_wording(question, "choose"):
        return [Part(slots[name], f"{slots['asked']} {slots[name]}") for name in ("first", "second")]
    return _split_sentences(question)


def _complete(second: str, first: str) -> str:
    """The second of two things, in words that stand alone: a number takes the place of the first one's last word."""
    if not second.replace("-", "").isdigit():
        return second
    terms = Document(first).terms
    return f"{first[: terms[-1].span.start]}{second}" if len(terms) > 1 else second


def _split_sentences(question: Document) -> list[Part]:
    sentences = [question.text[slice(*span)].strip() for span in question.sentences]
    asked = [sentence for sentence in sentences if sentence.endswith(_QUESTION_MARKS)]
    if not 1 < len(asked) == len(sentences) <= _MAX_PARTS:
        return []
    first = asked[0]
    return [
        Part(sentence, f"{first} {sentence}" if sentence != first and is_follow_up(Document(sentence)) else sentence)
        for sentence in asked
    ]
