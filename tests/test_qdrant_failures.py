"""What the failures of a Qdrant server do to whoever asks: they are waited out, got round, or explained."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from rag.errors import StorageFullError, StoreError
from rag.settings import load_settings
from rag.store import IndexConfig, Store
from rag.store.engine import Point
from rag.store.points import article_point_id
from rag.store.qdrant_server import ServerEngine
from rag.store.server_transport import split_urls
from tests.doubles import local_client, open_assistant
from tests.qdrant_servers import start_stand_ins
from tests.qdrant_stand_in import Fault, StandIn
from ui.api import AnswerService, create_app

CONFIG = IndexConfig("words", 8, 8, 8, 320)
COUNT = "POST .*/count"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    with start_stand_ins(tmp_path) as begin:
        yield begin


@pytest.fixture
def connect() -> Iterator[Callable[..., Store]]:
    """Opens indexes on stand-ins by all their addresses, and closes them."""
    stores: list[Store] = []

    def begin(stand_in: StandIn, key: str | None = None) -> Store:
        engine = ServerEngine.connect(", ".join(stand_in.urls), key, None, "test", timeout_s=0.5)
        stores.append(Store(engine, CONFIG))
        return stores[-1]

    yield begin
    for store in stores:
        store.close()


def measure(what: Callable[[], object]) -> float:
    """Seconds that something takes."""
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


# Addresses


@pytest.mark.parametrize(
    ("setting", "urls"),
    [
        ("http://qdrant", ["http://qdrant:6333"]),
        ("https://qdrant.example.org", ["https://qdrant.example.org:443"]),
        ("https://qdrant.example.org/index/", ["https://qdrant.example.org:443/index"]),
        ("http://qdrant:80", ["http://qdrant:80"]),
        ("http://[::1], http://[::1]:7000", ["http://[::1]:6333", "http://[::1]:7000"]),
    ],
)
def test_an_address_without_a_port_has_that_of_its_scheme(setting, urls):
    assert split_urls(setting) == urls


# What passes


@pytest.mark.parametrize(
    "fault", [Fault(COUNT, status=503), Fault(COUNT, status=500), Fault(COUNT)], ids=["503", "500", "no answer"]
)
def test_a_failure_is_got_over_by_asking_once_more(start, connect, fault):
    stand_in = start()
    store = connect(stand_in)
    stand_in.faults.append(fault)
    assert store.count_chunks() == 0
    fault.times = 2
    with pytest.raises(StoreError):
        store.count_chunks()
    assert fault.times == 0


def test_another_node_is_asked_where_one_is_dead_or_hangs(start, connect):
    stand_in = start(nodes=3, shards=3, replicas=2)
    store = connect(stand_in)
    stand_in.faults.append(Fault(COUNT, seconds=3))
    assert measure(store.count_chunks) < 2
    stand_in.kill(0)
    assert store.count_chunks() == 0
    assert measure(store.count_chunks) < 0.5  # the one that answered is asked first
    stand_in.kill(1)
    with pytest.raises(StoreError, match=r"fails.*whether all its nodes run.*1 of 1 read operations failed"):
        store.count_chunks()


def test_ready_asks_for_all_collections_at_once(start):
    stand_in, together = start(), Barrier(2)
    settings = load_settings({}, qdrant_url=stand_in.url, collections="law")
    with open_assistant(settings) as assistant, closing(AnswerService(assistant)) as service:
        client = local_client(create_app(service))
        assert client.get("/ready").status_code == 200
        stand_in.faults.append(Fault(COUNT, times=2, is_late=True, before=lambda: together.wait(4)))
        assert client.get("/ready").status_code == 200
        assert stand_in.faults[0].times == 0
        stand_in.kill(0)
        checks = client.get("/ready").json()["checks"]
    assert all("DALIL_QDRANT_URL cannot be reached" in checks[name] for name in ("index", "index of law"))
    assert stand_in.url not in str(checks)


def test_a_server_that_hangs_holds_nobody_for_long(start, connect):
    stand_in = start()
    store = connect(stand_in)
    stand_in.faults.append(Fault(COUNT, seconds=3))
    begun = time.monotonic()
    with pytest.raises(StoreError, match=r"does not answer in time.*DALIL_QDRANT_TIMEOUT_S"):
        store.count_chunks()
    assert time.monotonic() - begun < 2


def test_a_write_may_take_longer_than_a_question(start, connect):
    stand_in = start()
    store = connect(stand_in)
    stand_in.faults.append(Fault("PUT .*/points", seconds=1, is_late=True))
    store._engine.upsert("articles", [Point(article_point_id("a"), {"id": "a"})])
    assert store.count_articles() == 1


def test_a_server_that_is_asked_too_much_is_waited_for_as_long_as_it_says(start, connect):
    stand_in = start()
    store = connect(stand_in)
    too_much = Fault(COUNT, status=429, headers={"Retry-After": "1"}, message="Read rate limit exceeded")
    stand_in.faults.append(too_much)
    assert 1 <= measure(store.count_chunks) < 3
    too_much.times, too_much.headers = 9, {"Retry-After": "60"}
    begun = time.monotonic()
    with pytest.raises(StoreError, match=r"is asked more than it allows\. Wait, or raise"):
        store.count_chunks()
    assert time.monotonic() - begun < 1
    assert too_much.times == 8


# What is explained


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
@pytest.mark.parametrize(
    ("status", "message", "error", "explained"),
    [
        (401, "Must provide an API key", StoreError, r"refuses the key. Set DALIL_QDRANT_API_KEY"),
        (403, "Forbidden: Only read-only access", StoreError, r"one that may read and write .*Only read-only access"),
        (404, "Not found: Collection `x` doesn't exist!", StoreError, r"DALIL_QDRANT_PREFIX.*`x` doesn't exist!"),
        (422, "Validation error", StoreError, r"refuses what was asked.*Qdrant 1\.19.*Validation error"),
        (500, "Service internal error: panic", StoreError, r"Look at its log.*\(status 500\).*panic"),
        (500, "No space left on device: WAL buffer", StorageFullError, r"has no room left.*WAL buffer"),
        (400, "Payload error: JSON is larger than allowed (limit: 1)", StoreError, r"max_request_size_mb.*limit: 1"),
    ],
)
def test_a_refusal_says_what_to_do_and_shows_no_raw_answer(start, connect, status, message, error, explained):
    stand_in = start()
    store = connect(stand_in, key="a-secret-key")
    stand_in.faults.append(Fault(COUNT, times=2, status=status, message=f"{message} a-secret-key"))
    with pytest.raises(error, match=explained) as refused:
        store.count_chunks()
    assert stand_in.url in str(refused.value)
    assert not any(part in str(refused.value) for part in ("a-secret-key", "Raw response", "b'", "{"))


def test_more_than_a_request_may_hold_is_sent_in_parts(start, connect):
    stand_in = start()
    store = connect(stand_in)
    articles = [Point(article_point_id(name), {"id": name, "text": "س" * 3_900_000}) for name in "abcdefghi"]
    with stand_in.recorded() as requests:
        store._engine.upsert("articles", articles)
    written = [request.sent for request in requests if request.method == "PUT"]
    assert [sent < 32 * 1024 * 1024 for sent in written] == [True, True, True]
    assert store.count_articles() == 9


def test_what_is_more_than_a_request_may_hold_though_its_text_is_compressed_is_refused_with_the_remedy(start, connect):
    store = connect(start())
    with pytest.raises(StoreError, match=r"service\.max_request_size_mb.*DALIL_MAX_ARTICLE_CHARS"):
        store._engine.upsert("articles", [Point(article_point_id("a"), {"id": "a", "title": "س" * 17_000_000})])
    assert store.count_articles() == 0
