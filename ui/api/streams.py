"""Answers over HTTP as they are written: server-sent events, and the end of the work when the reader leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rag.answering.llm import Deadline

Done = TypeVar("Done")

_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "JSON, or [DONE]"}},
    "required": ["data"],
}
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object or, with `stream`, server-sent events",
        "content": {_EVENTS: {"schema": _EVENT}},
    }
}
"""What OpenAPI tells of a route that can answer so."""


async def watched(request: Request, deadline: Deadline, work: Callable[[], Done]) -> Done:
    """Do `work` in a thread; when the caller leaves, the deadline ends, and with it any wait for a model."""
    async with _watching(request.receive, deadline):
        return await run_in_threadpool(work)


@asynccontextmanager
async def _watching(receive: Receive, deadline: Deadline) -> AsyncIterator[None]:
    watcher = asyncio.create_task(_end_when_gone(receive, deadline))
    try:
        yield
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _end_when_gone(receive: Receive, deadline: Deadline) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    deadline.end()


class Events(StreamingResponse):
    """Server-sent events, each made in a thread. A reader who leaves ends the deadline, and with it the work: Starlette
    would wait for the thread before it cancels."""

    def __init__(self, events: Iterator[str], deadline: Deadline) -> None:
        unbuffered = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(iterate_in_threadpool(events), media_type=_EVENTS, headers=unbuffered)
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them all."""
        async with _watching(receive, self._deadline):
            await self.stream_response(send)


def event(data: Any, name: str | None = None) -> str:
    """One server-sent event with JSON as its data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n"
