"""One step of reading a PDF in a process of its own: `python -m ingest.pdf.child STEP`, JSON in and out."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from rag.errors import ReadError

_MAX_MEMORY_BYTES = 2_000_000_000
"""Address space of a step; the libraries of both engines take 0.3 GB of it before they read anything."""
_PASSWORD_VARIABLE = "DALIL_PDF_PASSWORD"
_OPENING_STEPS = ("prepare", "draw", "letters")
"""Which open the file itself."""


class StepError(Exception):
    """A step ended without a result: it crashed, or took too much time or memory."""


class Deadline:
    """Seconds that are left for all steps of one file together.

    Parameters
    ----------
    seconds : float
        From now on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, time.monotonic() + seconds

    def left(self, share: float = 1.0) -> float:
        """Seconds left, at most that share of the whole."""
        return max(0.0, min(self._end - time.monotonic(), share * self._seconds))

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return self.left() == 0.0


def run_step(step: str, values: Mapping[str, Any], seconds: float) -> Any:
    """The result of a step.

    Parameters
    ----------
    step : str
        A name that `_load_step` knows.
    values : mapping
        Its arguments, as JSON has them.
    seconds : float
        After which it is ended.

    Raises
    ------
    ReadError
        What the step says is wrong with the file.
    StepError
        When there is no result.
    """
    command = [sys.executable, "-m", "ingest.pdf.child", step]
    try:
        done = subprocess.run(
            command, input=json.dumps(values).encode(), capture_output=True, timeout=seconds, check=False
        )
        reply = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        raise StepError(step) from None
    if "error" in reply:
        raise ReadError(reply["error"])
    return reply["result"]


def _load_step(step: str) -> Callable[..., Any]:
    """The function of a step; the engines are imported in the child alone, and no others than it needs."""
    if step == "prepare":
        from ingest.pdf.prepare import prepare_copy

        return prepare_copy
    if step == "read":
        from ingest.pdf.qalam_text import read_blocks

        return read_blocks
    if step == "draw":
        from ingest.pdf.drawing import draw_page

        return draw_page
    if step == "letters":
        from ingest.pdf.page_letters import read_page_letters

        return read_page_letters
    from ingest.pdf.glyph_text import read_pages

    return read_pages


def _limit_memory() -> None:
    """Where the system can: elsewhere time alone is limited."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(step: str) -> None:
    values = json.load(sys.stdin)
    if step in _OPENING_STEPS:  # a password goes through the environment, since every user can see a command line
        values["password"] = os.environ.get(_PASSWORD_VARIABLE)
    _limit_memory()
    try:
        reply = {"result": _load_step(step)(**values)}
    except ReadError as error:
        reply = {"error": str(error)}
    json.dump(reply, sys.stdout)


if __name__ == "__main__":
    _main(sys.argv[1])
