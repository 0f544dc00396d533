"""The OpenAI-compatible routes: chat completions and models, so that any client of that API can ask Dalil unchanged.

Beside OpenAI's own fields stand `citations`, a list like that of `/v1/ask`, and `dalil`, what the answer says of
itself.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from rag.types import Answer
from ui.api.client_tasks import find_task
from ui.api.model_names import ModelNames
from ui.api.openai_answers import DONE, begin_answer, count_usage, describe_answer, read_answer, tell_failure
from ui.api.openai_messages import ChatMessage, OpenAIRequest
from ui.api.schemas import ChatCompletion, ModelInfo, ModelList
from ui.api.service import AnswerService
from ui.api.streams import STREAM_RESPONSES, format_event, run_until_disconnect, stream_events
from ui.api.wanted_form import WantedForm, describe_call, read_wanted_form


class StreamOptions(BaseModel):
    """What a stream is to have."""

    include_usage: bool | None = False


class ChatRequest(OpenAIRequest):
    """A conversation to go on with. What clients send beside these fields (temperature and the like) has no effect.
    `filters` is Dalil's own, as in `/v1/ask`."""

    messages: list[ChatMessage] = Field(min_length=1)
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = 1
    response_format: Any = None
    tools: Any = None
    tool_choice: Any = None

    @property
    def includes_usage(self) -> bool:
        """Whether a stream is to end with the number of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def form(self) -> WantedForm | None:
        """The form in which what clients ask for themselves is wanted; a question is answered in words whatever it
        is."""
        return read_wanted_form(self.response_format, self.tools, self.tool_choice)

    @property
    def function(self) -> str:
        """The function of the client's that is to be called with what it asks for itself; empty: none is."""
        form = self.form
        return form.function if form and find_task(self.messages, form) else ""


def build_openai_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["openai"])
    names = ModelNames(service.assistant.settings)

    @router.get("/v1/models", summary="List the model names")
    def list_models() -> ModelList:
        """The names to ask for."""
        return ModelList(data=[ModelInfo(id=name) for name in names.list_names()])

    @router.get("/v1/models/{name:path}", summary="See one model name")
    def read_model(name: str) -> ModelInfo:
        """One of the names to ask for."""
        names.find_mode(name)
        return ModelInfo(id=name)

    @router.post(
        "/v1/chat/completions",
        summary="Answer the question of a conversation",
        response_model=ChatCompletion,
        responses=STREAM_RESPONSES,
    )
    async def complete_chat(body: ChatRequest, request: Request) -> Any:
        """Answer the last question of a conversation, in OpenAI's shape. What clients ask for themselves (titles, tags,
        follow-up questions, queries) the model answers where one is set."""
        deadline = service.start_deadline()
        mode = names.find_mode(body.model_name)

        def begin() -> Iterator[str | Answer]:
            return begin_answer(service, body.messages, mode, deadline, body.filters, body.form)

        if body.stream:
            return await stream_events(
                request, deadline, begin, partial(_stream_chunks, body), partial(tell_failure, service)
            )
        return await run_until_disconnect(request, deadline, lambda: _make_completion(read_answer(begin()), body))

    return router


def _make_completion(answer: Answer, body: ChatRequest) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if function := body.function:
        message |= {"content": None, "tool_calls": [describe_call(function, answer.text)]}
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.model_name,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": count_usage(body.messages, answer.text),
    } | describe_answer(answer)


def _stream_chunks(body: ChatRequest, parts: Iterator[str | Answer]) -> Iterator[str]:
    """OpenAI's chunks; the last one with a choice carries the citations."""
    head = {
        "id": f"chatcmpl-{time.time_ns():x}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": body.model_name,
    }

    def format_chunk(delta: dict[str, Any], finish: str | None = None, **beside: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return format_event(head | {"choices": [choice]} | beside)

    function = body.function
    yield format_chunk({"role": "assistant", "content": None if function else ""})
    for part in parts:
        if isinstance(part, str):
            called = {"tool_calls": [{"index": 0} | describe_call(function, part)]}
            yield format_chunk(called if function else {"content": part})
        else:
            yield format_chunk({}, "stop", **describe_answer(part))
            if body.includes_usage:
                yield format_event(head | {"choices": [], "usage": count_usage(body.messages, part.text)})
    yield DONE
