"""A model that takes too long again and again is left alone for a while."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rag.answering.llm.deadline import Deadline
from rag.errors import ModelError

_TIMEOUTS = 3
"""In a row, after which nobody waits any more."""
_PAUSE_S = 60.0


class CircuitBreaker:
    """Counts a model's time-outs. After several in a row its calls fail at once, till one of them is let through to see
    whether it answers again. Safe to use from several threads.

    Parameters
    ----------
    pause_s : float
        Seconds for which it is left alone.
    """

    def __init__(self, pause_s: float = _PAUSE_S) -> None:
        self._pause_s, self._lock = pause_s, threading.Lock()
        self._timeouts, self._closed_from = 0, 0.0

    @property
    def is_open(self) -> bool:
        """Whether the model is left alone now."""
        return self._timeouts >= _TIMEOUTS and time.monotonic() < self._closed_from

    @contextmanager
    def watch(self, deadline: Deadline) -> Iterator[None]:
        """Watch one call.

        Parameters
        ----------
        deadline : Deadline
            Of the call: where it was expired by who asked, the model is not to blame.

        Raises
        ------
        ModelError
            At once, when the model is left alone.
        """
        self._admit()
        try:
            yield
        except ModelError as error:
            if error.reason == "model_timeout" and not deadline.is_expired:
                self._count_timeout()
            raise
        self._timeouts = 0

    def _admit(self) -> None:
        with self._lock:
            if self.is_open:
                raise ModelError(f"It took too long {self._timeouts} times in a row.", "model_paused")
            if self._timeouts >= _TIMEOUTS:
                self._closed_from = time.monotonic() + self._pause_s  # this call tries it; others do not wait

    def _count_timeout(self) -> None:
        with self._lock:
            self._timeouts += 1
            self._closed_from = time.monotonic() + self._pause_s
