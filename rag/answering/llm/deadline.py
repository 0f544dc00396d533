"""The time that an answer may take, which any thread may end."""

import threading
import time


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
