"""What is kept of requests: metrics for Prometheus, one line of log each and, where it is asked for, a trace; with an
id and nobody's words."""

import json
import logging
import re
import time
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.trace import current
from rag.types import Answer
from ui.api.tracing import Tracing

_log = logging.getLogger("dalil.requests")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counts of one service, with its process's memory and time, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = self._counter("requests", "Requests", "method", "route", "status")
        self.seconds = Histogram(
            "dalil_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self.stages = Histogram(
            "dalil_stage_seconds", "Time of one stage", ["stage"], buckets=_SECONDS, registry=self._registry
        )
        self.answers = self._counter("answers", "Answers by how they came out", "language", "mode", "outcome")
        self.verdicts = self._counter("verdicts", "Citations by verdict", "verdict")
        self.articles = self._counter("articles", "Articles that came over HTTP", "outcome")
        self.feedback = self._counter("feedback", "Ratings of answers", "rating")
        self.open = Gauge("dalil_requests_open", "Requests being answered", registry=self._registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"dalil_{name}", about, labels, registry=self._registry)

    def answered(self, answer: Answer) -> None:
        """Count an answer."""
        refused = f"refused_{answer.reason}" if answer.refused else "answered"
        outcome = f"degraded_{answer.reason}" if answer.degraded else refused
        self.answers.labels(answer.language, answer.mode, outcome).inc()
        for citation in answer.citations:
            self.verdicts.labels(citation.verdict).inc()
        for stage, milliseconds in answer.timings_ms.items():
            self.stages.labels(stage).observe(milliseconds / 1000)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)


class Records:
    """ASGI middleware: gives each request an id, counts it, traces it, and logs it when it has ended."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self._app, self._metrics, self._tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and keep its record."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex
        trace = self._tracing.begin(scope, request_id) if self._tracing else None
        current.set(trace)
        status = 500
        started = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        self._metrics.open.inc()
        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            route = _route(scope)
            if trace is not None:
                trace.end(route, status)
            self._metrics.open.dec()
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            line = {"id": request_id, "method": scope["method"], "route": route, "status": status}
            _log.info(json.dumps(line | {"ms": round(1000 * seconds, 1)}))


def _route(scope: Scope) -> str:
    """The route's pattern: a path could hold anybody's words, and there is no end of them."""
    return str(getattr(scope.get("route"), "path", "other"))
