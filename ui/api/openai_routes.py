"""The OpenAI-compatible routes: chat completions and models, so that any client of that API can ask Dalil unchanged.

Beside OpenAI's own fields stand `citations`, a list like that of `/v1/ask`, and `dalil`, what the answer says of
itself.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from rag.answering.assistant import AnswerStream
from rag.errors import DalilError, NotFoundError, QuestionError
from rag.language.tokens import count_tokens
from rag.types import Answer, AnswerRequest, Message, RequestedMode, Role
from ui.api.errors import describe_error
from ui.api.schemas import ArticleFilters, ChatCompletion, ModelInfo, ModelList
from ui.api.service import AnswerService
from ui.api.streams import STREAM_RESPONSES, EventStreamResponse, format_event, run_until_disconnect

_MODELS: dict[str, RequestedMode] = {"dalil": "auto", "dalil-extractive": "extractive"}
"""Names to ask for, and the mode each answers in."""
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
"""The roles of clients that are read, and what they are here."""
_ANSWER_FIELDS = (
    "language", "refused", "reason", "mode", "degraded", "statements", "prompt", "state", "confidence",
)  # fmt: skip
"""What an answer says of itself."""


class ContentPart(BaseModel):
    """A part of a message; only text can be read."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message, as OpenAI's clients send it."""

    role: str
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream is to have."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A conversation to go on with. What clients send beside these fields (temperature and the like) has no effect.
    `filters` is Dalil's own, as in `/v1/ask`."""

    model: str = "dalil"
    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = 1
    filters: ArticleFilters = ArticleFilters()

    @property
    def includes_usage(self) -> bool:
        """Whether a stream is to end with the number of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def to_answer_request(self) -> AnswerRequest:
        """The last message as the question, those before it as the conversation.

        Of instructions to a model the language that they name is kept; what tools say is no part of the conversation.

        Raises
        ------
        QuestionError
            When the last message is not the user's.
        """
        if self.messages[-1].role != "user":
            raise QuestionError("The last message must be the user's: it is the question.")
        history = [Message(_ROLES[one.role], one.text) for one in self.messages[:-1] if one.role in _ROLES]
        filters = self.filters.to_filters()
        return AnswerRequest(self.messages[-1].text, history=tuple(history), mode=_mode_of(self.model), filters=filters)


def build_openai_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["openai"])

    @router.get("/v1/models", summary="List the model names")
    def list_models() -> ModelList:
        """The names to ask for."""
        return ModelList(data=[ModelInfo(id=name) for name in _MODELS])

    @router.get("/v1/models/{name}", summary="See one model name")
    def read_model(name: str) -> ModelInfo:
        """One of the names to ask for."""
        _mode_of(name)
        return ModelInfo(id=name)

    @router.post(
        "/v1/chat/completions",
        summary="Answer the last message of a conversation",
        response_model=ChatCompletion,
        responses=STREAM_RESPONSES,
    )
    async def complete_chat(body: ChatRequest, request: Request) -> Any:
        """Answer the last message of a conversation, in OpenAI's shape."""
        deadline = service.start_deadline()
        _mode_of(body.model)

        def begin() -> AnswerStream:
            return service.begin(body.to_answer_request(), deadline)

        if body.stream:
            stream = await run_until_disconnect(request, deadline, begin)
            return EventStreamResponse(_stream_chunks(stream, body), deadline)
        return await run_until_disconnect(request, deadline, lambda: _make_completion(begin().read_to_end(), body))

    return router


def _mode_of(name: str) -> RequestedMode:
    if name not in _MODELS:
        raise NotFoundError(f"There is no model {name!r}: ask for {' or '.join(_MODELS)}.")
    return _MODELS[name]


def _make_completion(answer: Answer, body: ChatRequest) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _count_usage(body, answer.text),
    } | _own_fields(answer)


def _stream_chunks(stream: AnswerStream, body: ChatRequest) -> Iterator[str]:
    """OpenAI's chunks; the last one with a choice carries the citations."""
    head = {
        "id": f"chatcmpl-{time.time_ns():x}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": body.model,
    }

    def format_chunk(delta: dict[str, Any], finish: str | None = None, **beside: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return format_event(head | {"choices": [choice]} | beside)

    yield format_chunk({"role": "assistant", "content": ""})
    try:
        for part in stream.parts:
            if isinstance(part, str):
                yield format_chunk({"content": part})
            else:
                yield format_chunk({}, "stop", **_own_fields(part))
                if body.includes_usage:
                    yield format_event(head | {"choices": [], "usage": _count_usage(body, part.text)})
    except DalilError as error:
        yield format_event(describe_error(error))
    yield "data: [DONE]\n\n"


def _own_fields(answer: Answer) -> dict[str, Any]:
    """What Dalil adds to OpenAI's fields."""
    fields = asdict(answer)
    own = {"id": answer.id} | {name: fields[name] for name in _ANSWER_FIELDS}
    return {"citations": fields["citations"], "dalil": own}


def _count_usage(body: ChatRequest, text: str) -> dict[str, int]:
    *prompt, completion = count_tokens([*(message.text for message in body.messages), text])
    return {"prompt_tokens": sum(prompt), "completion_tokens": completion, "total_tokens": sum(prompt) + completion}
