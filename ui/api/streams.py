"""Answers over HTTP as they are written: server-sent events, and the end of the work when the reader leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rag.answering.llm import Deadline
from rag.errors import DalilError

Result = TypeVar("Result")
Begun = TypeVar("Begun")

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


async def stream_events(
    request: Request,
    deadline: Deadline,
    begin: Callable[[], Begun],
    tell: Callable[[Begun], Iterator[str]],
    tell_error: Callable[[DalilError], Iterable[str]],
    heartbeat_s: float = _HEARTBEAT_S,
) -> StreamingResponse:
    """Server-sent events of what takes a while to begin, such as a search in the words of a slow model.

    Parameters
    ----------
    request : Request
        That asks for them.
    deadline : Deadline
        Of the work that makes them; expires when the reader leaves.
    begin : callable
        The work before the first event, done in a thread. Its error is the answer to the request, unless it comes after
        the first heartbeat.
    tell : callable
        The events, from what was begun; each is made in a thread.
    tell_error : callable
        The last events, where an error ends them.
    heartbeat_s : float
        Seconds of silence after which a comment is sent, again and again.
    """
    async with _expiring_on_disconnect(request.receive, deadline):
        begun = asyncio.ensure_future(run_in_threadpool(begin))
        await asyncio.wait({begun}, timeout=heartbeat_s)
    if begun.done():
        begun.result()
    return _EventStreamResponse(_with_heartbeats(_tell_all(begun, tell, tell_error), heartbeat_s), deadline)


class _EventStreamResponse(StreamingResponse):
    """Server-sent events. A reader who leaves makes the deadline expire, and so ends the work: Starlette would wait for
    the thread before it cancels."""

    def __init__(self, events: AsyncIterator[str], deadline: Deadline) -> None:
        unbuffered = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type=_EVENT_STREAM, headers=unbuffered)
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them all."""
        async with _expiring_on_disconnect(receive, self._deadline):
            await self.stream_response(send)


def format_event(data: Any, name: str | None = None) -> str:
    """One server-sent event with JSON as its data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _tell_all(
    begun: asyncio.Future[Begun],
    tell: Callable[[Begun], Iterator[str]],
    tell_error: Callable[[DalilError], Iterable[str]],
) -> AsyncIterator[str]:
    """The events of what was begun, or is about to be."""
    try:
        if not begun.done():
            yield _HEARTBEAT
        async for event in iterate_in_threadpool(tell(await begun)):
            yield event
    except DalilError as error:
        for event in tell_error(error):
            yield event


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
