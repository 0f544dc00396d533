"""What readers think of answers: the last word on an answer counts."""

import logging
import time
from dataclasses import asdict

from rag.errors import InputError, NotFoundError, StoreError
from rag.records import MAX_KEPT, Records
from rag.store import Store
from rag.types import Answer
from ui.api.metrics import Metrics
from ui.api.schemas import Feedback

_log = logging.getLogger(__name__)


class RecentAnswers:
    """The last answers with their questions, so that a rating can say what it is of.

    Parameters
    ----------
    records : Records
        Where answers and ratings are kept.
    store : Store
        Holds the articles that passages are of.
    metrics : Metrics
        Counts ratings.
    """

    def __init__(self, records: Records, store: Store, metrics: Metrics) -> None:
        self._records, self._store, self._metrics = records, store, metrics

    def remember(self, question: str, answer: Answer) -> None:
        """Keep an answer for a while. Where it cannot be kept it cannot be rated, and is given all the same."""
        citations = [asdict(citation) for citation in answer.citations]
        kept = {"question": question, "language": answer.language, "refused": answer.refused, "citations": citations}
        try:
            self._records.save("answers", answer.id, kept)
        except StoreError as error:
            _log.error("%s", error)

    def rate(self, answer_id: str, feedback: Feedback) -> None:
        """Write a rating down; it takes the place of an earlier one of the same answer.

        Raises
        ------
        NotFoundError
            For an answer that is not remembered, or an article that is not there.
        InputError
            For a passage that its article does not have.
        StoreError
            When the rating cannot be written.
        """
        self._check_passage(feedback)
        about = self._records.load("answers", answer_id)
        if about is None:
            raise NotFoundError(
                f"There is no answer {answer_id!r} to rate: only the last {MAX_KEPT['answers']:,} are known."
            )
        rating = {"answer": answer_id, "time": int(time.time())} | feedback.model_dump() | about
        self._records.save("ratings", answer_id, rating)
        self._metrics.feedback.labels(feedback.rating).inc()

    def _check_passage(self, feedback: Feedback) -> None:
        passage = feedback.passage
        if passage is not None:
            length = len(self._store.get_article(passage.article_id).text)
            if not passage.start < passage.end <= length:
                raise InputError(f"passage: start and end must be in order and at most {length}, the article's length.")
