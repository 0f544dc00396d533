"""Whether the process answers, whether questions can be answered, and counts."""

import threading
import time

import httpx
from fastapi import APIRouter, Response

from rag.answering.assistant import Assistant
from rag.errors import StoreError
from rag.settings import Settings
from ui.api.schemas import Health, Readiness
from ui.api.service import AnswerService

_LLM_TIMEOUT_S = 2.0
_PROBE_LIFETIME_S = 15.0
_KEY_REFUSED = (401, 403)
_METRICS_TYPE = "text/plain; version=0.0.4"


class LlmProbe:
    """Who writes the answers now. The endpoint of a model is asked with its key, and not on every request: whoever asks
    `/ready` in a loop must not load it.

    Parameters
    ----------
    settings : Settings
        Name the model and its endpoint.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._answer, self._until = "", 0.0

    def check(self) -> str:
        """The name of the model, or `extractive` with the reason."""
        if self._settings.llm_name is None:
            return "extractive"
        if self._settings.llm_base_url is None:
            return self._settings.llm_name
        with self._lock:
            if time.monotonic() >= self._until:
                self._answer = self._ask(self._settings.llm_name, self._settings.llm_base_url)
                self._until = time.monotonic() + _PROBE_LIFETIME_S
            return self._answer

    def _ask(self, model: str, url: str) -> str:
        headers = self._settings.llm_request_headers
        try:
            status = httpx.get(f"{url.rstrip('/')}/models", headers=headers, timeout=_LLM_TIMEOUT_S).status_code
        except httpx.HTTPError:
            return f"extractive: {model} at {url} does not answer"
        return f"extractive: {url} does not accept the key of {model}" if status in _KEY_REFUSED else model


def build_health_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["operation"])
    probe = LlmProbe(service.assistant.settings)

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
        """Whether questions can be answered over all that was put into the index, with the state of each part."""
        checks = _check_parts(service.assistant, probe)
        is_ready = checks["index"] == "ok"
        response.status_code = 200 if is_ready else 503
        return Readiness(ready=is_ready, checks=checks)

    @router.get("/metrics", include_in_schema=False)
    def render_metrics() -> Response:
        """Counts and times for Prometheus."""
        return Response(service.metrics.render(), media_type=_METRICS_TYPE)

    return router


def _check_parts(assistant: Assistant, probe: LlmProbe) -> dict[str, str | int]:
    checks: dict[str, str | int] = {}
    try:
        checks |= {"index": "ok", "chunks": assistant.store.count_chunks()}
        assistant.store.check_integrity()
    except StoreError as error:
        checks["index"] = str(error)
    checks["pipeline"] = assistant.store.config.fingerprint
    checks["answers"] = probe.check()
    return checks
