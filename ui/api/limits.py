"""How much of everything: requests a minute, answers and uploads at once, and how long a guesser of keys waits."""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rag.errors import BusyError, SettingsError
from rag.secrets import hide_secrets
from rag.settings import Settings

_log = logging.getLogger(__name__)

_MAX_CALLERS = 10_000
"""Callers who are remembered; the one not seen for longest goes first."""
_SECONDS_PER_MINUTE = 60
_STORAGE_S = 0.5
"""Each request waits for it, so not for long."""
_FREE_FAILURES = 5
"""Wrong keys that may be tried before anybody waits: more than a person mistypes."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 900.0
"""The wait doubles with each failure: 15 minutes after the fifteenth, so a day tells a guesser of about 110 keys."""


class RateLimiter:
    """A bucket of tokens for each caller: as many requests as a minute allows at once, then one by one.

    Parameters
    ----------
    per_minute : int
        Requests of one caller; 0: no limit.
    clock : callable
        Gives seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def retry_after(self, caller: str) -> float:
        """Seconds until `caller` may come again; 0 lets the request in, and counts it."""
        if not self._per_minute:
            return 0.0
        now = self._clock()
        left, seen = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - seen) * self._per_minute / _SECONDS_PER_MINUTE)
        wait = 0.0 if left >= 1 else (1 - left) * _SECONDS_PER_MINUTE / self._per_minute
        self._buckets[caller] = (left - 1 if wait == 0 else left, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class SharedRateLimiter:
    """The same for all replicas: requests of the last minute are counted in Redis or Valkey. Where that cannot be
    reached, each replica counts its own.

    Parameters
    ----------
    url : str
        Of the server.
    per_minute : int
        Requests of one caller.

    Raises
    ------
    SettingsError
        When the address is none, or what speaks to it is not installed.
    """

    def __init__(self, url: str, per_minute: int) -> None:
        try:
            from limits import RateLimitItemPerMinute
            from limits.errors import ConfigurationError, StorageError
            from limits.storage import storage_from_string
            from limits.strategies import SlidingWindowCounterRateLimiter
        except ImportError as error:
            raise SettingsError(f"DALIL_REDIS_URL: {error}: pip install 'dalil[replicas]'") from None
        timeouts: dict[str, Any] = {"socket_connect_timeout": _STORAGE_S, "socket_timeout": _STORAGE_S}
        try:
            storage = storage_from_string(url, wrap_exceptions=True, **timeouts)
            self._limiter = SlidingWindowCounterRateLimiter(storage)
        except (ConfigurationError, ValueError, ImportError) as error:
            raise SettingsError(f"DALIL_REDIS_URL: {hide_secrets(str(error), [url])}") from None
        except StorageError as error:
            raise SettingsError(f"DALIL_REDIS_URL cannot be reached: {hide_secrets(str(error), [url])}") from None
        self._limit, self._failure = RateLimitItemPerMinute(per_minute, namespace="dalil"), StorageError
        self._alone, self._warned = RateLimiter(per_minute), -math.inf

    def retry_after(self, caller: str) -> float:
        """Seconds until `caller` may come again; 0 lets the request in, and counts it."""
        try:
            if self._limiter.hit(self._limit, caller):
                return 0.0
            return max(1.0, self._limiter.get_window_stats(self._limit, caller).reset_time - time.time())
        except self._failure as error:
            if time.monotonic() > self._warned + _SECONDS_PER_MINUTE:
                self._warned = time.monotonic()
                _log.error("DALIL_REDIS_URL cannot be reached, so each replica counts its own requests: %s", error)
            return self._alone.retry_after(caller)


def open_rate_limiter(settings: Settings) -> RateLimiter | SharedRateLimiter:
    """The limiter that settings name; raises SettingsError for an address that is none."""
    if settings.redis_url is None or not settings.requests_per_minute:
        return RateLimiter(settings.requests_per_minute)
    return SharedRateLimiter(settings.redis_url.get_secret_value(), settings.requests_per_minute)


class ConcurrencyLimiter:
    """So much is done at once, whether it comes over HTTP or from the page.

    Parameters
    ----------
    limit : int
        Places.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = threading.Semaphore(limit)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for as long as the block runs.

        Raises
        ------
        BusyError
            When there is none.
        """
        if not self.acquire():
            raise BusyError(f"Dalil is doing {self.limit} of these at once, as many as it may. Try again in a moment.")
        try:
            yield
        finally:
            self.release()

    def acquire(self) -> bool:
        """Take a place, to be given back with `release`; False when there is none."""
        return self._free.acquire(blocking=False)

    def release(self) -> None:
        """Give a place back."""
        self._free.release()


class FailureLimiter:
    """Whoever fails again and again waits, longer with each failure. Safe to use from several threads.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def retry_after(self, *names: str) -> float:
        """Seconds until a caller who goes by all of `names` may try again; 0: now."""
        now = self._clock()
        with self._lock:
            return max(0.0, *(self._failures.get(name, (0, now))[1] - now for name in names))

    def count_failure(self, *names: str) -> None:
        """Remember a failure under each of `names`."""
        now = self._clock()
        with self._lock:
            for name in names:
                failures, until = self._failures.pop(name, (0, now))
                # One who was quiet for as long as the longest wait begins anew.
                failures = failures + 1 if now < until + _LONGEST_WAIT_S else 1
                self._failures[name] = (failures, now + _wait_after(failures))
            while len(self._failures) > _MAX_CALLERS:
                self._failures.popitem(last=False)


def _wait_after(failures: int) -> float:
    if failures < _FREE_FAILURES:
        return 0.0
    return min(_LONGEST_WAIT_S, math.ldexp(_FIRST_WAIT_S, min(failures - _FREE_FAILURES, 60)))
