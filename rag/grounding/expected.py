"""What the reader takes for the answer, held against what a model says."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from rag.embedding.bm25 import index_terms
from rag.grounding.attribution import Similarity, cite, holds_facts
from rag.grounding.elliptical import index_keys, is_elliptical
from rag.grounding.passage import Passage
from rag.grounding.quantities import is_pronoun
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.units import Quantity
from rag.types import Citation, Hit, Span

_MIN_AGREEING, _MIN_DENYING = 0.1, 0.3
"""Probability of the reader's words from which their number supports a statement, or casts doubt on one with another
number. Of 416 questions for a number over articles that the reader was not trained on it supports the right number for
0.68 and casts doubt on it for 0.03; on another number of the same passages for 0.50. From 0.2 on these are 0.08 and
0.64, from 0.4 on 0.01 and 0.40."""
_MAX_BARE_TERMS = 4
"""A longer statement says more than what the reader takes for the answer: of the true drafts of
`eval/gold/drafts-judge.jsonl` three of five to eight terms were doubted."""
_BARE_WEIGHTS, _BARE_BIAS = (0.98, 2.9, -0.25, 2.88, 0.64), -2.32
_MIN_BARE = 0.35
"""Of the fields of `BareEvidence`, by logistic regression, and the probability from which a bare answer is supported.
Of answers to questions about articles that the reader was not trained on 0.76 of the right ones are supported within a
language, 0.23 of those to another question about the same passage and 0.00 of those to one about another passage; by
the passage alone 0.83, 0.62 and 0.02. Across languages these are 0.80, 0.28 and 0.05 in place of 0.63, 0.40 and 0.10
(`python -m eval.reading.fit_bare SETS`, 1,002 answers; the weights were fitted on the first two kinds of these, read by
the reader of the version before, and such that are fitted on other articles tell them as well)."""
_MIN_ODDS = 1e-4


class ReadAnswer(NamedTuple):
    """What the reader takes for the answer in one sentence.

    Attributes
    ----------
    words : Document
        They; empty where it tells none.
    probability : float
        That the sentence answers, 0..1.
    words_probability : float
        That these words do, given that the sentence does, 0..1.
    hit : Hit
        Where they stand.
    sentence : Span
        Which holds them, in offsets of the article.
    """

    words: Document
    probability: float
    words_probability: float
    hit: Hit
    sentence: Span

    @property
    def text(self) -> Document:
        """The sentence."""
        return Document(self.hit.article.text[slice(*self.sentence)])


class BareEvidence(NamedTuple):
    """What the reader makes of a bare answer; each but `certainty` 0..1.

    Attributes
    ----------
    in_sentences : float
        Share of its terms in the sentences that were read, weighted by their probabilities.
    like_words : float
        Its cosine to the reader's words, likewise.
    certainty : float
        Logit of the probability of the likeliest words.
    in_words : float
        Share of its terms in the reader's words, times the probability of these.
    is_across : float
        1 where the likeliest sentence is in another language.
    """

    in_sentences: float
    like_words: float
    certainty: float
    in_words: float
    is_across: float


class ExpectedAnswer(NamedTuple):
    """What the reader takes for the answer to a question.

    Attributes
    ----------
    read : tuple of ReadAnswer
        At least one, the likeliest first.
    """

    read: tuple[ReadAnswer, ...]

    @property
    def probability(self) -> float:
        """That the likeliest words answer, 0..1."""
        return self.read[0].probability * self.read[0].words_probability

    def supports(self, statement: Document, question: Document) -> bool:
        """Whether a statement tells the number of the likeliest words, and no other that the question does not tell."""
        stated, own = _new_numbers(statement, question), _new_numbers(self.read[0].words, question)
        return self.probability >= _MIN_AGREEING and bool(stated) and set(stated) <= set(own)

    def doubts(self, statement: Document, question: Document) -> bool:
        """Whether a statement tells another number in place of this one, of the same thing as far as units say."""
        stated, own = _new_numbers(statement, question), _new_numbers(self.read[0].words, question)
        if self.probability < _MIN_DENYING or not stated or not own or not set(stated).isdisjoint(own):
            return False
        units, own_units = _units(stated), _units(own)
        return not units or not own_units or not units.isdisjoint(own_units)

    def support_of_bare(self, statement: Document, similarity: Similarity) -> float:
        """The probability that a bare answer is the right one, 0..1."""
        evidence = self.weigh_bare(statement, similarity)
        odds = _BARE_BIAS + sum(weight * value for weight, value in zip(_BARE_WEIGHTS, evidence, strict=True))
        return 1 / (1 + math.exp(-odds))

    def weigh_bare(self, statement: Document, similarity: Similarity) -> BareEvidence:
        """What the reader makes of a bare answer."""
        total = sum(one.probability for one in self.read) or 1.0
        shares = [one.probability / total for one in self.read]
        sure = min(max(self.probability, _MIN_ODDS), 1 - _MIN_ODDS)
        return BareEvidence(
            in_sentences=_dot(shares, [_share_held(statement, one.text) for one in self.read]),
            like_words=_dot(shares, [_likeness(statement, one.words, similarity) for one in self.read]),
            certainty=math.log(sure / (1 - sure)),
            in_words=sum(
                one.probability * one.words_probability * _share_held(statement, one.words) for one in self.read
            ),
            is_across=float(self.read[0].text.language != statement.language),
        )

    def nearest(self, statement: Document) -> ReadAnswer:
        """The sentence that a bare answer rests on: the likeliest that holds its terms."""
        return max(self.read, key=lambda one: one.probability * (1 + _share_held(statement, one.text)))


class ExpectationCheck:
    """Holds the first statement of a draft that answers in a few words, or tells a number, against what the reader
    expects; those behind it may tell of something else.

    The reader errs too, so that what it doubts is marked, not left out.

    Parameters
    ----------
    expected : ExpectedAnswer
        To the question.
    question : Document
        What the draft answers.
    similarity : Similarity
        Compares words.
    """

    def __init__(self, expected: ExpectedAnswer, question: Document, similarity: Similarity) -> None:
        self._expected, self._question, self._similarity = expected, question, similarity
        self._is_done = False

    def check(self, statement: Document, citations: list[Citation], may_be_bare: bool) -> list[Citation]:
        """The citations of a statement, with what the reader says of it.

        Parameters
        ----------
        statement : Document
            A sentence of the draft.
        citations : list of Citation
            What the passages alone support it by.
        may_be_bare : bool
            Whether it is the first, and no item of a list.
        """
        if self._is_done:
            return citations
        if may_be_bare and is_bare(statement, self._question):
            self._is_done = True
            return self._check_bare(statement, citations)
        if has_new_number(statement, self._question):
            self._is_done = True
            return self._check_number(statement, citations)
        return citations

    def _check_bare(self, statement: Document, citations: list[Citation]) -> list[Citation]:
        """Any sentence with its words would support it, so that the reader decides."""
        support = self._expected.support_of_bare(statement, self._similarity)
        if support < _MIN_BARE:
            return _doubt(citations)
        if _is_supported(citations):
            return citations
        read = self._expected.nearest(statement)
        # Words that are like the reader's may tell another number or name: "$99 million" is like "$47 million".
        has_facts = holds_facts(statement, Passage(read.hit), read.text, self._similarity)
        return [_cite(read, support)] if has_facts else citations

    def _check_number(self, statement: Document, citations: list[Citation]) -> list[Citation]:
        expected, question = self._expected, self._question
        if expected.doubts(statement, question):
            return _doubt(citations)
        is_unverified = all(citation.verdict == "unverified" for citation in citations)
        if is_unverified and is_elliptical(statement) and expected.supports(statement, question):
            return [_cite(expected.read[0], expected.probability)]
        return citations


def is_bare(statement: Document, question: Document) -> bool:
    """Whether a statement is an answer alone ("In Damascus."), which repeats nothing of its question: short, and to a
    question for one thing that yes or no does not answer."""
    profile, asked = PROFILES[question.language], question.folded_text.text
    if not 0 < len(statement.content_terms) <= _MAX_BARE_TERMS:
        return False
    if profile.asks_whether.match(asked) or profile.asks_list.search(asked):
        return False
    return index_keys(question).isdisjoint(index_keys(statement))


def has_new_number(statement: Document, question: Document) -> bool:
    """Whether a statement tells a number that its question does not."""
    return bool(_new_numbers(statement, question))


def _doubt(citations: Sequence[Citation]) -> list[Citation]:
    return [one if one.verdict == "contradicted" else replace(one, verdict="unverified") for one in citations]


def _is_supported(citations: Sequence[Citation]) -> bool:
    return any(citation.verdict in ("supported", "verbatim") for citation in citations)


def _cite(read: ReadAnswer, support: float) -> Citation:
    return cite(read.hit, read.sentence, "supported", support)


def _dot(shares: Sequence[float], values: Sequence[float]) -> float:
    return sum(share * value for share, value in zip(shares, values, strict=True))


def _likeness(statement: Document, words: Document, similarity: Similarity) -> float:
    return similarity.max_word_similarity(statement.text, [words.text]) if words.text else 0.0


def _share_held(statement: Document, text: Document) -> float:
    """Share of the terms of a statement that a text holds, 0..1."""
    held = index_keys(text)
    terms = [keys for _, keys in index_terms(statement)]
    return sum(not held.isdisjoint(keys) for keys in terms) / (len(terms) or 1)


def _new_numbers(document: Document, question: Document) -> dict[Fraction, Quantity]:
    asked = {quantity.number.value for quantity in question.quantities}
    counted = (quantity for quantity in document.quantities if not is_pronoun(quantity))
    return {quantity.number.value: quantity for quantity in counted if quantity.number.value not in asked}


def _units(numbers: dict[Fraction, Quantity]) -> frozenset[str]:
    return frozenset[str]().union(*(quantity.units for quantity in numbers.values()))
