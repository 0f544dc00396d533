"""Dalil's own routes: ask, search, and rate an answer."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter, Request

from rag.answering.assistant import AnswerStream
from rag.errors import DalilError
from rag.retrieval.explain import describe_result
from rag.trace import set_attributes
from rag.types import Answer
from ui.api.errors import describe_error
from ui.api.schemas import AskRequest, Feedback, FeedbackReceipt, SearchRequest, SearchResponse
from ui.api.service import AnswerService
from ui.api.streams import STREAM_RESPONSES, format_event, run_until_disconnect, stream_events


def build_answer_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["answers"])

    @router.post(
        "/v1/ask", summary="Answer a question with citations", response_model=Answer, responses=STREAM_RESPONSES
    )
    async def ask(body: AskRequest, request: Request) -> Any:
        """Answer a question, every statement with its citation; with `stream`, as server-sent events `meta`, `sources`,
        `token`, `citation`, `final`, `done`."""
        deadline = service.start_deadline()

        def begin() -> AnswerStream:
            return service.begin(body.to_answer_request(), deadline)

        if body.stream:
            return await stream_events(request, deadline, begin, _tell, partial(_tell_error, service))
        return await run_until_disconnect(request, deadline, lambda: begin().read_to_end())

    @router.post(
        "/v1/search",
        summary="Find the passages nearest to a query",
        response_model=SearchResponse,
        response_model_exclude_none=True,
    )
    def search(body: SearchRequest) -> Any:
        """Rank passages by all representations, or by dense vectors or lexical terms alone."""
        result = service.assistant.search(body.query, body.top_k, body.filters.to_filters(), body.mode)
        set_attributes(language=result.language, mode=body.mode, hits=len(result.hits))
        return describe_result(result, body.explain)

    @router.put("/v1/answers/{answer_id}/feedback", summary="Rate an answer")
    def rate(answer_id: str, feedback: Feedback) -> FeedbackReceipt:
        """Rate an answer; a later rating of the same answer takes its place."""
        service.recent.rate(answer_id, feedback)
        return FeedbackReceipt(answer=answer_id, rating=feedback.rating)

    return router


def _tell(stream: AnswerStream) -> Iterator[str]:
    """`meta`, `sources`, `token` as the text comes, each `citation`, `final` with the whole Answer, `done`."""
    yield format_event({"language": stream.language, "probability": round(stream.result.probability, 4)}, "meta")
    yield format_event(describe_result(stream.result, with_reasons=False)["hits"], "sources")
    for part in stream.parts:
        if isinstance(part, str):
            yield format_event({"text": part}, "token")
        else:
            yield from (format_event(asdict(citation), "citation") for citation in part.citations)
            yield format_event(asdict(part), "final")
    yield format_event({}, "done")


def _tell_error(service: AnswerService, error: DalilError) -> Iterator[str]:
    yield format_event(describe_error(service.hide_places(error)), "error")
    yield format_event({}, "done")
