"""`dalil serve` in a process of its own, as it runs for people."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_service(folder: Path, **variables: str) -> Iterator[str]:
    """Serve an index on a free port of loopback.

    Parameters
    ----------
    folder : Path
        Of the index.
    **variables
        Environment variables of the service.

    Yields
    ------
    str
        Its URL, as soon as it answers.
    """
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    environment = os.environ | {"DALIL_DATA_DIR": str(folder)} | variables
    command = [sys.executable, "-m", "ui.cli", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise SystemExit("dalil serve did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
