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
from typing import TYPE_CHECKING, Any, Protocol

from rag.answering.model_text import clean_deltas
from rag.errors import ModelError
from rag.settings import Settings
from rag.types import Message

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

_OPENAI_URL = "https://api.openai.com/v1"
_POLL_S = 0.1
"""How often a wait looks whether it was ended from outside."""
_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 8.0
_TEMPERATURE = 0.0


class ChatModel(Protocol):
    """The one method of a llama-index LLM that Dalil calls."""

    def stream_chat(self, messages: "Sequence[ChatMessage]") -> Iterable[Any]:
        """Answer a conversation: responses whose `delta` is the text that is new in each."""


class Deadline:
    """The time left for an answer.

    Parameters
    ----------
    seconds : float
        From now.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._expired = threading.Event()

    def expire(self) -> None:
        """End the time, from any thread."""
        self._expired.set()

    @property
    def is_expired(self) -> bool:
        """Whether `expire` was called."""
        return self._expired.is_set()

    @property
    def remaining(self) -> float:
        """Seconds left, 0 at least."""
        return 0.0 if self.is_expired else max(0.0, self._until - time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Sleep, for as long as there is time."""
        self._expired.wait(min(seconds, self.remaining))


def retry_pause(attempt: int, error: ModelError) -> float:
    """Seconds to wait before asking once more.

    Parameters
    ----------
    attempt : int
        That failed, from 1.
    error : ModelError
        What the endpoint said. Where it names no time, the pause doubles with each attempt, with jitter so that many
        askers do not come back together.
    """
    if error.retry_after is not None:
        return error.retry_after
    return float(min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0))


def stream_text(model: ChatModel, messages: Sequence[Message], deadline: Deadline) -> Iterator[str]:
    """The model's text as it comes, without control characters.

    Raises
    ------
    ModelError
        Which says why and whether asking again may help.
    """
    call = _ModelCall(model, messages)
    try:
        yield from clean_deltas(call.deltas(deadline))
    finally:
        call.cancel()


_END = object()
_current_call: ContextVar["_ModelCall"] = ContextVar("model_call")


class _ModelCall:
    """One call of a model, in a thread of its own."""

    def __init__(self, model: ChatModel, messages: Sequence[Message]) -> None:
        self._is_cancelled = False
        self._connection: socket.socket | None = None
        self._received: queue.SimpleQueue[object] = queue.SimpleQueue()
        context = copy_context()
        context.run(_current_call.set, self)
        threading.Thread(target=context.run, args=(self._read, model, messages), name="model", daemon=True).start()

    def deltas(self, deadline: Deadline) -> Iterator[str]:
        """The text as it comes, while there is time."""
        while True:
            remaining = deadline.remaining
            if not remaining:
                raise ModelError("The model did not answer in time.", "model_timeout")
            try:
                received = self._received.get(timeout=min(remaining, _POLL_S))
            except queue.Empty:
                continue
            if received is _END:
                return
            if isinstance(received, Exception):
                raise _to_model_error(received) from received
            yield str(received)

    def attach_connection(self, connection: socket.socket) -> None:
        """The call goes over this connection."""
        self._connection = connection
        if self._is_cancelled:
            self._shut_connection()

    def cancel(self) -> None:
        """End the call, if it has not ended."""
        self._is_cancelled = True
        self._shut_connection()

    def _read(self, model: ChatModel, messages: Sequence[Message]) -> None:
        try:
            for response in model.stream_chat(_to_llama_index(messages)):
                if self._is_cancelled:
                    return
                delta = response.delta
                if delta is not None and not isinstance(delta, str):
                    raise TypeError(f"the model's text is {type(delta).__name__}")
                if delta:
                    self._received.put(delta)
            self._received.put(_END)
        except Exception as error:  # any LLM may be handed in; what it raises is raised by the one who reads
            self._received.put(error)
        finally:
            if self._connection is not None:
                self._connection.close()  # a client whose answer was not read to its end leaves it open

    def _shut_connection(self) -> None:
        connection = self._connection
        if connection is not None:
            with suppress(OSError):  # it has ended already
                connection.shutdown(socket.SHUT_RDWR)  # close() alone would not wake the thread that reads


# What a client of an endpoint may raise


_CONTEXT_EXCEEDED = (
    "context length",
    "context_length",
    "context size",
    "context window",
    "maximum context",
    "too many tokens",
)
"""How endpoints say that a prompt does not fit: OpenAI, vLLM, llama.cpp, LM Studio."""


def _to_model_error(error: Exception) -> ModelError:
    """The error of a model's client, in Dalil's terms."""
    import httpx
    import openai

    message = f"The model did not answer: {error}"
    if isinstance(error, ModelError):
        return error
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return ModelError("The model did not answer in time.", "model_timeout")
    if isinstance(error, openai.APIStatusError):
        return _to_status_error(error.status_code, message, error.response.headers.get("retry-after"))
    if isinstance(error, openai.APIConnectionError | httpx.TransportError | ConnectionError):
        return ModelError(message, "model_unreachable", is_retryable=True)
    return ModelError(message, "model_failed", is_retryable=True)


def _to_status_error(status: int, message: str, retry_after: str | None) -> ModelError:
    if status in (401, 403):
        return ModelError(message, "model_key_refused")
    if status == 429:
        return ModelError(message, "model_rate_limited", is_retryable=True, retry_after=_parse_seconds(retry_after))
    if status in (400, 413, 422) and any(words in message.lower() for words in _CONTEXT_EXCEEDED):
        return ModelError(message, "model_context_exceeded", is_retryable=True, retry_after=0.0)
    is_retryable = status >= 500 or status in (408, 409)
    return ModelError(message, "model_failed", is_retryable, _parse_seconds(retry_after))


def _parse_seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; a date there is as good as none."""
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None


def _to_llama_index(messages: Sequence[Message]) -> "list[ChatMessage]":
    # Imported where a model is asked: it takes 75 MB and a second, which extractive answers do without.
    from llama_index.core.base.llms.types import ChatMessage

    return [ChatMessage(role=message.role, content=message.text) for message in messages]


# From settings


def open_llm(settings: Settings) -> ChatModel | None:
    """The model that `settings` name; None when they name none."""
    if settings.llm_name is None:
        return None
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    # A connection of its own for each call is what can be shut without harm to another call.
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.Client(timeout=settings.llm_timeout_s, limits=limits, event_hooks={"request": [_watch_connection]})
    model: ChatModel = OpenAILike(
        model=settings.llm_name,
        api_base=settings.llm_base_url or _OPENAI_URL,
        api_key=settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none",
        is_chat_model=True,
        timeout=settings.llm_timeout_s,
        max_retries=0,
        temperature=_TEMPERATURE,
        http_client=client,
    )
    return model


def _watch_connection(request: Any) -> None:
    """Have the connection of a request made known to the call that it belongs to."""
    call = _current_call.get(None)
    if call is not None:
        request.extensions["trace"] = _ConnectionTrace(call.attach_connection)


class _ConnectionTrace:
    """httpcore's trace: called with the name of each step and what it gave."""

    def __init__(self, attach: Callable[[socket.socket], None]) -> None:
        self._attach = attach

    def __call__(self, step: str, details: dict[str, Any]) -> None:
        if step in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._attach(details["return_value"].get_extra_info("socket"))
