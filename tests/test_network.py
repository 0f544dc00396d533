"""Nothing is sent anywhere: children of which every look-up and every packet past this machine is noted and refused,
also those of native libraries, which the interpreter does not see."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.doubles import closed_port
from tests.network_guard import NO_GUARD, build_guard, can_build_guard, guard_variables, read_attempts

ROOT = Path(__file__).parent.parent
ARTICLES = ("hejaz-railway", "meta-superclusters", "socotra")
QUESTION = "متى وصل قطار الحجاز إلى المدينة؟"
_TELEMETRY_S = 15
"""That a service is left running: onnxruntime 1.31 looks its collector up nine seconds after its import."""


class Guard(NamedTuple):
    """Runs children with an empty home and an empty cache, under `tests/network_guard.c`."""

    library: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "DALIL_DATA_DIR": str(self.folder / "data"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        } | guard_variables(self.library, self.folder / "attempts")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=self.environment(), cwd=self.folder, capture_output=True, text=True, timeout=300
        )

    def attempts(self) -> list[str]:
        return read_attempts(self.folder / "attempts")

    def left_files(self) -> set[str]:
        """Folders of the home and the cache that hold a file."""
        places = (self.folder / "home", self.folder / "cache")
        return {path.relative_to(place).parts[0] for place in places for path in place.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not can_build_guard():
        pytest.skip(NO_GUARD)
    return build_guard(tmp_path_factory.mktemp("guard"))


def make_guard(library: Path, folder: Path) -> Guard:
    for name in ("home", "cache"):
        (folder / name).mkdir()
    return Guard(library, folder)


@pytest.fixture
def guard(library: Path, tmp_path: Path) -> Guard:
    return make_guard(library, tmp_path)


# The guard itself

UDP = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
NATIVE = "ctypes.CDLL(None)"
NO_BUFFERS = "None, None, 0, ctypes.byref(ctypes.c_void_p()), ctypes.byref(ctypes.c_int())"
REFUSALS = {"", "-2", "0", "2"}
"""An exception, EAI_NONAME, no entry, ENOENT."""


@pytest.mark.parametrize(
    ("code", "attempt"),
    [
        ("socket.getaddrinfo('example.org', 443)", "getaddrinfo example.org"),
        ("socket.create_connection(('192.0.2.1', 443))", "connect 192.0.2.1:443"),
        (f"{UDP}.sendto(b'x', ('192.0.2.1', 53))", "sendto 192.0.2.1:53"),
        (f"{UDP}.sendmsg([b'x'], [], 0, ('192.0.2.1', 53))", "sendmsg 192.0.2.1:53"),
        (f"{NATIVE}.getaddrinfo(b'example.org', None, None, None)", "getaddrinfo example.org"),
        (f"{NATIVE}.gethostbyname(b'example.org')", "gethostbyname example.org"),
        (f"{NATIVE}.gethostbyname2(b'example.org', 2)", "gethostbyname2 example.org"),
        (f"{NATIVE}.gethostbyname_r(b'example.org', {NO_BUFFERS})", "gethostbyname_r example.org"),
        (f"{NATIVE}.gethostbyname2_r(b'example.org', 2, {NO_BUFFERS})", "gethostbyname2_r example.org"),
    ],
)
def test_the_guard_notes_what_would_leave_the_machine_and_refuses_it(guard, code, attempt):
    done = guard.run("-c", f"import ctypes, socket\nprint({code})")
    assert guard.attempts() == [attempt]
    assert done.stdout.strip() in REFUSALS


def test_the_guard_lets_pass_what_stays_on_the_machine(guard):
    code = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
port = listening.getsockname()[1]
for host in ("127.0.0.1", "localhost"):
    socket.create_connection((host, port)).close()
socket.getaddrinfo("192.0.2.1", 443)
first, second = socket.socketpair()
first.send(b"x")
"""
    assert (guard.run("-c", code).stderr, guard.attempts()) == ("", [])


# Dalil under it


class Outcome(NamedTuple):
    output: str
    attempts: list[str]
    left_files: set[str]


@pytest.fixture(scope="module")
def outcomes(library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What each command gave, reached for and left behind, one after the other over the same index."""
    guard = make_guard(library, tmp_path_factory.mktemp("commands"))
    files = [str(ROOT / "articles" / f"{name}.md") for name in ARTICLES]
    commands = {
        "ingest": lambda: guard.run("-m", "ui.cli", "ingest", *files).stdout,
        "ask": lambda: guard.run("-m", "ui.cli", "ask", QUESTION).stdout,
        "serve": lambda: "".join(serve_once(guard)),
    }
    return {name: Outcome(run(), guard.attempts(), guard.left_files()) for name, run in commands.items()}


def serve_once(guard: Guard) -> Iterator[str]:
    """What `dalil serve` answers to one question and one visit of the page; runs as long as telemetry would take."""
    port = closed_port()
    command = [sys.executable, "-m", "ui.cli", "serve", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=guard.environment(), cwd=guard.folder, text=True, **pipes) as process:
        url = process.stdout.readline().split()[3]
        started = time.monotonic()
        with httpx.Client(base_url=url, timeout=60) as client:
            yield client.post("/v1/ask", json={"question": QUESTION}).text
            yield from (client.get(path).text for path in ("/ar/", "/ar/config", "/page/page.js"))
        time.sleep(max(0.0, _TELEMETRY_S - (time.monotonic() - started)))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


COMMANDS = {"ingest": "3 added", "ask": "[1] \u2068سكة حديد الحجاز", "serve": "dalil"}
"""Each with what shows that it has done its work."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_asks_nobody_and_leaves_nothing_but_the_models(outcomes, command):
    outcome = outcomes[command]
    assert COMMANDS[command] in outcome.output
    assert outcome.attempts == []
    assert outcome.left_files == {"dalil"}
