"""An index folder built again with other settings, beside the one that answers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest

from ingest.embedding import embed_articles
from ingest.folder_reindex import FolderReindex
from ingest.indexer import Indexer
from ingest.reindex import ReindexResult
from rag.embedding import Encoder, embedding_spec
from rag.errors import IndexMismatchError, InputError, StoreLockedError
from rag.settings import Settings, load_settings
from rag.store import FileMark, IndexConfig, Store, open_store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, article, local_client, open_assistant, served
from tests.killed_reindex import SizedEncoder, other_settings
from ui.api import AnswerService, create_app
from ui.cli.main import main

ROOT = Path(__file__).parent.parent
TEXTS = [f"النحلة رقم {at} تصنع العسل في البستان.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(6)]
PARTS = {"articles", "chunks", "counts.json", "holder.json", "lock"}


def config_of(settings: Settings) -> IndexConfig:
    return IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)


def open_index(settings: Settings, reads_only: bool = False) -> Store:
    return open_store(settings, config_of(settings), accepts_other_config=reads_only)


def fill(store: Store, open_encoder: Callable[[], Encoder] = SizedEncoder) -> None:
    Indexer(store, open_encoder, 256).index([article(text, f"a{at}") for at, text in enumerate(TEXTS)])
    store.mark_articles({"a1": FileMark("digest", store.get_article("a1").revision, 0, 1)})


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index folder with what else lies in one; tests copy it."""
    folder = tmp_path_factory.mktemp("filled") / "index"
    with closing(open_index(load_settings({}, data_dir=folder))) as store:
        fill(store)
    (folder / "feedback.jsonl").write_text("{}\n", "utf-8")
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    return copy_folder(filled, tmp_path / "index")


def copy_folder(folder: Path, to: Path) -> Path:
    """Without filling the holes of its files."""
    subprocess.run(["cp", "-r", "--sparse=always", folder, to], check=True)
    return to


def reindex(
    settings: Settings, progress: Callable[[int, int], None] = lambda done, total: None, is_forced: bool = False
) -> ReindexResult:
    return FolderReindex(settings).run(SizedEncoder, progress, is_forced)


def contents(settings: Settings) -> list[tuple[object, ...]]:
    """Of an index that may be made with other settings."""
    with closing(open_index(settings, reads_only=True)) as store:
        return describe(store)


def describe(store: Store) -> list[tuple[object, ...]]:
    """All that is kept of the articles but how they were split."""
    summaries = store.summarize_articles().values()
    texts = store.get_articles(one.id for one in summaries)
    return sorted((one.id, one.title, texts[one.id].text, one.stored_at, one.mark) for one in summaries)


def check_is_whole(settings: Settings) -> None:
    with closing(open_index(settings)) as store:
        assert store.find_damage() is None
        assert store.find_incomplete() == set()
        summaries = store.summarize_articles().values()
        assert store.count_exactly().chunks == sum(one.chunks for one in summaries)
        assert store.list_configs().keys() == {store.config.fingerprint}


def stop(done: int, total: int) -> None:
    """Ends a build once the first articles are written."""
    raise KeyboardInterrupt


# Built and put in place


def test_the_index_is_built_from_its_articles_and_all_else_of_the_folder_stays(folder):
    settings = other_settings(folder)
    before = contents(settings)
    with pytest.raises(IndexMismatchError, match="dalil reindex"):
        open_index(settings)
    result = reindex(settings)
    assert (result.version, result.articles) == (config_of(settings).fingerprint, len(TEXTS))
    assert contents(settings) == before
    check_is_whole(settings)
    assert {one.name for one in folder.iterdir()} == PARTS | {"feedback.jsonl"}
    assert reindex(settings).articles == 0  # it is made so
    assert reindex(settings, is_forced=True).articles == len(TEXTS)


def test_vectors_of_other_lengths_are_no_hindrance(tmp_path):
    settings = load_settings({}, data_dir=tmp_path / "index")
    with closing(Store(EdgeEngine(settings.data_dir), IndexConfig("words", 64, 64, 64, 256))) as store:
        for found, chunks in embed_articles([article(TEXTS[0])], 256, WordEncoder()):
            store.write(found, chunks)
    with pytest.raises(IndexMismatchError, match="dalil reindex"):
        open_index(settings)
    before = contents(settings)
    assert reindex(settings).articles == 1
    assert contents(settings) == before
    check_is_whole(settings)


def test_collections_are_built_each_by_itself(folder, tmp_path, monkeypatch, capsys):
    law = load_settings({}, data_dir=folder, collections="law").in_collection("law")
    with closing(open_index(law)) as store:
        fill(store)
    for name, value in {"DATA_DIR": folder, "COLLECTIONS": "law", "CHUNK_TOKENS": "100"}.items():
        monkeypatch.setenv(f"DALIL_{name}", str(value))
    assert main(["reindex", "--collection", "law", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["articles"] == len(TEXTS)
    check_is_whole(law.model_copy(update={"chunk_tokens": 100}))
    check_is_whole(load_settings({}, data_dir=folder))


# A build that is stopped


def test_a_build_that_is_stopped_leaves_the_index_as_it_was_and_is_taken_up_again(folder):
    settings = other_settings(folder)
    with pytest.raises(KeyboardInterrupt):
        reindex(settings, stop)
    check_is_whole(load_settings({}, data_dir=folder))
    with pytest.raises(InputError, match="is not finished"):
        reindex(load_settings({}, data_dir=folder, chunk_tokens=120))
    # What was written then is there.
    assert reindex(settings).articles < len(TEXTS)
    check_is_whole(settings)


def test_a_build_that_is_not_wanted_any_more_is_dropped(folder):
    with pytest.raises(KeyboardInterrupt):
        reindex(other_settings(folder), stop)
    as_before = load_settings({}, data_dir=folder)
    assert reindex(as_before).kept == ("rebuild",)
    (folder / "rebuild-dropped").mkdir()  # of a process that was killed while it removed one
    built = open_index(other_settings(folder / "rebuild"))
    with closing(built), pytest.raises(StoreLockedError, match="End it first"):
        FolderReindex(as_before).drop_others()
    assert FolderReindex(as_before).drop_others() == ("rebuild",)
    assert FolderReindex(as_before).drop_others() == ()
    assert {one.name for one in folder.iterdir()} == PARTS | {"feedback.jsonl"}
    assert reindex(load_settings({}, data_dir=folder, chunk_tokens=120)).articles == len(TEXTS)


@contextmanager
def start_killing(index: Path) -> Iterator[Callable[[int], str]]:
    """Runs a round of `tests.killed_reindex`, and gives what came of it."""
    command = [sys.executable, "-m", "tests.killed_reindex", str(index)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(number: int) -> str:
            print(number, file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()


def test_a_process_killed_at_any_step_leaves_one_whole_index_and_the_next_one_finishes(filled, tmp_path):
    index = tmp_path / "index"
    settings, before = other_settings(index), contents(load_settings({}, data_dir=filled))
    answering = set()
    with start_killing(index) as run:
        for step in count():
            shutil.rmtree(index, ignore_errors=True)
            copy_folder(filled, index)
            outcome = run(step)
            with closing(open_index(settings, reads_only=True)) as store:
                assert describe(store) == before, step
                [fingerprint] = store.list_configs()
            answering.add(fingerprint)
            assert run(1_000_000) == "finished", step
            with closing(open_index(settings)) as store:
                assert describe(store) == before, step
                assert (store.find_damage(), store.find_incomplete()) == (None, set()), step
            assert {one.name for one in index.iterdir()} == PARTS | {"feedback.jsonl"}, step
            if outcome != "killed":
                break
    assert outcome == "finished"
    assert answering == {config_of(settings).fingerprint, config_of(load_settings({})).fingerprint}
    assert step >= 8


# While a service answers


def test_it_is_built_while_a_service_answers_and_what_changes_meanwhile_is_brought_over(tmp_path, monkeypatch, capsys):
    settings = load_settings({}, data_dir=tmp_path / "index", api_keys="secret")
    other = settings.model_copy(update={"chunk_tokens": 100})
    for name, value in {"DATA_DIR": settings.data_dir, "CHUNK_TOKENS": "100", "API_KEYS": "secret"}.items():
        monkeypatch.setenv(f"DALIL_{name}", str(value))
    with open_assistant(settings) as assistant, closing(AnswerService(assistant)) as service:
        fill(assistant.store, lambda: assistant.encoder)
        with served(create_app(service)) as url:
            assert main(["reindex"]) == 1
            assert "dalil reindex --server URL" in capsys.readouterr().err
            assert main(["reindex", "--server", url]) == 0
            assert f"{len(TEXTS)} articles are built" in capsys.readouterr().out
            service.indexer.index([article("القمر يدور حول الأرض.", "moon"), article("النحلة لا تطير ليلا.", "a2")])
            service.indexer.rename("a3", "عنوان آخر")
            service.indexer.remove(["a4"])
            client = local_client(create_app(service), headers={"Authorization": "Bearer secret"})
            answer = client.post("/v1/search", json={"query": "كم كيلومترا تطير النحلة رقم 5؟"}).json()
            assert answer["hits"][0]["article_id"] == "a5"
    before = contents(settings)
    assert main(["reindex", "--json"]) == 0
    # What came, what was changed, and what was given another title.
    assert json.loads(capsys.readouterr().out)["articles"] == 3
    assert contents(other) == before
    check_is_whole(other)


def test_it_is_built_once_more_where_that_was_stopped(folder):
    settings = other_settings(folder)
    articles = [article(text, f"a{at}") for at, text in enumerate(TEXTS)]
    written: list[int] = []
    assert FolderReindex(settings).prepare(articles[:4], SizedEncoder, lambda done, total: None) == 4
    prepared = FolderReindex(settings).prepare(articles, SizedEncoder, lambda done, total: written.append(done), 6)
    assert (prepared, written) == (6, [2])
    with pytest.raises(InputError, match="is not finished"):
        FolderReindex(load_settings({}, data_dir=folder)).prepare(articles, SizedEncoder, stop)
    check_is_whole(load_settings({}, data_dir=folder))


# What is refused


def test_what_makes_no_sense_is_refused(folder, tmp_path, monkeypatch, capsys):
    with pytest.raises(InputError, match="dalil ingest"):
        reindex(load_settings({}, data_dir=tmp_path / "empty"))
    for name, value in {"DATA_DIR": folder, "CHUNK_TOKENS": "100"}.items():
        monkeypatch.setenv(f"DALIL_{name}", str(value))
    assert main(["reindex", "--workers", "ray"]) == 2
    assert "set DALIL_QDRANT_URL" in capsys.readouterr().err
    monkeypatch.setenv("DALIL_QDRANT_URL", "http://127.0.0.1:9")
    assert main(["reindex", "--server", "http://127.0.0.1:9"]) == 2
    assert "without --server" in capsys.readouterr().err
