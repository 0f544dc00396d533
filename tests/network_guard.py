"""Notes and refuses every look-up and every packet of a child that would leave this machine: `network_guard.c`."""

import shutil
import subprocess
import sys
from pathlib import Path

NO_GUARD = "what leaves the machine is seen by a small library: it needs Linux and a C compiler"
"""Why a test is skipped."""


def can_build_guard() -> bool:
    """Whether the library can be had on this machine."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def build_guard(folder: Path) -> Path:
    """The library, built in a folder."""
    built = folder / "network_guard.so"
    source = Path(__file__).parent / "network_guard.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", built, source, "-ldl"], check=True)
    return built


def guard_variables(library: Path, log: Path) -> dict[str, str]:
    """The environment variables of a child that is guarded, whose attempts are noted in a file."""
    return {"LD_PRELOAD": str(library), "NETWORK_GUARD_LOG": str(log)}


def read_attempts(log: Path) -> list[str]:
    """What has been noted so far, `CALL TARGET` each."""
    return log.read_text().splitlines() if log.exists() else []
