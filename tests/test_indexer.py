from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest

from ingest.indexer import Indexer, IndexResult
from ingest.readers import ReadFailure
from rag.errors import EmbeddingError
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, article

CONFIG = IndexConfig("words", 64, 64, 64, 64)
BEES = article("النحلة تصنع العسل.", "bees")
SEA = article("البحر الميت أخفض بقعة على اليابسة.", "sea")
UNREADABLE = ReadFailure("x.md", "It is empty.")


@pytest.fixture
def engine(tmp_path) -> EdgeEngine:
    return EdgeEngine(tmp_path)


@pytest.fixture
def store(engine) -> Iterator[Store]:
    opened = Store(engine, CONFIG)
    yield opened
    opened.close()


def make_indexer(store: Store, encoder=WordEncoder) -> Indexer:
    return Indexer(store, encoder, CONFIG.chunk_tokens)


def open_no_encoder() -> WordEncoder:
    raise AssertionError("nothing was to be embedded")


def read_points(engine: EdgeEngine) -> dict[str, dict[str, object]]:
    """Every point of the index by id, with what is stored of it but the time."""
    fields = {"articles": ["id", "text", "revision", "spans", "source"], "chunks": ["article_id", "revision", "span"]}
    return {point.id: point.payload for name in fields for point in engine.scroll(name, fields[name])}


def test_a_result_says_what_became_of_each_article(store):
    indexer = make_indexer(store)
    assert indexer.index([BEES, UNREADABLE, SEA]) == IndexResult(added=["bees", "sea"], failed=[UNREADABLE])
    edited = replace(BEES, text="النمل يحفر بيوته.", revision="2")
    result = indexer.index([edited, SEA])
    assert result == IndexResult(changed=["bees"], unchanged=["sea"])
    assert result.to_write == 1
    assert store.get_article("bees") == edited
    assert store.count_chunks() == 2


def test_a_plan_is_what_would_become_and_writes_nothing(engine, store):
    indexer = make_indexer(store, open_no_encoder)
    found = [BEES, UNREADABLE, BEES]
    plan = indexer.plan(found)
    assert (plan.added, plan.to_write, len(plan.failed)) == (["bees"], 1, 2)
    assert read_points(engine) == {}
    assert make_indexer(store).index(found) == plan


def test_the_second_of_two_articles_of_one_id_is_a_failure_that_names_the_first(store):
    second = replace(SEA, id="bees", source="other.md")
    result = make_indexer(store).index([BEES, second])
    assert result.added == ["bees"]
    (failure,) = result.failed
    assert failure.path == "other.md"
    assert "'bees'" in failure.reason
    assert BEES.source in failure.reason
    assert store.get_article("bees") == BEES


def test_the_encoder_is_opened_once_and_only_to_embed(store):
    opened = []

    def open_encoder():
        opened.append(WordEncoder())
        return opened[-1]

    indexer = make_indexer(store, open_encoder)
    indexer.index([UNREADABLE])
    indexer.remove(["unknown"])
    assert opened == []
    indexer.index([BEES])
    indexer.index([SEA])
    indexer.index([BEES, SEA])
    indexer.restore(BEES)
    assert len(opened) == 1


def test_an_upload_changes_the_source_of_no_article(store):
    indexer = make_indexer(store)
    indexer.index([BEES])
    assert indexer.index([replace(BEES, source="upload:bees")]) == IndexResult(unchanged=["bees"])
    assert store.get_article("bees").source == BEES.source
    edited = replace(BEES, source="upload:bees", revision="2")
    assert indexer.index([edited]).changed == ["bees"]
    assert store.get_article("bees").source == "upload:bees"


def test_an_article_that_comes_from_another_file_has_changed(store):
    indexer = make_indexer(store)
    indexer.index([BEES])
    assert indexer.index([replace(BEES, source="new.md")]).changed == ["bees"]
    assert store.get_article("bees").source == "new.md"


def test_an_article_that_lost_chunks_has_changed(engine, store):
    indexer = make_indexer(store)
    indexer.index([BEES, SEA])
    (lost,) = [point.id for point in engine.scroll("chunks", ["article_id"]) if point.payload["article_id"] == "sea"]
    engine.delete("chunks", [lost])
    assert indexer.index([BEES, SEA]) == IndexResult(unchanged=["bees"], changed=["sea"])
    assert store.count_chunks() == 2


def test_a_removed_article_is_restored_as_it_was(engine, store):
    indexer = make_indexer(store)
    indexer.index([BEES, SEA])
    before = read_points(engine)
    removed = store.get_article("bees")
    indexer.remove(["bees", "unknown"])
    assert store.summarize_articles().keys() == {"sea"}
    assert store.count_chunks() == 1
    indexer.restore(removed)
    assert read_points(engine) == before
    assert store.get_article("bees") == removed
    indexer.remove([])
    assert read_points(engine) == before


def test_progress_is_called_after_every_batch(store):
    long = [article(f"سطر من المقالة {at}.\n" * 4000, str(at)) for at in range(3)]  # each a batch of its own
    calls = []
    make_indexer(store).index([*long, BEES], lambda done, total: calls.append((done, total)), total=4)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_was_written_before_an_error_is_kept(store):
    class FailingEncoder(WordEncoder):
        def embed_passages(self, passages):
            if any("النحلة" in part for parts in passages for part in parts):
                raise EmbeddingError("out of order")
            return super().embed_passages(passages)

    long = article("سطر من المقالة.\n" * 4000, "long")
    with pytest.raises(EmbeddingError):
        make_indexer(store, FailingEncoder).index([long, BEES])
    assert store.summarize_articles().keys() == {"long"}
    assert store.find_incomplete() == set()


def test_threads_index_one_after_another(store):
    indexer, errors = make_indexer(store), []

    def index(name):
        try:
            for at in range(3):
                indexer.index([article(f"المقالة {name} في المرة {at}.", name)])
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=index, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {key: one.text for key, one in store.get_articles("abc").items()} == {
        name: f"المقالة {name} في المرة 2." for name in "abc"
    }
    assert (store.delete_orphans(), store.count_chunks()) == (0, 3)
