"""Articles that come over HTTP: into the index while the caller waits, or as a job."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from fastapi import Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from ingest.indexer import Indexer, IndexResult
from ingest.progress import count_pages
from ingest.readers import ReadFailure, ReadResult, ReadWarning
from ingest.reasons import Reason, code_of
from rag.errors import DalilError, NotFoundError, ReadError
from rag.types import Article
from ui.api.limits import ConcurrencyLimiter
from ui.api.metrics import Metrics
from ui.api.schemas import Job, UploadResult
from ui.api.webhooks import Webhook

_MAX_BYTES_AT_ONCE = 200_000
"""More than this becomes a job: about a minute of embedding on two cores."""
_MAX_JOBS = 200
_MAX_RUNNING_JOBS = 8
"""Each holds the body of its upload."""
UPLOAD_RESPONSES: dict[int | str, dict[str, Any]] = {
    201: {"model": UploadResult, "description": "Something was added or changed"},
    202: {"model": Job, "description": "A job: see /v1/jobs"},
}
"""What a route that takes articles may answer beside 200."""

Read = Callable[[], Iterable[ReadResult]]
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
    webhook : Webhook, optional
        Is told of each job that has ended: `job.done` or `job.failed`, with the job.
    """

    def __init__(
        self, indexer: Indexer, metrics: Metrics, limiter: ConcurrencyLimiter, webhook: Webhook | None = None
    ) -> None:
        self._indexer, self._metrics, self._limiter, self._webhook = indexer, metrics, limiter, webhook
        self._job_limiter = ConcurrencyLimiter(_MAX_RUNNING_JOBS)
        self._jobs: dict[str, Job] = {}

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
        if job_id not in self._jobs:
            raise NotFoundError(f"There is no job {job_id!r}.")
        return self._jobs[job_id]

    def _index(self, read: Read, note_written: Callable[[Sequence[Article]], None] = lambda _: None) -> UploadResult:
        result = _to_upload_result(self._indexer.index(read(), note_written=note_written))
        for outcome, articles in result.model_dump(exclude={"warnings", "codes"}).items():
            self._metrics.articles.labels(outcome).inc(len(articles))
        return result

    def _start_job(self, read: Read) -> Job:
        """Begin in a thread; gives the job as it stands."""
        place = ExitStack()
        place.enter_context(self._job_limiter.place())
        job = Job(id=uuid4().hex, status="running")
        self._jobs[job.id] = job
        for job_id in list(self._jobs)[:-_MAX_JOBS]:
            del self._jobs[job_id]

        def note_written(articles: Sequence[Article]) -> None:
            so_far = self._jobs.get(job.id, job)
            counts = {"articles": so_far.articles + len(articles), "pages": so_far.pages + count_pages(articles)}
            self._jobs[job.id] = so_far.model_copy(update=counts)

        def run() -> None:
            with place:
                try:
                    result = self._index(read, note_written).model_dump()
                    counts = self._jobs.get(job.id, job).model_dump(include={"articles", "pages"})
                    ended = Job(id=job.id, status="done", **counts, **result)
                except DalilError as error:
                    ended = Job(id=job.id, status="failed", message=str(error))
            self._jobs[job.id] = ended
            if self._webhook is not None:
                self._webhook.send(f"job.{ended.status}", ended.model_dump())

        threading.Thread(target=run, name="job", daemon=True).start()
        return job


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
