"""The answers being written: begun under a deadline, counted and remembered when done, ended together at shutdown."""

from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakSet

from ingest.indexer import Indexer
from ingest.known_files import FoundItem
from ingest.originals import Originals
from ingest.page_images import PageImages
from ingest.rereading import read_original
from rag.answering.assistant import AnswerStream, Assistant
from rag.answering.llm import Deadline
from rag.errors import DalilError, StoreError
from rag.records import open_records
from rag.settings import DEFAULT_COLLECTION
from rag.trace import set_attributes
from rag.types import Answer, AnswerRequest
from ui.api.audit import AuditedIndexer, AuditLog
from ui.api.conversations import ConversationStore
from ui.api.errors import hide_places
from ui.api.feedback import RecentAnswers
from ui.api.keys import ApiKeys, KeyGuard
from ui.api.limits import ConcurrencyLimiter, RateLimiter, SharedRateLimiter, open_rate_limiter
from ui.api.metrics import Metrics
from ui.api.sessions import Sessions, open_sessions
from ui.api.uploads import Uploads
from ui.api.webhooks import Webhook

_CONCURRENT_UPLOADS = 8
"""Uploads that are read or planned at once, of the 40 threads that all requests share; one at a time is written."""


class AnswerService:
    """What the API and the page share: the assistant, the indexer, who may be answered, and what is kept of answers.

    Parameters
    ----------
    assistant : Assistant
        Answers; stays the caller's to close.
    collection : str
        Whose articles these are.
    beside : AnswerService, optional
        That of the default collection, which shares with it what is limited, counted and let in.

    Attributes
    ----------
    collections : dict of str to AnswerService
        Those of the other collections, by name.
    default : AnswerService
        That of the default collection.
    """

    def __init__(
        self, assistant: Assistant, collection: str = DEFAULT_COLLECTION, beside: "AnswerService | None" = None
    ) -> None:
        self.assistant, self.collection = assistant, collection
        self.default: AnswerService = beside or self
        settings, originals = assistant.settings, Originals.from_settings(assistant.settings)
        self.audit: AuditLog = beside.audit if beside else AuditLog(settings.audit_file)
        self.indexer: Indexer = AuditedIndexer(
            self.audit, collection, assistant.store, lambda: assistant.encoder, settings.chunk_tokens, originals
        )
        self.originals, self.pages = originals, PageImages(originals)
        self.metrics: Metrics = beside.metrics if beside else Metrics()
        self.records = open_records(settings)
        self.recent = RecentAnswers(self.records, assistant.store, self.metrics)
        self.limiter: ConcurrencyLimiter = beside.limiter if beside else ConcurrencyLimiter(settings.concurrent_answers)
        uploading = beside.upload_limiter if beside else ConcurrencyLimiter(_CONCURRENT_UPLOADS)
        self.upload_limiter: ConcurrencyLimiter = uploading
        webhook = Webhook.from_settings(settings)
        self.uploads = Uploads(self.indexer, self.metrics, self.upload_limiter, self.records, webhook, self.hide_places)
        kept = settings.keep_conversations
        self.conversations = ConversationStore(settings.conversations_file) if kept else None
        self.guard: KeyGuard = beside.guard if beside else KeyGuard(ApiKeys.from_settings(settings))
        self.sessions: Sessions | None = beside.sessions if beside else open_sessions(settings, self.records)
        self.rates: RateLimiter | SharedRateLimiter = beside.rates if beside else open_rate_limiter(settings)
        self._deadlines: WeakSet[Deadline] = WeakSet()
        self.collections = {name: self._open_collection(name) for name in settings.collection_names}

    def hide_places(self, error: DalilError) -> DalilError:
        """An error as it is told to others than the operator."""
        return hide_places(error, self.assistant.settings)

    def _open_collection(self, name: str) -> "AnswerService":
        settings = self.assistant.settings.in_collection(name)
        try:
            return AnswerService(self.assistant.over_other_index(settings), name, self)
        except StoreError as error:
            raise type(error)(f"Of the collection {name} (for commands: `--collection {name}`): {error}") from error

    def close(self) -> None:
        """Release what is its own, the other collections among it; the service is not used again."""
        for one in self.collections.values():
            one.close()
            one.assistant.close()
        self.records.close()

    def start_deadline(self) -> Deadline:
        """The time that one answer has, from now."""
        deadline = Deadline.from_settings(self.assistant.settings)
        self._deadlines.add(deadline)
        return deadline

    def expire_deadlines(self) -> None:
        """Let nobody wait for a model any longer: what is open becomes the extractive answer."""
        for deadline in list(self._deadlines):
            deadline.expire()
        for one in self.collections.values():
            one.expire_deadlines()

    def begin(self, request: AnswerRequest, deadline: Deadline) -> AnswerStream:
        """Search, and give what was found with the answer still to be written; errors are those of the assistant."""
        stream = self.assistant.begin(request, deadline)
        set_attributes(language=stream.language, hits=len(stream.result.hits))
        return replace(stream, parts=self._record(request.question, stream.parts))

    def read_original(self, article_id: str, is_ocr_asked: bool = False) -> Iterator[FoundItem]:
        """An article as its original is read now; see `ingest.rereading`."""
        assistant = self.assistant
        return read_original(assistant.store, self.originals, article_id, assistant.settings, is_ocr_asked)

    def measure_original(self, article_id: str) -> int:
        """Bytes of the original of an article; 0 where none is kept. Raises NotFoundError where there is no article."""
        path = self.originals.find(self.assistant.store.get_article(article_id).original)
        return path.stat().st_size if path else 0

    def _record(self, question: str, parts: Iterator[str | Answer]) -> Iterator[str | Answer]:
        """The parts of an answer, which is counted and remembered when it is there."""
        for part in parts:
            if isinstance(part, Answer):
                self.metrics.count_answer(part)
                self.recent.remember(question, part)
                citations = len(part.citations)
                set_attributes(mode=part.mode, refused=part.refused, degraded=part.degraded, citations=citations)
            yield part
