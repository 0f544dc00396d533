"""What readers think of answers, kept in the data folder, one JSON object a line; the last word on an answer counts."""

import json
import threading
import time
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.errors import InputError, NotFoundError, StoreError
from rag.store import Store
from rag.types import Answer
from ui.api.metrics import Metrics
from ui.api.schemas import Feedback

_MAX_REMEMBERED = 2000
"""Answers that can be rated: the last so many of this process."""


class RecentAnswers:
    """The last answers with their questions, so that a rating can say what it is of.

    Parameters
    ----------
    file : Path
        Ratings are appended to it.
    store : Store
        Holds the articles that passages are of.
    metrics : Metrics
        Counts ratings.
    """

    def __init__(self, file: Path, store: Store, metrics: Metrics) -> None:
        self._file, self._store, self._metrics = file, store, metrics
        self._answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, question: str, answer: Answer) -> None:
        """Keep an answer for a while."""
        citations = [asdict(citation) for citation in answer.citations]
        kept = {"question": question, "language": answer.language, "refused": answer.refused, "citations": citations}
        with self._lock:
            self._answers[answer.id] = kept
            if len(self._answers) > _MAX_REMEMBERED:
                self._answers.popitem(last=False)

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
        with self._lock:
            about = self._answers.get(answer_id)
            if about is None:
                raise NotFoundError(
                    f"There is no answer {answer_id!r} to rate: only the last {_MAX_REMEMBERED:,} are known."
                )
            self._append({"answer": answer_id, "time": int(time.time())} | feedback.model_dump() | about)
        self._metrics.feedback.labels(feedback.rating).inc()

    def _check_passage(self, feedback: Feedback) -> None:
        passage = feedback.passage
        if passage is not None:
            length = len(self._store.get_article(passage.article_id).text)
            if not passage.start < passage.end <= length:
                raise InputError(f"passage: start and end must be in order and at most {length}, the article's length.")

    def _append(self, line: dict[str, Any]) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StoreError(f"The rating cannot be written to {self._file} ({error.strerror}).") from error
