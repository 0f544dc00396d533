"""The first hits of a search, read: their sentences, which of them answer, and how likely it is that any does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.candidates import MAX_HITS_READ, ScoredSentence, asks_quantity, asks_time, score_sentences
from rag.answering.extractive import choose_quotes, find_named_list
from rag.answering.missing import weigh_articles
from rag.answering.quotes import Quote
from rag.answering.reader import Reader, Reading, read_by_scores
from rag.answering.table_lookup import look_up
from rag.embedding import Encoder
from rag.grounding.similarity import SentenceSimilarity
from rag.language.name_spelling import write_names
from rag.retrieval.calibration import odds_of
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.types import Detail, Hit

_SURE_PROBABILITY, _ABSTENTION_PROBABILITY = 0.6, 0.25
"""That something answers: below the first what is shown may help, below the second nothing is. Of 377 questions that no
article answers (257 over the sample articles, 120 over others) 20 are at 0.5 to 0.6, of 347 that the sample articles
answer 7; of 83 of the sets' answerable ones there the first sentence answers 0.69, of the 1,292 above it 0.80. Below
the second are, on articles that the reader was not trained on, 0.02 of 1,140 answerable questions (0.01 of XQuAD's,
0.04 of those in English over XQuAD, 0.06 of MLQA's), 0.58 of 600 whose articles were taken out of the collection, and
0.62 to 0.70 of those that the article on their subject, asked alone, does not answer."""
_MAX_DOUBTED = 0.9
"""A missing name leaves 0.76 of this: what is likelier would be shown all the same, so that no name is looked up."""
_POWER_BELOW, _MIN_LIKELY = 0.3, 0.005
"""Of the odds of the search, where they are below even ones, by which those of the reader are multiplied. Of questions
whose article is there the search knows nothing that the reader does not (without it as good); of those whose article
is not, 0.27 lie below the threshold without it, 0.46 with it. (That a number of the question stands in nothing that was
read told no more: answerable questions lacked one more often.)"""
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
    named_list : sequence of Quote
        The list whose leading line names what is asked for; empty where there is none.
    """

    result: RetrievalResult
    scored: Sequence[ScoredSentence]
    reading: Reading
    named_list: Sequence[Quote] = ()

    @property
    def hits_read(self) -> Sequence[Hit]:
        """The hits whose sentences were read."""
        return self.result.hits[:MAX_HITS_READ]

    @property
    def is_unsure(self) -> bool:
        """Whether it is doubtful that they hold the answer."""
        return self.reading.probability < (_SURE_PROBABILITY if self.reading.is_of_model else self.result.threshold)

    def should_abstain(self, threshold: float | None) -> bool:
        """Whether they are too unlikely to hold the answer for anything of them to be shown; `threshold`: the
        probability below which they are, None for the measured one."""
        if threshold is not None:
            return self.reading.probability < threshold
        default = _ABSTENTION_PROBABILITY if self.reading.is_of_model else _SEARCH_ABSTENTION_PROBABILITY
        # Across languages a word may only be near what is asked for.
        is_named = any(quote.hit.language == self.result.language for quote in self.named_list)
        has_list = is_named and self.result.probability >= self.result.threshold
        return self.reading.probability < default and not has_list

    def choose_quotes(self, detail: Detail = "usual") -> list[Quote]:
        """What an extractive answer quotes of them."""
        question = self.result.question
        asks_one = asks_time(question) or asks_quantity(question)
        return choose_quotes(self.reading, self.scored, detail, self.named_list, asks_one)


class PassageReader:
    """Reads what a search found. Safe to use from several threads.

    Parameters
    ----------
    retriever : HybridRetriever
        That searched.
    encoder : Encoder
        Compares words.
    reader : Reader or None
        None: the scores of the search stand for it.
    """

    def __init__(self, retriever: HybridRetriever, encoder: Encoder, reader: Reader | None) -> None:
        self._retriever, self._encoder, self._reader = retriever, encoder, reader

    def read(self, result: RetrievalResult) -> ReadPassages:
        """The first hits of a result, read.

        Raises
        ------
        StoreError
            When the index cannot be used.
        """
        scored = score_sentences(result, self._retriever.sentence_vectors(result.hits[:MAX_HITS_READ]))
        similarity = SentenceSimilarity(self._retriever, self._encoder, result.hits)
        named_list = find_named_list(scored, result.question, similarity.max_word_similarity)
        if self._reader is None:
            return ReadPassages(result, scored, read_by_scores(scored, result.probability), named_list)
        question = write_names(result.question.text, result.spellings)
        reading = self._reader.read(question, scored, result.probability).prefer_years(question)
        # Of articles that were chosen a name may go without saying.
        has_names = not result.filters.articles and reading.probability < _MAX_DOUBTED
        weights = weigh_articles(result.question, result.hits[:MAX_HITS_READ], has_names)
        reading = reading.weigh_articles(weights)
        in_table = look_up(result.question, scored, similarity.word_similarities)
        if in_table is not None:
            reading = reading.prefer_row(in_table)
        odds = _odds_with_search(reading.probability, result)
        return ReadPassages(result, scored, reading.with_odds(odds), named_list)


def _odds_with_search(probability: float, result: RetrievalResult) -> float:
    """The odds that something answers, from the reader's probability and from the search's."""
    odds: float = odds_of(probability) * min(1.0, odds_of(max(result.probability, _MIN_LIKELY))) ** _POWER_BELOW
    return odds
