"""The first hits of a search, read: their sentences, which of them answer, and how likely it is that any does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.candidates import MAX_HITS_READ, ScoredSentence, score_sentences
from rag.answering.extractive import choose_quotes
from rag.answering.quotes import Quote
from rag.answering.reader import Reader, Reading, odds_of, read_by_scores
from rag.language.document import Document
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.types import Detail

_SURE_PROBABILITY, _ABSTENTION_PROBABILITY = 0.5, 0.25
"""That something answers: below the first what is shown may help, below the second nothing is. Below the second are, on
articles that the reader was not trained on, 0.06 of the answerable questions and 0.50 of those that the article on
their subject does not answer; asked of that article alone, 0.05 and 0.70 (240 and 214 of XQuAD, TyDi, ARCD, MLQA)."""
_POWER_BELOW, _MIN_LIKELY = 0.3, 0.005
"""Of the odds of the search, where they are below even ones, by which those of the reader are multiplied: what it finds
far away is a little less likely than the reader thinks, who sees the words alone."""
_ODDS_WITHOUT_NUMBER = 0.5
"""A number of the question that stands in nothing that was read: 0.14 of the answerable questions of the development
sets that hold numbers (they stand there in words), 0.70 of those whose article was taken out, but few of those that the
article on their subject does not answer: by the factor 0.2 of the first two alone 0.02 more of XQuAD's are refused."""
_SEARCH_ABSTENTION_PROBABILITY = 0.15
"""Of the search, where nothing reads. Share that lies below it and below the threshold of the calibration, of
answerable questions and of those whose article is absent: XQuAD 0.01, 0.06 and 0.89, 0.97; TyDi 0.01, 0.03 and 0.39,
0.69; ARCD 0.02, 0.06 and 0.58, 0.81; MLQA 0.13, 0.26 and 0.79, 0.93."""


@dataclass(frozen=True, slots=True)
class ReadPassages:
    """What was found for a question, and what reading it gave.

    Attributes
    ----------
    result : RetrievalResult
        What was found.
    scored : sequence of ScoredSentence
        The sentences of the first hits.
    reading : Reading
        Which of them answer.
    """

    result: RetrievalResult
    scored: Sequence[ScoredSentence]
    reading: Reading

    @property
    def is_unsure(self) -> bool:
        """Whether it is doubtful that they hold the answer."""
        return self.reading.probability < (_SURE_PROBABILITY if self.reading.is_of_model else self.result.threshold)

    def should_abstain(self, threshold: float | None) -> bool:
        """Whether they are too unlikely to hold the answer for anything of them to be shown; `threshold`: the
        probability below which they are, None for the measured one."""
        default = _ABSTENTION_PROBABILITY if self.reading.is_of_model else _SEARCH_ABSTENTION_PROBABILITY
        return self.reading.probability < (default if threshold is None else threshold)

    def choose_quotes(self, detail: Detail = "usual") -> list[Quote]:
        """What an extractive answer quotes of them."""
        return choose_quotes(self.reading, self.scored, detail)


class PassageReader:
    """Reads what a search found. Safe to use from several threads.

    Parameters
    ----------
    retriever : HybridRetriever
        That searched.
    reader : Reader or None
        None: the scores of the search stand for it.
    """

    def __init__(self, retriever: HybridRetriever, reader: Reader | None) -> None:
        self._retriever, self._reader = retriever, reader

    def read(self, result: RetrievalResult) -> ReadPassages:
        """The first hits of a result, read.

        Raises
        ------
        StoreError
            When the index cannot be used.
        """
        scored = score_sentences(result, self._retriever.sentence_vectors(result.hits[:MAX_HITS_READ]))
        if self._reader is None:
            return ReadPassages(result, scored, read_by_scores(scored, result.probability))
        reading = self._reader.read(result.question.text, scored, result.probability)
        return ReadPassages(result, scored, reading.with_odds(_odds_with_search(reading.probability, result, scored)))


def _odds_with_search(probability: float, result: RetrievalResult, scored: Sequence[ScoredSentence]) -> float:
    """The odds that something answers, from the reader's probability and from what the search knows."""
    odds: float = odds_of(probability) * min(1.0, odds_of(max(result.probability, _MIN_LIKELY))) ** _POWER_BELOW
    return odds * _ODDS_WITHOUT_NUMBER if _lacks_number(result, scored) else odds


def _lacks_number(result: RetrievalResult, scored: Sequence[ScoredSentence]) -> bool:
    """Whether a number of the question stands in nothing that was read."""
    asked = result.question.numbers
    hits = {sentence.hit.chunk_id: sentence.hit for sentence in scored}
    return bool(asked) and not asked <= frozenset[str]().union(
        *(Document(f"{hit.article.title}\n{hit.text}").numbers for hit in hits.values())
    )
