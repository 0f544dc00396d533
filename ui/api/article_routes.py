"""Articles over HTTP: list, read, add, remove."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from ingest.indexer import IndexResult
from ingest.readers import MEDIA_TYPES, Format, format_of_media_type, read_upload
from rag.errors import DalilError, InputError, NotFoundError, ReadError
from rag.store import ArticleSummary, Store
from rag.types import Article
from ui.api.limits import ConcurrencyLimiter
from ui.api.schemas import (
    MAX_ID_CHARS,
    ArticleBody,
    ArticleItem,
    ArticleList,
    ArticleText,
    Job,
    Removal,
    UploadResult,
)
from ui.api.service import AnswerService

_INFO_FIELDS = ("id", "title", "language", "url", "date", "topic")
_MAX_BYTES_AT_ONCE = 200_000
"""More than this becomes a job: about a minute of embedding on two cores."""
_MAX_JOBS = 200
_MAX_OFFSET = 10_000_000
"""More articles than an index is made for."""
_MAX_RUNNING_JOBS = 8
"""Each holds the body of its upload."""
_TEXT_SUFFIX, _ESCAPED_TEXT_SUFFIX = "/text", b"%2FTEXT"


class JobQueue:
    """Uploads too large to wait for."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._limiter = ConcurrencyLimiter(_MAX_RUNNING_JOBS)

    def start(self, work: Callable[[], UploadResult]) -> Job:
        """Begin in a thread; gives the job as it stands. Raises BusyError when too many run."""
        place = ExitStack()
        place.enter_context(self._limiter.place())
        job = Job(id=uuid4().hex, status="running")
        self._jobs[job.id] = job
        for job_id in list(self._jobs)[:-_MAX_JOBS]:
            del self._jobs[job_id]

        def run() -> None:
            with place:
                try:
                    self._jobs[job.id] = Job(id=job.id, status="done", **work().model_dump())
                except DalilError as error:
                    self._jobs[job.id] = Job(id=job.id, status="failed", message=str(error))

        threading.Thread(target=run, name="job", daemon=True).start()
        return job

    def get(self, job_id: str) -> Job:
        """A job as it stands; raises NotFoundError."""
        if job_id not in self._jobs:
            raise NotFoundError(f"There is no job {job_id!r}.")
        return self._jobs[job_id]


def build_article_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["articles"])
    _add_writing_routes(router, service)
    _add_reading_routes(router, service)
    return router


def to_upload_result(result: IndexResult) -> UploadResult:
    """What became of an upload, as the API has it."""
    failed = {failure.path: failure.reason for failure in result.failed}
    return UploadResult(added=result.added, changed=result.changed, unchanged=result.unchanged, failed=failed)


def _add_reading_routes(router: APIRouter, service: AnswerService) -> None:
    store = service.assistant.store

    @router.get("/v1/articles", summary="List the articles")
    def list_articles(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0
    ) -> ArticleList:
        """The articles of the index without their texts, the last written first."""
        data = [_to_item(summary) for summary in store.list_articles(limit, offset)]
        return ArticleList(data=data, total=store.count_articles())

    @router.get("/v1/articles/{article_id:path}/text", summary="Read a part of an article's text")
    def read_text(
        request: Request,
        article_id: str,
        start: Annotated[int, Query(ge=0)] = 0,
        end: Annotated[int | None, Query(ge=0)] = None,
    ) -> ArticleText:
        """An article's text, or the code points `start` to `end` of it: what a citation's offsets count in. Of an
        article whose own id ends in `/text`, send that slash as %2F, or `/text` once more."""
        article = _get_addressed(store, request, article_id)
        length = len(article.text)
        stop = length if end is None else end
        if not start <= stop <= length:
            raise InputError(f"start and end must be in order and at most {length}, the article's length.")
        text = article.text[start:stop]
        return ArticleText(**_info(article), start=start, end=stop, length=length, text=text)

    @router.get("/v1/articles/{article_id:path}", summary="Read an article")
    def read_article(article_id: str) -> ArticleBody:
        """One article, with its text."""
        article = store.get_article(article_id)
        return ArticleBody(**_info(article), text=article.text)


def _get_addressed(store: Store, request: Request, article_id: str) -> Article:
    """The article that a path ending in `/text` names: the one whose text it asks for, or, where the slash is escaped
    or there is no such article, the one of the whole id."""
    is_escaped = request.scope.get("raw_path", b"").upper().endswith(_ESCAPED_TEXT_SUFFIX)
    whole_id = article_id + _TEXT_SUFFIX
    ids = [whole_id] if is_escaped else [article_id, whole_id]
    found = store.get_articles(ids)
    return found.get(ids[0]) or found.get(ids[-1]) or store.get_article(ids[0])


def _add_writing_routes(router: APIRouter, service: AnswerService) -> None:
    jobs = JobQueue()

    @router.post(
        "/v1/articles",
        summary="Add articles",
        response_model=UploadResult,
        responses={
            201: {"model": UploadResult, "description": "Something was added or changed"},
            202: {"model": Job, "description": "A job: see /v1/jobs"},
        },
    )
    async def add_articles(
        request: Request,
        response: Response,
        name: Annotated[str, Query(min_length=1, max_length=MAX_ID_CHARS)] = "upload",
        dry_run: bool = False,
    ) -> Any:
        """Add an article as Markdown, plain text or JSON, or several as JSON lines: 201 when something was added or
        changed, 200 when nothing was, 202 with a job when it takes longer. `name` is the id of one without its own.
        With `dry_run`, 200 and what would be done."""
        upload = _Upload(service, request.headers.get("content-type", ""), name)
        content = await request.body()
        if dry_run:
            with service.upload_limiter.place():
                return await run_in_threadpool(upload.plan, content)
        if len(content) > _MAX_BYTES_AT_ONCE:
            job = jobs.start(lambda: upload.index(content))
            return Response(job.model_dump_json(), 202, media_type="application/json")
        with service.upload_limiter.place():
            result = await run_in_threadpool(upload.index, content)
        if result.failed and not (result.added or result.changed or result.unchanged):
            raise ReadError(" ".join(f"{place}: {reason}" for place, reason in result.failed.items()))
        response.status_code = 201 if result.added or result.changed else 200
        return result

    @router.get("/v1/jobs/{job_id}", summary="See how far an upload is")
    def read_job(job_id: str) -> Job:
        """An upload that is taken in after its request has ended."""
        return jobs.get(job_id)

    @router.delete("/v1/articles/{article_id:path}", summary="Remove an article")
    def remove_article(article_id: str) -> Removal:
        """Remove an article with its chunks."""
        service.assistant.store.get_article(article_id)
        service.indexer.remove([article_id])
        return Removal(id=article_id)


class _Upload:
    """An upload, and what it is read by; raises InputError for a content type that is none of an article."""

    def __init__(self, service: AnswerService, content_type: str, name: str) -> None:
        known = format_of_media_type(content_type)
        if known is None:
            raise InputError(f"Send an article as one of {', '.join(MEDIA_TYPES)}.")
        self._format: Format = known
        self._indexer, self._metrics, self._name = service.indexer, service.metrics, name
        self._max_chars = service.assistant.settings.max_article_chars

    def plan(self, content: bytes) -> UploadResult:
        """What `index` would do."""
        return to_upload_result(self._indexer.plan(self._read(content)))

    def index(self, content: bytes) -> UploadResult:
        """Put its articles into the index, and count them."""
        result = to_upload_result(self._indexer.index(self._read(content)))
        for outcome, articles in result.model_dump().items():
            self._metrics.articles.labels(outcome).inc(len(articles))
        return result

    def _read(self, content: bytes) -> Any:
        return read_upload(content, self._format, self._name, self._max_chars)


def _info(article: Article | ArticleSummary) -> dict[str, Any]:
    return {name: getattr(article, name) for name in _INFO_FIELDS}


def _to_item(summary: ArticleSummary) -> ArticleItem:
    return ArticleItem(**_info(summary), chunks=summary.chunks)
