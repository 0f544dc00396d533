"""An ingest on a local Ray cluster of two workers, which write to a stand-in for a Qdrant server or to a real one."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import ray

from ingest.indexer import Indexer, IndexResult
from ingest.ray_workers import RayWorkers
from ingest.reindex import Reindex
from ingest.sync import Sync
from rag.embedding import Encoder, embedding_spec, open_encoder
from rag.errors import InputError
from rag.settings import Settings, load_settings
from rag.store import IndexConfig, Store, open_store
from tests.doubles import Endpoint, article
from tests.qdrant_servers import SERVER, remove_indexes
from tests.qdrant_stand_in import StandIn
from ui.cli.main import main

ARTICLES = 24
BEES = [f"النحلة رقم {at} تصنع العسل في البستان." for at in range(6)]
ROUNDS = int(os.environ.get("DALIL_TEST_KILLS", "2"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Of an empty index on a server."""
    stand_in = None if os.environ.get(SERVER) else StandIn(tmp_path / "server", shards=2)
    url = stand_in.url if stand_in else os.environ[SERVER]
    prefix = f"test_{uuid4().hex[:12]}"
    yield load_settings({}, qdrant_url=url, qdrant_prefix=prefix, data_dir=tmp_path / "data", keep_originals=False)
    remove_indexes(url, prefix)
    if stand_in:
        stand_in.close()


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder(load_settings({}))


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_as_set(settings)
    yield opened
    opened.close()


def open_as_set(settings: Settings) -> Store:
    return open_store(settings, IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))


def make_files(folder: Path, edition: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    for at in range(ARTICLES):
        sentences = " ".join(f"المدينة رقم {at} فيها {at + number} جسور و{number} أسواق." for number in range(40))
        (folder / f"{at}.md").write_text(f"# مدينة {at}\n\n{sentences} {edition}\n", "utf-8")
    return folder


def ingest(settings: Settings, store: Store, folder: Path, between: Callable[[], object] = lambda: None) -> IndexResult:
    with RayWorkers(settings) as workers:
        indexer = Indexer(store, lambda: open_encoder(settings), settings.chunk_tokens, writer=workers)
        sync = Sync(store, indexer, settings.max_article_chars, pool=workers)
        between()
        return sync.ingest([folder], lambda progress: None)


def is_whole(store: Store) -> bool:
    summaries = store.summarize_articles()
    counted = store.count_exactly()
    return (len(summaries), store.find_incomplete(), counted.chunks) == (
        ARTICLES,
        set(),
        sum(one.chunks for one in summaries.values()),
    )


def test_what_workers_write_is_what_one_process_writes_and_once_more_changes_nothing(
    cluster, settings, store, tmp_path
):
    folder = make_files(tmp_path / "articles")
    result = ingest(settings, store, folder)
    assert (len(result.added), result.failed) == (ARTICLES, [])
    assert is_whole(store)
    again = ingest(settings, store, folder)
    assert (len(again.unchanged), again.added, again.changed) == (ARTICLES, [], [])
    alone = settings.model_copy(update={"qdrant_url": None})
    with_one = open_store(alone, store.config)
    indexer = Indexer(with_one, lambda: open_encoder(alone), alone.chunk_tokens)
    Sync(with_one, indexer, alone.max_article_chars).ingest([folder], lambda progress: None)
    assert with_one.summarize_articles() == store.summarize_articles()
    with_one.close()


def kill_a_writer_soon(killed: list[int]) -> threading.Thread:
    """Kills one process of the cluster that writes, a second after it was started."""
    earlier = find_writers()

    def kill() -> None:
        while not (started := find_writers() - earlier):
            time.sleep(0.05)
        time.sleep(1)
        killed.append(started.pop())
        os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


def find_writers() -> set[int]:
    """The processes of Ray on this machine that run a writer, as they call themselves."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::_Writer"):
                found.add(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", range(ROUNDS))
def test_articles_are_whole_and_all_there_when_a_worker_is_killed(cluster, settings, store, tmp_path, number):
    folder = make_files(tmp_path / "articles", str(number))
    killed: list[int] = []
    result = ingest(settings, store, folder, lambda: kill_a_writer_soon(killed))
    assert len(killed) == 1
    assert (len(result.added), result.failed) == (ARTICLES, [])
    assert is_whole(store)


def test_workers_build_an_index_again_while_its_articles_change(cluster, settings, store, encoder):
    indexer = Indexer(store, lambda: encoder, settings.chunk_tokens)
    indexer.index([article(text, f"a{at}") for at, text in enumerate(BEES)])
    changes = iter(range(1))

    def change(done: int, total: int) -> None:
        for _ in changes:
            indexer.index([article("القمر يدور حول الأرض.", "moon"), article("النحلة لا تطير ليلا.", "a2")])
            indexer.remove(["a4"])

    other = settings.model_copy(update={"chunk_tokens": 100})
    with closing(Reindex(other, grace_s=0)) as one:
        result = one.run(unopened, change, open_writer=lambda version: RayWorkers(other, version))
    # All there were, and then the two that had changed.
    assert (result.articles, result.dropped) == (len(BEES) + 2, ("first",))
    with closing(open_as_set(other)) as built:
        assert set(built.summarize_articles()) == {"a0", "a1", "a2", "a3", "a5", "moon"}
        assert built.get_article("a2").text == "النحلة لا تطير ليلا."
        assert built.list_configs().keys() == {built.config.fingerprint}
        assert built.find_incomplete() == set()
        assert built.count_exactly().chunks == sum(one.chunks for one in built.summarize_articles().values())


def unopened() -> Encoder:
    raise AssertionError("the workers have encoders of their own")


def test_the_command_builds_an_index_again_when_a_worker_is_killed(
    cluster, settings, store, encoder, monkeypatch, capsys
):
    Indexer(store, lambda: encoder, settings.chunk_tokens).index(
        [article(text, f"a{at}") for at, text in enumerate(BEES)]
    )
    with Endpoint() as endpoint:  # of another encoder, so that the command does not wait to remove the former version
        environment = {"QDRANT_URL": settings.qdrant_url, "QDRANT_PREFIX": settings.qdrant_prefix}
        environment |= {"EMBEDDING_BASE_URL": endpoint.url, "EMBEDDING_MODEL": "words"}
        for name, value in environment.items():
            monkeypatch.setenv(f"DALIL_{name}", value)
        killed: list[int] = []
        killing = kill_a_writer_soon(killed)
        assert main(["reindex", "--workers", "ray", "--json"]) == 0
        killing.join()
        result = json.loads(capsys.readouterr().out)
        assert (len(killed), result["articles"], result["kept"]) == (1, len(BEES), ["first"])
        other = settings.model_copy(update={"embedding_base_url": endpoint.url, "embedding_model": "words"})
        with closing(open_as_set(other)) as built:
            assert built.summarize_articles() == store.summarize_articles()
            assert built.find_incomplete() == set()


def test_a_folder_that_one_process_owns_is_refused():
    with pytest.raises(InputError, match="set DALIL_QDRANT_URL"):
        RayWorkers(load_settings({}))
