"""Dalil's own routes: ask and search."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from rag.answering.assistant import Answering
from rag.errors import DalilError
from rag.retrieval.retriever import explained
from rag.trace import notes
from rag.types import Answer
from ui.api.errors import shown
from ui.api.schemas import AskRequest, SearchRequest, answer_in
from ui.api.service import Work
from ui.api.streams import STREAMED, Events, event, watched


def routes(work: Work) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.post("/v1/ask", response_model=None, responses=STREAMED)
    async def ask(asked: AskRequest, request: Request) -> dict[str, Any] | Events:
        """Answer a question, every statement with its citation; with `stream`, as server-sent events."""
        deadline = work.deadline()

        def begin() -> Answering:
            history = [message.turn() for message in asked.history]
            language, filters = answer_in(asked.language), asked.filters.chosen()
            return work.begin(asked.question, language, history, asked.top_k, asked.mode, filters, deadline)

        if asked.stream:
            return Events(_events(await watched(request, deadline, begin)), deadline)
        return asdict(await watched(request, deadline, lambda: _answer(begin())))

    @router.post("/v1/search")
    def search(asked: SearchRequest) -> dict[str, Any]:
        """The passages nearest to a query: by all views, or by the dense or the lexical one alone."""
        found = work.assistant.search(asked.query, asked.top_k, asked.filters.chosen(), asked.mode)
        notes(language=found.language, mode=asked.mode, hits=len(found.hits))
        return explained(found, asked.explain)

    return router


def _answer(answering: Answering) -> Answer:
    *_, answer = answering.text
    assert isinstance(answer, Answer)
    return answer


def _events(answering: Answering) -> Iterator[str]:
    """`meta`, `sources`, `token` as the text comes, each `citation`, `final` with the whole Answer, `done`; an error
    after the first of them is an event of its own."""
    yield event({"language": answering.language, "probability": round(answering.found.probability, 4)}, "meta")
    yield event(explained(answering.found, with_reasons=False)["hits"], "sources")
    try:
        for part in answering.text:
            if isinstance(part, str):
                yield event({"text": part}, "token")
            else:
                yield from (event(asdict(citation), "citation") for citation in part.citations)
                yield event(asdict(part), "final")
    except DalilError as error:
        yield event(shown(error), "error")
    yield event({}, "done")
