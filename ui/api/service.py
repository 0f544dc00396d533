"""The answers being written: begun under a deadline, counted and remembered when done, ended together at shutdown."""

from collections.abc import Iterator, Sequence
from weakref import WeakSet

from rag.answering.assistant import Answering, AnswerMode, Assistant
from rag.answering.llm import Deadline
from rag.trace import notes
from rag.types import Answer, Filters, Language, Turn
from ui.api.access import Slots
from ui.api.feedback import Recent
from ui.api.records import Metrics


class Work:
    """What the routes that answer do."""

    def __init__(self, assistant: Assistant, metrics: Metrics, recent: Recent, slots: Slots) -> None:
        self.assistant, self.recent, self.slots = assistant, recent, slots
        self._metrics = metrics
        self._deadlines: WeakSet[Deadline] = WeakSet()

    def deadline(self) -> Deadline:
        """The time that one answer has."""
        deadline = Deadline(self.assistant.settings.llm_timeout_s)
        self._deadlines.add(deadline)
        return deadline

    def end(self) -> None:
        """Let nobody wait for a model any longer: what is open becomes the extractive answer."""
        for deadline in list(self._deadlines):
            deadline.end()

    def begin(
        self,
        question: str,
        answer_in: Language | None,
        history: Sequence[Turn],
        top_k: int | None,
        mode: AnswerMode,
        filters: Filters,
        deadline: Deadline,
    ) -> Answering:
        """Search, and give what was found with the answer still to be written."""
        answering = self.assistant.begin(question, answer_in, history, top_k, mode, filters, deadline)
        notes(language=answering.language, hits=len(answering.found.hits))
        return Answering(answering.found, answering.language, self._noted(question, answering.text))

    def _noted(self, question: str, text: Iterator[str | Answer]) -> Iterator[str | Answer]:
        for part in text:
            if isinstance(part, Answer):
                self._metrics.answered(part)
                self.recent.remember(question, part)
                notes(mode=part.mode, refused=part.refused, degraded=part.degraded, citations=len(part.citations))
            yield part
