"""How far an ingest is, on standard error: one line that changes on a terminal, else a line now and then."""

import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ingest.progress import IngestProgress

_SECONDS_ON_TERMINAL, _SECONDS_ELSEWHERE = 0.2, 30.0
"""Between two lines."""
_SECONDS_BEFORE = 1.0
"""What takes less needs no line."""
_CLEAR = "\r\x1b[K"
_MINUTE, _HOUR = 60, 3600


class ProgressLine:
    """Shows how far an ingest is.

    Parameters
    ----------
    stream : TextIO, optional
        Where; unset: standard error.
    clock : callable
        Gives seconds.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream or sys.stderr, clock
        self._is_terminal = self._stream.isatty()
        seconds = _SECONDS_ON_TERMINAL if self._is_terminal else _SECONDS_ELSEWHERE
        self._next, self._seconds = clock() + max(_SECONDS_BEFORE, 0 if self._is_terminal else seconds), seconds
        self._is_shown = False

    def __enter__(self) -> Callable[["IngestProgress"], None]:
        return self._update

    def __exit__(self, *_: object) -> None:
        if self._is_shown and self._is_terminal:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def _update(self, progress: "IngestProgress") -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + self._seconds
        line = describe_progress(progress)
        if self._is_terminal:
            # The last column stays free: a terminal would begin the next line.
            line = _CLEAR + line[: shutil.get_terminal_size().columns - 1]
        else:
            line += "\n"
        self._stream.write(line)
        self._stream.flush()
        self._is_shown = True


def describe_progress(progress: "IngestProgress") -> str:
    """One line that says how far an ingest is."""
    parts = [
        f"{progress.articles:,} articles ({progress.pages:,} pages) written",
        f"{progress.files:,} of {progress.all_files:,} files read",
    ]
    if progress.seconds_left is not None:
        parts.append(f"about {_format_seconds(progress.seconds_left)} left")
    return ", ".join([*parts, progress.file])


def _format_seconds(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _MINUTE} min {whole % _MINUTE} s" if whole >= _MINUTE else f"{whole} s"
