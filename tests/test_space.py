"""Disks that are full: what is refused, and that nothing else is."""

import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.indexer import Indexer
from rag.errors import StorageFullError
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from rag.store.space import measure_free_space
from tests.doubles import WordEncoder, article

ROOT = Path(__file__).parent.parent
CONFIG = IndexConfig("words", 64, 64, 64, 320)
PLENTY, FOR_REMOVING, NOTHING = 10**12, 20_000_000, 100_000

MOUNTS = {
    "tmpfs": "mount -t tmpfs -o size=600m tmpfs {disk}",
    "ext4": "truncate -s 300M {image} && mkfs.ext4 -q -m 0 {image} && mount -o loop {image} {disk}",
}
"""A small file system each: one that fills holes where they are read, and one that does not."""


def run_mounted(kind: str, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a file system at `folder / "disk"`, which goes with it."""
    disk, image = folder / "disk", folder / "image"
    disk.mkdir(exist_ok=True)
    mount = MOUNTS[kind].format(disk=shlex.quote(str(disk)), image=shlex.quote(str(image)))
    # A mount of a namespace of its own, so that none is left behind whatever happens.
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = [*namespace, "sh", "-c", f"{mount} && exec {shlex.join(command)}"]
    return subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def skip_unless_mountable(folder: Path, kind: str) -> None:
    if shutil.which("unshare") is None or run_mounted(kind, folder, "true").returncode:
        pytest.skip(f"needs the right to mount {kind}; other tests tell the engine how much is free")


@pytest.mark.parametrize("kind", MOUNTS)
def test_a_service_on_a_full_disk_refuses_uploads_and_goes_on_answering(tmp_path, kind):
    skip_unless_mountable(tmp_path, kind)
    ran = run_mounted(kind, tmp_path, sys.executable, "-m", "tests.full_disk", str(tmp_path / "disk"))
    assert ran.returncode == 0, (ran.returncode, ran.stderr)
    steps = [json.loads(line) for line in ran.stdout.splitlines()]
    refusals = [(step, status) for step, status, _ in steps if status >= 400]
    assert refusals == [("upload", 507), ("remove", 507), ("upload", 507)]
    assert [status for step, status, _ in steps if step == "ask"].count(200) >= 8
    [message] = {said for _, _, said in steps if said and "66 MB" in said}
    assert "nearly full" in message
    assert "DALIL_DATA_DIR" in message


class ScriptedDisk:
    """Says that so many bytes are free."""

    def __init__(self) -> None:
        self.free = PLENTY

    def __call__(self, folder: Path) -> int:
        return self.free


@pytest.fixture
def disk() -> ScriptedDisk:
    return ScriptedDisk()


@pytest.fixture
def store(tmp_path: Path, disk: ScriptedDisk) -> Iterator[Store]:
    opened = Store(EdgeEngine(tmp_path / "index", disk), CONFIG)
    yield opened
    opened.close()


def make_indexer(store: Store) -> Indexer:
    return Indexer(store, WordEncoder, CONFIG.chunk_tokens)


def test_an_article_for_which_there_is_no_room_is_refused_before_any_of_it_is_written(store, disk):
    make_indexer(store).index([article("النحلة تصنع العسل.", "bees")])
    disk.free = 64_000_000
    with pytest.raises(StorageFullError, match=r"nearly full: 64 MB are free, 64 MB are needed.*DALIL_DATA_DIR"):
        make_indexer(store).index([article("البحر الميت أخفض بقعة.", "sea")])
    assert (store.count_articles(), store.count_chunks(), store.delete_orphans()) == (1, 1, 0)
    disk.free = PLENTY
    assert make_indexer(store).index([article("البحر الميت أخفض بقعة.", "sea")]).added == ["sea"]


def test_what_is_needed_grows_with_what_is_written(store, disk):
    long = article("\n".join(f"السطر رقم {at} من مقالة طويلة." for at in range(2_000)), "long")
    disk.free = 65_000_000
    assert make_indexer(store).index([article("مقال قصير.", "short")]).added == ["short"]
    with pytest.raises(StorageFullError):
        make_indexer(store).index([long])
    disk.free = PLENTY
    assert make_indexer(store).index([long]).added == ["long"]


def test_articles_are_removed_where_nothing_can_be_added_unless_there_is_hardly_a_byte(store, disk):
    make_indexer(store).index([article("النحلة تصنع العسل.", name) for name in ("a", "b")])
    disk.free = FOR_REMOVING
    make_indexer(store).remove(["a"])
    assert store.summarize_articles().keys() == {"b"}
    disk.free = NOTHING
    with pytest.raises(StorageFullError):
        make_indexer(store).remove(["b"])
    assert store.get_article("b").text == "النحلة تصنع العسل."


def test_an_index_that_cannot_be_optimized_for_want_of_room_says_so_and_is_used_as_it_is(store, disk, caplog):
    make_indexer(store).index([article(f"المقالة {at} عن النحل.", str(at)) for at in range(3)])
    disk.free = NOTHING
    with caplog.at_level(logging.WARNING, logger="rag.store"):
        store.optimize()
    assert "were not optimized" in caplog.text
    assert store.count_articles() == 3


@pytest.mark.parametrize("is_new", [True, False])
def test_an_index_is_not_opened_where_opening_may_not_end(tmp_path, disk, is_new):
    if not is_new:
        Store(EdgeEngine(tmp_path / "index"), CONFIG).close()
    disk.free = NOTHING
    with pytest.raises(StorageFullError, match="nearly full"):
        Store(EdgeEngine(tmp_path / "index", disk), CONFIG)
    Store(EdgeEngine(tmp_path / "index"), CONFIG).close()  # the refused one holds no lock


FILLS_HOLES = """
import sys
from pathlib import Path
from rag.store.space import DiskSpace
folder = Path(sys.argv[1])
(folder / "articles" / "segments").mkdir(parents=True)
with (folder / "articles" / "segments" / "page").open("wb") as page:
    page.truncate(10**9)
DiskSpace(folder).check_optimizing(folder / "articles")
DiskSpace(folder).check_opening(is_new=False)
"""


@pytest.mark.parametrize(("kind", "is_refused"), [("tmpfs", True), ("ext4", False)])
def test_a_hole_in_a_file_counts_only_where_reading_it_fills_it(tmp_path, kind, is_refused):
    skip_unless_mountable(tmp_path, kind)
    ran = run_mounted(kind, tmp_path, sys.executable, "-c", FILLS_HOLES, str(tmp_path / "disk"))
    assert ("StorageFullError" in ran.stderr, ran.returncode) == (is_refused, int(is_refused)), ran.stderr


def test_the_room_is_that_of_the_file_system(tmp_path):
    assert measure_free_space(tmp_path) == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
