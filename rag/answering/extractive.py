"""An answer in the articles' own sentences, and the words of a refusal."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from prompts import reader_message
from rag.answering.lists import find_list_items
from rag.answering.quotes import Quote, Section, format_quotes, title_words
from rag.embedding import QueryVectors
from rag.grounding.verifier import VerifiedAnswer
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.normalize import fold_text
from rag.retrieval.retriever import RetrievalResult
from rag.store import SentenceVectors
from rag.types import Hit, Language, Span

MAX_HITS_READ = 4
"""Hits whose sentences may be quoted: sentence vectors are needed for no more."""
_SURE_QUOTES, _MAX_QUOTES = 2, 3
_MAX_SCORE_GAP = 0.03
"""A third sentence is quoted when its score is this near to the second's. Chosen, like the weights below, on the
development data: a gold answer is inside the two best quotes for 0.86 of Arabic and 0.82 of English questions."""
_SENTENCE_WEIGHT, _HIT_WEIGHT, _COVERAGE_WEIGHT, _QUANTITY_WEIGHT = 0.2, 2.0, 0.1, 0.03
"""Beside the token score of the sentence. The first quote holds the answer, before (sentence weight 0.3, coverage of
all terms, no context) and now: gold set 0.61, 0.69 (Arabic, English) and 0.69, 0.72; XQuAD 0.740, 0.660 and 0.747,
0.663; TyDi 0.777 and 0.786; MLQA 0.613 and 0.613; ARCD 0.736 and 0.749; OMoS in the given page 0.559 and 0.613."""
_TITLE_CONTEXT, _EARLIER_CONTEXT, _EARLIER_SENTENCES = 0.9, 0.7, 2
"""What a sentence need not say again, since the title or one of the sentences before it has: so much of how well these
match a token of the question counts for the sentence. Without it the sentence that names the subject once more is
preferred to the one that tells of it what is asked."""
_GAIN_WEIGHT, _NEIGHBOR_WEIGHT = 1.0, 0.03
"""After the first sentence, one counts for what it matches of the question that the first does not, and for standing
beside it: the first names the subject, often its neighbor tells of it what is asked. A gold answer is inside the two
best quotes, without and with: Arabic 0.858, 0.856; English over Arabic 0.815, 0.814; English 0.904, 0.917; gold set
0.808, 0.825. A third is shown less often (gold set 0.49, 0.37) for as many answers in all that is shown."""
_YEAR_WEIGHT = 0.06
"""For a year where a time is asked for. Quote@2 without and with it: Arabic 0.856, 0.856; English over Arabic 0.814,
0.817; it brings up the year among the sentences of a long article that holds several numbers."""
_YEAR = re.compile(r"(?<![0-9])[0-9]{3,4}(?![0-9])")
_MIN_WORDS = 4
"""A heading or a scrap shorter than this is no evidence. (Nor was a line that leads to a list, before: the first quote
held the answer of 0.001 fewer questions of the development sets.)"""
_NO_EVIDENCE_PENALTY, _QUESTION_PENALTY = 1.0, 0.3
_QUESTION_MARKS = ("?", "؟")
_MAX_NEAREST_TITLES = 3


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


def extract_answer(
    result: RetrievalResult, vectors: Mapping[str, SentenceVectors], answer_language: Language
) -> VerifiedAnswer:
    """The sentences that answer best, at most three and the best first, each with its citation; or the whole list that
    is asked for.

    Parameters
    ----------
    result : RetrievalResult
        With at least one hit.
    vectors : mapping of str to SentenceVectors
        Of the first `MAX_HITS_READ` hits, by chunk id.
    answer_language : Language
        Of the words around the quotes.
    """
    return format_quotes([Section("", choose_quotes(result, vectors))], answer_language)


def choose_quotes(result: RetrievalResult, vectors: Mapping[str, SentenceVectors]) -> list[Quote]:
    """What an extractive answer quotes, in the order in which it is read; the parameters are those of
    `extract_answer`."""
    ranked = rank_sentences(result, vectors)
    if quotes := _find_asked_list(ranked):
        return quotes
    by_words: dict[str, ScoredSentence] = {}
    for sentence in ranked:
        by_words.setdefault(fold_text(sentence.text), sentence)
    distinct = list(by_words.values())
    chosen = distinct[:_SURE_QUOTES]
    chosen += [
        sentence
        for sentence in distinct[_SURE_QUOTES:_MAX_QUOTES]
        if sentence.score >= chosen[-1].score - _MAX_SCORE_GAP
    ]
    return [Quote(sentence.hit, sentence.span, sentence.support) for sentence in chosen]


def _find_asked_list(ranked: Sequence[ScoredSentence]) -> list[Quote]:
    """The list whose leading line matches the question better than any sentence does; empty where there is none."""
    if not ranked:
        return []
    first = ranked[0]
    for lead in ranked:
        if not _is_lead(lead.text) or lead.score + _penalty(lead.text) < first.score:
            continue
        items = find_list_items(lead.hit.article.text, lead.span.start)
        if items and lead.span.start < items[0].start:
            spans = items if _is_scrap(lead.text) else (lead.span, *items)
            return [Quote(lead.hit, span, lead.support) for span in spans]
    return []


def rank_sentences(result: RetrievalResult, vectors: Mapping[str, SentenceVectors]) -> list[ScoredSentence]:
    """The sentences of the first hits: the one that answers best, then those that best add to it.

    The parameters are those of `extract_answer`.
    """
    scored = _score_sentences(result, vectors)
    if not scored:
        return []
    first = max(scored, key=lambda sentence: sentence.score)
    others = [_rescore_after(first, sentence) for sentence in scored if sentence is not first]
    return [first, *sorted(others, key=lambda sentence: -sentence.score)]


def asks_quantity(question: Document) -> bool:
    """Whether a question asks for a number or a date."""
    return bool(PROFILES[question.language].asks_quantity.search(question.folded_text.text))


def asks_time(question: Document) -> bool:
    """Whether a question asks for a time; the words of any language count."""
    return any(profile.asks_time.search(question.folded_text.text) for profile in PROFILES.values())


def refusal_text(answer_language: Language, hits: Sequence[Hit]) -> str:
    """The words of a refusal, with the titles of the nearest articles."""
    profile = PROFILES[answer_language]
    opening, closing = profile.quotation_marks
    titles = dict.fromkeys(f"{opening}{title_words(hit.article.title)}{closing}" for hit in hits)
    listed = profile.list_separator.join(list(titles)[:_MAX_NEAREST_TITLES])
    nearest = reader_message(answer_language, "nearest", titles=listed) if titles else ""
    return reader_message(answer_language, "refusal") + nearest


def _rescore_after(first: ScoredSentence, other: ScoredSentence) -> ScoredSentence:
    """`other` with the score that it has once `first` is quoted."""
    gain = float((np.maximum(other.token_scores, first.token_scores) - first.token_scores).sum())
    added = _GAIN_WEIGHT * gain + _NEIGHBOR_WEIGHT * other.is_neighbor_of(first)
    return replace(other, score=other.score + added)


def _score_sentences(result: RetrievalResult, vectors: Mapping[str, SentenceVectors]) -> list[ScoredSentence]:
    read = [
        (hit, span, *scores, sentence)
        for hit in result.hits[:MAX_HITS_READ]
        for span, scores, sentence in zip(
            hit.sentences, _vector_scores(result.vectors, vectors[hit.chunk_id]), _sentence_documents(hit), strict=True
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
        score -= _penalty(sentence.text)
        if hit.language == result.language:
            score += _COVERAGE_WEIGHT * _covered_share(rarity, sentence, titles[hit.article.id])
        scored.append(ScoredSentence(hit, span, token_scores, score))
    return scored


def _sentence_documents(hit: Hit) -> list[Document]:
    document = Document(hit.text)
    return [document.part(Span(span.start - hit.start, span.end - hit.start)) for span in hit.sentences]


def _penalty(sentence: str) -> float:
    """What a sentence loses because it is no evidence by itself."""
    is_question = sentence.rstrip().endswith(_QUESTION_MARKS)
    return _NO_EVIDENCE_PENALTY * _is_scrap(sentence) + _QUESTION_PENALTY * is_question


def _is_scrap(sentence: str) -> bool:
    return len(sentence.split()) < _MIN_WORDS


def _is_lead(sentence: str) -> bool:
    """Whether a line may lead to a list: a heading, or what ends with a colon."""
    return _is_scrap(sentence) or sentence.rstrip().endswith(":")


def _vector_scores(query: QueryVectors, vectors: SentenceVectors) -> list[tuple[NDArray[np.float32], float, float]]:
    """Of each sentence of a chunk, how well it matches each token of the question; the sum of that, with what its
    context matches; and its cosine to the question."""
    title = _TITLE_CONTEXT * _match_tokens(query, vectors.title)
    scores = [_match_tokens(query, tokens) for tokens in vectors.tokens]
    in_context = []
    for at, own in enumerate(scores):
        earlier = scores[max(0, at - _EARLIER_SENTENCES) : at]
        context = reduce(np.maximum, (_EARLIER_CONTEXT * before for before in earlier), title)
        in_context.append(float(np.maximum(own, context).sum()))
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
