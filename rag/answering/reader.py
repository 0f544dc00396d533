"""The reading step: which sentence answers a question, in which words, and whether any does.

A question and the most promising sentences of the first passages go through one pass of a small model, so that each
sentence is seen beside the question and beside the others (a cross-encoder: Nogueira and Cho 2019). The words that
answer are told as in extractive question answering, by where they start and end (Devlin et al. 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.answering.candidates import ScoredSentence
from rag.answering.reader_model import FittedReader, build_reader, read_fitted
from rag.answering.table_lookup import TableAnswer
from rag.answering.window import WINDOW_TOKENS, Window, build_window
from rag.answering.years import find_years
from rag.embedding.build_e5_onnx import read_weights, wheel_file
from rag.embedding.model_files import default_cache, open_session
from rag.embedding.word_pieces import WordPieces
from rag.language.normalize import fold_text
from rag.retrieval.calibration import odds_of
from rag.types import Span

_MAX_ANSWER_TOKENS = 40
_OTHER_YEAR = 0.3
"""Share of its probability that a sentence keeps that tells of other years than the question names. Of 375 questions of
the sets that name one the first sentence answers with 1, 0.5, 0.3 and 0.1 for 0.803, 0.808, 0.811 and 0.805; of the 58
that the reader was not trained on for 0.776 and, with the others, 0.793. (The same for places costs as much as it
brings: what answers often names another.)"""
_SURE_ROW, _MIN_TABLE = 0.9, 0.1
"""Probability of the row of a table whose label and column the question names, where the rows of that table have the
second among them: else it asks for something that the table may not have at all (a school's telephone). With 0.25 in
its place 56 of 66 questions on tables are right, with 0.1 58, and as many of the unanswerable ones."""
_OTHER_ROW = 0.2
"""Share of its probability that a row keeps where the question names a row that the table has not."""
_TINY = 1e-9
_SURE_SENTENCES, _MAX_SCORE_GAP = 2, 0.03
"""Without a model two sentences are good enough, others where their score is this near to the second's."""
_GAIN_WEIGHT, _NEIGHBOR_WEIGHT = 1.0, 0.03
"""Without a model, after the first sentence one counts for what it matches of the question that the first does not, and
for standing beside it: the first names the subject, often its neighbor tells of it what is asked."""


_CALIBRATION_ODDS, _CALIBRATION_POWER, _SIZE_POWER, _MIN_TOKENS = 2.53, 0.79, 1.93, 64
"""From what the model says that something answers to what is so. The first two by logistic regression over 3,860
windows of articles that it was not trained on, of one article and of all, in Arabic and in English, 1,143 of them
without an answer; calibration error 0.01. The power of a window's share of `WINDOW_TOKENS` is of the model before: the
sets have no answered window of less than 100 word pieces, so that the model takes a small one, of a collection with
little in it, for a sign that nothing answers."""
SEARCH_WEIGHT = 7.0
"""Of the search's scores beside the model's in the order of sentences, more than training gives them. With 0.7, 3.7,
6.7 and 9.7 the first sentence answers for 0.762, 0.766, 0.770 and 0.770 of 1,750 questions over articles that the model
was not trained on, for 119, 118, 122 and 121 of 162 over the sample articles, which are longer, and for 0.731, 0.737,
0.743 and 0.743 of XQuAD's English ones over Arabic."""


class ReadSentence(NamedTuple):
    """A sentence that was read.

    Attributes
    ----------
    sentence : ScoredSentence
        Which.
    probability : float
        That it is the one that answers, 0..1.
    answer : Span or None
        The words in it that answer, in offsets of the article; None where none are told.
    answer_probability : float
        That it is these words, given that the sentence answers, 0..1.
    """

    sentence: ScoredSentence
    probability: float
    answer: Span | None = None
    answer_probability: float = 0.0


class Reading(NamedTuple):
    """What reading found.

    Attributes
    ----------
    sentences : list of ReadSentence
        Those that were read, the likeliest first.
    probability : float
        That one of them answers, 0..1.
    is_of_model : bool
        Whether the model read them; else the scores of the search stand for it.
    """

    sentences: list[ReadSentence]
    probability: float
    is_of_model: bool = True

    def with_odds(self, odds: float) -> "Reading":
        """The same where these are the odds that something answers."""
        probability = odds / (1 + odds)
        scale = probability / self.probability if self.probability else 0.0
        scaled = [one._replace(probability=scale * one.probability) for one in self.sentences]
        return self._replace(sentences=scaled, probability=probability)

    def weigh_articles(self, weights: Mapping[str, float]) -> "Reading":
        """The same where the odds of each sentence are multiplied by the weight of its article, by the article's id."""
        weighed = [
            one._replace(probability=weights[one.sentence.hit.article.id] * one.probability) for one in self.sentences
        ]
        total = sum(one.probability for one in self.sentences)
        share = sum(one.probability for one in weighed) / max(total, _TINY)
        ranked = sorted(weighed, key=lambda one: -one.probability)
        return self._replace(sentences=ranked, probability=share * self.probability).with_odds(
            share * odds_of(self.probability)
        )

    def prefer_row(self, found: TableAnswer) -> "Reading":
        """The same where a table may answer: of its rows the one that is named has what all of them had, and at least
        what a sure answer has where its cell is known and they had enough."""
        if found.row is None:
            return self._doubt_table(found)
        is_here = {id(one): _is_of_table(one.sentence, found) for one in self.sentences}
        of_table = [one for one in self.sentences if is_here[id(one)]]
        if not of_table:
            return self
        total = sum(one.probability for one in of_table)
        share = max(total, _SURE_ROW) if found.cell and total >= _MIN_TABLE else total
        first = replace(of_table[0].sentence, span=found.row)
        chosen = ReadSentence(first, share, found.cell, 1.0 if found.cell else 0.0)
        scale = (1 - share) / max(1 - total, _TINY) if share > total else 1.0
        others = [one._replace(probability=scale * one.probability) for one in self.sentences if not is_here[id(one)]]
        others += [one._replace(probability=0.0) for one in of_table if one.sentence.span != found.row]
        ranked = sorted([chosen, *others], key=lambda one: -one.probability)
        return self._replace(sentences=ranked, probability=max(self.probability, share))

    def _doubt_table(self, found: TableAnswer) -> "Reading":
        weighed = [
            one._replace(probability=_OTHER_ROW * one.probability) if _is_of_table(one.sentence, found) else one
            for one in self.sentences
        ]
        share = sum(one.probability for one in weighed) / max(sum(one.probability for one in self.sentences), _TINY)
        ranked = sorted(weighed, key=lambda one: -one.probability)
        return self._replace(sentences=ranked, probability=share * self.probability)

    def prefer_years(self, question: str) -> "Reading":
        """The same with less of the probability for sentences that tell of other years than the question names."""
        asked = find_years(question)
        if not asked:
            return self
        return self.weigh_sentences(
            [
                _OTHER_YEAR if (years := find_years(one.sentence.text)) and asked.isdisjoint(years) else 1.0
                for one in self.sentences
            ]
        )

    def weigh_sentences(self, weights: Sequence[float]) -> "Reading":
        """The same where what one of the sentences answers with is shared out among them by these weights, one for each
        in their order; as it is where the search's scores, whose order says more, stand for the model."""
        if not self.is_of_model:
            return self
        shares = [weight * one.probability for weight, one in zip(weights, self.sentences, strict=True)]
        scale = sum(one.probability for one in self.sentences) / max(sum(shares), _TINY)
        weighed = [one._replace(probability=scale * share) for one, share in zip(self.sentences, shares, strict=True)]
        return self._replace(sentences=sorted(weighed, key=lambda one: -one.probability))


def _is_of_table(sentence: ScoredSentence, found: TableAnswer) -> bool:
    is_same = sentence.hit.article.id == found.hit.article.id
    return is_same and (sentence.span == found.row or sentence.span in found.others)


def _calibrate(probability: float, tokens: int) -> float:
    """The odds that something answers, from the model's probability for a window of so many word pieces."""
    size = max(tokens, _MIN_TOKENS) / WINDOW_TOKENS
    return float(_CALIBRATION_ODDS * odds_of(probability) ** _CALIBRATION_POWER * size**-_SIZE_POWER)


def read_by_scores(sentences: Sequence[ScoredSentence], probability: float) -> Reading:
    """A reading where there is no model to read with: the best sentence, and those that best add to it.

    Parameters
    ----------
    sentences : sequence of ScoredSentence
        Of the first hits.
    probability : float
        That the hits hold the answer, as the search has it.
    """
    ranked = _rank_by_scores(sentences)
    by_words: dict[str, ScoredSentence] = {}
    for sentence in ranked:
        by_words.setdefault(fold_text(sentence.text), sentence)
    distinct = list(by_words.values())
    enough = distinct[_SURE_SENTENCES - 1].score - _MAX_SCORE_GAP if len(distinct) > _SURE_SENTENCES else 0.0
    shares = [
        probability if at < _SURE_SENTENCES or sentence.score >= enough else 0.0 for at, sentence in enumerate(distinct)
    ]
    return Reading([ReadSentence(*pair) for pair in zip(distinct, shares, strict=True)], probability, is_of_model=False)


def _rank_by_scores(sentences: Sequence[ScoredSentence]) -> list[ScoredSentence]:
    if not sentences:
        return []
    first = max(sentences, key=lambda sentence: sentence.score)
    others = [_rescore_after(first, sentence) for sentence in sentences if sentence is not first]
    return [first, *sorted(others, key=lambda sentence: -sentence.score)]


def _rescore_after(first: ScoredSentence, other: ScoredSentence) -> ScoredSentence:
    """`other` with the score that it has once `first` is quoted."""
    gain = float((np.maximum(other.token_scores, first.token_scores) - first.token_scores).sum())
    added = _GAIN_WEIGHT * gain + _NEIGHBOR_WEIGHT * other.is_neighbor_of(first)
    return replace(other, score=other.score + added)


def open_reader(pieces: WordPieces | None, threads: int | None) -> "Reader | None":
    """The reader of an encoder's word pieces; None where the encoder has none, or nothing is fitted.

    Raises
    ------
    EmbeddingError
        When the model's file cannot be made.
    """
    return Reader(pieces, threads) if pieces else None


class Reader:
    """Reads the sentences of the first hits. Safe to use from several threads.

    Parameters
    ----------
    pieces : WordPieces
        Of multilingual-e5-small.
    threads : int, optional
        Unset or 0: all cores.

    Raises
    ------
    EmbeddingError
        When the model's file cannot be made.
    """

    def __init__(self, pieces: WordPieces, threads: int | None = None) -> None:
        self._pieces = pieces.without_marks()
        fitted = read_fitted()
        self._heads = _Heads(fitted)
        path = default_cache() / f"reader-{fitted.version}.onnx"
        self._session = open_session(path, lambda: build_reader(read_weights(wheel_file()), fitted), threads)

    def read(self, question: str, sentences: Sequence[ScoredSentence], probability: float) -> Reading:
        """Which of the sentences answer.

        Parameters
        ----------
        question : str
            As it was asked.
        sentences : sequence of ScoredSentence
            Of the first hits, in the order of these.
        probability : float
            That the hits hold the answer, as the search has it.
        """
        window = build_window(question, sentences, self._pieces)
        if not window.sentences:
            return Reading([], 0.0)
        parts = np.ones(len(window.ids), np.int64)
        parts[: window.question_tokens] = 0
        (states,) = self._session.run(["states"], {"embeddings": self._pieces.embed(window.ids)[None], "parts": parts})
        scores = self._heads.score(states[0], window, probability)
        found = [
            ReadSentence(sentence, share, *self._find_answer(states[0], sentence, tokens))
            for (sentence, tokens), share in zip(window.sentences, scores.shares, strict=True)
        ]
        reading = Reading(sorted(found, key=lambda one: -one.probability), 1 - scores.none)
        return reading.with_odds(_calibrate(reading.probability, len(window.ids)))

    def _find_answer(self, states: NDArray[np.float32], sentence: ScoredSentence, tokens: Span) -> tuple[Span, float]:
        first, last, probability = self._heads.find_span(states[slice(*tokens)])
        spans = self._pieces.encode_with_spans(sentence.text).spans
        return _in_article(sentence, Span(spans[first].start, spans[last].end)), probability


class _Scores(NamedTuple):
    """Of each sentence of a window, and of none, the share of the probability."""

    shares: list[float]
    none: float


class _Heads:
    """From states to scores."""

    def __init__(self, fitted: FittedReader) -> None:
        arrays = fitted.arrays
        self._sentence, self._sentence_bias = arrays["sent.weight"][0], float(arrays["sent.bias"][0])
        self._none, self._none_bias = arrays["null.weight"][0], float(arrays["null.bias"][0])
        self._span, self._span_bias = arrays["span.weight"], arrays["span.bias"]
        self._relative, self._absolute, self._search, self._none_offset = map(float, arrays["mix"])

    def score(self, states: NDArray[np.float32], window: Window, probability: float) -> _Scores:
        best = max(sentence.score for sentence, _ in window.sentences)
        relative = np.array([sentence.score - best for sentence, _ in window.sentences])
        absolute = np.array([sentence.score for sentence, _ in window.sentences])
        logits = np.array([self._sentence_logit(states[slice(*tokens)]) for _, tokens in window.sentences])
        logits += self._relative * relative + self._absolute * absolute
        none = float(_softmax(np.array([self._none_logit(states[0], probability), *logits]))[0])
        shares = (1 - none) * _softmax(logits + SEARCH_WEIGHT * relative)
        return _Scores(shares.tolist(), none)

    def find_span(self, states: NDArray[np.float32]) -> tuple[int, int, float]:
        """The first and the last token of the likeliest answer in a sentence, and its probability."""
        logits = states @ self._span.T + self._span_bias
        starts, ends = np.log(_softmax(logits[:, 0])), np.log(_softmax(logits[:, 1]))
        joint = starts[:, None] + ends[None, :]
        allowed = np.triu(np.ones_like(joint, bool)) & ~np.triu(np.ones_like(joint, bool), _MAX_ANSWER_TOKENS)
        first, last = np.unravel_index(int(np.argmax(np.where(allowed, joint, -np.inf))), joint.shape)
        return int(first), int(last), float(np.exp(joint[first, last]))

    def _sentence_logit(self, states: NDArray[np.float32]) -> float:
        pooled = np.concatenate([states.mean(axis=0), states.max(axis=0)])
        return float(self._sentence @ pooled) + self._sentence_bias

    def _none_logit(self, state: NDArray[np.float32], probability: float) -> float:
        clipped = min(max(probability, 1e-4), 1 - 1e-4)
        search = np.log(clipped / (1 - clipped))
        return float(self._none @ state) + self._none_bias + self._search * float(search) + self._none_offset


def _softmax(values: NDArray[np.floating]) -> NDArray[np.float64]:
    shifted = np.exp(np.asarray(values, np.float64) - np.max(values))
    return np.asarray(shifted / shifted.sum())


def _in_article(sentence: ScoredSentence, span: Span) -> Span:
    """A span of a sentence's words in offsets of its article."""
    text = sentence.hit.article.text[slice(*sentence.span)]
    start = sentence.span.start + len(text) - len(text.lstrip())
    return Span(start + span.start, start + span.end)
