"""Questions about several things at once, as one question for each."""

import re
from itertools import pairwise
from typing import NamedTuple

from rag.answering.follow_up import is_follow_up, without_conjunction
from rag.answering.utterances import match_utterance
from rag.language.document import Document
from rag.language.languages import PROFILES

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
    asked : str
        What its sentences have to answer.
    """

    subject: str
    question: str
    asked: str


def decompose_question(question: Document) -> list[SubQuestion]:
    """The things that a question compares, or the questions that it consists of; empty where it is about one thing."""
    if slots := match_utterance(question, "compare"):
        return [
            _about(slots["first"], slots["first"]),
            _about(second := _complete(slots["second"], slots["first"]), second),
        ]
    if slots := match_utterance(question, "choose"):
        return [_about(slots[name], f"{slots['asked']} {slots[name]}") for name in ("first", "second")]
    return _split_sentences(question)


def _about(subject: str, question: str) -> SubQuestion:
    return SubQuestion(subject, question, question)


def _complete(second: str, first: str) -> str:
    """The second of two things, in words that stand alone: a number takes the place of the first one's last word."""
    if not second.replace("-", "").isdigit():
        return second
    terms = Document(first).terms
    return f"{first[: terms[-1].span.start]}{second}" if len(terms) > 1 else second


def _split_sentences(question: Document) -> list[SubQuestion]:
    sentences = [question.text[slice(*span)].strip() for span in question.sentences]
    asked = [sentence for sentence in sentences if sentence.endswith(_QUESTION_MARKS)]
    if len(sentences) == 1:
        asked = sentences = _split_clauses(question)
    if not 1 < len(asked) == len(sentences) <= _MAX_SUB_QUESTIONS:
        return []
    first, *others = asked
    earlier = Document(first, question.language)
    return [_about(first, first), *(_after(earlier, other) for other in others)]


def _after(first: Document, other: str) -> SubQuestion:
    """A question behind another one; one that says only what is done, or whose, on the subject of that."""
    bare = without_conjunction(other)
    if len(Document(bare, first.language).content_terms) == 1 and len(first.content_terms) > 1:
        subject = first.text[first.content_terms[1].span.start :]  # in Arabic what is done stands before by whom
        asked = f"{bare.rstrip(''.join(_QUESTION_MARKS))} {subject}"
        return SubQuestion(bare, asked, asked)
    return SubQuestion(bare, _stand_alone(other, first.text), bare)


def _split_clauses(question: Document) -> list[str]:
    """The questions that are joined to one by "and", each of which begins with a word that asks."""
    folded = question.folded_text
    words = "|".join(PROFILES[question.language].question_types.values())
    if not re.match(rf"\W*(?:{words})(?!\w)", folded.text):
        return []
    joints = [
        folded.source_span(*match.span(1)).start
        for match in re.finditer(rf"(?:^|\s)(?:و|and )(?=({words})(?!\w))", folded.text)
    ]
    edges = [0, *joints, len(question.text)]
    clauses = [question.text[start:end].strip() for start, end in pairwise(edges)]
    if not all(Document(clause).content_terms for clause in clauses):
        return []
    mark = question.text.rstrip()[-1:] if question.text.rstrip().endswith(_QUESTION_MARKS) else ""
    return [
        re.sub(r"[\s,،]+(?:and|و)$", "", clause).rstrip("".join(_QUESTION_MARKS) + " ") + mark for clause in clauses
    ]


def _stand_alone(question: str, first: str) -> str:
    """A question that refers to the first one, with that before it."""
    return f"{first} {question}" if is_follow_up(Document(question)) else question
