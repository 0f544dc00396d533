"""The HTTP API. Each route is a plain function, which Starlette runs in a thread, around one call of the service."""

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from ui.api import errors
from ui.api.access import AccessMiddleware
from ui.api.answer_routes import build_answer_routes
from ui.api.article_routes import build_article_routes
from ui.api.health_routes import build_health_routes
from ui.api.openai_routes import build_openai_routes
from ui.api.request_log import RequestLogMiddleware
from ui.api.service import AnswerService
from ui.api.tracing import Tracing

_SUMMARY = "Questions in Arabic or English over Arabic articles, answered with citations that open the exact words"
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI would send URLs and the messages of errors."""


def create_app(service: AnswerService, tracing: Tracing | None = None) -> FastAPI:
    """The API over a service.

    Parameters
    ----------
    service : AnswerService
        Stays the caller's to close.
    tracing : Tracing, optional
        Takes the spans of requests; stays the caller's to close.
    """
    app = FastAPI(title="Dalil", summary=_SUMMARY, version="1", responses=errors.RESPONSES, telemetry=_NO_TELEMETRY)
    app.add_middleware(AccessMiddleware, settings=service.assistant.settings, limiter=service.limiter)
    app.add_middleware(RequestLogMiddleware, metrics=service.metrics, tracing=tracing)
    errors.install_handlers(app)
    for build_routes in (build_health_routes, build_answer_routes, build_openai_routes, build_article_routes):
        app.include_router(build_routes(service))
    return app
