"""Traces by OpenTelemetry: a span for each request under /v1, with its stages as children. Off unless the environment
names a collector, as the standard has it; no span holds a word of a question, an article or an answer."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Self

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from rag.errors import SettingsError
from rag.trace import Note

_BASE, _TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_LAST_S = 2.0
"""At the end: how long a collector that does not answer is waited for."""


class RequestTrace:
    """The span of one request."""

    def __init__(self, tracer: Tracer, scope: Scope, request_id: str) -> None:
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        caller = TraceContextTextMapPropagator().extract(given)
        self._tracer, self._method = tracer, scope["method"]
        self._span: Span = tracer.start_span(self._method, caller, SpanKind.SERVER)
        self._within = set_span_in_context(self._span)
        # Stages are timed by the clock that never jumps; spans want the time of day.
        self._epoch_ns = time.time_ns() - time.perf_counter_ns()
        self.note("request_id", request_id)

    def stage(self, name: str, started: float, ended: float) -> None:
        """A child that took from `started` to `ended`, both of `time.perf_counter`."""
        child = self._tracer.start_span(name, self._within, start_time=self._ns(started))
        child.end(self._ns(ended))

    def note(self, name: str, value: Note) -> None:
        """An attribute of Dalil's own."""
        self._span.set_attribute(f"dalil.{name}", value)

    def end(self, route: str, status: int) -> None:
        """The response has ended."""
        self._span.update_name(f"{self._method} {route}")
        http = {"http.request.method": self._method, "http.route": route, "http.response.status_code": status}
        self._span.set_attributes(http)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()

    def _ns(self, seconds: float) -> int:
        return self._epoch_ns + int(seconds * 1e9)


class Tracing:
    """Sends spans to a collector, from a thread of its own; raises ImportError without the packages for it."""

    def __init__(self, endpoint: str, service: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        # Never the global provider: other libraries would then send spans of their own, with URLs and messages.
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter(endpoint=endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("dalil")

    def begin(self, scope: Scope, request_id: str) -> RequestTrace | None:
        """The trace of a request; None for one that is not traced."""
        return RequestTrace(self._tracer, scope, request_id) if scope["path"].startswith("/v1/") else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send what is left, for as long as that may take."""
        patience = threading.Timer(_LAST_S, self._exporter.shutdown)
        patience.start()
        try:
            self._provider.shutdown()
        finally:
            patience.cancel()


def open_tracing(environment: Mapping[str, str] = os.environ) -> Tracing | None:
    """Tracing to the collector that the standard variables name; None when they name none. Raises SettingsError when
    the packages for it are missing."""
    base = environment.get(_BASE, "").rstrip("/")
    endpoint = environment.get(_TRACES) or (f"{base}/v1/traces" if base else None)
    if endpoint is None:
        return None
    try:
        return Tracing(endpoint, environment.get("OTEL_SERVICE_NAME") or "dalil")
    except ImportError as error:
        raise SettingsError(
            f"{_TRACES if environment.get(_TRACES) else _BASE} is set, but {error.name} is not installed: "
            "pip install 'dalil[otel]', or unset it."
        ) from None
