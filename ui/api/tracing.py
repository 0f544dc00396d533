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
from rag.trace import AttributeValue

_ENDPOINT, _TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_SERVICE_NAME, _DEFAULT_SERVICE_NAME = "OTEL_SERVICE_NAME", "dalil"
_TRACED_PREFIX = "/v1/"
_SHUTDOWN_TIMEOUT_S = 2.0
"""At the end: how long a collector that does not answer is waited for."""


class RequestTrace:
    """The span of one request.

    Parameters
    ----------
    tracer : Tracer
        Makes spans.
    scope : Scope
        Of the request; a trace of its caller is gone on with.
    request_id : str
        As the log has it.
    """

    def __init__(self, tracer: Tracer, scope: Scope, request_id: str) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parent = TraceContextTextMapPropagator().extract(headers)
        self._tracer, self._method = tracer, scope["method"]
        self._span: Span = tracer.start_span(self._method, parent, SpanKind.SERVER)
        self._context = set_span_in_context(self._span)
        # Stages are timed by the clock that never jumps; spans want the time of day.
        self._epoch_ns = time.time_ns() - time.perf_counter_ns()
        self.set_attribute("request_id", request_id)

    def record_stage(self, name: str, started: float, ended: float) -> None:
        """A child that took from `started` to `ended`, both of `time.perf_counter`."""
        child = self._tracer.start_span(name, self._context, start_time=self._to_ns(started))
        child.end(self._to_ns(ended))

    def set_attribute(self, name: str, value: AttributeValue) -> None:
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

    def _to_ns(self, seconds: float) -> int:
        return self._epoch_ns + int(seconds * 1e9)


class Tracing:
    """Sends spans to a collector, from a thread of its own.

    Parameters
    ----------
    endpoint : str
        URL that takes OTLP traces over HTTP.
    service : str
        Name of this service.

    Raises
    ------
    ImportError
        Without the packages for it.
    """

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
        return RequestTrace(self._tracer, scope, request_id) if scope["path"].startswith(_TRACED_PREFIX) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send what is left, for as long as that may take."""
        timeout = threading.Timer(_SHUTDOWN_TIMEOUT_S, self._exporter.shutdown)
        timeout.start()
        try:
            self._provider.shutdown()
        finally:
            timeout.cancel()


def open_tracing(environment: Mapping[str, str] | None = None) -> Tracing | None:
    """Tracing to the collector that the standard variables name; None when they name none.

    Parameters
    ----------
    environment : mapping of str to str, optional
        The variables; unset: those of this process.

    Raises
    ------
    SettingsError
        When the packages for it are missing.
    """
    variables = os.environ if environment is None else environment
    base = variables.get(_ENDPOINT, "").rstrip("/")
    endpoint = variables.get(_TRACES_ENDPOINT) or (f"{base}/v1/traces" if base else None)
    if endpoint is None:
        return None
    try:
        return Tracing(endpoint, variables.get(_SERVICE_NAME) or _DEFAULT_SERVICE_NAME)
    except ImportError as error:
        variable = _TRACES_ENDPOINT if variables.get(_TRACES_ENDPOINT) else _ENDPOINT
        raise SettingsError(
            f"{variable} is set, but {error.name} is not installed: pip install 'dalil[otel]', or unset it."
        ) from None
