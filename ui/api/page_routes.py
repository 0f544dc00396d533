"""Pages of the documents that articles were read from: pictures, and where words of the article stand on them."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from ingest.page_images import DEFAULT_WIDTH, MAX_WIDTH, MIN_WIDTH, PageMarks
from ingest.readers import format_of_file
from rag.errors import InputError
from rag.types import Span
from ui.api.schemas import ArticleMarks, MarksOfPage, WordMark
from ui.api.service import AnswerService

_MAX_PAGE = 1_000_000
_PNG = "image/png"
_BYTES = "application/octet-stream"
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')
"""In the name of a file, on one system or another."""
_MAX_NAME_CHARS = 80
_ORIGINAL_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The document", "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}}
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page", "content": {_PNG: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "It is the one whose `ETag` was sent"},
}


def build_page_routes(service: AnswerService) -> APIRouter:
    """The routes over a service; they come before those of articles, whose ids may hold slashes."""
    router = APIRouter(tags=["articles"])
    store, pages = service.assistant.store, service.pages

    @router.get(
        "/v1/articles/{article_id:path}/pages/{number}.png",
        summary="See a page of an article's document",
        response_class=Response,
        responses=_RESPONSES,
    )
    def draw_page(
        request: Request,
        article_id: str,
        number: Annotated[int, Path(ge=1, le=_MAX_PAGE)],
        width: Annotated[int, Query(ge=MIN_WIDTH, le=MAX_WIDTH)] = DEFAULT_WIDTH,
    ) -> Response:
        """A page, from 1, of the PDF that an article was, as PNG, `width` pixels wide. 404 where the PDF is not
        kept."""
        article = store.get_article(article_id)
        tag = f'"{article.original}-{number}-{width}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if pages.has_pages(article) and tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(pages.draw(article, number, width), media_type=_PNG, headers=headers)

    @router.get(
        "/v1/articles/{article_id:path}/original",
        summary="Download the document that an article was",
        response_class=FileResponse,
        responses=_ORIGINAL_RESPONSES,
    )
    def download_original(article_id: str) -> FileResponse:
        """The document that an article was, as it was taken in; of a picture, a PDF of its pages. 404 where it is not
        kept."""
        article = store.get_article(article_id)
        path = pages.find_document(article)
        known = format_of_file(path)
        name = _UNSAFE.sub(" ", article.title or article.id)[:_MAX_NAME_CHARS].strip(" .") or "document"
        media_type = known.media_types[0] if known else _BYTES
        return FileResponse(path, media_type=media_type, filename=f"{name}{path.suffix}")

    @router.get("/v1/articles/{article_id:path}/marks", summary="See where words stand on the pages")
    def find_marks(
        article_id: str, start: Annotated[int, Query(ge=0)], end: Annotated[int, Query(ge=0)]
    ) -> ArticleMarks:
        """For each page that the code points `start` to `end` of an article's text stand on, the rectangles over their
        words, in shares of the page's width and height from its top left. A page on which they are not found has
        none."""
        article = store.get_article(article_id)
        if not start < end <= len(article.text):
            raise InputError(f"start and end must be in order and at most {len(article.text)}, the article's length.")
        found = pages.find_marks(article, Span(start, end))
        return ArticleMarks(id=article.id, start=start, end=end, pages=[_describe(one) for one in found])

    return router


def _describe(found: PageMarks) -> MarksOfPage:
    marks = [WordMark(**mark._asdict()) for mark in found.marks]
    return MarksOfPage(number=found.page.number, label=found.page.label, marks=marks)
