"""Several processes on one Qdrant server or cluster: what each sees of the others, and what a server's failures do."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from ingest.embedding import embed_articles
from rag.errors import IndexMismatchError, SettingsError, StoreError
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.store import IndexConfig, Store
from rag.store.points import article_point, chunk_point
from rag.store.qdrant_edge import EdgeEngine
from rag.store.qdrant_server import ServerEngine
from rag.store.server_config import SMALL, Sharding, Storage, collection_options
from tests.doubles import WordEncoder, article
from tests.qdrant_servers import SERVER, remove_indexes, start_stand_ins
from tests.qdrant_stand_in import MAX_BODY_BYTES, StandIn, count_trips

WORDS = IndexConfig("words", 64, 64, 64, 320)
BEES = [f"النحلة رقم {at} تصنع العسل.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(30)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    with start_stand_ins(tmp_path) as begin:
        yield begin


@pytest.fixture(params=["stand-in", "server"])
def connect(request: pytest.FixtureRequest, start: Callable[..., StandIn]) -> Iterator[Callable[[], Store]]:
    """Opens one and the same index again and again, as processes on several machines do."""
    url, prefix = os.environ.get(SERVER), f"test_{uuid4().hex[:12]}"
    if request.param == "server" and not url:
        pytest.skip(f"needs a Qdrant server: set {SERVER} to its URL")
    address = url if request.param == "server" else start(shards=3).url
    stores: list[Store] = []

    def open_another() -> Store:
        stores.append(Store(ServerEngine.connect(address, None, None, prefix), WORDS))
        return stores[-1]

    yield open_another
    for store in stores:
        store.close()
    remove_indexes(address, prefix)


def write(store: Store, texts: list[str]) -> None:
    articles = [article(text, f"a{at}") for at, text in enumerate(texts)]
    for found, chunks in embed_articles(articles, 64, WordEncoder()):
        store.write(found, chunks)


def retriever(store: Store) -> HybridRetriever:
    return HybridRetriever(store, WordEncoder(), load_calibration())


# What others write


@pytest.mark.parametrize("question", ["كم كيلومترا تطير النحلة؟", "من كتب رواية الأيام؟"])
def test_a_service_that_was_there_before_the_articles_judges_as_one_that_came_after(connect, question):
    early = retriever(connect())
    assert early.search(question).probability == 0
    write(connect(), BEES)
    before, after = early.search(question), retriever(connect()).search(question)
    assert before.probability == pytest.approx(after.probability, abs=1e-9)
    assert [hit.score for hit in before.hits] == [hit.score for hit in after.hits]
    assert len(before.hits) == 8


# Several that write at once


def test_several_may_create_the_collections_at_once(start):
    stand_in = start(creation_s=0.3)
    engines = [ServerEngine.connect(stand_in.url, None, None, "test") for _ in range(4)]
    with ThreadPoolExecutor(4) as executor:
        stores = list(executor.map(lambda engine: Store(engine, WORDS), engines))
    write(stores[0], BEES[:1])
    assert [store.count_chunks() for store in stores] == [1, 1, 1, 1]
    for store in stores:
        store.close()


def begin_article(store: Store, article_id: str) -> Callable[[], None]:
    """Write the chunks of an article, and return what commits it."""
    [(found, chunks)] = embed_articles([article(BEES[0], article_id)], 64, WordEncoder())
    store._engine.upsert("chunks", [chunk_point(found, chunk) for chunk in chunks])
    committed = article_point(found, [chunk.chunk for chunk in chunks], WORDS, 1)
    return lambda: store._engine.upsert("articles", [committed])


def test_what_another_is_about_to_commit_is_no_orphan(connect):
    one, other = connect(), connect()
    write(other, BEES[1:3])
    commit = begin_article(one, "begun")
    assert other.delete_orphans() == 0
    commit()
    assert other.find_incomplete() == set()
    assert other.count_articles() == 3


def test_what_one_that_ended_left_behind_is_deleted_while_another_writes(connect):
    ended, writer, sweeper = connect(), connect(), connect()
    begin_article(ended, "left")
    ended.close()
    time.sleep(0.01)  # times are in milliseconds
    commit = begin_article(writer, "begun")
    assert sweeper.delete_orphans() == 1
    commit()
    assert sweeper.find_incomplete() == set()


def test_what_a_killed_one_left_behind_is_deleted_once_its_lease_has_ended(start):
    stand_in = start()
    killed, sweeper = (Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS) for _ in range(2))
    begin_article(killed, "left")
    assert sweeper.delete_orphans() == 0
    client = QdrantClient(url=stand_in.url, check_compatibility=False)
    [lease] = client.scroll("test_leases", with_payload=True)[0]
    client.upsert("test_leases", [models.PointStruct(id=lease.id, vector={}, payload=lease.payload | {"until": 0})])
    assert sweeper.delete_orphans() == 1
    assert client.count("test_leases").count == 0  # nobody ended it
    for one in (client, killed, sweeper):
        one.close()


def test_what_a_sweep_may_have_taken_is_not_committed(connect):
    slow = connect()
    commit = begin_article(slow, "late")
    slow._engine._writes._lease._until = 1  # in 1970
    with pytest.raises(StoreError, match="longer than 180 seconds"):
        commit()
    assert (slow.count_articles(), slow.find_incomplete()) == (0, set())
    write(slow, BEES[:1])
    assert slow.count_articles() == 1


def test_chunks_that_were_written_again_since_they_were_read_are_not_deleted(connect):
    one, other = connect(), connect()
    begin_article(one, "left")
    [read] = other._engine.scroll("chunks", ["written_at"])
    time.sleep(0.01)
    begin_article(one, "left")
    other._engine.delete_unchanged([read])
    assert one.count_chunks() == 1


def test_two_ingests_that_sweep_all_the_while_leave_whole_articles(connect):
    stores = [connect(), connect()]

    def ingest(number: int) -> None:
        for at in range(12):
            [(found, chunks)] = embed_articles([article(BEES[at], f"{number}-{at}")], 64, WordEncoder())
            stores[number].write(found, chunks)
            stores[number].delete_orphans()

    with ThreadPoolExecutor(2) as executor:
        list(executor.map(ingest, range(2)))
    assert stores[0].find_incomplete() == set()
    assert stores[0].count_exactly() == (24, 24)


# Shards


@pytest.fixture
def connect_sharded(start: Callable[..., StandIn]) -> Iterator[Callable[[int], Store]]:
    """Makes an index of so many shards; on one server, which may be a real one."""
    url, prefixes = os.environ.get(SERVER) or start().url, []
    stores: list[Store] = []

    def make(shards: int) -> Store:
        prefixes.append(f"test_{uuid4().hex[:12]}")
        stores.append(Store(ServerEngine.connect(url, None, None, prefixes[-1], Sharding(shards)), WORDS))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
    remove_indexes(url, *prefixes)


def find_hits(store: Store, question: str) -> dict[str, tuple[float, ...]]:
    """The hits in order, by chunk, with their scores and the probability of an answer."""
    result = retriever(store).search(question)
    return {hit.chunk_id: (hit.score, *astuple(hit.scores), result.probability) for hit in result.hits}


def generate_texts(number: int, seed: int) -> list[str]:
    """Texts of which no two are alike: those that score the same come in any order."""
    random = np.random.default_rng(seed)
    nouns = "نهر جبل بحر مدينة قمر نجم كتاب طائر نحلة جمل صحراء غابة سفينة جسر قلعة سوق مطر ريح ثلج شمس".split()
    return [" ".join(random.choice(nouns, random.integers(8, 30))) + f" {at}." for at in range(number)]


def test_hits_and_scores_are_those_of_the_folder_whatever_the_shards(connect_sharded, tmp_path):
    folder = Store(EdgeEngine(tmp_path / "index"), WORDS)
    stores = [folder, *map(connect_sharded, (1, 3, 6))]
    for store in stores:
        write(store, generate_texts(60, seed=1))
        for edition in range(4):  # what was replaced does not count
            write(store, generate_texts(5, seed=2 + edition))
    folder.optimize()
    for question in ("أين النهر والجبل؟", "نحلة في الصحراء", "جسر القلعة 17", "من كتب رواية الأيام؟", "مدينة"):
        expected, *others = (find_hits(store, question) for store in stores)
        assert len(expected) == 8
        for found in others:
            assert list(found) == list(expected)
            for chunk in expected:
                assert found[chunk] == pytest.approx(expected[chunk], abs=1e-5)
    folder.close()


def test_what_is_known_of_terms_is_asked_again_when_chunks_were_written(start):
    stand_in = start()
    store = Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS)

    def count_requests(question: str) -> int:
        with stand_in.recorded() as requests:
            retriever(store).search(question)
        return sum(request.path.endswith("/count") for request in requests)

    write(store, BEES)
    first, again = (count_requests("كم كيلومترا تطير النحلة؟") for _ in range(2))
    write(store, ["الجمل يحمل."])
    after = count_requests("كم كيلومترا تطير النحلة؟")
    assert first == after > again == 1  # the number of chunks
    store.close()


def test_a_question_takes_two_round_trips_and_asks_for_nothing_twice(start):
    stand_in = start(shards=3)
    store = Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS)
    write(store, generate_texts(40, seed=1))
    search = retriever(store)
    search.search("أين النهر والجبل؟")  # its words are counted
    stand_in.latency_s = 0.2
    with stand_in.recorded() as requests:
        result = search.search("أين الجبل والنهر؟", reads=4)
        vectors = search.sentence_vectors(result.hits[:4])
    assert sorted(request.path.removeprefix("/collections/test_") for request in requests) == [
        "articles/points",
        "chunks/points",
        "chunks/points/count",
        "chunks/points/query/batch",
    ]
    assert count_trips(requests) == 2
    with stand_in.recorded() as requests:
        again = search.sentence_vectors(result.hits[:4])
    assert requests == []
    assert again.keys() == vectors.keys() == {hit.chunk_id for hit in result.hits[:4]}
    store.close()


def test_a_search_with_counts_that_no_longer_hold_is_made_again(start):
    stand_in = start()
    early, late = (Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS) for _ in range(2))
    write(early, generate_texts(40, seed=1))
    question = "أين النهر والجبل؟"
    find_hits(early, question)
    write(late, [f"{text} نهر" for text in generate_texts(60, seed=2)])
    assert find_hits(early, question) == find_hits(late, question)
    for one in (early, late):
        one.close()


def test_sentence_vectors_are_those_of_the_folder_also_where_an_earlier_dalil_wrote_them(start, tmp_path):
    folder = Store(EdgeEngine(tmp_path / "index"), WORDS)
    stand_in = start()
    server = Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS)
    for store in (folder, server):
        write(store, BEES[:3])
    ids = list(find_hits(folder, "كم كيلومترا تطير النحلة؟"))
    expected = folder.sentence_vectors(ids)

    def check() -> None:
        found = server.sentence_vectors(ids)
        assert found.keys() == expected.keys() == set(ids)
        for key, vectors in found.items():
            assert np.array_equal(vectors.sentences, expected[key].sentences)
            assert all(map(np.array_equal, vectors.tokens, expected[key].tokens))
            assert np.array_equal(vectors.title, expected[key].title)

    check()
    client = QdrantClient(url=stand_in.url, check_compatibility=False)
    [one] = client.retrieve("test_chunks", ids[:1], with_payload=True, with_vectors=True)
    del one.payload["tokens_text"], one.payload["sentence_text"]
    client.upsert("test_chunks", [models.PointStruct(id=one.id, vector=one.vector, payload=one.payload)])
    check()
    for one in (client, folder, server):
        one.close()


@pytest.mark.parametrize(
    ("vectors", "sparse", "message"),
    [
        ({"datatype": "float16"}, {}, "its tokens vectors are of datatype float16, not uint8"),
        ({"multivector_config": None}, {}, "its tokens vectors are no multivectors"),
        ({"distance": "Cosine"}, {}, "its tokens vectors are compared by Cosine, not Dot"),
        ({"size": 32}, {}, "it holds vectors of lengths"),
        ({}, {"modifier": "idf"}, "its lexical vectors have a modifier"),
    ],
    ids=str,
)
def test_a_collection_of_others_is_refused_with_what_is_different(start, vectors, sparse, message):
    stand_in = start()
    options = collection_options("chunks", WORDS.vector_sizes)
    tokens = options["vectors_config"]["tokens"].model_dump() | vectors
    options["vectors_config"]["tokens"] = models.VectorParams(**tokens)
    options["sparse_vectors_config"] = {"lexical": models.SparseVectorParams(**sparse)}
    client = QdrantClient(url=stand_in.url, check_compatibility=False)
    client.create_collection("test_chunks", **options)
    client.close()
    with pytest.raises(IndexMismatchError, match=message) as refused:
        Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS)
    assert "another DALIL_QDRANT_PREFIX" in str(refused.value)


def test_a_large_collection_keeps_quantized_vectors_in_memory_and_the_others_on_disk():
    small, large = (
        collection_options("chunks", WORDS.vector_sizes, storage=one) for one in (SMALL, Storage.of(True, None, {}))
    )
    dense = large["vectors_config"]["dense"]
    assert dense.on_disk
    assert large["sparse_vectors_config"]["lexical"].index.on_disk
    assert dense.quantization_config.scalar.always_ram
    assert large["hnsw_config"].on_disk
    assert small["vectors_config"]["dense"].quantization_config is small["hnsw_config"] is None
    assert small["optimizers_config"].deleted_threshold < large["optimizers_config"].deleted_threshold == 0.2


def test_parameters_of_qdrant_are_passed_on_and_unknown_ones_refused():
    options = {"hnsw_config": {"m": 32}, "optimizers_config": {"max_segment_size": 5000}}
    made = collection_options("chunks", WORDS.vector_sizes, storage=Storage.of(False, "binary", options))
    assert (made["hnsw_config"].m, made["optimizers_config"].max_segment_size) == (32, 5000)
    assert made["vectors_config"]["dense"].quantization_config.binary.always_ram
    for wrong in ({"hnsw_config": {"n": 1}}, {"hnsw": {}}, {"hnsw_config": 3}):
        with pytest.raises(SettingsError, match="DALIL_QDRANT_OPTIONS"):
            Storage.of(False, None, wrong)


def test_hits_and_scores_are_the_same_where_vectors_are_quantized(start, tmp_path):
    stand_in = start(shards=3)
    stores = [
        Store(ServerEngine.connect(stand_in.url, None, None, name, storage=Storage.of(is_large, None, {})), WORDS)
        for name, is_large in (("small", False), ("large", True))
    ]
    for store in stores:
        write(store, generate_texts(40, seed=1))
    expected, found = (find_hits(store, "أين النهر والجبل؟") for store in stores)
    assert found == expected
    for store in stores:
        store.close()


def test_an_article_that_is_larger_than_a_request_is_kept_whole(start):
    stand_in = start()
    store = Store(ServerEngine.connect(stand_in.url, None, None, "test"), WORDS)
    text = "".join(chr(0x0620 + at) for at in range(40)) * 425_000
    found = replace(article(text[:40], "long"), text=text)
    store._engine.upsert("articles", [article_point(found, [], WORDS, 1)])
    assert len(text.encode()) > MAX_BODY_BYTES
    assert store.get_article("long") == found
    store.close()
