"""The sentences of the first hits, each with how well it matches the question."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rag.answering.lists import find_leading_lines
from rag.embedding import QueryVectors
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.retrieval.retriever import RetrievalResult
from rag.store import SentenceVectors
from rag.types import Hit, Span

MAX_HITS_READ = 4
"""Hits whose sentences may be quoted: sentence vectors are needed for no more."""
_SENTENCE_WEIGHT, _HIT_WEIGHT, _COVERAGE_WEIGHT, _QUANTITY_WEIGHT = 0.2, 2.0, 0.1, 0.03
"""Beside the token score of the sentence. The first quote holds the answer, before (sentence weight 0.3, coverage of
all terms, no context) and now: gold set 0.61, 0.69 (Arabic, English) and 0.69, 0.72; XQuAD 0.740, 0.660 and 0.747,
0.663; TyDi 0.777 and 0.786; MLQA 0.613 and 0.613; ARCD 0.736 and 0.749; OMoS in the given page 0.559 and 0.613."""
_TITLE_CONTEXT, _EARLIER_CONTEXT, _EARLIER_SENTENCES = 0.9, 0.7, 2
"""What a sentence need not say again, since the title or one of the sentences before it has: so much of how well these
match a token of the question counts for the sentence. Without it the sentence that names the subject once more is
preferred to the one that tells of it what is asked."""
_HEADING_CONTEXT = 1.0
"""Likewise of the heading above a sentence and, for an item of a list, of the line that leads to it. The search's first
sentence answers without it, with 0.9 and with 1.0: OMoS in the given page 0.543, 0.530, 0.555 (Arabic), 0.621, 0.638,
0.650 (English over Arabic), 0.677, 0.682, 0.688 (English); gold set 0.680 all three, 0.722, 0.744, 0.733. (The share
of an English question's names that an Arabic sentence holds, at 0.05 to 0.3, only costs: XQuAD 0.668, then 0.650 to
0.629. What answers seldom names the subject again.)"""
_YEAR_WEIGHT = 0.06
"""For a year where a time is asked for. Quote@2 without and with it: Arabic 0.856, 0.856; English over Arabic 0.814,
0.817; it brings up the year among the sentences of a long article that holds several numbers."""
_YEAR = re.compile(r"(?<![0-9])[0-9]{3,4}(?![0-9])")
_MIN_WORDS = 4
"""A heading or a scrap shorter than this is no evidence. (Nor was a line that leads to a list, before: the first quote
held the answer of 0.001 fewer questions of the development sets.)"""
_NO_EVIDENCE_PENALTY, _QUESTION_PENALTY = 1.0, 0.3
_QUESTION_MARKS = ("?", "؟")


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of a hit.

    Attributes
    ----------
    hit : Hit
        That it is of.
    span : Span
        In offsets of the article.
    token_scores : array of float32
        How well each token of the question is matched, (tokens,).
    score : float
        Orders sentences.
    """

    hit: Hit
    span: Span
    token_scores: NDArray[np.float32]
    score: float

    @property
    def text(self) -> str:
        """Its words."""
        return self.hit.article.text[slice(*self.span)].strip()

    @property
    def support(self) -> float:
        """How well it matches the question, 0..1."""
        return float(self.token_scores.sum())

    def is_neighbor_of(self, other: "ScoredSentence") -> bool:
        """Whether the two follow one another in a hit."""
        order = self.hit.sentences
        return self.hit is other.hit and abs(order.index(self.span) - order.index(other.span)) == 1


def score_sentences(result: RetrievalResult, vectors: Mapping[str, SentenceVectors]) -> list[ScoredSentence]:
    """The sentences of the first hits, in the order of these.

    Parameters
    ----------
    result : RetrievalResult
        For the question.
    vectors : mapping of str to SentenceVectors
        Of the first `MAX_HITS_READ` hits, by chunk id.
    """
    read = [
        (hit, span, *scores, sentence)
        for hit in result.hits[:MAX_HITS_READ]
        for span, scores, sentence in zip(
            hit.sentences,
            _vector_scores(result.vectors, vectors[hit.chunk_id], hit),
            _sentence_documents(hit),
            strict=True,
        )
    ]
    wants_quantity, wants_time = asks_quantity(result.question), asks_time(result.question)
    rarity = _rarity({term.stems for term in result.question.content_terms}, [sentence for *_, sentence in read])
    titles = {hit.article.id: Document(hit.article.title).stems for hit in result.hits[:MAX_HITS_READ]}
    scored: list[ScoredSentence] = []
    for hit, span, token_scores, in_context, cosine, sentence in read:
        score = in_context + _SENTENCE_WEIGHT * cosine
        score += _HIT_WEIGHT * (hit.score - result.hits[0].score)
        if wants_quantity and sentence.numbers - result.question.numbers:
            score += _QUANTITY_WEIGHT
        if wants_time and _YEAR.search(sentence.folded_text.text):
            score += _YEAR_WEIGHT
        score -= penalty(sentence.text)
        if hit.language == result.language:
            score += _COVERAGE_WEIGHT * _covered_share(rarity, sentence, titles[hit.article.id])
        scored.append(ScoredSentence(hit, span, token_scores, score))
    return scored


def asks_quantity(question: Document) -> bool:
    """Whether a question asks for a number or a date."""
    return bool(PROFILES[question.language].asks_quantity.search(question.folded_text.text))


def asks_time(question: Document) -> bool:
    """Whether a question asks for a time; the words of any language count."""
    return any(profile.asks_time.search(question.folded_text.text) for profile in PROFILES.values())


def _sentence_documents(hit: Hit) -> list[Document]:
    document = Document(hit.text)
    return [document.part(Span(span.start - hit.start, span.end - hit.start)) for span in hit.sentences]


def penalty(sentence: str) -> float:
    """What a sentence loses because it is no evidence by itself."""
    is_question = sentence.rstrip().endswith(_QUESTION_MARKS)
    return _NO_EVIDENCE_PENALTY * is_scrap(sentence) + _QUESTION_PENALTY * is_question


def is_scrap(sentence: str) -> bool:
    """Whether a sentence is a heading or a scrap."""
    return len(sentence.split()) < _MIN_WORDS


def _vector_scores(
    query: QueryVectors, vectors: SentenceVectors, hit: Hit
) -> list[tuple[NDArray[np.float32], float, float]]:
    """Of each sentence of a chunk, how well it matches each token of the question; the sum of that, with what its
    context matches; and its cosine to the question."""
    title = _TITLE_CONTEXT * _match_tokens(query, vectors.title)
    scores = [_match_tokens(query, tokens) for tokens in vectors.tokens]
    in_context = []
    leading = find_leading_lines(hit.article.text, hit.sentences)
    for at, (own, above) in enumerate(zip(scores, leading, strict=True)):
        earlier = [_EARLIER_CONTEXT * before for before in scores[max(0, at - _EARLIER_SENTENCES) : at]]
        context = [_HEADING_CONTEXT * scores[line] for line in above]
        in_context.append(float(reduce(np.maximum, [title, *earlier, *context, own]).sum()))
    return list(zip(scores, in_context, map(float, vectors.sentences @ query.sentence), strict=True))


def _match_tokens(query: QueryVectors, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """How well each token of a question is matched by the nearest of some tokens."""
    return (query.tokens @ tokens.T).max(axis=1) if len(tokens) else np.zeros(len(query.tokens), np.float32)


def _rarity(wanted: set[tuple[str, ...]], sentences: Sequence[Document]) -> dict[tuple[str, ...], float]:
    """Inverse document frequency of each wanted term among sentences (BM25's form); 0 for a term that none holds."""
    counts = {stems: sum(not sentence.stems.isdisjoint(stems) for sentence in sentences) for stems in wanted}
    total = len(sentences)
    return {stems: math.log(1 + (total - n + 0.5) / (n + 0.5)) if n else 0.0 for stems, n in counts.items()}


def _covered_share(rarity: Mapping[tuple[str, ...], float], sentence: Document, title: frozenset[str]) -> float:
    """Share of the question's terms, but those of the title, that a sentence holds, weighted by rarity, 0..1."""
    asked = {stems: weight for stems, weight in rarity.items() if title.isdisjoint(stems)}
    covered = sum(weight for stems, weight in asked.items() if not sentence.stems.isdisjoint(stems))
    return covered / total if (total := sum(asked.values())) else 0.0
