"""`dalil` in a process of its own that is forked from one which has imported everything.

To import what a command needs takes 0.4 s of a processor, and what the service needs 4 s; the tests start some hundred.
What a command does is the same: its environment, folder, files, signals and exit code are its own. How a command
starts from nothing is in tests/test_layers.py, tests/test_network.py, tests/test_platforms.py and tests/test_sync.py.

`python -m tests.forked` is the process that forks. Over its standard input, a socket, come the arguments of each
command with its three files and the end of a pipe, in which its exit code is left.
"""

import atexit
import gc
import io
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).parent.parent
_NUMBER_BYTES = 8


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
            code = os.read(self._end, _NUMBER_BYTES)
            os.close(self._end)
            self.returncode = int.from_bytes(code, "big", signed=True)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

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


class _Server:
    """The process that forks, from the side of the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.forked"]
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=theirs.fileno())
        atexit.register(self._close)

    def fork(self, request: Mapping[str, Any], files: list[int]) -> int:
        content = json.dumps(request).encode()
        socket.send_fds(self._socket, [len(content).to_bytes(_NUMBER_BYTES, "big")], files)
        self._socket.sendall(content)
        return int.from_bytes(_receive(self._socket, _NUMBER_BYTES), "big")

    def _close(self) -> None:
        self._socket.close()
        self._process.wait(20)


_servers: list[_Server] = []


def _connect() -> _Server:
    if not _servers:
        _servers.append(_Server())
    return _servers[0]


def _receive(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError("the process that forks has ended")
        content += part
    return content


# The process that forks


def _import_everything() -> None:

    import ui.cli.main
    import ui.mcp.http
    import ui.page.blocks
    import ui.serve  # noqa: F401


def _fork_commands() -> dict[str, Any] | None:
    """Fork a process for each command; gives the command in that process, and nothing in this one at the end."""
    ends: dict[int, tuple[int, int]] = {}
    with socket.socket(fileno=os.dup(0)) as connection:
        while True:
            ready = select.select([connection, *ends], [], [])[0]
            for one in ready:
                if one in ends:
                    _tell_end(one, *ends.pop(one))
            if connection not in ready:
                continue
            size, files, _, _ = socket.recv_fds(connection, _NUMBER_BYTES, 4)
            if not size:
                return None
            request = json.loads(_receive(connection, int.from_bytes(size, "big")))
            pid = os.fork()
            if pid == 0:
                for one in (*ends, *(end for _, end in ends.values()), files.pop()):
                    os.close(one)
                return request | {"files": files}
            ends[os.pidfd_open(pid)] = pid, files.pop()
            for one in files:
                os.close(one)
            connection.sendall(pid.to_bytes(_NUMBER_BYTES, "big"))


def _tell_end(descriptor: int, pid: int, end: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):  # nobody may wait for it
        os.write(end, code.to_bytes(_NUMBER_BYTES, "big", signed=True))
    os.close(end)
    os.close(descriptor)


def _become(request: dict[str, Any]) -> None:
    for number, file in enumerate(request["files"]):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = io.TextIOWrapper(io.FileIO(0))
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(one, "w"), line_buffering=True) for one in (1, 2))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None
    sys.argv = ["dalil", *request["arguments"]]
    if request["logs_all"]:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)


def _run(request: dict[str, Any]) -> int:
    from ui.cli.main import main

    _become(request)
    try:
        code = main()
    except SystemExit as ended:  # by argparse
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    _import_everything()
    gc.freeze()
    command = _fork_commands()
    if command is not None:
        os._exit(_run(command))  # to take apart all that was imported takes a second
