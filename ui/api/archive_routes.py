"""All articles over HTTP, with all that is kept of them: out of the index and into it, while it serves."""

from io import BytesIO
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from ingest.archive import format_archive, parse_archive
from ingest.archive_lines import ArchiveLine
from rag.errors import ReadError
from rag.types import Article
from ui.api.schemas import UploadResult
from ui.api.service import AnswerService
from ui.api.uploads import UPLOAD_RESPONSES

_MEDIA_TYPE = "application/jsonl"
_LINES: dict[str, Any] = {_MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ArchiveLine.__name__}"}}}
"""What OpenAPI tells of an archive."""


def build_archive_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["articles"])
    store, settings = service.assistant.store, service.assistant.settings

    @router.get(
        "/v1/export",
        summary="Export all articles",
        response_model=ArchiveLine,
        responses={200: {"description": "JSON lines: a header, the articles, their number", "content": _LINES}},
    )
    def export_articles() -> Any:
        """All articles with all that is kept of them, the one written first first, as JSON lines. What ends without the
        line that counts the articles was cut off."""
        store.count_articles()  # an index that cannot be read is an error, and no answer that breaks off
        return StreamingResponse(format_archive(store.read_articles()), media_type=_MEDIA_TYPE)

    @router.post(
        "/v1/import",
        summary="Import exported articles",
        response_model=UploadResult,
        responses=UPLOAD_RESPONSES,
        openapi_extra={"requestBody": {"required": True, "content": _LINES}},
    )
    async def import_articles(request: Request) -> Any:
        """Put exported articles into the index, with the source and the revision that they had: 201 when something was
        added or changed, 200 when nothing was, 202 with a job when it takes longer. The body is a whole export; send a
        long one in several, each with its header and its end. One that is cut off is refused before anything is
        written."""
        content = await request.body()
        articles = await run_in_threadpool(_parse_body, content, settings.max_article_chars)
        return await service.uploads.index(len(content), lambda: articles)

    return router


def _parse_body(content: bytes, max_chars: int) -> list[Article]:
    try:
        return list(parse_archive(BytesIO(content), max_chars))
    except ReadError as error:
        raise ReadError(f"The body {error} Nothing was imported.") from None
