"""An index on a Qdrant server or cluster, saved by snapshots and restored."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ingest.embedding import embed_articles
from rag.errors import IndexMismatchError, InputError, StoreError
from rag.settings import Settings, load_settings
from rag.store import IndexConfig, Store, open_store
from rag.store.server_snapshots import MANIFEST
from rag.store.snapshots import restore_snapshots, save_snapshots
from tests.doubles import WordEncoder, article
from tests.qdrant_servers import SERVER, remove_indexes
from tests.qdrant_stand_in import Fault, StandIn
from ui.cli.main import main

WORDS = IndexConfig("words", 64, 64, 64, 256)
TEXTS = [f"النحلة رقم {at} تصنع العسل في البستان." for at in range(8)]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn | None]:
    """Two nodes, with a replica of each of two shards; None where a real server is set."""
    started = None if os.environ.get(SERVER) else StandIn(tmp_path / "server", nodes=2, shards=2)
    yield started
    if started:
        started.close()


@pytest.fixture
def settings(stand_in: StandIn | None, tmp_path: Path) -> Iterator[Settings]:
    """Of a filled index."""
    url, prefix = ",".join(stand_in.urls) if stand_in else os.environ[SERVER], f"test_{uuid4().hex[:12]}"
    made = load_settings({}, qdrant_url=url, qdrant_prefix=prefix, data_dir=tmp_path / "data")
    store = open_store(made, WORDS)
    write(store, TEXTS)
    store.close()
    yield made
    remove_indexes(url.split(",")[0], prefix)


def write(store: Store, texts: list[str]) -> None:
    articles = [article(text, f"a{at}") for at, text in enumerate(texts)]
    for found, chunks in embed_articles(articles, 256, WordEncoder()):
        store.write(found, chunks)


def elsewhere(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update={"qdrant_prefix": f"{settings.qdrant_prefix}_other"} | changes)


def contents(settings: Settings) -> tuple[object, ...]:
    store = open_store(settings, WORDS)
    summaries = store.summarize_articles()
    times = {key: one.stored_at for key, one in summaries.items()}
    found = (summaries, times, store.count_exactly(), store.find_incomplete())
    store.close()
    return found


def test_what_is_restored_is_what_was_saved(settings, stand_in, tmp_path):
    folder = tmp_path / "saved"
    manifest = save_snapshots(settings, WORDS, folder)
    assert (manifest.articles, manifest.chunks, manifest.fingerprint) == (8, 8, WORDS.fingerprint)
    names = {one.file for files in manifest.shards.values() for one in files}
    assert {path.name for path in folder.iterdir()} == names | {MANIFEST}
    other = elsewhere(settings, qdrant_shards=1)  # the snapshots' number counts
    assert restore_snapshots(other, WORDS, folder) == manifest
    assert contents(other) == contents(settings)
    if stand_in:
        assert len(names) == 4
        assert stand_in.snapshots == {}


def test_an_index_that_is_not_empty_or_of_another_configuration_is_left_alone(settings, tmp_path):
    folder = tmp_path / "saved"
    save_snapshots(settings, WORDS, folder)
    before = contents(settings)
    with pytest.raises(InputError, match="not empty"):
        restore_snapshots(settings, WORDS, folder)
    with pytest.raises(IndexMismatchError, match="dalil reindex"):
        restore_snapshots(elsewhere(settings), IndexConfig("words", 64, 64, 64, 100), folder)
    assert contents(settings) == before
    with pytest.raises(InputError, match="not empty"):
        save_snapshots(settings, WORDS, folder)


@pytest.mark.parametrize("damage", ["cut", "gone", "other", "no-manifest"])
def test_a_folder_that_is_damaged_is_not_restored(settings, tmp_path, damage):
    folder = tmp_path / "saved"
    manifest = save_snapshots(settings, WORDS, folder)
    file = folder / manifest.shards["chunks"][0].file
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "gone":
        file.unlink()
    elif damage == "other":
        (folder / MANIFEST).write_text(json.dumps({"format": "other"}), "utf-8")
    else:
        (folder / MANIFEST).unlink()
    with pytest.raises(InputError, match=f"{file.name} is missing or damaged|is none of|holds no snapshots"):
        restore_snapshots(elsewhere(settings), WORDS, folder)


def test_a_restoration_that_was_stopped_is_made_again(settings, stand_in, tmp_path):
    if stand_in is None:
        pytest.skip("a real server fails when it wants to")
    save_snapshots(settings, WORDS, tmp_path / "saved")
    stand_in.faults.append(Fault("POST .*_articles/shards/0/snapshots/upload", status=500))
    with pytest.raises(StoreError, match="status 500"):
        restore_snapshots(elsewhere(settings), WORDS, tmp_path / "saved")
    restore_snapshots(elsewhere(settings), WORDS, tmp_path / "saved")
    assert contents(elsewhere(settings)) == contents(settings)


def test_a_node_that_is_not_named_is_missed(settings, stand_in, tmp_path):
    if stand_in is None:
        pytest.skip("of a cluster")
    one = settings.model_copy(update={"qdrant_url": stand_in.urls[0]})
    with pytest.raises(StoreError, match="must name every node"):
        save_snapshots(one, WORDS, tmp_path / "saved")
    assert not (tmp_path / "saved" / MANIFEST).exists()


def test_an_index_that_is_written_to_meanwhile_is_not_saved(settings, stand_in, tmp_path):
    if stand_in is None:
        pytest.skip("a real server cannot be held at that moment")
    store = open_store(settings, WORDS)
    stand_in.faults.append(Fault("POST .*/snapshots$", is_late=True, before=lambda: write(store, TEXTS[:1])))
    with pytest.raises(StoreError, match="written to while"):
        save_snapshots(settings, WORDS, tmp_path / "saved")
    store.close()
    assert not (tmp_path / "saved" / MANIFEST).exists()


def test_a_snapshot_that_comes_damaged_is_refused(settings, stand_in, tmp_path):
    if stand_in is None:
        pytest.skip("a real server sends what it has")

    def damage() -> None:
        for name, content in stand_in.snapshots.items():
            stand_in.snapshots[name] = content[:-1]

    stand_in.faults.append(Fault("GET .*/snapshots/", is_late=True, before=damage))
    with pytest.raises(StoreError, match="came damaged"):
        save_snapshots(settings, WORDS, tmp_path / "saved")
    assert stand_in.snapshots == {}


def test_the_commands_say_what_was_saved_and_refuse_a_folder(settings, tmp_path, monkeypatch, capsys):
    assert main(["snapshot", str(tmp_path / "saved")]) == 2
    assert "DALIL_QDRANT_URL" in capsys.readouterr().err
    monkeypatch.setenv("DALIL_QDRANT_URL", settings.qdrant_url)
    monkeypatch.setenv("DALIL_QDRANT_PREFIX", settings.qdrant_prefix)
    assert main(["snapshot", str(tmp_path / "saved")]) == 0
    assert capsys.readouterr().out.startswith("8 articles, 8 chunks, ")
    assert main(["restore", str(tmp_path / "saved"), "--json"]) == 1  # another encoder made it
    assert "another configuration" in capsys.readouterr().err
