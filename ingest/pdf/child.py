"""One step of reading a PDF in a process of its own: `python -m ingest.pdf.child STEP`, JSON in and out."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from ingest.pdf.fork_server import ForkServer, can_fork
from ingest.reasons import Reason, code_of, reason_of
from rag.errors import ReadError

_MAX_MEMORY_BYTES = 2_000_000_000
"""Address space of a step; the libraries of both engines take 0.3 GB of it before they read anything."""
_FORK_SERVER = ForkServer()
"""Started with the first step."""
_PASSWORD_VARIABLE = "DALIL_PDF_PASSWORD"
_OPENING_STEPS = ("prepare", "ocr", "draw", "letters")
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
        A name of `_steps`.
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
    try:
        reply = json.loads(_run_in_child(step, json.dumps(values).encode(), seconds))
    except (TimeoutError, ValueError):
        raise StepError(step) from None
    if "error" in reply:
        raise ReadError(Reason(reply["error"], reply["code"], reply["values"]))
    return reply["result"]


def _run_in_child(step: str, content: bytes, seconds: float) -> bytes:
    """What the child writes; raises TimeoutError."""
    if can_fork():
        return _FORK_SERVER.run(step, content, seconds)
    command = [sys.executable, "-m", "ingest.pdf.child", step]
    try:
        return subprocess.run(command, input=content, capture_output=True, timeout=seconds, check=False).stdout
    except subprocess.TimeoutExpired:
        raise TimeoutError from None


def _steps() -> dict[str, Callable[..., Any]]:
    """Each step with its function; the engines are imported in the child alone."""
    from ingest.ocr.pictures import save_as_pdf
    from ingest.ocr.recognition import recognize_pages
    from ingest.pdf.drawing import draw_page
    from ingest.pdf.glyph_text import read_pages
    from ingest.pdf.page_letters import read_page_letters
    from ingest.pdf.prepare import prepare_copy
    from ingest.pdf.qalam_text import read_blocks

    return {
        "prepare": prepare_copy,
        "read": read_blocks,
        "glyphs": read_pages,
        "ocr": recognize_pages,
        "copy": save_as_pdf,
        "draw": draw_page,
        "letters": read_page_letters,
    }


def _limit_memory() -> None:
    """Where the system can: elsewhere time alone is limited."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_from_standard_input(step: str) -> None:
    """Do a step with the arguments that stand there; its result is written."""
    values = json.load(sys.stdin)
    if step in _OPENING_STEPS:  # a password goes through the environment, since every user can see a command line
        values["password"] = os.environ.get(_PASSWORD_VARIABLE)
    _limit_memory()
    try:
        reply = {"result": _steps()[step](**values)}
    except ReadError as error:
        why = reason_of(error)
        reply = {"error": why, "code": code_of(why), "values": dict(why.values) if isinstance(why, Reason) else {}}
    json.dump(reply, sys.stdout)


if __name__ == "__main__":
    run_from_standard_input(sys.argv[1])
