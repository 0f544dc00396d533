"""Articles over HTTP: list, read, add, remove."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from ingest.ocr.options import OcrOptions
from ingest.readers import MEDIA_TYPES, Format, ReadResult, format_of_media_type, read_upload
from rag.errors import InputError
from rag.store import ArticleSummary, Store
from rag.types import MAX_ID_CHARS, Article
from ui.api.schemas import (
    ArticleBody,
    ArticleChange,
    ArticleHeading,
    ArticleInfo,
    ArticleItem,
    ArticleList,
    ArticleText,
    Job,
    OcrPart,
    PageStart,
    Removal,
    UploadResult,
)
from ui.api.service import AnswerService
from ui.api.uploads import UPLOAD_RESPONSES

_INFO_FIELDS = ("id", "title", "language", "url", "date", "topic")
_MAX_OFFSET = 1_000_000_000
"""More articles than an index is made for."""
_MAX_SOURCE_CHARS = 4096
"""Of a path, as Linux has it."""
_DIGEST_BYTES = 6
_TEXT_SUFFIX, _ESCAPED_TEXT_SUFFIX = "/text", b"%2FTEXT"


def build_article_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["articles"])
    _add_writing_routes(router, service)
    _add_reading_routes(router, service)
    return router


def _add_reading_routes(router: APIRouter, service: AnswerService) -> None:
    store = service.assistant.store

    @router.get("/v1/articles", summary="List the articles")
    def list_articles(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0
    ) -> ArticleList:
        """The articles of the index without their texts, the last written first."""
        data = [_to_item(summary) for summary in store.list_articles(limit, offset)]
        return ArticleList(data=data, total=store.count_articles())

    @router.get("/v1/articles/{article_id:path}/text", summary="Read a part of an article's text")
    def read_text(
        request: Request,
        article_id: str,
        start: Annotated[int, Query(ge=0)] = 0,
        end: Annotated[int | None, Query(ge=0)] = None,
    ) -> ArticleText:
        """An article's text, or the code points `start` to `end` of it: what a citation's offsets count in. Of an
        article whose own id ends in `/text`, send that slash as %2F, or `/text` once more."""
        article = _get_addressed(store, request, article_id)
        length = len(article.text)
        stop = length if end is None else end
        if not start <= stop <= length:
            raise InputError(f"start and end must be in order and at most {length}, the article's length.")
        text = article.text[start:stop]
        return ArticleText(**_info(article), start=start, end=stop, length=length, text=text)

    @router.get("/v1/articles/{article_id:path}", summary="Read an article")
    def read_article(article_id: str) -> ArticleBody:
        """One article, with its text."""
        article = store.get_article(article_id)
        ocr = [OcrPart(start=span.start, end=span.end) for span in article.ocr]
        return ArticleBody(
            **_info(article),
            text=article.text,
            pages=_list_pages(article),
            ocr=ocr,
            headings=_list_headings(article),
        )


def _get_addressed(store: Store, request: Request, article_id: str) -> Article:
    """The article that a path ending in `/text` names: the one whose text it asks for, or, where the slash is escaped
    or there is no such article, the one of the whole id."""
    is_escaped = request.scope.get("raw_path", b"").upper().endswith(_ESCAPED_TEXT_SUFFIX)
    whole_id = article_id + _TEXT_SUFFIX
    ids = [whole_id] if is_escaped else [article_id, whole_id]
    found = store.get_articles(ids)
    return found.get(ids[0]) or found.get(ids[-1]) or store.get_article(ids[0])


def _add_writing_routes(router: APIRouter, service: AnswerService) -> None:
    @router.post("/v1/articles", summary="Add articles", response_model=UploadResult, responses=UPLOAD_RESPONSES)
    async def add_articles(
        request: Request,
        name: Annotated[str | None, Query(min_length=1, max_length=MAX_ID_CHARS)] = None,
        source: Annotated[str | None, Query(min_length=1, max_length=_MAX_SOURCE_CHARS)] = None,
        ocr: bool = False,
        dry_run: bool = False,
    ) -> Any:
        """Add an article as a document of any kind that is read, or several as JSON lines: 201 when something was
        added or changed, 200 when nothing was, 202 with a job when it takes longer. `name` is the id of one without
        its own; without it, one is made of the content. `source` is the file that it was: what comes from another
        file under the same name becomes another article, what comes again from the same one takes its place. With
        `ocr`, scans and pictures are read by OCR. With `dry_run`, 200 and what would be done."""
        upload = _Upload(service, request.headers.get("content-type", ""), name, source, ocr)
        content = await request.body()
        if dry_run:
            return await run_in_threadpool(service.uploads.plan, lambda: upload.read(content))
        return await service.uploads.index(len(content), lambda: upload.read(content))

    @router.post(
        "/v1/articles/{article_id:path}/reread",
        summary="Read an article again from its original",
        response_model=UploadResult,
        responses=UPLOAD_RESPONSES,
    )
    async def reread_article(article_id: str, ocr: bool = False, dry_run: bool = False) -> Any:
        """Read an article again from its kept original, as it would be read today: by newer readers, with `ocr`, with
        another `DALIL_PDF_PASSWORD`. It keeps its id, its source and a title that it was given; the answer says whether
        it has changed, as that of an upload does. What was read by OCR is so again. 422 where no original is kept or it
        cannot be read."""
        size = await run_in_threadpool(service.measure_original, article_id)
        if dry_run:
            return await run_in_threadpool(service.uploads.plan, lambda: service.read_original(article_id, ocr))
        return await service.uploads.index(size, lambda: service.read_original(article_id, ocr))

    @router.get("/v1/jobs/{job_id}", summary="See how far an upload is")
    def read_job(job_id: str) -> Job:
        """An upload that is taken in after its request has ended."""
        return service.uploads.get_job(job_id)

    @router.patch("/v1/articles/{article_id:path}", summary="Give an article another title")
    def rename_article(article_id: str, body: ArticleChange) -> ArticleInfo:
        """Give an article another title. It stays when the same content comes again; another one brings its own."""
        return ArticleInfo(**_info(service.indexer.rename(article_id, body.title)))

    @router.delete("/v1/articles/{article_id:path}", summary="Remove an article")
    def remove_article(article_id: str) -> Removal:
        """Remove an article with its chunks."""
        service.assistant.store.get_article(article_id)
        service.indexer.remove([article_id])
        return Removal(id=article_id)


class _Upload:
    """How an upload is read; raises InputError for a content type that is none of an article."""

    def __init__(
        self, service: AnswerService, content_type: str, name: str | None, source: str | None, ocr: bool
    ) -> None:
        known = format_of_media_type(content_type)
        if known is None:
            raise InputError(f"Send an article as one of {', '.join(MEDIA_TYPES)}.")
        self._format: Format = known
        settings = service.assistant.settings
        self._name, self._source, self._max_chars = name, source, settings.max_article_chars
        self._ocr = OcrOptions.of(settings.ocr, settings.tesseract, ocr)

    def read(self, content: bytes) -> Iterator[ReadResult]:
        """The articles of its content."""
        name = self._name or _name_content(content)
        return read_upload(content, self._format, name, self._max_chars, self._source, self._ocr)


def _name_content(content: bytes) -> str:
    """What an upload without a name is called, so that another one does not take its place."""
    return f"upload-{blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()}"


def _info(article: Article | ArticleSummary) -> dict[str, Any]:
    return {name: getattr(article, name) for name in _INFO_FIELDS}


def _list_pages(article: Article) -> list[PageStart]:
    pages = article.pages
    if pages is None:
        return []
    labels = [label or None for label in pages.labels] or [None] * len(pages.starts)
    numbered = enumerate(zip(labels, pages.starts, strict=True), 1)
    return [PageStart(number=number, label=label, start=start) for number, (label, start) in numbered]


def _list_headings(article: Article) -> list[ArticleHeading]:
    return [
        ArticleHeading(text=article.text[one.start : one.end], level=one.level, start=one.start)
        for one in article.headings
    ]


def _to_item(summary: ArticleSummary) -> ArticleItem:
    return ArticleItem(**_info(summary), chunks=summary.chunks, health=summary.health)
