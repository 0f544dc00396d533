"""Steps of reading a PDF in processes that are forked from one that has the engines."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.pdf.fork_server import ForkServer
from tests.pdf_files import make_pdf


@pytest.fixture
def values(tmp_path: Path) -> bytes:
    file = tmp_path / "a.pdf"
    file.write_bytes(make_pdf([[(50, 700, 12, "The laboratory was opened in 2011.")]]))
    return json.dumps({"path": str(file), "copy": str(tmp_path / "copy.pdf"), "max_chars": 1000}).encode()


@pytest.fixture
def server() -> ForkServer:
    return ForkServer()


def find_children() -> list[int]:
    """Process ids of the servers that this process started."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    numbers = found.read_text().split() if found.exists() else []
    return [int(one) for one in numbers if b"fork_server" in Path("/proc", one, "cmdline").read_bytes()]


def read_text(reply: bytes) -> str:
    return str(json.loads(reply)["result"]["pages"][0]["text"])


def test_steps_at_once_have_their_own_results(server, values):
    with ThreadPoolExecutor(4) as executor:
        replies = list(executor.map(lambda _: server.run("prepare", values, 60), range(4)))
    assert [read_text(reply) for reply in replies] == ["The laboratory was opened in 2011."] * 4


def test_a_step_that_fails_writes_nothing_and_the_next_one_is_done(server, values):
    assert server.run("read", b'{"path": "/none.pdf"}', 60) == b""
    assert server.run("read", b"no JSON", 60) == b""
    assert "laboratory" in read_text(server.run("prepare", values, 60))


def test_a_step_is_killed_when_its_time_is_over(server, values, tmp_path):
    server.run("prepare", values, 60)
    os.mkfifo(tmp_path / "stuck.pdf")
    stuck = json.dumps({"path": str(tmp_path / "stuck.pdf")}).encode()
    with pytest.raises(TimeoutError):
        server.run("read", stuck, 1.0)
    time.sleep(1.0)
    with pytest.raises(OSError, match="No such device"):  # nobody waits for what it says
        os.open(tmp_path / "stuck.pdf", os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found by /proc")
def test_a_server_that_has_ended_is_started_again(server, values):
    before = set(find_children())
    server.run("prepare", values, 60)
    (number,) = set(find_children()) - before
    os.kill(number, signal.SIGKILL)
    assert "laboratory" in read_text(server.run("prepare", values, 60))


def test_a_step_has_the_environment_of_the_moment(server, values, monkeypatch, tmp_path):
    server.run("prepare", values, 60)
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(make_pdf([[(50, 700, 12, "The laboratory.")]], password="secret"))
    asked = json.dumps({"path": str(locked), "copy": str(tmp_path / "b.pdf"), "max_chars": 1000}).encode()
    assert "needs a password" in json.loads(server.run("prepare", asked, 60))["error"]
    monkeypatch.setenv("DALIL_PDF_PASSWORD", "secret")
    assert "laboratory" in read_text(server.run("prepare", asked, 60))
