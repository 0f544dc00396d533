"""What several replicas share: ratings, jobs, answers to be rated, and the requests of callers. On a real Redis and a
real PostgreSQL, where they are installed, and on SQLite."""

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from eval.feedback import export_gold_cases
from rag.errors import SettingsError, StoreError
from rag.records import DatabaseRecords, LocalRecords, open_records
from rag.settings import load_settings
from tests.doubles import like, local_client
from ui.api import AnswerService, create_app
from ui.api.limits import RateLimiter, SharedRateLimiter, open_rate_limiter

QUESTION = "كم يومًا تحتاج ملكة النحل لتكتمل؟"
DEAD_REDIS, DEAD_DATABASE = "redis://127.0.0.1:1/0", "postgresql+pg8000://dalil:geheim-1@127.0.0.1:1/dalil"


@pytest.fixture(scope="module")
def redis_url():
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("neither Redis nor Valkey is installed")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:
        url = f"redis://127.0.0.1:{port}/0"
        wait_until(lambda: SharedRateLimiter(url, 1))
        yield url
        process.terminate()


@pytest.fixture(scope="module")
def postgresql_url(tmp_path_factory):
    """A server of its own, run by the user `postgres` where this one is root."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [shutil.which("postgres")]
    if found[-1] is None:
        pytest.skip("PostgreSQL is not installed")
    binaries, folder = Path(found[-1]).parent, tmp_path_factory.mktemp("postgresql")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    for parent in (folder, *folder.parents):
        if parent.owner() == "root" and parent != Path("/") and as_user:
            parent.chmod(parent.stat().st_mode | 0o001)
    if as_user:
        shutil.chown(folder, "postgres")
    port, data = free_port(), folder / "data"
    options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*as_user, binaries / "initdb", "-A", "trust", "-U", "dalil", "-D", data], check=True, **options)
    command = [*as_user, binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
    with subprocess.Popen(command, **options) as process:
        url = f"postgresql+pg8000://dalil@127.0.0.1:{port}/postgres"
        wait_until(lambda: DatabaseRecords(url, "start").close())
        yield url
        process.terminate()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    return f"sqlite:///{tmp_path}/dalil.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def wait_until(connect):
    for _ in range(200):
        try:
            return connect()
        except (SettingsError, StoreError):
            time.sleep(0.1)
    return connect()


@contextmanager
def replicas(assistant, **settings):
    """The clients of two services over the same index."""
    settings |= {name: SecretStr(settings[name]) for name in ("database_url", "redis_url") if name in settings}
    with ExitStack() as stack:
        services = [stack.enter_context(closing(AnswerService(like(assistant, **settings)))) for _ in range(2)]
        yield [local_client(create_app(service)) for service in services]


# Ratings, jobs and answers


def test_an_answer_of_one_replica_is_rated_at_another_and_becomes_a_gold_case(assistant, tmp_path, database_url):
    with replicas(assistant, data_dir=tmp_path, database_url=database_url) as (one, two):
        answer = one.post("/v1/ask", json={"question": QUESTION}).json()
        assert two.put(f"/v1/answers/{answer['id']}/feedback", json={"rating": "down"}).status_code == 200
        assert one.put(f"/v1/answers/{answer['id']}/feedback", json={"rating": "up"}).status_code == 200
    settings = load_settings({}, data_dir=tmp_path, database_url=database_url)
    with closing(open_records(settings)) as records:
        (case,) = [one for one in export_gold_cases(records, assistant.store) if one["id"].endswith(answer["id"])]
        assert case["question"] == QUESTION
    assert not (tmp_path / "feedback.jsonl").exists()


def test_without_a_database_another_replica_knows_no_answer(assistant, tmp_path):
    with replicas(assistant, data_dir=tmp_path) as (one, two):
        answer = one.post("/v1/ask", json={"question": QUESTION}).json()
        assert two.put(f"/v1/answers/{answer['id']}/feedback", json={"rating": "up"}).status_code == 404


def test_a_job_of_one_replica_is_seen_at_another(assistant, tmp_path, database_url):
    with replicas(assistant, data_dir=tmp_path, database_url=database_url) as (one, two):
        body = "\n" * 210_000 + "نص قصير عن النحل. "
        started = one.post("/v1/articles?name=long", content=body.encode(), headers={"content-type": "text/plain"})
        assert started.status_code == 202
        path = f"/v1/jobs/{started.json()['id']}"
        wait_until_done(two, path)
        assert two.get(path).json()["added"] == ["long"]
        assert one.delete("/v1/articles/long").status_code == 200


def wait_until_done(client, path):
    for _ in range(600):
        if client.get(path).json()["status"] != "running":
            return
        time.sleep(0.1)


def test_a_job_whose_process_has_died_is_told_to_have_failed(assistant, tmp_path, database_url):
    with replicas(assistant, data_dir=tmp_path, database_url=database_url) as (one, _):
        with closing(open_records(load_settings({}, database_url=database_url))) as records:
            fields = {"added": [], "changed": [], "unchanged": [], "failed": {}, "warnings": {}, "status": "running"}
            records.save("jobs", "dead", fields | {"id": "dead", "seen": time.time() - 301})
            records.save("jobs", "alive", fields | {"id": "alive", "seen": time.time() - 200})
        assert one.get("/v1/jobs/dead").json()["status"] == "failed"
        assert "send the upload again" in one.get("/v1/jobs/dead").json()["message"]
        assert one.get("/v1/jobs/alive").json()["status"] == "running"


def test_indexes_that_share_a_database_do_not_see_each_others_records(database_url):
    with closing(DatabaseRecords(database_url, "one")) as one, closing(DatabaseRecords(database_url, "two")) as two:
        one.save("ratings", "a", {"answer": "a"})
        assert two.load("ratings", "a") is None
        assert two.read_all("ratings") == []


def test_records_come_in_the_order_in_which_they_first_came_and_the_last_of_an_id_counts(database_url, tmp_path):
    with closing(DatabaseRecords(database_url, f"order{tmp_path.name}")) as shared:
        for records in (shared, LocalRecords(tmp_path / "ratings.jsonl")):
            for answer, rating in (("b", "up"), ("a", "up"), ("b", "down")):
                records.save("ratings", answer, {"answer": answer, "rating": rating})
            assert records.read_all("ratings") == [
                {"answer": "b", "rating": "down"},
                {"answer": "a", "rating": "up"},
            ]


def test_questions_are_answered_while_the_database_cannot_be_used(assistant, tmp_path):
    url = f"sqlite:///{tmp_path}/dalil.db"
    with replicas(assistant, data_dir=tmp_path, database_url=url) as (one, _):
        with closing(sqlite3.connect(tmp_path / "dalil.db")) as other:
            other.execute("DROP TABLE dalil_records")
        answer = one.post("/v1/ask", json={"question": QUESTION})
        assert answer.json()["citations"]
        rated = one.put(f"/v1/answers/{answer.json()['id']}/feedback", json={"rating": "up"})
        assert (rated.status_code, rated.json()["error"]["code"]) == (503, "index_unavailable")


def test_a_database_that_cannot_be_reached_is_named_without_its_password():
    with pytest.raises(StoreError, match="DALIL_DATABASE_URL") as raised:
        DatabaseRecords(DEAD_DATABASE, "dalil")
    assert "geheim-1" not in str(raised.value)


@pytest.mark.parametrize("url", ["nonsense", "nowhere://host/x"])
def test_an_address_of_no_database_is_refused_with_an_example(url):
    with pytest.raises(SettingsError, match=r"DALIL_DATABASE_URL: .*postgresql"):
        DatabaseRecords(url, "dalil")


# Requests of callers


def test_replicas_count_a_callers_requests_together(redis_url):
    one, two = SharedRateLimiter(redis_url, 3), SharedRateLimiter(redis_url, 3)
    assert [replica.retry_after("caller") for replica in (one, two, one)] == [0, 0, 0]
    assert 1 <= two.retry_after("caller") <= 60
    assert two.retry_after("another") == 0


def test_a_caller_who_was_refused_at_one_replica_is_refused_at_the_other(assistant, redis_url):
    with replicas(assistant, redis_url=redis_url, requests_per_minute=2) as (one, two):
        assert [client.get("/v1/models").status_code for client in (one, two, one, two)] == [200, 200, 429, 429]


def test_each_replica_counts_its_own_while_redis_is_away(redis_url):
    port = free_port()
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    with subprocess.Popen([program, "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL) as process:
        limiter = wait_until(lambda: SharedRateLimiter(f"redis://127.0.0.1:{port}/0", 2))
        process.kill()
        process.wait()
    waits = [limiter.retry_after("caller") for _ in range(3)]
    assert waits[:2] == [0, 0]
    assert waits[2] > 0


@pytest.mark.parametrize("url", ["nowhere://127.0.0.1", "127.0.0.1:6379"])
def test_an_address_of_no_redis_is_refused(url):
    with pytest.raises(SettingsError, match="DALIL_REDIS_URL"):
        SharedRateLimiter(url, 1)


def test_without_a_limit_or_an_address_nothing_is_shared():
    assert isinstance(open_rate_limiter(load_settings({"DALIL_REDIS_URL": DEAD_REDIS})), RateLimiter)
    assert isinstance(open_rate_limiter(load_settings({"DALIL_REQUESTS_PER_MINUTE": "5"})), RateLimiter)
