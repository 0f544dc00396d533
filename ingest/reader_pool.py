"""Files read by several processes beside what is done with them, and given in their own order."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ingest.known_files import FoundItem, KnownFile, read_marked_file
from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.ocr.scans import OCR_SECONDS
from ingest.readers import ReadFailure
from ingest.readers.files import printable_path
from ingest.reasons import reason
from rag.types import Article

if TYPE_CHECKING:
    from ingest.object_stores import StoredObject

_MIN_PROCESSES, _MAX_PROCESSES = 2, 4
"""One alone would be stopped by one bad file; more than four read faster than two cores embed."""
_SECONDS = 55.0
"""Without a word of a file, after which its reader is ended: a PDF, the slowest, ends by itself after 50."""
_SECONDS_ALONE = 1.0
"""Of reading in this process before others are started, which takes as long."""
_MAX_AHEAD = 32
"""Files that are read, or waited for, behind the one whose turn it is."""
_MAX_QUEUED = 8
"""Files that a process is given at once, so that it reads on while some are embedded: a batch of 60,000 characters is
some ten files of two pages."""
_PIPE_BYTES = 262_144
"""Of what a process found and nobody took yet, where the system can be told: two batches of Arabic text."""
_MAX_CHARS_AHEAD = 4_000_000
"""Text of one file that waits for its turn; the longest article has half of it."""


class ReadTask(NamedTuple):
    """A file that is to be read.

    Attributes
    ----------
    file, root : Path
        It, and the folder that its id counts from.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read.
    """

    file: Path
    root: Path
    max_chars: int
    ocr: OcrOptions = NO_OCR


@dataclass(eq=False)
class _Turn:
    """What was found in one file and waits for its turn."""

    items: deque[FoundItem] = field(default_factory=deque)
    chars: int = 0
    is_over: bool = False

    def add(self, items: Iterable[FoundItem]) -> None:
        for item in items:
            self.items.append(item)
            self.chars += _length(item)

    def take(self) -> Iterator[FoundItem]:
        while self.items:
            item = self.items.popleft()
            self.chars -= _length(item)
            yield item


class _Process:
    """One that reads, in a group of its own: Ctrl-C at a terminal is for us, who end it and its children.

    Attributes
    ----------
    found : Connection
        On which it says what it found.
    queue : deque of (ReadTask, _Turn)
        What it was given; the first is what it reads now.
    since : float or None
        When it last said something of that; None before it has begun.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.reader_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pipesize=_PIPE_BYTES,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._tasks = Connection(os.dup(self._process.stdin.fileno()), readable=False)
        self.found = Connection(os.dup(self._process.stdout.fileno()), writable=False)
        self._process.stdin.close()
        self._process.stdout.close()
        self.queue: deque[tuple[ReadTask, _Turn]] = deque()
        self.since: float | None = None

    @property
    def turn(self) -> _Turn | None:
        """For which it reads."""
        return self.queue[0][1] if self.queue else None

    def add(self, task: ReadTask, turn: _Turn) -> None:
        """Have it read a file behind those that it was given."""
        self.queue.append((task, turn))
        with suppress(BrokenPipeError):  # it has ended, as is seen when it is listened to
            self._tasks.send(tuple(task))

    def go_on(self) -> None:
        """To the next file: the one that it read is over."""
        _, turn = self.queue.popleft()
        turn.is_over = True
        self.since = None

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._tasks.close()
        self.found.close()


class FileReader(Protocol):
    """Reads files beside what is done with them."""

    def read(self, files: Iterable[ReadTask | KnownFile]) -> Iterator[FoundItem]:
        """What is found in files, in their order."""

    def read_objects(self, objects: "Iterable[StoredObject | KnownFile]") -> Iterator[FoundItem]:
        """What is found in documents of object stores, in their order."""


class ReaderPool:
    """Reads files in processes of its own, as far ahead as memory allows.

    Parameters
    ----------
    processes : int, optional
        Unset: by the number of cores.
    seconds : float
        After which a file that nothing more was found in is given up.
    seconds_alone : float
        Of reading that are done in this process before others are started.
    """

    def __init__(
        self, processes: int | None = None, seconds: float = _SECONDS, seconds_alone: float = _SECONDS_ALONE
    ) -> None:
        cores = os.cpu_count() or 1
        self._count = processes or max(_MIN_PROCESSES, min(_MAX_PROCESSES, cores // 2))
        self._seconds, self._seconds_alone = seconds, seconds_alone
        self._processes: list[_Process] = []
        self._held: ReadTask | None = None

    def read(self, files: Iterable[ReadTask | KnownFile]) -> Iterator[FoundItem]:
        """What is found in files, in their order, whichever is read first.

        Parameters
        ----------
        files : iterable of ReadTask or KnownFile
            What is to be read; a known file is handed on in its turn.
        """
        waiting = iter(files)
        yield from self._read_alone(waiting)
        try:
            yield from self._read_beside(waiting)
        finally:
            for process in self._processes:
                process.end()
            self._processes.clear()
            self._held = None

    def read_objects(self, objects: "Iterable[StoredObject | KnownFile]") -> Iterator[FoundItem]:
        """What is found in documents of object stores, each fetched in its turn."""
        for one in objects:
            if isinstance(one, KnownFile):
                yield one
            else:
                yield from one.read()

    def _read_alone(self, files: Iterator[ReadTask | KnownFile]) -> Iterator[FoundItem]:
        """The first files in this process: few, or small ones, are read before another has started."""
        spent = 0.0
        can_fork = os.name == "posix"  # pipes can be waited for together
        while spent < self._seconds_alone or not can_fork:
            file = next(files, None)
            if file is None:
                return
            if isinstance(file, KnownFile):
                yield file
                continue
            begun = time.monotonic()
            for item in read_marked_file(*file):
                spent += time.monotonic() - begun
                yield item
                begun = time.monotonic()
            spent += time.monotonic() - begun

    def _read_beside(self, files: Iterator[ReadTask | KnownFile]) -> Iterator[FoundItem]:
        turns: deque[_Turn] = deque()
        while True:
            self._hand_out(files, turns)
            if not turns:
                return
            yield from turns[0].take()
            if turns[0].is_over and not turns[0].items:
                turns.popleft()
            else:
                self._listen(turns[0])

    def _hand_out(self, files: Iterator[ReadTask | KnownFile], turns: deque[_Turn]) -> None:
        """Give free processes files to read, as many as may be ahead."""
        while len(turns) < _MAX_AHEAD:
            file = self._held or next(files, None)
            self._held = None
            if isinstance(file, KnownFile):
                turns.append(_Turn(deque([file]), is_over=True))
            elif file is not None and (process := self._find_free()) is not None:
                turns.append(_Turn())
                process.add(file, turns[-1])
            else:
                self._held = file
                return

    def _find_free(self) -> _Process | None:
        """The one with the fewest files to read; None where all have enough."""
        free = min(self._processes, key=lambda one: len(one.queue), default=None)
        if (free is None or free.queue) and len(self._processes) < self._count:
            free = _Process()
            self._processes.append(free)
        return free if free is not None and len(free.queue) < _MAX_QUEUED else None

    def _listen(self, first: _Turn) -> None:
        """Take what processes found until something is there; one that says nothing for too long is ended."""
        # One that is far ahead waits until its turn comes: its pipe is full.
        heard = [
            one for one in self._processes if one.turn is first or (one.turn and one.turn.chars < _MAX_CHARS_AHEAD)
        ]
        now = time.monotonic()
        left = min((self._left(one, now) for one in heard), default=self._seconds)
        ready = wait([one.found for one in heard], max(0.0, left))
        for process in heard:
            if process.found in ready:
                self._receive(process)
            elif self._left(process, time.monotonic()) < 0:
                self._replace(process, reason("reader_time", seconds=self._seconds))

    def _left(self, process: _Process, now: float) -> float:
        """Seconds after which a process is ended that says nothing more; OCR has a time of its own."""
        if process.since is None or not process.queue:
            return self._seconds
        task, _ = process.queue[0]
        return process.since + self._seconds + OCR_SECONDS * task.ocr.is_on - now

    def _receive(self, process: _Process) -> None:
        assert process.turn is not None
        try:
            part = process.found.recv()
        except (EOFError, OSError):
            self._replace(process, reason("reader_crash"))
            return
        process.since = time.monotonic()
        if part is None:
            process.go_on()
        else:
            process.turn.add(part)

    def _replace(self, process: _Process, why: str) -> None:
        """End a process, whose file becomes a failure; another one reads what was waiting behind it."""
        task, turn = process.queue[0]
        turn.add([ReadFailure(printable_path(task.file), why)])
        process.go_on()
        process.end()
        self._processes.remove(process)
        if process.queue:
            self._processes.append(_Process())
            for waiting in process.queue:
                self._processes[-1].add(*waiting)


def _length(item: FoundItem) -> int:
    return len(item.text) if isinstance(item, Article) else 0
