"""OpenAI's completions, the oldest of its ways to ask: a prompt is a question."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, BeforeValidator

from rag.types import Answer, Citation
from ui.api.model_names import ModelNames
from ui.api.openai_answers import DONE, begin_answer, count_usage, describe_answer, read_answer, tell_failure
from ui.api.openai_messages import ChatMessage, Content, OpenAIRequest
from ui.api.service import AnswerService
from ui.api.streams import STREAM_RESPONSES, format_event, run_until_disconnect, stream_events


def _read_prompt(value: object) -> object:
    if isinstance(value, list) and len(value) != 1:
        raise ValueError("one prompt is answered at a time")
    return value


class CompletionRequest(OpenAIRequest):
    """A question. What clients send beside these fields has no effect; `filters` is Dalil's own."""

    prompt: Annotated[Content, BeforeValidator(_read_prompt)]
    n: Literal[1] | None = 1

    @property
    def messages(self) -> list[ChatMessage]:
        """The prompt as a conversation."""
        return [ChatMessage(role="user", content=self.prompt)]


class TextCompletion(BaseModel):
    """A completion of a prompt in OpenAI's shape, with Dalil's own `citations` and `dalil`."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, int]
    citations: list[Citation]
    dalil: dict[str, Any]


def build_completion_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["openai"])
    names = ModelNames(service.assistant.settings)

    @router.post(
        "/v1/completions", summary="Answer a prompt", response_model=TextCompletion, responses=STREAM_RESPONSES
    )
    async def complete(body: CompletionRequest, request: Request) -> Any:
        """Answer a prompt as a question, in the shape of OpenAI's completions."""
        deadline = service.start_deadline()
        mode = names.find_mode(body.model_name)

        def begin() -> Iterator[str | Answer]:
            return begin_answer(service, body.messages, mode, deadline, body.filters)

        if body.stream:
            return await stream_events(request, deadline, begin, partial(_stream, body), partial(tell_failure, service))
        return await run_until_disconnect(request, deadline, lambda: _make_completion(read_answer(begin()), body))

    return router


def _describe(body: CompletionRequest, text: str, finish: str | None) -> dict[str, Any]:
    return {
        "id": f"cmpl-{uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": body.model_name,
        "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}],
    }


def _make_completion(answer: Answer, body: CompletionRequest) -> dict[str, Any]:
    usage = {"usage": count_usage(body.messages, answer.text)}
    return _describe(body, answer.text, "stop") | usage | describe_answer(answer)


def _stream(body: CompletionRequest, parts: Iterator[str | Answer]) -> Iterator[str]:
    """OpenAI's chunks, of one completion; the last one carries the citations."""
    head = {name: value for name, value in _describe(body, "", None).items() if name != "choices"}
    for part in parts:
        if isinstance(part, str):
            yield format_event(_describe(body, part, None) | head)
        else:
            yield format_event(_describe(body, "", "stop") | head | describe_answer(part))
    yield DONE
