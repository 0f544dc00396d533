"""The HTTP API. Each route is a plain function, which Starlette runs in a thread, around one call of the service."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig

from ui.api import errors
from ui.api.access import AccessMiddleware
from ui.api.answer_routes import build_answer_routes
from ui.api.archive_routes import build_archive_routes
from ui.api.article_routes import build_article_routes
from ui.api.collections import CollectionMiddleware, build_collection_routes
from ui.api.completion_routes import build_completion_routes
from ui.api.conversation_routes import build_conversation_routes
from ui.api.docs_page import add_docs_page
from ui.api.embedding_routes import build_embedding_routes
from ui.api.headers import SecurityHeadersMiddleware
from ui.api.health_routes import build_health_routes
from ui.api.openai_routes import build_openai_routes
from ui.api.origins import OriginMiddleware
from ui.api.page_routes import build_page_routes
from ui.api.path_prefix import RootPathMiddleware
from ui.api.request_forms import RequestFormsMiddleware
from ui.api.request_log import RequestLogMiddleware
from ui.api.response_routes import build_response_routes
from ui.api.service import AnswerService
from ui.api.tracing import Tracing

_SUMMARY = "Questions in Arabic or English over Arabic articles, answered with citations that open the exact words"
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI would send URLs and the messages of errors."""

_CORS_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CORS_HEADERS = ("*",)
"""OpenAI's client for browsers sends some of its own (`X-Stainless-OS` and the like)."""
_EXPOSED_HEADERS = ("Retry-After", "X-Request-Id")

_ROUTES = (
    build_health_routes,
    build_answer_routes,
    build_openai_routes,
    build_response_routes,
    build_completion_routes,
    build_embedding_routes,
    build_page_routes,
    build_article_routes,
    build_archive_routes,
    build_conversation_routes,
    build_collection_routes,
)


def create_app(service: AnswerService, tracing: Tracing | None = None) -> FastAPI:
    """The API over a service.

    Parameters
    ----------
    service : AnswerService
        Stays the caller's to close. The APIs of its other collections are `app.state.sites`, by name.
    tracing : Tracing, optional
        Takes the spans of requests; stays the caller's to close.
    """
    app = FastAPI(
        title="Dalil",
        summary=_SUMMARY,
        version="1",
        docs_url=None,
        redoc_url=None,
        responses=errors.RESPONSES,
        telemetry=_NO_TELEMETRY,
    )
    _add_middleware(app, service, tracing)
    errors.install_handlers(app, service.assistant.settings)
    add_docs_page(app)
    for build_routes in _ROUTES:
        app.include_router(build_routes(service))
    return app


def _add_middleware(app: FastAPI, service: AnswerService, tracing: Tracing | None) -> None:
    """What stands around the routes, from the inside out."""
    settings = service.assistant.settings
    app.add_middleware(RootPathMiddleware)
    app.add_middleware(
        AccessMiddleware,
        settings=settings,
        limiter=service.limiter,
        guard=service.guard,
        sessions=service.sessions,
        rates=service.rates,
        collection=service.collection,
    )
    app.add_middleware(RequestFormsMiddleware)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=_CORS_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
    app.add_middleware(OriginMiddleware, settings=settings)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(RequestLogMiddleware, metrics=service.metrics, tracing=tracing)
    app.state.sites = {name: create_app(one, tracing) for name, one in service.collections.items()}
    app.add_middleware(CollectionMiddleware, sites=app.state.sites)
