"""The time that an answer may take, which any thread may end."""

import math
import threading
import time
from typing import Self

from rag.settings import Settings


class Deadline:
    """The time left for an answer.

    Parameters
    ----------
    seconds : float
        From now.
    first_token_s, next_token_s : float
        How long a call of a model may be silent before its first token, and before each after it.
    """

    def __init__(self, seconds: float, first_token_s: float = math.inf, next_token_s: float = math.inf) -> None:
        self._until = time.monotonic() + seconds
        self.first_token_s, self.next_token_s = first_token_s, next_token_s
        self._expired = threading.Event()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the settings have it, from now."""
        return cls(settings.llm_timeout_s, settings.llm_first_token_s, settings.llm_next_token_s)

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
