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

from rag.answering.assistant import Answering, AnswerMode
from rag.errors import DalilError, NotFoundError, QuestionError
from rag.language.tokens import token_counts
from rag.types import Answer, Turn
from ui.api.errors import shown
from ui.api.schemas import ArticleFilters
from ui.api.service import Work
from ui.api.streams import STREAMED, Events, event, watched

_MODELS: dict[str, AnswerMode] = {"dalil": "auto", "dalil-extractive": "extractive"}
"""Names to ask for, and the mode each answers in."""
_SAID_OF_ITSELF = ("language", "refused", "reason", "mode", "degraded", "statements", "prompt")


class Part(BaseModel):
    """A part of a message; only text can be read."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message, as OpenAI's clients send it."""

    role: str
    content: str | list[Part] | None = None

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

    def question(self) -> str:
        """The last message, which must be the user's; raises QuestionError."""
        if self.messages[-1].role != "user":
            raise QuestionError("The last message must be the user's: it is the question.")
        return self.messages[-1].text

    def history(self) -> list[Turn]:
        """The messages before it; instructions to a model (system, tool) are none of the conversation."""
        roles: dict[str, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}
        return [Turn(roles[said.role], said.text) for said in self.messages[:-1] if said.role in roles]


def routes(work: Work) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/v1/models")
    def models() -> dict[str, Any]:
        """The names to ask for."""
        return {"object": "list", "data": [_model(name) for name in _MODELS]}

    @router.get("/v1/models/{name}")
    def model(name: str) -> dict[str, Any]:
        """One of them."""
        _mode(name)
        return _model(name)

    @router.post("/v1/chat/completions", response_model=None, responses=STREAMED)
    async def complete(asked: ChatRequest, request: Request) -> dict[str, Any] | Events:
        """Answer the last message of a conversation."""
        deadline = work.deadline()
        mode = _mode(asked.model)

        def begin() -> Answering:
            return work.begin(asked.question(), None, asked.history(), None, mode, asked.filters.chosen(), deadline)

        if asked.stream:
            with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
            return Events(_chunks(await watched(request, deadline, begin), asked, with_usage), deadline)
        return await watched(request, deadline, lambda: _completion(begin(), asked))

    return router


def _mode(name: str) -> AnswerMode:
    if name not in _MODELS:
        raise NotFoundError(f"There is no model {name!r}: ask for {' or '.join(_MODELS)}.")
    return _MODELS[name]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "dalil"}


def _completion(answering: Answering, asked: ChatRequest) -> dict[str, Any]:
    *_, answer = answering.text
    assert isinstance(answer, Answer)
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(asked, answer.text),
    } | _evidence(answer)


def _chunks(answering: Answering, asked: ChatRequest, with_usage: bool) -> Iterator[str]:
    """OpenAI's chunks; the last one with a choice carries the citations."""
    head = {
        "id": f"chatcmpl-{time.time_ns():x}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": asked.model,
    }

    def chunk(delta: dict[str, Any], finish: str | None = None, **beside: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return event(head | {"choices": [choice]} | beside)

    yield chunk({"role": "assistant", "content": ""})
    try:
        for part in answering.text:
            if isinstance(part, str):
                yield chunk({"content": part})
            else:
                yield chunk({}, "stop", **_evidence(part))
                if with_usage:
                    yield event(head | {"choices": [], "usage": _usage(asked, part.text)})
    except DalilError as error:
        yield event(shown(error))
    yield "data: [DONE]\n\n"


def _evidence(answer: Answer) -> dict[str, Any]:
    told = asdict(answer)
    return {"citations": told["citations"], "dalil": {"id": answer.id} | {name: told[name] for name in _SAID_OF_ITSELF}}


def _usage(asked: ChatRequest, text: str) -> dict[str, int]:
    *prompt, completion = token_counts([*(message.text for message in asked.messages), text])
    return {"prompt_tokens": sum(prompt), "completion_tokens": completion, "total_tokens": sum(prompt) + completion}
