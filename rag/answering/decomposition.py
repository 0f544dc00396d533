"""Questions about several things at once, as one question for each."""

from typing import NamedTuple

from rag.answering.follow_up import is_follow_up
from rag.answering.utterances import match_utterance
from rag.language.document import Document

_QUESTION_MARKS = ("?", "؟")
_MAX_SUB_QUESTIONS = 4


class SubQuestion(NamedTuple):
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


def decompose_question(question: Document) -> list[SubQuestion]:
    """The things that a question compares, or the questions that it consists of; empty where it is about one thing."""
    if slots := match_utterance(question, "compare"):
        return [
            SubQuestion(slots["first"], slots["first"]),
            SubQuestion(slots["second"], _complete(slots["second"], slots["first"])),
        ]
    if slots := match_utterance(question, "choose"):
        return [SubQuestion(slots[name], f"{slots['asked']} {slots[name]}") for name in ("first", "second")]
    return _split_sentences(question)


def _complete(second: str, first: str) -> str:
    """The second of two things, in words that stand alone: a number takes the place of the first one's last word."""
    if not second.replace("-", "").isdigit():
        return second
    terms = Document(first).terms
    return f"{first[: terms[-1].span.start]}{second}" if len(terms) > 1 else second


def _split_sentences(question: Document) -> list[SubQuestion]:
    sentences = [question.text[slice(*span)].strip() for span in question.sentences]
    asked = [sentence for sentence in sentences if sentence.endswith(_QUESTION_MARKS)]
    if not 1 < len(asked) == len(sentences) <= _MAX_SUB_QUESTIONS:
        return []
    return [SubQuestion(one, _stand_alone(one, asked[0]) if at else one) for at, one in enumerate(asked)]


def _stand_alone(question: str, first: str) -> str:
    """A question that refers to the first one, with that before it."""
    return f"{first} {question}" if is_follow_up(Document(question)) else question
