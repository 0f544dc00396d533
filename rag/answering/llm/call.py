"""One call of a model, read as it comes, that can be given up at any moment.

Reading happens in a thread of its own, so that a deadline or a reader who leaves ends the wait at once, even while the
endpoint is silent; the connection is then shut, so that the endpoint stops writing.
"""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Protocol

from rag.answering.llm.deadline import Deadline
from rag.answering.llm.errors import to_model_error
from rag.answering.llm.template_marks import remove_template_marks
from rag.answering.model_text import clean_deltas, stop_at_loops
from rag.errors import ModelError
from rag.types import Message

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

_log = logging.getLogger("dalil.model")
_POLL_S = 0.1
"""How often a wait looks whether it was ended from outside."""


class ChatModel(Protocol):
    """The one method of a llama-index LLM that Dalil calls."""

    def stream_chat(self, messages: "Sequence[ChatMessage]") -> Iterable[Any]:
        """Answer a conversation: responses whose `delta` is the text that is new in each."""


def stream_text(model: ChatModel, messages: Sequence[Message], deadline: Deadline) -> Iterator[str]:
    """The model's text as it comes: without thoughts, marks of its template and control characters.

    Raises
    ------
    ModelError
        Which says why and whether asking again may help. It is logged.
    """
    call = _ModelCall(model, messages)
    try:
        yield from stop_at_loops(remove_template_marks(clean_deltas(call.deltas(deadline))))
    except ModelError as error:
        if not deadline.is_expired:
            _log.warning("no answer of the model (%s): %s", error.reason, error)
        raise
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
        silence_s = deadline.first_token_s
        while True:
            received = self._receive(deadline, silence_s)
            silence_s = deadline.next_token_s
            if received is _END:
                return
            if isinstance(received, Exception):
                raise to_model_error(received) from received
            if received:
                yield str(received)

    def _receive(self, deadline: Deadline, silence_s: float) -> object:
        """What comes next."""
        silent_until = time.monotonic() + silence_s
        while True:
            remaining = deadline.remaining
            if not remaining:
                raise ModelError("It did not answer within the time for all of it.", "model_timeout")
            silence = silent_until - time.monotonic()
            if silence <= 0:
                raise ModelError(f"It said nothing for {silence_s:g} s.", "model_timeout")
            with suppress(queue.Empty):
                return self._received.get(timeout=min(remaining, silence, _POLL_S))

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
                self._received.put(delta or "")  # a thought that is no part of the text is a sign of life
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


def _to_llama_index(messages: Sequence[Message]) -> "list[ChatMessage]":
    # Imported where a model is asked: it takes 75 MB and a second, which extractive answers do without.
    from llama_index.core.base.llms.types import ChatMessage

    return [ChatMessage(role=message.role, content=message.text) for message in messages]


def watch_connection(request: Any) -> None:
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
