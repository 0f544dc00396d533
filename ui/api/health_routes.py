"""Whether the process answers, whether questions can be answered, and counts."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from fastapi import APIRouter, Response

from rag.errors import StoreError
from rag.settings import Settings
from rag.store import Store
from ui.api.errors import hide_places
from ui.api.schemas import Health, Readiness
from ui.api.service import AnswerService

_log = logging.getLogger(__name__)

_LLM_TIMEOUT_S = 2.0
_MAX_CHECKS_AT_ONCE = 16
_PROBE_LIFETIME_S = 15.0
_KEY_REFUSED = (401, 403)
_OK = "ok"
_OUTDATED = (
    "done: the former index is read, since the new one is made for other settings. Start this service again with those"
)
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
    settings = service.assistant.settings
    probe = LlmProbe(settings)

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
        """Whether questions can be answered over all that was put into the index of each collection, with the state
        of each part."""
        indexes = {"": service.assistant.store} | {
            # Whoever has no key is told no names.
            f" of {f'collection {at}' if settings.is_locked else name}": one.assistant.store
            for at, (name, one) in enumerate(service.collections.items(), 1)
        }
        # At once: a server that hangs is waited for once, however many collections there are.
        with ThreadPoolExecutor(min(len(indexes), _MAX_CHECKS_AT_ONCE)) as executor:
            found = executor.map(lambda store: _check_index(store, settings), indexes.values())
            states = dict(zip(indexes, found, strict=True))
        checks = {f"{check}{label}": state for label, of_index in states.items() for check, state in of_index.items()}
        checks["answers"] = probe.check()
        is_ready = all(of_index["index"] == _OK for of_index in states.values())
        response.status_code = 200 if is_ready else 503
        return Readiness(ready=is_ready, checks=checks)

    @router.get("/metrics", include_in_schema=False)
    def render_metrics() -> Response:
        """Counts and times for Prometheus."""
        return Response(service.metrics.render(), media_type=_METRICS_TYPE)

    return router


def _check_index(store: Store, settings: Settings) -> dict[str, str | int]:
    """The state of an index, and what is being built to take its place."""
    checks: dict[str, str | int] = {}
    try:
        checks |= {"index": _OK, "chunks": store.count_chunks()}
        store.check_integrity()
        if rebuild := store.find_rebuild():
            checks["rebuild"] = f"{rebuild.name}: {rebuild.articles:,} of {rebuild.of_articles:,} articles"
        if store.is_outdated:
            checks["rebuild"] = _OUTDATED
    except StoreError as error:
        _log.warning("%s", error)
        checks["index"] = str(hide_places(error, settings))
    checks["pipeline"] = store.config.fingerprint
    return checks
