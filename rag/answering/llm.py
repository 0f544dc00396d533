"""The language model behind its endpoint: one conversation, read as it comes, that can be given up at any moment.

Reading happens in a thread of its own, so that a deadline or a reader who leaves ends the wait at once, even while the
endpoint is silent; the connection is then shut, so that the endpoint stops writing.
"""

import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from rag.errors import ModelError
from rag.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

_OPENAI_URL = "https://api.openai.com/v1"
_LOOK_EVERY_S = 0.1
"""How often a wait looks whether it was ended from outside."""
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0


class Message(NamedTuple):
    """What is said to a model."""

    role: Literal["system", "user"]
    content: str


class ChatModel(Protocol):
    """The one method of a llama-index LLM that Dalil calls."""

    def stream_chat(self, messages: "Sequence[ChatMessage]") -> Iterable[Any]:
        """Answer a conversation: responses whose `delta` is the text that is new in each."""


class Deadline:
    """The time left for an answer. `end` makes it none, from any thread."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._ended = threading.Event()

    def end(self) -> None:
        """Nobody waits any more."""
        self._ended.set()

    @property
    def ended(self) -> bool:
        """Whether nobody waits any more."""
        return self._ended.is_set()

    @property
    def left(self) -> float:
        """Seconds left, 0 at least."""
        return 0.0 if self.ended else max(0.0, self._until - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Sleep, for as long as there is time."""
        self._ended.wait(min(seconds, self.left))


def pause_before(attempt: int, error: ModelError) -> float:
    """Seconds to wait before asking for the `attempt`th time (1 is the second): what the endpoint said, or longer each
    time, with jitter so that many askers do not come back together."""
    if error.retry_after is not None:
        return error.retry_after
    return float(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0))


def deltas(model: ChatModel, messages: Sequence[Message], deadline: Deadline) -> Iterator[str]:
    """The model's text as it comes. Raises ModelError, which says why and whether asking again may help."""
    reading = _Reading(model, messages)
    try:
        yield from reading.deltas(deadline)
    finally:
        reading.give_up()


_END = object()
_reading: ContextVar["_Reading"] = ContextVar("reading")


class _Reading:
    """One call of a model, in a thread of its own."""

    def __init__(self, model: ChatModel, messages: Sequence[Message]) -> None:
        self._given_up = False
        self._connection: socket.socket | None = None
        self._came: queue.SimpleQueue[object] = queue.SimpleQueue()
        context = copy_context()
        context.run(_reading.set, self)
        threading.Thread(target=context.run, args=(self._read, model, messages), name="model", daemon=True).start()

    def _read(self, model: ChatModel, messages: Sequence[Message]) -> None:
        try:
            for response in model.stream_chat(_for_llama_index(messages)):
                if self._given_up:
                    return
                delta = response.delta
                if delta is not None and not isinstance(delta, str):
                    raise TypeError(f"the model's text is {type(delta).__name__}")
                if delta:
                    self._came.put(delta)
            self._came.put(_END)
        except Exception as error:  # any LLM may be handed in; what it raises is raised by the one who reads
            self._came.put(error)
        finally:
            if self._connection is not None:
                self._connection.close()  # a client whose answer was not read to its end leaves it open

    def deltas(self, deadline: Deadline) -> Iterator[str]:
        while True:
            left = deadline.left
            if not left:
                raise ModelError("The model did not answer in time.", "model_timeout")
            try:
                came = self._came.get(timeout=min(left, _LOOK_EVERY_S))
            except queue.Empty:
                continue
            if came is _END:
                return
            if isinstance(came, Exception):
                raise _explained(came) from came
            yield str(came)

    def connected(self, connection: socket.socket) -> None:
        """The call goes over this connection."""
        self._connection = connection
        if self._given_up:
            self._shut()

    def give_up(self) -> None:
        """End the call, if it has not ended."""
        self._given_up = True
        self._shut()

    def _shut(self) -> None:
        connection = self._connection
        if connection is not None:
            with suppress(OSError):  # it has ended already
                connection.shutdown(socket.SHUT_RDWR)  # close() alone would not wake the thread that reads


# What a client of an endpoint may raise


def _explained(error: Exception) -> ModelError:
    """The error of a model's client, in Dalil's terms."""
    import httpx
    import openai

    said = f"The model did not answer: {error}"
    if isinstance(error, ModelError):
        return error
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return ModelError("The model did not answer in time.", "model_timeout")
    if isinstance(error, openai.APIStatusError):
        return _refused(error.status_code, said, error.response.headers.get("retry-after"))
    if isinstance(error, openai.APIConnectionError | httpx.TransportError | ConnectionError):
        return ModelError(said, "model_unreachable", again=True)
    return ModelError(said, "model_failed", again=True)


_TOO_LONG = ("context length", "context_length", "context size", "context window", "maximum context", "too many tokens")
"""How endpoints say that a prompt does not fit: OpenAI, vLLM, llama.cpp, LM Studio."""


def _refused(status: int, said: str, retry_after: str | None) -> ModelError:
    if status in (401, 403):
        return ModelError(said, "model_key_refused")
    if status == 429:
        return ModelError(said, "model_rate_limited", again=True, retry_after=_seconds(retry_after))
    if status in (400, 413, 422) and any(words in said.lower() for words in _TOO_LONG):
        return ModelError(said, "model_context_exceeded", again=True, retry_after=0.0)
    return ModelError(
        said, "model_failed", again=status >= 500 or status in (408, 409), retry_after=_seconds(retry_after)
    )


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; a date there is as good as none."""
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None


def _for_llama_index(messages: Sequence[Message]) -> "list[ChatMessage]":
    # Imported where a model is asked: it takes 75 MB and a second, which extractive answers do without.
    from llama_index.core.base.llms.types import ChatMessage

    return [ChatMessage(role=role, content=content) for role, content in messages]


# From settings


def open_model(settings: Settings) -> ChatModel | None:
    """The model that `settings` name; None when they name none."""
    if settings.model is None:
        return None
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    # A connection of its own for each call is what can be shut without harm to another call.
    own = httpx.Limits(max_keepalive_connections=0)
    client = httpx.Client(timeout=settings.llm_timeout_s, limits=own, event_hooks={"request": [_watched]})
    model: ChatModel = OpenAILike(
        model=settings.model,
        api_base=settings.llm_base_url or _OPENAI_URL,
        api_key=settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none",
        is_chat_model=True,
        timeout=settings.llm_timeout_s,
        max_retries=0,
        temperature=0.0,
        http_client=client,
    )
    return model


def _watched(request: Any) -> None:
    """Have the connection of a request made known to the reading that it belongs to."""
    reading = _reading.get(None)
    if reading is not None:
        request.extensions["trace"] = _Tracing(reading.connected)


class _Tracing:
    """httpcore's trace: called with the name of each step and what it gave."""

    def __init__(self, connected: Callable[[socket.socket], None]) -> None:
        self._connected = connected

    def __call__(self, step: str, given: dict[str, Any]) -> None:
        if step in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._connected(given["return_value"].get_extra_info("socket"))
