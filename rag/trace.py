"""What an answer tells of itself while it is made: stages and counts, nobody's words. Nothing listens by default."""

from contextvars import ContextVar
from typing import Protocol

Note = str | bool | int


class Trace(Protocol):
    """Listens to one request."""

    def stage(self, name: str, started: float, ended: float) -> None:
        """A stage took from `started` to `ended`, both of `time.perf_counter`."""

    def note(self, name: str, value: Note) -> None:
        """Something to know of the request."""


current: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""Who listens to what this thread or task does. Threads that work for a request are given its context."""


def stages(**times: tuple[float, float]) -> None:
    """Tell of stages that have ended."""
    trace = current.get()
    if trace is not None:
        for name, (started, ended) in times.items():
            trace.stage(name, started, ended)


def notes(**values: Note) -> None:
    """Tell what came of the request."""
    trace = current.get()
    if trace is not None:
        for name, value in values.items():
            trace.note(name, value)
