"""How far an ingest is, as it is counted and as it is shown."""

import io
from pathlib import Path

from ingest.known_files import read_marked_file
from ingest.progress import IngestProgress, ProgressTracker
from tests.test_sync import engine, fill, make_sync, store
from ui.cli.progress_line import ProgressLine, describe_progress

__all__ = ["engine", "store"]

HALF = IngestProgress(1200, 3400, 45, 90, "articles/نحل.md", 81.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def show(stream: io.StringIO, *times: float) -> str:
    clock = Clock()
    with ProgressLine(stream, clock) as report:
        for at in times:
            clock.now = at
            report(HALF)
    return stream.getvalue()


def test_progress_is_told_in_articles_pages_files_and_time():
    words = "1,200 articles (3,400 pages) written, 45 of 90 files read"
    assert describe_progress(HALF) == f"{words}, about 1 min 21 s left, articles/نحل.md"


def test_a_terminal_has_one_line_that_is_gone_at_the_end():
    shown = show(Terminal(), 0.5, 1.0, 1.1, 1.2, 2.0)
    assert shown.count("\r") == 4  # at 1.0, 1.2 and 2.0 s, and at the end
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")
    assert max(map(len, shown.split("\r\x1b[K"))) < 80


def test_what_is_no_terminal_has_a_line_now_and_then():
    assert show(io.StringIO(), 1.0, 29.0, 30.0, 31.0, 60.0).count("\n") == 2
    assert show(io.StringIO(), 1.0) == ""


def test_an_ingest_tells_what_it_wrote_and_read(store, tmp_path):
    lines = "".join(f'{{"text": "سطر رقم {number} من الملف."}}\n' for number in range(30))
    folder = fill(tmp_path / "articles", {"a.txt": "النحلة تصنع العسل.", "b.jsonl": lines, "c.md": "البحر الميت."})
    told: list[IngestProgress] = []
    make_sync(store).ingest([folder], told.append)
    last = told[-1]
    assert (last.articles, last.pages, last.files, last.all_files) == (32, 32, 3, 3)
    assert [one.files for one in told] == sorted(one.files for one in told)
    assert {Path(one.file).name for one in told} == {"a.txt", "b.jsonl", "c.md"}


def test_time_left_counts_what_was_read_of_a_file_of_many_articles(tmp_path):
    text = "سطر واحد من الملف الطويل."
    file = fill(tmp_path, {"a.jsonl": f'{{"text": "{text}"}}\n' * 10}) / "a.jsonl"
    told: list[IngestProgress] = []
    clock = Clock()
    tracker = ProgressTracker([file], told.append, clock)
    for _ in tracker.watch(read_marked_file(file, tmp_path, 1000)):
        clock.now += 1.0
    share = 6 * len(text.encode()) / file.stat().st_size
    assert told[5].seconds_left == 5.0 * (1 - share) / share
    assert told[-1].seconds_left is None
