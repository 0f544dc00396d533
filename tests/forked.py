"""`dalil` in a process of its own that is forked from one which has imported everything: `tests.fork_commands`.

To import what a command needs takes 0.4 s of a processor, and what the service needs 4 s; the tests start some hundred.
What a command does is the same: its environment, folder, files, signals and exit code are its own. How a command
starts from nothing is in tests/test_cli.py, tests/test_layers.py, tests/test_mcp.py and tests/test_network.py.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

from eval.bench.serving import Service
from tests.doubles import closed_port
from tests.fork_commands import NUMBER_BYTES, receive

ROOT = Path(__file__).parent.parent


class Forked:
    """A command that runs, with the part of `subprocess.Popen` that tests use.

    Parameters
    ----------
    arguments : str
        Of the command.
    environment : mapping
        All of it.
    folder : Path, optional
        In which it runs.
    stdout, stderr : file or subprocess.PIPE, optional
        Where it writes; unset: nowhere.
    logs_all : bool
        Whether its process logs whatever anybody says.

    Attributes
    ----------
    stdout, stderr : file or None
        What it writes, where that is a pipe.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        folder: Path | None = None,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
        logs_all: bool = False,
    ) -> None:
        self.returncode: int | None = None
        self._end, their_end = os.pipe()
        request = {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(folder or Path.cwd()),
            "logs_all": logs_all,
        }
        with ExitStack() as theirs:
            nowhere = theirs.enter_context(open(os.devnull, "r+b"))
            theirs.callback(os.close, their_end)
            self.stdout, their_stdout = _open_output(stdout or nowhere, theirs)
            self.stderr, their_stderr = _open_output(stderr or nowhere, theirs)
            self.pid = _connect().fork(request, [nowhere.fileno(), their_stdout, their_stderr, their_end])

    def wait(self, timeout: float) -> int:
        """The exit code, or minus the signal that ended it; raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("dalil", timeout)
            code = os.read(self._end, NUMBER_BYTES)
            os.close(self._end)
            self.returncode = int.from_bytes(code, "big", signed=True)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait(20)
        finally:
            self.send_signal(signal.SIGKILL)
            for pipe in filter(None, (self.stdout, self.stderr)):
                pipe.close()


def _open_output(file: IO[Any] | int, theirs: ExitStack) -> tuple[IO[str] | None, int]:
    """Our end where it is a pipe, and the descriptor of theirs."""
    if not isinstance(file, int):
        return None, file.fileno()
    ours, written = os.pipe()
    theirs.callback(os.close, written)
    return open(ours, encoding="utf-8"), written


def run_forked(
    *arguments: str,
    environment: Mapping[str, str],
    folder: Path | None = None,
    timeout: float = 300,
    logs_all: bool = False,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; as `subprocess.run`, which captures what it writes."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        written = {"stdout": stdout, "stderr": stderr}
        with Forked(*arguments, environment=environment, folder=folder, logs_all=logs_all, **written) as process:
            code = process.wait(timeout)
        for file in (stdout, stderr):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


@contextmanager
def start_forked(folder: Path, **variables: str) -> Iterator[Service]:
    """As `eval.bench.serving.open_service`."""
    environment = os.environ | {"DALIL_DATA_DIR": str(folder)} | variables
    with Forked("serve", "--port", str(closed_port()), environment=environment, stdout=subprocess.PIPE) as process:
        try:
            yield Service(process.stdout.readline().split()[3], process)
        finally:
            process.terminate()


class _Server:
    """The process that forks, from the side of the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.fork_commands"]
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=theirs.fileno())
        atexit.register(self._close)

    def fork(self, request: Mapping[str, Any], files: list[int]) -> int:
        content = json.dumps(request).encode()
        socket.send_fds(self._socket, [len(content).to_bytes(NUMBER_BYTES, "big")], files)
        self._socket.sendall(content)
        return int.from_bytes(receive(self._socket, NUMBER_BYTES), "big")

    def _close(self) -> None:
        self._socket.close()
        self._process.wait(20)


_servers: list[_Server] = []


def _connect() -> _Server:
    if not _servers:
        _servers.append(_Server())
    return _servers[0]
