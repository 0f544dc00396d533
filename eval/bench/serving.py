"""`dalil serve` in a process of its own, as it runs for people."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple


class Service(NamedTuple):
    """A running service: its URL, and its process."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def open_service(folder: Path, **variables: str) -> Iterator[Service]:
    """Serve an index on a free port of loopback, as soon as it answers; the process ends with the block.

    Parameters
    ----------
    folder : Path
        Of the index.
    **variables
        Environment variables of the service.
    """
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    environment = os.environ | {"DALIL_DATA_DIR": str(folder)} | variables
    command = [sys.executable, "-m", "ui.cli", "serve", "--port", str(port)]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                log.seek(0)
                raise SystemExit(f"dalil serve did not start: {log.read()}")
            yield Service(f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()


OpenService = Callable[..., AbstractContextManager[Service]]
"""As `open_service`: what starts a service otherwise has its parameters."""


@contextmanager
def run_service(folder: Path, **variables: str) -> Iterator[str]:
    """The URL of `open_service`, with the same parameters."""
    with open_service(folder, **variables) as service:
        yield service.url
