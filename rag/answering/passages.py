"""The first hits of a search, read: their sentences, which of them answer, and how likely it is that any does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.candidates import MAX_HITS_READ, ScoredSentence, score_sentences
from rag.answering.extractive import choose_quotes
from rag.answering.quotes import Quote
from rag.answering.reader import Reader, Reading, read_by_scores
from rag.language.document import Document
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.types import Detail

_SURE_PROBABILITY, _ABSTENTION_PROBABILITY = 0.45, 0.25
"""Of the reader: below the first what is shown may help, below the second nothing is. Share below the second of
answerable questions, on articles that it was not trained on (by half of what it is trained on now): XQuAD 0.04, English
over Arabic 0.02, TyDi 0.01, MLQA 0.07, ARCD 0.02, gold set 0.03 and 0.02, OMoS 0.11 and 0.02, in the given page 0.18
and 0.10; of those that the page, or the articles of the gold set, do not answer 0.66 and 0.58, 0.47 and 0.52."""
_FOUND_PROBABILITY, _ABSTENTION_PROBABILITY_WHERE_FOUND = 0.9, 0.12
"""Where the search is so sure to have found it, the second is lower: a passage that may help is better than a refusal
in front of it."""
_POWER_BELOW, _POWER_ABOVE, _MIN_LIKELY = 0.2, 0.1, 0.005
"""Of the odds of the search, below and above even ones, by which those of the reader are multiplied: what it finds far
away, or surely, is a little less or more likely than the reader thinks, who sees the words alone. (By the sets alone it
would be 0.015: there what is absent is near.)"""
_ODDS_WITHOUT_NUMBER = 0.2
"""A number of the question that stands in nothing that was read: 0.14 of the answerable questions of the development
sets that hold numbers (they stand there in words), 0.70 of those whose article was taken out."""
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
        if not self.reading.is_of_model:
            default = _SEARCH_ABSTENTION_PROBABILITY
        elif self.result.probability < _FOUND_PROBABILITY:
            default = _ABSTENTION_PROBABILITY
        else:
            default = _ABSTENTION_PROBABILITY_WHERE_FOUND
        return self.reading.probability < (default if threshold is None else threshold)

    def choose_quotes(self, detail: Detail = "usual") -> list[Quote]:
        """What an extractive answer quotes of them."""
        return choose_quotes(self.result.question, self.reading, self.scored, detail)


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
        likely = min(max(result.probability, _MIN_LIKELY), 1 - _MIN_LIKELY)
        odds = likely / (1 - likely)
        reading = reading.with_odds(odds ** (_POWER_BELOW if odds < 1 else _POWER_ABOVE))
        if _lacks_number(result, scored):
            reading = reading.with_odds(_ODDS_WITHOUT_NUMBER)
        return ReadPassages(result, scored, reading)


def _lacks_number(result: RetrievalResult, scored: Sequence[ScoredSentence]) -> bool:
    """Whether a number of the question stands in nothing that was read."""
    asked = result.question.numbers
    hits = {sentence.hit.chunk_id: sentence.hit for sentence in scored}
    return bool(asked) and not asked <= frozenset[str]().union(
        *(Document(f"{hit.article.title}\n{hit.text}").numbers for hit in hits.values())
    )
