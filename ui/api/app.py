"""The routes. Each is a plain function, which Starlette runs in a thread, around one call of the assistant."""

from typing import Any

import httpx
from fastapi import FastAPI, Response
from fastapi.telemetry import TelemetryConfig

from rag.answering.assistant import Assistant
from rag.errors import StoreError
from ui.api import articles, asking, errors, feedback, openai
from ui.api.access import Gate, Slots
from ui.api.articles import Inbox
from ui.api.feedback import Recent
from ui.api.records import Metrics, Records
from ui.api.service import Work
from ui.api.tracing import Tracing

_MODEL_CHECK_S = 2.0


_SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI would send URLs and the messages of errors."""


def create_app(assistant: Assistant, inbox: Inbox | None = None, tracing: Tracing | None = None) -> FastAPI:
    """The API over `assistant`; articles that are sent go to `inbox`, spans to `tracing`. All stay the caller's to
    close."""
    settings = assistant.settings
    metrics = Metrics()
    recent = Recent(settings.feedback_file, metrics)
    summary = __doc__.splitlines()[0] if __doc__ else None
    app = FastAPI(title="Dalil", summary=summary, version="1", responses=errors.RESPONSES, telemetry=_SILENT)
    slots = Slots(settings.slots)
    app.add_middleware(Gate, settings=settings, slots=slots)
    app.add_middleware(Records, metrics=metrics, tracing=tracing)
    errors.install(app)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/ready", responses={503: {"description": "Not now; with the reasons", "model": None}})
    def ready(response: Response) -> dict[str, Any]:
        """Whether questions can be answered, with the reasons."""
        checks = _checks(assistant)
        is_ready = checks["index"] == "ok"
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready, "checks": checks}

    work = Work(assistant, metrics, recent, slots)
    app.include_router(asking.routes(work))
    app.include_router(openai.routes(work))
    app.include_router(articles.routes(assistant, inbox, metrics))
    app.include_router(feedback.routes(assistant, recent))
    app.state.work = work

    @app.get("/metrics", include_in_schema=False)
    def numbers() -> Response:
        """Counts and times for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return app


def _checks(assistant: Assistant) -> dict[str, Any]:
    try:
        checks: dict[str, Any] = {"index": "ok", "chunks": assistant.store.check()}
    except StoreError as error:
        checks = {"index": str(error)}
    checks["pipeline"] = assistant.store.pipeline.fingerprint
    checks["answers"] = _answers(assistant)
    return checks


def _answers(assistant: Assistant) -> str:
    settings = assistant.settings
    if settings.model is None:
        return "extractive"
    if settings.llm_base_url is None:
        return settings.model
    try:
        httpx.get(settings.llm_base_url, timeout=_MODEL_CHECK_S)
    except httpx.HTTPError:
        return f"extractive: {settings.model} at {settings.llm_base_url} does not answer"
    return settings.model
