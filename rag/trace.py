"""What a request tells of itself while it is served: stages and counts, nobody's words. Nothing listens by default."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

AttributeValue = str | bool | int


class Trace(Protocol):
    """Listens to one request."""

    def record_stage(self, name: str, started: float, ended: float) -> None:
        """Take in a stage that took from `started` to `ended`, both of `time.perf_counter`."""

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        """Take in something to know of the request."""


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def listening(trace: Trace | None) -> Iterator[None]:
    """Have `trace` listen to what this thread or task does within the block. Threads that work for a request are given
    its context."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def record_stages(**times: tuple[float, float]) -> None:
    """Tell the listener, if any, of stages that have ended; each is (started, ended) in seconds."""
    trace = _current.get()
    if trace is not None:
        for name, (started, ended) in times.items():
            trace.record_stage(name, started, ended)


def set_attributes(**values: AttributeValue) -> None:
    """Tell the listener, if any, what came of the request."""
    trace = _current.get()
    if trace is not None:
        for name, value in values.items():
            trace.set_attribute(name, value)
