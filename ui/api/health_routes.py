"""Whether the process answers, whether questions can be answered, and counts."""

import httpx
from fastapi import APIRouter, Response

from rag.answering.assistant import Assistant
from rag.errors import StoreError
from rag.settings import Settings
from ui.api.schemas import Health, Readiness
from ui.api.service import AnswerService

_LLM_TIMEOUT_S = 2.0
_METRICS_TYPE = "text/plain; version=0.0.4"


def build_health_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["operation"])

    @router.get("/health", summary="Tell whether the process answers")
    def check_health() -> Health:
        """Whether the process answers."""
        return Health()

    @router.get(
        "/ready",
        summary="Tell whether questions can be answered",
        responses={503: {"model": Readiness, "description": "Not now; with the reasons"}},
    )
    def check_readiness(response: Response) -> Readiness:
        """Whether questions can be answered, with the state of each part."""
        checks = _check_parts(service.assistant)
        is_ready = checks["index"] == "ok"
        response.status_code = 200 if is_ready else 503
        return Readiness(ready=is_ready, checks=checks)

    @router.get("/metrics", include_in_schema=False)
    def render_metrics() -> Response:
        """Counts and times for Prometheus."""
        return Response(service.metrics.render(), media_type=_METRICS_TYPE)

    return router


def _check_parts(assistant: Assistant) -> dict[str, str | int]:
    checks: dict[str, str | int] = {}
    try:
        checks |= {"index": "ok", "chunks": assistant.store.count_chunks()}
    except StoreError as error:
        checks["index"] = str(error)
    checks["pipeline"] = assistant.store.config.fingerprint
    checks["answers"] = _check_answers(assistant.settings)
    return checks


def _check_answers(settings: Settings) -> str:
    """Who writes the answers now."""
    if settings.llm_name is None:
        return "extractive"
    if settings.llm_base_url is None:
        return settings.llm_name
    try:
        httpx.get(settings.llm_base_url, timeout=_LLM_TIMEOUT_S)
    except httpx.HTTPError:
        return f"extractive: {settings.llm_name} at {settings.llm_base_url} does not answer"
    return settings.llm_name
