"""Folders that change while they are watched: by the command, beside a service, and pass by pass."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ingest.indexer import IndexResult
from ingest.readers import ReadFailure
from ingest.watching import FolderWatcher
from rag.errors import InputError, StoreError
from tests.doubles import closed_port
from tests.forked import Forked
from tests.test_cli import dalil

ROOT = Path(__file__).parent.parent
BEES, SEA = "النحلة تصنع العسل.", "البحر الميت أخفض بقعة على اليابسة."


def wait_for(condition):
    """What `condition` gives as soon as that is something."""
    until = time.monotonic() + 120
    while not (found := condition()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return found


@contextmanager
def running(folder, *arguments, **environment):
    """A command in a process of its own; gives what it has printed so far, as a function."""
    variables = {"DALIL_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)} | environment
    with (folder / "printed").open("w") as printed:
        process = Forked(*arguments, environment=os.environ | variables, stdout=printed, stderr=printed)
        try:
            yield lambda: (folder / "printed").read_text("utf-8").splitlines()
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
    assert code == 0


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "articles").mkdir()
    for number in range(5):
        (tmp_path / "articles" / f"bees-{number}.txt").write_text(f"{BEES} {number}", "utf-8")
    return tmp_path


def results(lines):
    return [json.loads(line) for line in lines if line.startswith("{")]


def counts(result):
    return tuple(result[name] for name in ("added", "changed", "removed"))


def test_the_command_follows_a_folder(folder):
    articles = folder / "articles"
    with running(folder, "watch", str(articles), "--json") as printed:
        assert counts(wait_for(lambda: results(printed()))[0]) == (5, 0, 0)
        time.sleep(1)  # the watch begins after the first pass
        (articles / "sea.txt").write_text(SEA, "utf-8")
        assert counts(wait_for(lambda: results(printed())[1:])[0]) == (1, 0, 0)
        (articles / "sea.txt").write_text(SEA + " يصب فيه نهر الأردن.", "utf-8")
        assert counts(wait_for(lambda: results(printed())[2:])[0]) == (0, 1, 0)
        # Between two passes the index is free.
        assert json.loads(dalil(folder, "status", "--json").stdout)["articles"] == 6
        (articles / "sea.txt").unlink()
        assert counts(wait_for(lambda: results(printed())[3:])[0]) == (0, 0, 1)
        for number in range(4):
            (articles / f"bees-{number}.txt").unlink()
        refused = wait_for(lambda: [line for line in printed() if "would be removed" in line])
        assert refused[0].startswith("dalil: 4 of 5 articles")
    assert json.loads(dalil(folder, "status", "--json").stdout)["articles"] == 5


def test_a_service_follows_a_folder_while_it_answers(folder):
    articles, port = folder / "articles", closed_port()
    url = f"http://127.0.0.1:{port}"
    with running(folder, "serve", "--port", str(port), "--watch", str(articles)) as printed:
        wait_for(lambda: [line for line in printed() if line.startswith("Watched folders: 5 added")])
        wait_for(lambda: [line for line in printed() if line.startswith("Dalil answers")])
        time.sleep(1)
        (articles / "sea.txt").write_text(SEA, "utf-8")
        wait_for(lambda: httpx.get(f"{url}/v1/articles").json()["total"] == 6)
        found = httpx.post(f"{url}/v1/search", json={"query": SEA, "top_k": 1}).json()["hits"]
        assert [hit["article_id"] for hit in found] == ["sea"]


@pytest.mark.parametrize("command", [("watch",), ("serve", "--port", "8123", "--watch")])
def test_what_is_no_folder_is_refused(folder, command):
    ran = dalil(folder, *command, str(folder / "nowhere"))
    assert (ran.returncode, "is no folder" in ran.stderr) == (2, True)


# Pass by pass


class Passes:
    """Passes that come out as they are told to, the last one for ever."""

    def __init__(self, *outcomes):
        self.outcomes, self.number = list(outcomes), 0
        self.told, self.complaints = [], []

    def run(self):
        outcome = self.outcomes[min(self.number, len(self.outcomes) - 1)]
        self.number += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@contextmanager
def watching(folder, passes):
    stop = threading.Event()
    complain = lambda error: passes.complaints.append(str(error))  # noqa: E731
    watcher = FolderWatcher([folder], [folder / "index"], passes.run, passes.told.append, complain)
    thread = threading.Thread(target=watcher.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: passes.number)
        time.sleep(1)
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def touch(folder, passes, name):
    """Change a file, and wait for the pass that comes of it."""
    before = passes.number
    (folder / name).write_text(name, "utf-8")
    wait_for(lambda: passes.number > before)


def test_a_pass_that_fails_is_told_once_and_does_not_end_the_watch(tmp_path):
    added = IndexResult(added=["a"])
    passes = Passes(StoreError("It is in use."), StoreError("It is in use."), added)
    with watching(tmp_path, passes):
        touch(tmp_path, passes, "a.txt")
        touch(tmp_path, passes, "b.txt")
    assert (passes.complaints, passes.told) == (["It is in use."], [added])


def test_what_changes_nothing_is_not_told_but_other_failures_are(tmp_path):
    nothing, failed = IndexResult(unchanged=["a"]), IndexResult(failed=[ReadFailure("x.pdf", "It is damaged.")])
    passes = Passes(nothing, nothing, failed, failed, InputError("Nothing to read."))
    with watching(tmp_path, passes):
        for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
            touch(tmp_path, passes, name)
    assert (passes.told, passes.complaints) == ([nothing, failed], ["Nothing to read."])


def test_changes_of_the_index_itself_mean_nothing(tmp_path):
    (tmp_path / "index").mkdir()
    passes = Passes(IndexResult())
    with watching(tmp_path, passes):
        (tmp_path / "index" / "segment").write_text("x", "utf-8")
        touch(tmp_path, passes, "a.txt")
        time.sleep(2)
    assert passes.number == 2
