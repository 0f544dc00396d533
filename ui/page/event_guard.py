"""What the page's events may hold: no event takes a file, yet Gradio would fetch one from any address that a body
names, and fails over an event that does not exist."""

import json
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.settings import DEFAULT_COLLECTION
from ui.api.bodies import read_whole, replay
from ui.api.grants import caller_of, is_allowed

_EVENT_PATH = "/queue/join"


class EventGuardMiddleware:
    """ASGI middleware around one of Gradio's pages: refuses the events that the page would never send.

    Parameters
    ----------
    app : ASGIApp
        Gradio's page.
    events : frozenset of int
        Numbers of the events that the page has.
    writing : frozenset of int
        Those that change the articles.
    collection : str
        Whose page it is.
    """

    def __init__(
        self,
        app: ASGIApp,
        events: frozenset[int],
        writing: frozenset[int] = frozenset(),
        collection: str = DEFAULT_COLLECTION,
    ) -> None:
        self._app, self._events, self._writing, self._collection = app, events, writing, collection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or not scope["path"].endswith(_EVENT_PATH):
            await self._app(scope, receive, send)
            return
        body = await read_whole(receive)
        if body is None:
            return
        if not _is_event(body, self._events):
            await PlainTextResponse("The page has no such event.", 422)(scope, receive, send)
            return
        caller = caller_of(scope)
        is_writing = json.loads(body)["fn_index"] in self._writing
        if caller and is_writing and not is_allowed(caller, "write", self._collection):
            await PlainTextResponse("You may only read here.", 403)(scope, receive, send)
            return
        await self._app(scope, replay(body, receive), send)


def _is_event(body: bytes, events: frozenset[int]) -> bool:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return False
    is_known = isinstance(event, dict) and isinstance(event.get("fn_index"), int) and event["fn_index"] in events
    return is_known and not _holds_file(event)


def _holds_file(value: Any) -> bool:
    """Whether any object within is what Gradio takes for a file."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if "meta" in one and ("path" in one or "url" in one):
                return True
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return False
