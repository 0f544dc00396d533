"""What readers think of answers, kept in the data folder, one JSON object a line; the last word on an answer counts."""

import json
import threading
import time
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag.answering.assistant import Assistant
from rag.errors import InputError, NotFoundError, StoreError
from rag.types import Answer
from ui.api.records import Metrics

_REMEMBERED = 2000
"""Answers that can be rated: the last so many of this process."""


class Passage(BaseModel):
    """Where the right answer stands."""

    model_config = ConfigDict(extra="forbid")

    article_id: str = Field(max_length=200)
    start: int = Field(ge=0)
    end: int = Field(ge=1)


class Feedback(BaseModel):
    """A rating; `reason` in the reader's words, and the passage that should have been cited."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["up", "down"]
    reason: str | None = Field(None, max_length=2000)
    passage: Passage | None = None


class Recent:
    """The last answers with their questions, so that a rating can say what it is of."""

    def __init__(self, file: Path, metrics: Metrics) -> None:
        self._file, self._metrics = file, metrics
        self._answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, question: str, answer: Answer) -> None:
        """Keep an answer for a while."""
        cited = [asdict(citation) for citation in answer.citations]
        kept = {"question": question, "language": answer.language, "refused": answer.refused, "citations": cited}
        with self._lock:
            self._answers[answer.id] = kept
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)

    def rate(self, answer_id: str, feedback: Feedback) -> None:
        """Write a rating down; raises NotFoundError for an answer that is not remembered."""
        with self._lock:
            about = self._answers.get(answer_id)
            if about is None:
                raise NotFoundError(
                    f"There is no answer {answer_id!r} to rate: only the last {_REMEMBERED:,} are known."
                )
            line = {"answer": answer_id, "time": int(time.time())} | feedback.model_dump() | about
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(line, ensure_ascii=False) + "\n")
            except OSError as error:
                raise StoreError(f"The rating cannot be written to {self._file} ({error.strerror}).") from error
        self._metrics.feedback.labels(feedback.rating).inc()


def rate_checked(assistant: Assistant, recent: Recent, answer_id: str, feedback: Feedback) -> None:
    """Rate an answer; raises InputError for a passage that its article does not have."""
    passage = feedback.passage
    if passage is not None:
        length = len(assistant.store.article(passage.article_id).text)
        if not passage.start < passage.end <= length:
            raise InputError(f"passage: start and end must be in order and at most {length}, the article's length.")
    recent.rate(answer_id, feedback)


def routes(assistant: Assistant, recent: Recent) -> APIRouter:
    """The route of ratings."""
    router = APIRouter()

    @router.put("/v1/answers/{answer_id}/feedback")
    def rate(answer_id: str, feedback: Feedback) -> dict[str, str]:
        """Rate an answer; a later rating of the same answer takes its place."""
        rate_checked(assistant, recent, answer_id, feedback)
        return {"answer": answer_id, "rating": feedback.rating}

    return router
