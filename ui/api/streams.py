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

Result = TypeVar("Result")

_EVENT_STREAM = "text/event-stream"
_HEARTBEAT = ":\n\n"
"""A comment, which clients pass over: it keeps proxies and browsers from taking a silent connection for a dead one."""
_HEARTBEAT_S = 10.0
_EVENT_SCHEMA = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "JSON, or [DONE]"}},
    "required": ["data"],
}
STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object or, with `stream`, server-sent events",
        "content": {_EVENT_STREAM: {"schema": _EVENT_SCHEMA}},
    }
}
"""What OpenAPI tells of a route that can answer so."""


async def run_until_disconnect(request: Request, deadline: Deadline, work: Callable[[], Result]) -> Result:
    """Do `work` in a thread; when the caller leaves, the deadline expires, and with it any wait for a model."""
    async with _expiring_on_disconnect(request.receive, deadline):
        return await run_in_threadpool(work)


class EventStreamResponse(StreamingResponse):
    """Server-sent events, each made in a thread.

    A reader who leaves makes the deadline expire, and so ends the work: Starlette would wait for the thread before it
    cancels.

    Parameters
    ----------
    events : iterator of str
        As `format_event` gives them.
    deadline : Deadline
        Of the work that makes them.
    heartbeat_s : float
        Seconds of silence after which a comment is sent.
    """

    def __init__(self, events: Iterator[str], deadline: Deadline, heartbeat_s: float = _HEARTBEAT_S) -> None:
        unbuffered = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        content = _with_heartbeats(iterate_in_threadpool(events), heartbeat_s)
        super().__init__(content, media_type=_EVENT_STREAM, headers=unbuffered)
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them all."""
        async with _expiring_on_disconnect(receive, self._deadline):
            await self.stream_response(send)


def format_event(data: Any, name: str | None = None) -> str:
    """One server-sent event with JSON as its data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _with_heartbeats(events: AsyncIterator[str], heartbeat_s: float) -> AsyncIterator[str]:
    """Events as they come, and a heartbeat whenever none has come for so long."""
    while True:
        following = asyncio.ensure_future(anext(events, None))
        while not (await asyncio.wait({following}, timeout=heartbeat_s))[0]:
            yield _HEARTBEAT
        event = following.result()
        if event is None:
            return
        yield event


@asynccontextmanager
async def _expiring_on_disconnect(receive: Receive, deadline: Deadline) -> AsyncIterator[None]:
    watcher = asyncio.create_task(_expire_on_disconnect(receive, deadline))
    try:
        yield
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _expire_on_disconnect(receive: Receive, deadline: Deadline) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    deadline.expire()
