"""Reader processes: the order of files, and files that end or hold up their reader."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from ingest.known_files import FileEnd, KnownFile, read_marked_file
from ingest.reader_pool import ReaderPool, ReadTask
from ingest.readers import ReadFailure
from rag.types import Article
from tests.test_sync import fill

MAX_CHARS = 100_000


def make_pool(seconds: float = 60.0) -> ReaderPool:
    return ReaderPool(2, seconds, seconds_alone=-1.0)


def tasks_of(folder: Path) -> list[ReadTask]:
    return [ReadTask(file, folder, MAX_CHARS) for file in sorted(folder.iterdir())]


def find_readers() -> list[int]:
    """Process ids of the reader processes of this one."""
    found = []
    for name in os.listdir("/proc"):
        try:
            command = Path("/proc", name, "cmdline").read_bytes() if name.isdigit() else b""
            parent = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1]) if command else 0
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"ingest.reader_process" in command and parent == os.getpid():
            found.append(int(name))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = "".join(f'{{"text": "سطر رقم {number} من ملف طويل."}}\n' for number in range(500))
    texts = {f"{number:02}.txt": f"النص رقم {number}. " + "كلمة " * number for number in range(40)}
    return fill(tmp_path / "articles", texts | {"07.jsonl": lines, "05.pdf": b"%PDF-1.4 broken", "03.json": "[{]"})


@pytest.fixture
def stuck(folder: Path) -> Path:
    """A file of which no byte ever comes."""
    os.mkfifo(folder / "10.md")
    return folder / "10.md"


def test_what_is_found_comes_in_the_order_of_the_files(folder):
    tasks = tasks_of(folder)
    known = KnownFile("known", ("one", "two"), lambda: iter(()))
    expected = [item for task in tasks for item in read_marked_file(*task)]
    assert sum(isinstance(one, Article) for one in expected) == 540
    assert list(make_pool().read([known, *tasks[:9], known, *tasks[9:]])) == [
        known,
        *(item for task in tasks[:9] for item in read_marked_file(*task)),
        known,
        *(item for task in tasks[9:] for item in read_marked_file(*task)),
    ]
    assert find_readers() == []


def test_few_files_are_read_without_another_process(folder):
    found = []
    for item in ReaderPool(2, seconds_alone=1e6).read(tasks_of(folder)):
        found.append(item)
        assert find_readers() == []
    assert found == [item for task in tasks_of(folder) for item in read_marked_file(*task)]
    assert sum(isinstance(one, FileEnd) for one in found) > 20


def test_a_file_that_never_ends_is_a_failure_and_the_others_are_read(folder, stuck):
    found = list(make_pool(seconds=3.0).read(tasks_of(folder)))
    failed = [one.path for one in found if isinstance(one, ReadFailure)]
    assert failed == [f"{folder / '03.json'}:1", str(folder / "05.pdf"), str(stuck)]
    assert "too much time" in next(
        one.reason for one in found if isinstance(one, ReadFailure) and one.path == str(stuck)
    )
    assert sum(isinstance(one, Article) for one in found) == 540


def test_a_file_that_ends_its_reader_is_a_failure_and_the_others_are_read(folder, stuck):
    killer = threading.Thread(target=kill_the_reader_of, args=[stuck])
    killer.start()
    found = list(make_pool().read(tasks_of(folder)))
    killer.join()
    [failure] = [one for one in found if isinstance(one, ReadFailure) and one.path == str(stuck)]
    assert "ended the process" in failure.reason
    assert sum(isinstance(one, Article) for one in found) == 540


def kill_the_reader_of(stuck: Path) -> None:
    """Wait until a reader has opened a file that never says anything, and kill it; the others go on."""
    with stuck.open("wb"):  # as soon as somebody reads it
        while True:
            for number in find_readers():
                files = Path("/proc", str(number), "fd")
                if any(os.path.realpath(files / name) == str(stuck) for name in os.listdir(files)):
                    os.kill(number, signal.SIGKILL)
                    return
            time.sleep(0.05)


def test_no_process_is_left_when_reading_is_given_up(folder):
    reading = make_pool().read(tasks_of(folder))
    next(reading)
    assert find_readers() != []
    reading.close()
    assert find_readers() == []
