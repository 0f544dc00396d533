"""An index on a server built again with other settings, while questions go on and articles are written."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient

from ingest.indexer import Indexer
from ingest.reindex import Reindex, ReindexResult
from rag.answering.assistant import Assistant
from rag.embedding import Encoder, embedding_spec, open_encoder
from rag.errors import IndexMismatchError, InputError, StoreError
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import Settings, load_settings
from rag.store import FileMark, IndexConfig, Store, connect_server, open_store
from rag.store.server_versions import FIRST, ServerVersions, Version
from tests.doubles import Endpoint, article, local_client
from tests.qdrant_servers import SERVER, remove_indexes
from tests.qdrant_stand_in import Fault, StandIn
from ui.api import AnswerService, create_app
from ui.cli.main import main

TEXTS = [f"النحلة رقم {at} تصنع العسل في البستان.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(6)]
QUESTION = "كم كيلومترا تطير النحلة رقم 5؟"
OTHER_CHUNKS = {"chunk_tokens": 100}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder(load_settings({}))


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn | None]:
    """None where a real server is set."""
    started = None if os.environ.get(SERVER) else StandIn(tmp_path / "server", shards=2)
    yield started
    if started:
        started.close()


@pytest.fixture
def settings(stand_in: StandIn | None, tmp_path: Path) -> Iterator[Settings]:
    """Of an empty index on a server."""
    url, prefix = stand_in.url if stand_in else os.environ[SERVER], f"test_{uuid4().hex[:12]}"
    yield load_settings({}, qdrant_url=url, qdrant_prefix=prefix, data_dir=tmp_path / "data")
    remove_indexes(url, prefix)


@pytest.fixture
def connect(settings: Settings) -> Iterator[Callable[..., Store]]:
    """Opens the index as processes with other settings do."""
    stores: list[Store] = []

    def open_one(version: Version | None = None, **changes: object) -> Store:
        changed = settings.model_copy(update=changes)
        stores.append(open_store(changed, config_of(changed), version=version))
        return stores[-1]

    yield open_one
    for one in stores:
        one.close()


def config_of(settings: Settings) -> IndexConfig:
    return IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)


def fill(store: Store, encoder: Encoder, texts: list[str] = TEXTS) -> None:
    Indexer(store, lambda: encoder, 256).index([article(text, f"a{at}") for at, text in enumerate(texts)])
    store.mark_articles({"a1": FileMark("digest", store.get_article("a1").revision, 0, 1)})


def reindex(
    settings: Settings,
    encoder: Encoder,
    progress: Callable[[int, int], None] = lambda done, total: None,
    is_forced: bool = False,
    **changes: object,
) -> ReindexResult:
    with closing(Reindex(settings.model_copy(update=changes), grace_s=0)) as one:
        return one.run(lambda: encoder, progress, is_forced)


def find_names(settings: Settings) -> set[str]:
    """The collections that are there, without what all their names begin with."""
    with closing(QdrantClient(url=settings.qdrant_url, check_compatibility=False)) as client:
        names = [one.name for one in client.get_collections().collections]
    return {name.removeprefix(f"{settings.qdrant_prefix}_") for name in names if settings.qdrant_prefix in name}


def ask(store: Store, encoder: Encoder) -> list[str]:
    return [hit.article.id for hit in HybridRetriever(store, encoder, load_calibration()).search(QUESTION).hits]


# Questions go on


def test_a_service_answers_before_during_and_after_and_reads_the_new_version(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    before, articles = ask(service, encoder), service.list_articles(10)
    assert before[0] == "a5"
    seen = []
    result = reindex(settings, encoder, lambda done, total: seen.append(ask(service, encoder)), **OTHER_CHUNKS)
    assert seen == [before] * len(seen) != []
    assert (result.articles, result.dropped, result.kept) == (len(TEXTS), ("first",), ())
    assert ask(service, encoder) == before
    assert find_names(settings) == {f"articles_{result.version}", f"chunks_{result.version}", "leases"}
    after = connect(**OTHER_CHUNKS).list_articles(10)
    assert [(one, one.stored_at, one.mark) for one in after] == [(one, one.stored_at, one.mark) for one in articles]
    assert {one.id for one in after if one.mark} == {"a1"}


def test_a_question_whose_version_goes_while_others_notice_is_answered(settings, connect, encoder, stand_in):
    if stand_in is None:
        pytest.skip("a real server cannot be held at that moment")
    service = connect()
    fill(service, encoder)
    before = ask(service, encoder)
    reindex(settings, encoder, **OTHER_CHUNKS)
    # Between its first request and the answer another thread finds out.
    stand_in.faults.append(Fault("POST .*/points$", is_late=True, before=service.count_articles))
    assert set(service.get_articles(["a1", "a2"])) == {"a1", "a2"}
    assert ask(service, encoder) == before
    assert stand_in.faults[0].times == 0


def test_the_former_version_stays_for_services_whose_encoder_is_another(settings, connect, encoder):
    with Endpoint() as endpoint:
        other = {"embedding_base_url": endpoint.url, "embedding_model": "words"}
        service = connect()
        fill(service, encoder)
        before = ask(service, encoder)
        changed = settings.model_copy(update=other)
        with pytest.raises(IndexMismatchError):
            connect(**other)
        other_encoder = open_encoder(changed)
        result = reindex(settings, other_encoder, **other)
        assert (result.dropped, result.kept) == ((), ("first",))
        assert service.find_rebuild() is None
        assert service.is_outdated
        assert ask(service, encoder) == before
        assert "a5" in ask(connect(**other), other_encoder)
        with closing(Reindex(changed)) as one:
            assert one.drop_others() == ("first",)
        with pytest.raises(IndexMismatchError, match="Start this process again"):
            ask(service, encoder)


# A build that is stopped


def stop(done: int, total: int) -> None:
    """Ends a build once the first articles are written."""
    raise KeyboardInterrupt


def test_a_build_that_is_stopped_leaves_the_index_as_it_was_and_is_taken_up_again(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    before = ask(service, encoder)
    with pytest.raises(KeyboardInterrupt):
        reindex(settings, encoder, stop, **OTHER_CHUNKS)
    assert ask(service, encoder) == before
    rebuild = service.find_rebuild()
    assert (rebuild.articles, rebuild.of_articles) == (len(TEXTS), len(TEXTS))
    with pytest.raises(InputError, match="is not finished"):
        reindex(settings, encoder, chunk_tokens=120)
    result = reindex(settings, encoder, **OTHER_CHUNKS)
    assert (result.version, result.articles) == (rebuild.name, 0)
    assert service.find_rebuild() is None


def test_a_build_that_is_not_wanted_any_more_is_dropped(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    with pytest.raises(KeyboardInterrupt):
        reindex(settings, encoder, stop, **OTHER_CHUNKS)
    with closing(Reindex(settings)) as one:
        [dropped] = one.drop_others()
    assert dropped != "first"
    assert find_names(settings) == {"articles", "chunks", "leases"}
    assert service.find_rebuild() is None
    assert reindex(settings, encoder, chunk_tokens=120).articles == len(TEXTS)


def test_a_server_that_fails_in_the_midst_leaves_the_index_as_it_was(settings, connect, encoder, stand_in):
    if stand_in is None:
        pytest.skip("a real server fails when it wants to")
    service = connect()
    fill(service, encoder)
    before = ask(service, encoder)
    stand_in.faults.append(Fault(r"PUT /collections/\w+_articles_\w+/points", times=2, status=500, skipped=2))
    with pytest.raises(StoreError):
        reindex(settings, encoder, **OTHER_CHUNKS)
    assert service.find_rebuild().articles == 2
    stand_in.faults.append(Fault("POST /collections/aliases", times=3, status=500))
    with pytest.raises(StoreError):
        reindex(settings, encoder, **OTHER_CHUNKS)
    assert ask(service, encoder) == before
    stand_in.faults.clear()
    assert reindex(settings, encoder, **OTHER_CHUNKS).dropped == ("first",)


# Articles that are written meanwhile


def test_what_is_written_to_the_index_meanwhile_is_carried_over(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    indexer, changes = Indexer(service, lambda: encoder, 256), iter(range(1))

    def change(done: int, total: int) -> None:
        for _ in changes:
            indexer.index([article("القمر يدور حول الأرض.", "moon"), article("النحلة لا تطير ليلا.", "a2")])
            indexer.rename("a3", "عنوان آخر")
            indexer.remove(["a4"])

    service_config = service.config
    reindex(settings, encoder, change, **OTHER_CHUNKS)
    after = connect(**OTHER_CHUNKS)
    assert after.config != service_config
    assert set(after.summarize_articles()) == {"a0", "a1", "a2", "a3", "a5", "moon"}
    assert (after.get_article("a2").text, after.get_article("a3").title) == ("النحلة لا تطير ليلا.", "عنوان آخر")
    assert after.find_incomplete() == set()
    assert after.count_exactly().chunks == sum(one.chunks for one in after.summarize_articles().values())


def test_what_is_committed_just_before_the_switch_is_carried_over(settings, connect, encoder, stand_in):
    if stand_in is None:
        pytest.skip("a real server cannot be held at that moment")
    service = connect()
    fill(service, encoder)

    def change() -> None:
        indexer = Indexer(service, lambda: encoder, 256)
        indexer.index([article("القمر يدور حول الأرض.", "moon")])
        indexer.remove(["a4"])

    stand_in.faults.append(Fault("POST /collections/aliases", skipped=1, is_late=True, before=change))
    reindex(settings, encoder, **OTHER_CHUNKS)
    assert stand_in.faults[0].times == 0
    assert set(connect(**OTHER_CHUNKS).summarize_articles()) == {"a0", "a1", "a2", "a3", "a5", "moon"}


def test_one_that_has_the_former_settings_no_longer_writes(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    reindex(settings, encoder, **OTHER_CHUNKS)
    indexer = Indexer(service, lambda: encoder, 256)
    for change in (lambda: indexer.index([article("القمر.", "moon")]), lambda: indexer.remove(["a1"])):
        with pytest.raises(IndexMismatchError, match="no longer write"):
            change()
    assert ask(service, encoder)[0] == "a5"
    assert service.count_articles() == len(TEXTS)


def test_one_that_has_the_same_settings_goes_on_in_the_new_version(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    assert reindex(settings, encoder).articles == 0  # it is made so
    result = reindex(settings, encoder, is_forced=True)
    assert (result.articles, result.dropped) == (len(TEXTS), ("first",))
    Indexer(service, lambda: encoder, 256).index([article("القمر.", "moon")])
    assert connect().get_article("moon").text == "القمر."
    again = reindex(settings, encoder, is_forced=True)
    assert (again.articles, again.dropped) == (len(TEXTS) + 1, (result.version,))


def test_one_that_commits_in_the_moment_of_the_switch_learns_of_it(settings, connect, encoder):
    service = connect()
    fill(service, encoder)
    with closing(connect_server(settings)) as engine:
        version = engine.versions.choose_next(config_of(settings))
        after = connect(version=version)
        engine.versions.switch(version)
    with pytest.raises(StoreError, match="Run the same command again"):
        Indexer(service, lambda: encoder, 256).index([article("القمر.", "moon")])
    Indexer(service, lambda: encoder, 256).index([article("القمر.", "moon")])
    assert after.get_article("moon").text == "القمر."


# What says so


def test_ready_says_what_is_built_of_each_collection(settings, encoder):
    with Assistant.from_settings(settings.model_copy(update={"collections": "law"})) as assistant:
        service = AnswerService(assistant)
        client = local_client(create_app(service))
        law = service.collections["law"].assistant
        fill(law.store, encoder)
        with pytest.raises(KeyboardInterrupt):
            reindex(law.settings, encoder, stop, **OTHER_CHUNKS)
        checks = client.get("/ready").json()["checks"]
        assert "rebuild" not in checks
        assert checks["rebuild of law"].endswith(f": {len(TEXTS)} of {len(TEXTS)} articles")
        assert (checks["index of law"], checks["chunks of law"]) == ("ok", len(TEXTS))
        with closing(connect_server(law.settings)) as engine:
            for version in engine.versions.list_all():
                engine.versions.drop(version)
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["checks"]["index"]) == (503, "ok")
        service.close()


def test_ready_tells_no_names_where_keys_are_needed(settings):
    changes = {"collections": "law", "api_keys": "secret"}
    keyed = load_settings({}, **settings.model_dump(include={"qdrant_url", "qdrant_prefix", "data_dir"}), **changes)
    with Assistant.from_settings(keyed) as assistant, closing(AnswerService(assistant)) as service:
        checks = local_client(create_app(service)).get("/ready").json()["checks"]
    assert checks["index of collection 1"] == "ok"
    assert "law" not in json.dumps(checks)


def test_the_command_builds_says_what_is_kept_and_drops(settings, connect, encoder, monkeypatch, capsys):
    fill(connect(), encoder)
    for name in ("qdrant_url", "qdrant_prefix", "data_dir"):
        monkeypatch.setenv(f"DALIL_{name.upper()}", str(getattr(settings, name)))
    assert main(["reindex", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "first"
    with Endpoint() as endpoint:
        monkeypatch.setenv("DALIL_EMBEDDING_BASE_URL", endpoint.url)
        monkeypatch.setenv("DALIL_EMBEDDING_MODEL", "words")
        assert main(["reindex"]) == 0
        assert "still there: first" in capsys.readouterr().out
        assert main(["reindex", "--drop"]) == 0
        assert capsys.readouterr().out == "removed: first\n"


def test_an_empty_index_is_refused(settings, encoder):
    with pytest.raises(InputError, match="dalil ingest"):
        reindex(settings, encoder)


def test_versions_change_places_in_one_step_on_a_client_in_memory():
    with closing(QdrantClient(":memory:")) as client:
        versions, config = ServerVersions(client, "test", "memory"), IndexConfig("words", 8, 8, 8, 256)
        for name in ("test_articles", "test_chunks"):
            client.create_collection(name, vectors_config={})
        assert (versions.find_current(), versions.find_next(), versions.list_all()) == (FIRST, None, [FIRST])
        chosen = versions.choose_next(config)
        for name in ("articles", "chunks"):
            client.create_collection(chosen.collection("test", name), vectors_config={})
        versions.begin(chosen)
        assert (versions.find_current(), versions.find_next()) == (FIRST, chosen)
        versions.switch(chosen)
        assert (versions.find_current(), versions.find_next()) == (chosen, None)
        assert versions.choose_next(config) != chosen
        versions.drop(FIRST)
        assert versions.list_all() == [chosen]
        assert chosen.has_config(config)
        other_chunks = IndexConfig("words", 8, 8, 8, 100)
        assert (chosen.has_config(other_chunks), chosen.answers_queries_of(other_chunks)) == (False, True)
        assert config.answers_alike(str(other_chunks))
        other_encoder = IndexConfig("other", 8, 8, 8, 256)
        assert not chosen.answers_queries_of(other_encoder)
        assert not config.answers_alike(str(other_encoder))
