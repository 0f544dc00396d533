"""OpenAI's responses, the newer of its two ways to converse, as far as text goes. Nothing of a conversation is kept."""

import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rag.errors import DalilError, InputError
from rag.types import Answer, Citation
from ui.api.errors import describe_error
from ui.api.model_names import ModelNames
from ui.api.openai_answers import begin_answer, count_usage, describe_answer, read_answer
from ui.api.openai_messages import ChatMessage, OpenAIRequest
from ui.api.service import AnswerService
from ui.api.streams import STREAM_RESPONSES, format_event, run_until_disconnect, stream_events


def _read_items(value: object) -> object:
    """The messages among the items of an input; a text is one of the user's."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list):
        return value
    items = [{"role": "user", "content": item} if isinstance(item, str) else item for item in value]
    return [item for item in items if not (isinstance(item, dict) and "role" not in item)]


class ResponseRequest(OpenAIRequest):
    """A conversation to go on with. What clients send beside these fields has no effect; `filters` is Dalil's own."""

    input: Annotated[list[ChatMessage], Field(min_length=1), BeforeValidator(_read_items)]
    instructions: str | None = None
    previous_response_id: str | None = None

    @property
    def messages(self) -> list[ChatMessage]:
        """The instructions, then the conversation."""
        instructions = [ChatMessage(role="system", content=self.instructions)] if self.instructions else []
        return [*instructions, *self.input]


class ModelResponse(BaseModel):
    """A response in OpenAI's shape, with Dalil's own `citations` and `dalil`."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: str
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any]
    citations: list[Citation]
    dalil: dict[str, Any]


def build_response_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["openai"])
    names = ModelNames(service.assistant.settings)

    @router.post(
        "/v1/responses",
        summary="Answer the question of a conversation as a response",
        response_model=ModelResponse,
        responses=STREAM_RESPONSES,
    )
    async def respond(body: ResponseRequest, request: Request) -> Any:
        """Answer the last question of a conversation, in the shape of OpenAI's responses."""
        deadline = service.start_deadline()
        mode = names.find_mode(body.model_name)
        if body.previous_response_id:
            raise InputError("No response is kept: send the conversation as `input`, without `previous_response_id`.")

        def begin() -> Iterator[str | Answer]:
            return begin_answer(service, body.messages, mode, deadline, body.filters)

        draft = _Draft(body, service)
        if body.stream:
            return await stream_events(request, deadline, begin, draft.stream, draft.tell_failure)
        return await run_until_disconnect(request, deadline, lambda: draft.complete(read_answer(begin())))

    return router


class _Draft:
    """A response on its way.

    Parameters
    ----------
    body : ResponseRequest
        What was asked for.
    service : AnswerService
        Answers it.
    """

    def __init__(self, body: ResponseRequest, service: AnswerService) -> None:
        self._body, self._service, self._numbers = body, service, count()
        self._id, self._item_id, self._created = f"resp_{uuid4().hex}", f"msg_{uuid4().hex}", int(time.time())

    def complete(self, answer: Answer) -> dict[str, Any]:
        """The response with its answer."""
        tokens = count_usage(self._body.messages, answer.text)
        usage = {
            "input_tokens": tokens["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens["total_tokens"],
        }
        item = self._describe_item("completed", [_describe_text(answer.text)])
        return self._describe("completed", [item], usage) | describe_answer(answer)

    def stream(self, parts: Iterator[str | Answer]) -> Iterator[str]:
        """OpenAI's events; the last one has the whole response."""
        place = {"output_index": 0, "item_id": self._item_id, "content_index": 0}
        yield self._event("response.created", response=self._describe("in_progress", []))
        yield self._event("response.in_progress", response=self._describe("in_progress", []))
        item = self._describe_item("in_progress", [])
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._event("response.content_part.added", **place, part=_describe_text(""))
        for part in parts:
            if isinstance(part, str):
                yield self._event("response.output_text.delta", **place, delta=part, logprobs=[])
                continue
            whole = self.complete(part)
            item = whole["output"][0]
            yield self._event("response.output_text.done", **place, text=part.text, logprobs=[])
            yield self._event("response.content_part.done", **place, part=item["content"][0])
            yield self._event("response.output_item.done", output_index=0, item=item)
            yield self._event("response.completed", response=whole)

    def tell_failure(self, error: DalilError) -> Iterator[str]:
        """OpenAI's event of an error."""
        problem = describe_error(self._service.hide_places(error))["error"]
        yield self._event("error", code=problem["code"], message=problem["message"], param=None)

    def _event(self, kind: str, **fields: Any) -> str:
        return format_event({"type": kind, "sequence_number": next(self._numbers)} | fields, kind)

    def _describe_item(self, status: str, content: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._item_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def _describe(
        self, status: str, output: Sequence[dict[str, Any]], usage: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": self._body.instructions,
            "metadata": {},
            "model": self._body.model_name,
            "output": output,
            "parallel_tool_calls": False,
            "temperature": None,
            "tool_choice": "none",
            "tools": [],
            "top_p": None,
            "usage": usage,
        }


def _describe_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
