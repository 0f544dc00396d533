"""A process that has the engines ready, and forks one for each step: to start Python and import them takes 0.3 s of a
processor, three times for each file, of which most have a few pages.

`python -m ingest.pdf.fork_server` is that process. What comes over its standard input, a socket, is the two ends of
pipes for each step: the input, whose first line says what to do, and the output.
"""

import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress

_IDLE_SECONDS = 30.0
"""After which the process ends: a server that once read a PDF does not keep the engines in memory."""
_CHUNK_BYTES = 1 << 16
_PID_BYTES = 8


class ForkServer:
    """Runs steps in processes that are forked from one that has the engines. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[[socket.socket, subprocess.Popen[bytes], int], ForkServer] | None = None
        self._owner = 0

    def run(self, step: str, content: bytes, seconds: float) -> bytes:
        """What a step writes.

        Parameters
        ----------
        step : str
            For the child.
        content : bytes
            Its standard input.
        seconds : float
            After which it is killed.

        Raises
        ------
        TimeoutError
            When it was.
        """
        end = time.monotonic() + seconds
        request = json.dumps({"step": step, "environment": dict(os.environ)}).encode() + b"\n" + content
        their_input, our_output = os.pipe()
        our_input, their_output = os.pipe()
        try:
            pid = self._fork(their_input, their_output)
        except BaseException:
            os.close(our_output)
            os.close(our_input)
            raise
        finally:
            os.close(their_input)
            os.close(their_output)
        try:
            return _exchange(request, our_output, our_input, end)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise

    def _fork(self, child_input: int, child_output: int) -> int:
        """The number of a process with these two ends of pipes."""
        with self._lock:
            for _ in range(2):
                connection = self._connect()
                with suppress(OSError):
                    socket.send_fds(connection, [b"f"], [child_input, child_output])
                    answer = connection.recv(_PID_BYTES, socket.MSG_WAITALL)
                    if len(answer) == _PID_BYTES:
                        return int.from_bytes(answer, "big")
                self._disconnect()  # it was idle for long, and has ended: another one does it
        raise TimeoutError

    def _connect(self) -> socket.socket:
        if self._socket is None or self._owner != os.getpid():  # a fork of ours has one of its own
            self._owner = os.getpid()
            ours, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "ingest.pdf.fork_server"]
                self._process = subprocess.Popen(
                    command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            self._socket = ours
            self._end = weakref.finalize(self, _end_server, ours, self._process, self._owner)
        return self._socket

    def _disconnect(self) -> None:
        if self._end is not None:
            self._end()
        self._socket = self._process = self._end = None


def _end_server(connection: socket.socket, process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process that this one started; the steps that it forked go on."""
    connection.close()
    if owner == os.getpid():
        process.kill()
        process.wait()


def _exchange(request: bytes, output: int, answers: int, end: float) -> bytes:
    """Write a request and read all of its answer; closes both."""
    found, waiting = bytearray(), memoryview(request)
    os.set_blocking(output, False)
    writing = [output]
    try:
        while True:
            readable, writable, _ = select.select([answers], writing, [], max(0.0, end - time.monotonic()))
            if not readable and not writable:
                raise TimeoutError
            if writable:
                with suppress(BlockingIOError):
                    waiting = waiting[_write(output, waiting) :]
                if not waiting:
                    os.close(writing.pop())
            if readable:
                part = os.read(answers, _CHUNK_BYTES)
                if not part:
                    return bytes(found)
                found += part
    finally:
        os.close(answers)
        for one in writing:
            os.close(one)


def _write(output: int, content: memoryview) -> int:
    """How much was written; all of it where nobody reads any more, as is seen by what is not answered."""
    try:
        return os.write(output, content[:_CHUNK_BYTES])
    except BrokenPipeError:
        return len(content)


# The process


def _serve() -> None:
    # Imported before the first fork, so that a step finds them there.
    import ingest.pdf.glyph_text
    import ingest.pdf.prepare
    import ingest.pdf.qalam_text  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as connection:
        connection.settimeout(_IDLE_SECONDS)
        with suppress(TimeoutError, ConnectionError):
            while True:
                message, files, _, _ = socket.recv_fds(connection, 1, 2)
                if not message:
                    return
                pid = os.fork()
                if pid == 0:
                    connection.close()
                    _run_step(*files)
                for one in files:
                    os.close(one)
                connection.sendall(pid.to_bytes(_PID_BYTES, "big"))


def _run_step(read_end: int, write_end: int) -> None:
    """Do in a forked process what `ingest.pdf.child` does in one of its own."""
    from ingest.pdf.child import run_from_standard_input

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        os.dup2(read_end, 0)
        os.dup2(write_end, 1)
        os.close(read_end)
        os.close(write_end)
        sys.stdin, sys.stdout = io.TextIOWrapper(io.FileIO(0)), io.TextIOWrapper(io.FileIO(1, "w"))
        request = json.loads(sys.stdin.readline())
        os.environ.clear()
        os.environ.update(request["environment"])
        run_from_standard_input(request["step"])
        sys.stdout.flush()
    finally:
        os._exit(0)


def can_fork() -> bool:
    """Whether this system has what this takes."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


if __name__ == "__main__":
    _serve()
