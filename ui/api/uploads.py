"""Articles that come over HTTP: into the index while the caller waits, or as a job."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from contextvars import copy_context
from typing import Any
from uuid import uuid4

from fastapi import Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from ingest.indexer import Indexer, IndexResult
from ingest.known_files import FoundItem
from ingest.progress import count_pages
from ingest.readers import ReadFailure, ReadWarning
from ingest.reasons import Reason, code_of
from rag.errors import DalilError, NotFoundError, ReadError, StoreError
from rag.records import Records
from rag.types import Article
from ui.api.limits import ConcurrencyLimiter
from ui.api.metrics import Metrics
from ui.api.schemas import Job, UploadResult
from ui.api.webhooks import Webhook

_log = logging.getLogger(__name__)

_MAX_BYTES_AT_ONCE = 200_000
"""More than this becomes a job: about a minute of embedding on two cores."""
_MAX_RUNNING_JOBS = 8
"""Each holds the body of its upload."""
_SEEN, _SEEN_EVERY_S, _LOST_AFTER_S = "seen", 30, 300
"""When a running job was last written down; one that was not for so long has ended with its process."""
_LOST = "The process that ran this has ended. What it had written is kept: send the upload again."
UPLOAD_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": UploadResult, "description": "Something was added or changed"},
    202: {"model": Job, "description": "A job: see /v1/jobs"},
}
"""What a route that takes articles may answer beside 200."""

Read = Callable[[], Iterable[FoundItem]]
"""Gives the articles of an upload."""


class Uploads:
    """Puts uploads into the index, counts them, and remembers those that take longer than a request.

    Parameters
    ----------
    indexer : Indexer
        Writes them.
    metrics : Metrics
        Counts them.
    limiter : ConcurrencyLimiter
        Of uploads that are read or planned at once; shared with the page.
    records : Records
        Where jobs are kept.
    webhook : Webhook, optional
        Is told of each job that has ended: `job.done` or `job.failed`, with the job.
    hide_places : callable
        Gives the error that a failed job tells.
    """

    def __init__(
        self,
        indexer: Indexer,
        metrics: Metrics,
        limiter: ConcurrencyLimiter,
        records: Records,
        webhook: Webhook | None = None,
        hide_places: Callable[[DalilError], DalilError] = lambda error: error,
    ) -> None:
        self._indexer, self._metrics, self._limiter, self._webhook = indexer, metrics, limiter, webhook
        self._job_limiter = ConcurrencyLimiter(_MAX_RUNNING_JOBS)
        self._records, self._hide_places = records, hide_places

    def plan(self, read: Read) -> UploadResult:
        """What `index` would do; raises BusyError."""
        with self._limiter.place():
            return _to_upload_result(self._indexer.plan(read()))

    async def index(self, size: int, read: Read) -> Response:
        """Put the articles of an upload into the index.

        Parameters
        ----------
        size : int
            Bytes of the upload; a large one becomes a job.
        read : callable
            Gives its articles.

        Raises
        ------
        ReadError
            When it holds none.
        BusyError
            When as many are taken in as may be at once.
        """
        if size > _MAX_BYTES_AT_ONCE:
            return _to_response(self._start_job(read), 202)
        with self._limiter.place():
            result = await run_in_threadpool(self._index, read)
        if result.failed and not (result.added or result.changed or result.unchanged):
            message = " ".join(f"{place}: {reason}" for place, reason in result.failed.items())
            codes = [code for place in result.failed for code in result.codes.get(place, [])]
            raise ReadError(Reason(message, codes[0] if codes else ""))
        return _to_response(result, 201 if result.added or result.changed else 200)

    def get_job(self, job_id: str) -> Job:
        """A job as it stands; raises NotFoundError."""
        found = self._records.load("jobs", job_id)
        if found is None:
            raise NotFoundError(f"There is no job {job_id!r}.")
        job = Job.model_validate({name: value for name, value in found.items() if name != _SEEN})
        if job.status == "running" and time.time() > found[_SEEN] + _LOST_AFTER_S:
            return job.model_copy(update={"status": "failed", "message": _LOST})
        return job

    def _index(self, read: Read, note_written: Callable[[Sequence[Article]], None] = lambda _: None) -> UploadResult:
        result = _to_upload_result(self._indexer.index(read(), note_written=note_written))
        for outcome, articles in result.model_dump(exclude={"warnings", "codes"}).items():
            self._metrics.articles.labels(outcome).inc(len(articles))
        return result

    def _start_job(self, read: Read) -> Job:
        """Begin in a thread; gives the job as it stands."""
        place = ExitStack()
        place.enter_context(self._job_limiter.place())
        job = _RunningJob(self._records)
        started = job.state

        def run() -> None:
            with place, job:
                try:
                    result = self._index(read, job.note_written).model_dump()
                    ended = job.state.model_copy(update={"status": "done", **result})
                except DalilError as error:
                    _log.error("a job failed: %s", error)
                    ended = Job(id=job.state.id, status="failed", message=str(self._hide_places(error)))
                job.keep(ended)
            if self._webhook is not None:
                self._webhook.send(f"job.{ended.status}", ended.model_dump())

        context = copy_context()  # who asked for it
        threading.Thread(target=context.run, args=(run,), name="job", daemon=True).start()
        return started


class _RunningJob:
    """A job that this process runs, written down again and again as long as it does.

    Parameters
    ----------
    records : Records
        Where it is kept.
    """

    def __init__(self, records: Records) -> None:
        self._records, self._has_ended, self._lock = records, threading.Event(), threading.Lock()
        self.keep(Job(id=uuid4().hex, status="running"))

    def __enter__(self) -> None:
        threading.Thread(target=self._repeat, name="job-record", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()

    def keep(self, state: Job) -> None:
        """Write down how far it is; where that fails, the next time tells."""
        with self._lock:
            self.state = state
            self._write()

    def note_written(self, articles: Sequence[Article]) -> None:
        """Count articles that are in the index now."""
        counts = {
            "articles": self.state.articles + len(articles),
            "pages": self.state.pages + count_pages(articles),
        }
        self.keep(self.state.model_copy(update=counts))

    def _repeat(self) -> None:
        while not self._has_ended.wait(_SEEN_EVERY_S):
            with self._lock:
                self._write()

    def _write(self) -> None:
        try:
            self._records.save("jobs", self.state.id, self.state.model_dump() | {_SEEN: time.time()})
        except StoreError as error:
            _log.error("%s", error)


def _to_upload_result(result: IndexResult) -> UploadResult:
    return UploadResult(
        added=result.added,
        changed=result.changed,
        unchanged=result.unchanged,
        failed=_reasons_by_place(result.failed),
        warnings=_reasons_by_place(result.warnings),
        codes=_codes_by_place([*result.failed, *result.warnings]),
    )


def _codes_by_place(items: Iterable[ReadFailure | ReadWarning]) -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {}
    for item in items:
        if code := code_of(item.reason):
            codes.setdefault(item.path, []).append(code)
    return codes


def _reasons_by_place(items: Iterable[ReadFailure | ReadWarning]) -> dict[str, str]:
    reasons: dict[str, list[str]] = {}
    for item in items:
        reasons.setdefault(item.path, []).append(item.reason)
    return {place: " ".join(parts) for place, parts in reasons.items()}


def _to_response(body: BaseModel, status: int) -> Response:
    return Response(body.model_dump_json(), status, media_type="application/json")
