"""The routes. Each is a plain function, which Starlette runs in a thread, around one call of the assistant."""

from typing import Annotated, Any

import httpx
from fastapi import FastAPI, Query, Response

from rag.assistant import Assistant
from rag.errors import InputError, StoreError
from rag.service import asking, errors, openai
from rag.service.gate import Gate

_MODEL_CHECK_S = 2.0


def create_app(assistant: Assistant) -> FastAPI:
    """The API over `assistant`, which stays the caller's to close."""
    settings = assistant.settings
    app = FastAPI(title="Dalil", summary=__doc__.splitlines()[0] if __doc__ else None, version="1")
    app.add_middleware(Gate, settings=settings)
    errors.install(app)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/ready")
    def ready(response: Response) -> dict[str, Any]:
        """Whether questions can be answered, with the reasons."""
        checks = _checks(assistant)
        is_ready = checks["index"] == "ok"
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready, "checks": checks}

    app.include_router(asking.routes(assistant))
    app.include_router(openai.routes(assistant))

    @app.get("/v1/articles")
    def articles(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0)] = 0
    ) -> dict[str, Any]:
        """The articles of the index, in order of id, without their texts."""
        heads = sorted(assistant.store.heads().values(), key=lambda head: head.id)
        shown = ("id", "title", "language", "url", "date", "topic", "chunks")
        data = [{name: getattr(head, name) for name in shown} for head in heads[offset : offset + limit]]
        return {"data": data, "total": len(heads)}

    @app.get("/v1/articles/{article_id:path}/text")
    def text(
        article_id: str, start: Annotated[int, Query(ge=0)] = 0, end: Annotated[int | None, Query(ge=0)] = None
    ) -> dict[str, Any]:
        """An article's text, or the code points `start` to `end` of it: what a citation's offsets count in."""
        article = assistant.store.article(article_id)
        stop = len(article.text) if end is None else end
        if not start <= stop <= len(article.text):
            raise InputError(f"start and end must be in order and at most {len(article.text)}, the article's length.")
        shown = {name: getattr(article, name) for name in ("id", "title", "language", "url", "date", "topic")}
        return shown | {"start": start, "end": stop, "length": len(article.text), "text": article.text[start:stop]}

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
