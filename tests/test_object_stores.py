"""Documents of object stores, by stores that fsspec has itself: one in memory, and a folder by its address."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from ingest.indexer import Indexer, IndexResult
from ingest.known_files import KnownFiles
from ingest.object_stores import list_objects
from ingest.sync import Sync
from rag.errors import InputError
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder
from ui.cli.main import main

BEES = "# النحل\n\nيعيش النحل في خلايا من الشمع ويجمع الرحيق من الأزهار.\n"
SEA = "# البحر\n\nالبحر الأحمر ممر مائي بين آسيا وأفريقيا وطوله ألفا كيلومتر.\n"


@pytest.fixture
def bucket() -> Iterator[fsspec.AbstractFileSystem]:
    """A store in memory with two articles and what is none."""
    files = fsspec.filesystem("memory")
    for name, text in (("bees.md", BEES), ("2024/sea.md", SEA), ("2024/picture.bin", "0")):
        files.pipe(f"/bucket/{name}", text.encode())
    yield files
    files.rm("/bucket", recursive=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(EdgeEngine(tmp_path / "index"), IndexConfig("words", 64, 64, 64, 320))
    yield opened
    opened.close()


def ingest(store: Store, *addresses: str) -> IndexResult:
    found = list_objects(addresses, KnownFiles(store, 100_000).list_pages(), 100_000)
    indexer = Indexer(store, WordEncoder, store.config.chunk_tokens)
    return Sync(store, indexer, 100_000).ingest([], lambda progress: None, found)


def test_the_documents_of_a_folder_are_read_once_and_again_when_they_change(store, bucket):
    assert ingest(store, "memory://bucket").added == ["bucket/2024/sea.md", "bucket/bees.md"]
    [bees, sea] = sorted(store.read_articles(), key=lambda one: one.id, reverse=True)
    assert (bees.title, bees.source, bees.url) == ("النحل", "memory:///bucket/bees.md", None)
    assert "البحر الأحمر" in sea.text
    assert len(ingest(store, "memory://bucket").unchanged) == 2
    bucket.pipe("/bucket/bees.md", BEES.replace("الشمع", "الشمع الأبيض").encode())
    again = ingest(store, "memory://bucket")
    assert (again.changed, again.unchanged) == (["bucket/bees.md"], ["bucket/2024/sea.md"])


def test_a_pattern_names_some_and_a_document_that_is_gone_is_a_failure(store, bucket):
    found = list_objects(["memory://bucket/*/*.md"], {}, 100_000)
    assert [one.address for one in found] == ["memory:///bucket/2024/sea.md"]
    bucket.rm("/bucket/2024/sea.md")
    indexer = Indexer(store, WordEncoder, store.config.chunk_tokens)
    [failure] = Sync(store, indexer, 100_000).ingest([], lambda progress: None, found).failed
    assert failure.path == "memory:///bucket/2024/sea.md"
    assert "FileNotFoundError" in str(failure.reason)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("memory://nothing", "there is nothing to read here"),
        ("simplecache::http://127.0.0.1:1/a.md", "one store alone"),
        ("simplecache::memory://bucket", "one store alone"),
        ("s3://key:secret@bucket/folder", "no password"),
        ("gs://bucket", "needs pip install 'dalil\\[gs\\]'"),
        ("nowhere://bucket", "cannot be looked into"),
    ],
)
def test_an_address_that_cannot_be_read_is_said_to_be(address, message):
    with pytest.raises(InputError, match=message):
        list_objects([address], {}, 1000)


def test_the_command_takes_addresses_and_patterns(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    for name, text in (("bees.md", BEES), ("sea.md", SEA)):
        (tmp_path / "in" / name).write_text(text, "utf-8")
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "index"))
    assert main(["ingest", "--dry-run", f"{tmp_path}/in/*ees.md", f"file://{tmp_path}/in/sea.md"]) == 0
    assert "2 added" in capsys.readouterr().out
    assert main(["ingest", "--sync", f"file://{tmp_path}/in"]) == 2
    assert main(["ingest", "--workers", "ray", str(tmp_path / "in")]) == 2
    assert "set DALIL_QDRANT_URL" in capsys.readouterr().err
