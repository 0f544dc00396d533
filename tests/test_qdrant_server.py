"""Several processes on one Qdrant server or cluster: what each sees of the others, and what a server's failures do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient

from ingest.embedding import embed_articles
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.store import IndexConfig, Store
from rag.store.qdrant_server import ServerEngine
from tests.doubles import WordEncoder, article
from tests.qdrant_stand_in import StandIn

SERVER = "DALIL_TEST_QDRANT_URL"
WORDS = IndexConfig("words", 64, 64, 64, 320)
BEES = [f"النحلة رقم {at} تصنع العسل.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(30)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    """Starts stand-ins, and ends them."""
    started: list[StandIn] = []

    def begin(**options: float) -> StandIn:
        started.append(StandIn(tmp_path / str(len(started)), **options))
        return started[-1]

    yield begin
    for one in started:
        one.close()


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
    client = QdrantClient(url=address, check_compatibility=False)
    for name in ("articles", "chunks"):
        client.delete_collection(f"{prefix}_{name}")
    client.close()


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
