"""What is kept of requests: a count, one line of log each and, where it is asked for, a trace; with an id and nobody's
words."""

import json
import logging
import re
import time
from typing import TextIO
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.trace import listening
from ui.api.metrics import Metrics
from ui.api.tracing import Tracing

_log = logging.getLogger("dalil.requests")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNKNOWN_ROUTE = "other"
_FIRST_ERROR_STATUS = 400
_FILE_ROUTES = ("/assets/", "/static/", "/theme.css")
_FILE_PATHS = ("/page/", "/docs/")
"""What the page is made of: some fifty files a visit, which would bury the requests that say something."""


class RequestLogMiddleware:
    """ASGI middleware: gives each request an id, counts it, traces it, and logs it when it has ended.

    Parameters
    ----------
    app : ASGIApp
        The site.
    metrics : Metrics
        Counts it.
    tracing : Tracing, optional
        Traces it.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self._app, self._metrics, self._tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and keep its record."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        trace = self._tracing.begin(scope, request_id) if self._tracing else None
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        self._metrics.open_requests.inc()
        try:
            with listening(trace):
                await self._app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            route = _route_of(scope)
            if trace is not None:
                trace.end(route, status)
            self._metrics.open_requests.dec()
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            line = {"id": request_id, "method": scope["method"], "route": route, "status": status}
            level = logging.DEBUG if _is_file(scope, route) and status < _FIRST_ERROR_STATUS else logging.INFO
            _log.log(level, json.dumps(line | {"ms": round(1000 * seconds, 1)}))


def log_requests_to(stream: TextIO) -> None:
    """Write a line of JSON for each request to a stream, whatever else is logged where."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


def _is_file(scope: Scope, route: str) -> bool:
    return route.startswith(_FILE_ROUTES) or scope["path"].startswith(_FILE_PATHS)


def _request_id(scope: Scope) -> str:
    """The id that the caller gave, or a new one."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _route_of(scope: Scope) -> str:
    """The route's pattern: a path could hold anybody's words, and there is no end of them."""
    return str(getattr(scope.get("route"), "path", _UNKNOWN_ROUTE))
