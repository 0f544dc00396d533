"""An index that lost something is refused, or says so; one whose process was killed is neither."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from fastapi.testclient import TestClient
from qdrant_client import QdrantClient

from ingest.indexer import Indexer, IndexResult
from rag.answering.assistant import Assistant
from rag.errors import IndexDamagedError
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import Counts, Store
from rag.store.qdrant_edge import EdgeEngine
from rag.store.qdrant_server import ServerEngine
from rag.types import Article
from tests.doubles import WordEncoder, local_client
from tests.killed_changes import CHANGES, CONFIG, make
from ui.api import AnswerService, create_app

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant", "ignore:Local mode performs exact"
)

ROOT = Path(__file__).parent.parent
ARTICLES = [make(f"a{at}", 5) for at in range(30)]
ROUNDS = 16
"""At random moments; the steps of each change are gone through one by one besides."""


def make_indexer(store: Store) -> Indexer:
    return Indexer(store, WordEncoder, CONFIG.chunk_tokens)


def index_articles(store: Store, *articles: Article) -> IndexResult:
    return make_indexer(store).index(articles)


@contextmanager
def open_index(folder: Path) -> Iterator[Store]:
    store = Store(EdgeEngine(folder), CONFIG)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of thirty articles; tests copy it."""
    folder = tmp_path_factory.mktemp("whole") / "index"
    with open_index(folder) as store:
        index_articles(store, *ARTICLES)
    return folder


def copy_folder(folder: Path, to: Path) -> Path:
    """Copy it without filling the holes of its files, which are 400 MB."""
    subprocess.run(["cp", "-r", "--sparse=always", folder, to], check=True)
    return to


@pytest.fixture
def index(whole: Path, tmp_path: Path) -> Path:
    return copy_folder(whole, tmp_path / "index")


def delete(index: Path, pattern: str) -> None:
    found = list(index.glob(pattern))
    assert found, pattern
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


LOSSES = [
    *(
        f"{collection}/segments/*{file}"
        for collection in ("articles", "chunks")
        for file in ("", "/version.info", "/mutable_id_tracker.mappings", "/mutable_id_tracker.versions")
    ),
    "chunks/segments/*/vector_storage-dense/vectors/status.dat",
    "chunks/segments/*/vector_storage-sentence/offsets/status.dat",
]


@pytest.mark.parametrize("pattern", LOSSES)
def test_an_index_that_lost_a_file_or_a_segment_is_not_opened_as_a_smaller_one(index, pattern):
    delete(index, pattern)
    for _ in range(2):  # opening it does not make it whole
        with pytest.raises(IndexDamagedError, match=r"is damaged: it holds .* of \d+ (articles|chunks)") as refused:
            Store(EdgeEngine(index), CONFIG)
        assert str(index) in str(refused.value)
        assert "Move that folder away" in str(refused.value)


def test_what_is_left_of_a_damaged_index_can_be_looked_at_and_stays_damaged(index):
    delete(index, "articles/segments/*/version.info")
    for _ in range(2):
        store = Store(EdgeEngine(index), CONFIG, accepts_damage=True)
        damage = store.find_damage()
        assert (damage.present.articles, damage.expected.articles, damage.is_loss) == (1, 30, True)
        with pytest.raises(IndexDamagedError, match="1 of 30 articles"):
            store.check_integrity()
        assert store.get_article("a29") == ARTICLES[29]
        store.close()


def test_an_index_of_before_begins_to_keep_its_counts_when_it_is_opened(index):
    delete(index, "counts.json")
    with open_index(index) as store:
        assert store.find_damage() is None
    delete(index, "articles/segments/*/version.info")
    with pytest.raises(IndexDamagedError, match="1 of 30 articles"):
        Store(EdgeEngine(index), CONFIG)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"articles": 30}', '{"articles": "many", "chunks": 1}'])
def test_counts_that_cannot_be_read_are_damage_with_a_way_out(index, content):
    (index / "counts.json").write_text(content)
    with pytest.raises(IndexDamagedError, match=r"cannot be read .* remove that file"):
        Store(EdgeEngine(index), CONFIG)
    store = Store(EdgeEngine(index), CONFIG, accepts_damage=True)
    assert "cannot be read" in store.find_damage().message
    store.close()
    (index / "counts.json").unlink()
    with open_index(index) as store:
        assert store.find_damage() is None


def read_counts(index: Path) -> Counts:
    kept = json.loads((index / "counts.json").read_text())
    return Counts(kept["articles"], kept["chunks"])


def test_the_counts_follow_what_is_written_and_removed(tmp_path):
    with open_index(tmp_path) as store:
        assert read_counts(tmp_path) == Counts(0, 0)
        for change in (
            lambda: index_articles(store, *ARTICLES[:12]),
            lambda: index_articles(store, make("a1", 1, 1), make("a2", 9, 1)),
            lambda: Indexer(store, WordEncoder, CONFIG.chunk_tokens).remove(
                [f"a{at}" for at in range(9)] + ["unknown"]
            ),
        ):
            change()
            assert read_counts(tmp_path) == store.count_exactly()
            assert store.find_damage() is None
        assert read_counts(tmp_path).articles == 3


def test_what_was_written_is_counted_even_where_nothing_was_optimized(tmp_path):
    with open_index(tmp_path) as store:
        for one, chunks in make_indexer(store).embed(ARTICLES[:3]):
            store.write(one, chunks)
    assert read_counts(tmp_path).articles == 3


# A service


@contextmanager
def serve(store: Store, folder: Path) -> Iterator[TestClient]:
    encoder = WordEncoder()
    settings = load_settings({}, data_dir=folder)
    assistant = Assistant(settings, store, encoder, HybridRetriever(store, encoder, load_calibration()), None)
    yield local_client(create_app(AnswerService(assistant)))


def test_ready_is_503_with_the_reason_while_something_is_missing(index):
    engine = EdgeEngine(index)
    store = Store(engine, CONFIG)
    with serve(store, index) as client:
        assert client.get("/ready").status_code == 200
        engine.delete("articles", [point.id for point in engine.scroll("articles", ["id"])][:3])
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert "27 of 30 articles" in answer.json()["checks"]["index"]
        index_articles(store, *ARTICLES)
        assert client.get("/ready").status_code == 200
    store.close()


def test_ready_is_no_false_alarm_while_articles_are_written_and_removed(tmp_path):
    with open_index(tmp_path) as store, serve(store, tmp_path) as client:
        indexer = make_indexer(store)

        def change() -> None:
            for edition in range(6):
                indexer.index([make(f"a{at}", 1 + (at + edition) % 5, edition) for at in range(8)])
                indexer.remove([f"a{at}" for at in range(0, 8, 2)])

        changing = Thread(target=change)
        changing.start()
        statuses = []
        while changing.is_alive():
            statuses.append(client.get("/ready").status_code)
        changing.join()
    assert len(statuses) > 10
    assert set(statuses) == {200}


# Copies made while articles are written


def copy_in_the_midst(index: Path, copy: Path, change: Callable[[], object], first: str) -> None:
    """Copy a folder of which one half is from before a change and the other half from after it."""
    halves = [first, *({"articles", "chunks"} - {first})]
    copy.mkdir()
    shutil.copy(index / "counts.json", copy)
    copy_folder(index / halves[0], copy)
    change()
    copy_folder(index / halves[1], copy)


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (lambda store: index_articles(store, make("new", 4)), "chunks"),
        (lambda store: index_articles(store, make("a1", 9, 1)), "chunks"),
        (lambda store: index_articles(store, make("a1", 5, 1)), "articles"),  # as many chunks as before, of the other
    ],
    ids=["added", "grown", "edited"],
)
def test_a_copy_with_half_an_article_says_so_until_it_is_ingested_again(index, tmp_path, change, first):
    copy = tmp_path / "copy"
    with open_index(index) as store:
        copy_in_the_midst(index, copy, lambda: change(store), first)
    for _ in range(2):  # it is a copy only once, and says so each time
        with open_index(copy) as store, serve(store, copy) as client:
            damage = store.find_damage()
            assert not damage.is_loss
            assert "1 articles without some of their chunks" in damage.message
            answer = client.get("/ready")
            shown = damage.message.replace(str(copy), "DALIL_DATA_DIR")  # the place is the operator's alone
            assert (answer.status_code, answer.json()["checks"]["index"]) == (503, shown)
            assert len(store.find_incomplete()) == 1
    with open_index(copy) as store, serve(store, copy) as client:
        index_articles(store, *store.get_articles(store.summarize_articles()).values())
        assert client.get("/ready").status_code == 200
        assert (store.find_damage(), store.find_incomplete()) == (None, set())
    with open_index(copy) as store:
        assert store.find_damage() is None


def test_a_whole_copy_is_as_good_as_its_original(index, tmp_path):
    copy_folder(index, tmp_path / "copy")
    with open_index(tmp_path / "copy") as store:
        assert store.find_damage() is None
        assert store.count_articles() == 30


# Orphans


def test_the_chunks_of_many_articles_are_no_orphans_of_a_killed_ingest(index):
    engine = EdgeEngine(index)
    store = Store(engine, CONFIG)
    points = [point.id for point in engine.scroll("articles", ["id"])]
    chunks = store.count_chunks()
    engine.delete("articles", points[:20])
    with pytest.raises(IndexDamagedError, match=r"of 20 articles .* not deleted"):
        store.delete_orphans()
    assert store.count_chunks() == chunks
    store.close()


def test_the_chunks_of_a_few_articles_are(index):
    engine = EdgeEngine(index)
    store = Store(engine, CONFIG)
    engine.delete("articles", [point.id for point in engine.scroll("articles", ["id"])][:16])
    chunks = sum(summary.chunks for summary in store.summarize_articles().values())
    assert store.delete_orphans() > 16
    assert store.count_chunks() == chunks
    store.close()


# A server, to which others write


class LastingEngine(ServerEngine):
    def close(self) -> None:
        pass


def test_a_server_is_compared_only_when_asked(tmp_path):
    client = QdrantClient(":memory:")
    engine = LastingEngine(client, "test", "memory")
    store = Store(engine, CONFIG)
    index_articles(store, *ARTICLES[:3])
    assert store.find_damage() is None
    engine.delete("chunks", [next(engine.scroll("chunks", ["revision"])).id])
    damage = store.find_damage()
    assert damage.expected.chunks - damage.present.chunks == 1
    assert "Qdrant server" in damage.message
    store.check_integrity()
    Store(LastingEngine(client, "test", "memory"), CONFIG).check_integrity()
    client.close()


# Killed at any moment


@contextmanager
def start_killing(index: Path) -> Iterator[Callable[[str], str]]:
    """Runs a round of `tests.killed_changes`, and gives what came of it."""
    command = [sys.executable, "-m", "tests.killed_changes", str(index)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(line: str) -> str:
            print(line, file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()


def check_is_whole(index: Path) -> None:
    """Assert that no damage is seen, before orphans are deleted and after."""
    with open_index(index) as store:
        assert store.find_damage() is None
        assert store.find_incomplete() == set()
        store.delete_orphans()
        assert store.find_damage() is None
        assert read_counts(index) == store.count_exactly()


def test_a_process_killed_at_any_moment_leaves_no_damage_and_no_alarm(tmp_path):
    chance = random.Random(3)
    with start_killing(tmp_path / "index") as run:
        outcomes = []
        for seed in range(ROUNDS):
            outcomes.append(run(f"random {seed} {chance.uniform(0, 0.35)}"))
            check_is_whole(tmp_path / "index")
    assert outcomes == ["killed"] * ROUNDS


@pytest.mark.parametrize("change", CHANGES)
def test_a_process_killed_at_any_step_of_a_change_leaves_no_damage_and_no_alarm(whole, tmp_path, change):
    index = tmp_path / "index"
    with start_killing(index) as run:
        for step in count():
            shutil.rmtree(index, ignore_errors=True)
            copy_folder(whole, index)
            outcome = run(f"step {change} {step}")
            check_is_whole(index)
            if outcome != "killed":
                break
    assert outcome == "finished"
    assert step >= 8
