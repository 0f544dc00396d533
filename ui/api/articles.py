"""Articles over HTTP: list, read, add, remove."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal, Protocol
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from rag.answering.assistant import Assistant
from rag.errors import DalilError, InputError, NotFoundError, ReadError
from rag.types import Added, Article
from ui.api.records import Metrics

_SHOWN = ("id", "title", "language", "url", "date", "topic")
_AT_ONCE_BYTES = 200_000
"""More than this becomes a job: about a minute of embedding on two cores."""
_JOBS_KEPT = 200


class Inbox(Protocol):
    """Takes articles in, one upload after the other."""

    def plan(self, name: str, content: bytes, kind: Literal["md", "txt", "jsonl"]) -> Added:
        """What `add` would do, doing nothing."""

    def add(self, name: str, content: bytes, kind: Literal["md", "txt", "jsonl"]) -> Added:
        """Put what `content` holds into the index; articles without an id of their own are called `name`."""

    def put_back(self, article: Article) -> None:
        """Put an article that was removed into the index again, as it was."""


_KINDS: dict[str, Literal["md", "txt", "jsonl"]] = {
    "text/markdown": "md",
    "text/plain": "txt",
    "application/json": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}


class Jobs:
    """Uploads too large to wait for."""

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}

    def start(self, work: Callable[[], Added]) -> dict[str, Any]:
        """Begin in a thread; gives the job as it stands."""
        job: dict[str, Any] = {"id": uuid4().hex, "status": "running"}
        self._jobs[job["id"]] = job
        for key in list(self._jobs)[:-_JOBS_KEPT]:
            del self._jobs[key]

        def run() -> None:
            try:
                job.update(asdict(work()), status="done")
            except DalilError as error:
                job.update(status="failed", message=str(error))

        threading.Thread(target=run, name="job", daemon=True).start()
        return dict(job)

    def job(self, key: str) -> dict[str, Any]:
        """One of them; raises NotFoundError."""
        if key not in self._jobs:
            raise NotFoundError(f"There is no job {key!r}.")
        return dict(self._jobs[key])


def routes(assistant: Assistant, inbox: Inbox | None, metrics: Metrics) -> APIRouter:
    """The routes; without an `inbox` articles cannot be added."""
    router = APIRouter()
    router.include_router(_writing(assistant, inbox, metrics))
    router.include_router(_reading(assistant))
    return router


def _reading(assistant: Assistant) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/articles")
    def articles(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0)] = 0
    ) -> dict[str, Any]:
        """The articles of the index, in order of id, without their texts."""
        heads = sorted(assistant.store.heads().values(), key=lambda head: head.id)
        data = [{name: getattr(head, name) for name in (*_SHOWN, "chunks")} for head in heads[offset : offset + limit]]
        return {"data": data, "total": len(heads)}

    @router.get("/v1/articles/{article_id:path}/text")
    def text(
        article_id: str, start: Annotated[int, Query(ge=0)] = 0, end: Annotated[int | None, Query(ge=0)] = None
    ) -> dict[str, Any]:
        """An article's text, or the code points `start` to `end` of it: what a citation's offsets count in."""
        article = assistant.store.article(article_id)
        stop = len(article.text) if end is None else end
        if not start <= stop <= len(article.text):
            raise InputError(f"start and end must be in order and at most {len(article.text)}, the article's length.")
        shown = {name: getattr(article, name) for name in _SHOWN}
        return shown | {"start": start, "end": stop, "length": len(article.text), "text": article.text[start:stop]}

    @router.get("/v1/articles/{article_id:path}")
    def article(article_id: str) -> dict[str, Any]:
        """One article, with its text."""
        found = assistant.store.article(article_id)
        return {name: getattr(found, name) for name in (*_SHOWN, "text")}

    return router


def _writing(assistant: Assistant, inbox: Inbox | None, metrics: Metrics) -> APIRouter:
    router = APIRouter()
    jobs = Jobs()

    @router.post("/v1/articles", responses={201: {"description": "Added"}, 202: {"description": "A job"}})
    async def add(
        request: Request,
        response: Response,
        name: Annotated[str, Query(min_length=1, max_length=200)] = "upload",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Add an article as Markdown, plain text or JSON, or several as JSON lines: 201 when something was added or
        changed, 200 when nothing was, 202 with a job when it takes longer. `name` is the id of one without its own.
        With `dry_run`, 200 and what would be done."""
        kind = _KINDS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
        if kind is None or inbox is None:
            raise InputError(
                f"Send an article as one of {', '.join(_KINDS)}." if inbox else "This service takes no articles."
            )
        content = await request.body()
        if dry_run:
            return asdict(await run_in_threadpool(inbox.plan, name, content, kind))

        def work() -> Added:
            done = inbox.add(name, content, kind)
            for outcome, found in asdict(done).items():
                metrics.articles.labels(outcome).inc(len(found))
            return done

        if len(content) > _AT_ONCE_BYTES:
            response.status_code = 202
            return jobs.start(work)
        done = await run_in_threadpool(work)
        if done.failed and not (done.added or done.changed or done.unchanged):
            raise ReadError(" ".join(f"{place}: {reason}" for place, reason in done.failed.items()))
        response.status_code = 201 if done.added or done.changed else 200
        return asdict(done)

    @router.get("/v1/jobs/{key}")
    def job(key: str) -> dict[str, Any]:
        """How far an upload is."""
        return jobs.job(key)

    @router.delete("/v1/articles/{article_id:path}")
    def remove(article_id: str) -> dict[str, Any]:
        """Remove an article."""
        assistant.store.article(article_id)
        assistant.store.remove([article_id])
        assistant.store.settle()
        return {"id": article_id, "removed": True}

    return router
