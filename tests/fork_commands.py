"""The process from which `tests.forked` has commands forked.

Over its standard input, a socket, come the arguments of each command with its three files and the end of a pipe, in
which its exit code is left.
"""

import atexit
import gc
import io
import json
import logging
import os
import select
import socket
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from typing import Any

NUMBER_BYTES = 8


def receive(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError("the process that forks has ended")
        content += part
    return content


def _import_everything() -> None:
    """But ONNX Runtime and Qdrant Edge, which do not survive a fork."""
    import mcp  # noqa: F401

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
            size, files, _, _ = socket.recv_fds(connection, NUMBER_BYTES, 4)
            if not size:
                return None
            request = json.loads(receive(connection, int.from_bytes(size, "big")))
            pid = os.fork()
            if pid == 0:
                for one in (*ends, *(end for _, end in ends.values()), files.pop()):
                    os.close(one)
                return request | {"files": files}
            ends[os.pidfd_open(pid)] = pid, files.pop()
            for one in files:
                os.close(one)
            connection.sendall(pid.to_bytes(NUMBER_BYTES, "big"))


def _tell_end(descriptor: int, pid: int, end: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):  # nobody may wait for it
        os.write(end, code.to_bytes(NUMBER_BYTES, "big", signed=True))
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
    os._exit(_run(command) if command else 0)  # to take apart all that was imported takes a second
