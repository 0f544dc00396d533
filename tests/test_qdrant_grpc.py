"""Reading from a Qdrant server by gRPC: that the answers are those of HTTP, and what its failures mean."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from ingest.embedding import embed_articles
from rag.errors import StoreError
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import IndexConfig, Store, connect_server
from rag.store.qdrant_server import ServerEngine
from tests.doubles import WordEncoder, article, closed_port
from tests.qdrant_grpc import GrpcRelay
from tests.qdrant_stand_in import StandIn

WORDS = IndexConfig("words", 64, 64, 64, 256)
TEXTS = [f"النحلة رقم {at} تصنع العسل في البستان.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(12)]
pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
QUESTION = "كم كيلومترا تطير النحلة رقم 5؟"


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    started = StandIn(tmp_path / "server", shards=2)
    with closing(connect(started, None)) as store:
        for found, chunks in embed_articles(
            [article(text, f"a{at}") for at, text in enumerate(TEXTS)], 256, WordEncoder()
        ):
            store.write(found, chunks)
    yield started
    started.close()


@pytest.fixture
def relay(stand_in: StandIn) -> Iterator[GrpcRelay]:
    started = GrpcRelay(stand_in.url)
    yield started
    started.close()


def connect(stand_in: StandIn, port: int | None) -> Store:
    return Store(ServerEngine.connect(stand_in.url, "secret", None, "test", grpc_port=port), WORDS)


def read_all(store: Store) -> tuple[object, ...]:
    result = HybridRetriever(store, WordEncoder(), load_calibration()).search(QUESTION)
    hits = [(hit.chunk_id, hit.score, hit.scores, hit.article.id) for hit in result.hits]
    vectors = store.sentence_vectors([hit.chunk_id for hit in result.hits[:2]])
    summaries = store.summarize_articles()
    texts = [one.text for one in store.read_articles()]
    rows = {key: one.sentences.tolist() for key, one in vectors.items()}
    return hits, rows, summaries, texts, store.list_articles(3), store.count_exactly(), store.find_incomplete()


def test_what_is_read_by_grpc_is_what_is_read_by_http(stand_in, relay):
    with closing(connect(stand_in, relay.port)) as by_grpc, closing(connect(stand_in, None)) as by_http:
        relay.calls.clear()
        with stand_in.recorded() as requests:
            found = read_all(by_grpc)
        assert set(relay.calls) == {"Get", "Scroll", "Count", "QueryBatch", "Facet"}
        assert len(requests) == len(relay.calls)  # those of the relay
        assert found == read_all(by_http)


def test_where_nothing_answers_by_grpc_http_does_and_a_line_says_so(stand_in, caplog):
    with closing(connect(stand_in, closed_port())) as store, closing(connect(stand_in, None)) as by_http:
        assert read_all(store) == read_all(by_http)
    assert "Look at DALIL_QDRANT_GRPC_PORT" in caplog.text


def test_where_the_port_of_grpc_hangs_http_answers(stand_in, caplog):
    with socket.create_server(("127.0.0.1", 0)) as silent, closing(connect(stand_in, silent.getsockname()[1])) as store:
        assert store.count_articles() == len(TEXTS)
    assert "Look at DALIL_QDRANT_GRPC_PORT" in caplog.text


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "Set DALIL_QDRANT_API_KEY"),
        (grpc.StatusCode.PERMISSION_DENIED, "may read and write"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "does not answer in time"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "asked more than it allows"),
        (grpc.StatusCode.INTERNAL, r"Look at its log.*It says: wal of \*+ is gone"),
        (grpc.StatusCode.NOT_FOUND, "does not know what was asked for"),
        (grpc.StatusCode.INVALID_ARGUMENT, "another version than Qdrant"),
    ],
    ids=str,
)
def test_a_failure_says_what_is_wrong_and_hides_the_key(stand_in, relay, code, message):
    with closing(connect(stand_in, relay.port)) as store:
        relay.refusal = (code, "wal of secret is gone")
        with pytest.raises(StoreError, match=message) as failed:
            store.count_chunks()
        assert "secret" not in str(failed.value)


def test_the_setting_makes_a_reader_of_that_port(stand_in, relay):
    settings = load_settings({"DALIL_QDRANT_URL": stand_in.url, "DALIL_QDRANT_GRPC_PORT": str(relay.port)})
    with closing(connect_server(settings.model_copy(update={"qdrant_prefix": "test"}))) as engine:
        engine.open(WORDS)
        assert engine.count("articles") == len(TEXTS)
        assert relay.calls == ["Count"]
