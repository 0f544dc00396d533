import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from rag.errors import SettingsError
from rag.service import create_app, gate
from rag.service.gate import Gate, Keys, Rates, Slots
from rag.settings import load
from tests.doubles import Endpoint, Hangs, ScriptedModel, like, served
from tests.test_assistant import QUEEN_AR, assert_freed, like_with
from tests.test_service import error

ASK = {"question": QUEEN_AR}


def client(assistant, model=None, **changes):
    return TestClient(create_app(like(assistant, model, **changes)), raise_server_exceptions=False)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


# Keys


@pytest.fixture(scope="module")
def locked(assistant):
    keys = load(environment={}, api_keys="first-key, مفتاح").api_keys
    return client(assistant, api_keys=keys, refuse_below=0.0)


@pytest.mark.parametrize("path", ["/v1/articles", "/v1/models", "/metrics"])
def test_without_a_key_nothing_is_told(locked, path):
    told = error(locked.get(path), 401)
    assert (told["type"], told["code"]) == ("authentication_error", "invalid_api_key")
    assert locked.get(path).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["first-key", "مفتاح"])
def test_each_of_the_keys_lets_in(locked, key):
    headers = [("Authorization", f"Bearer {key}".encode())]
    assert locked.post("/v1/ask", json=ASK, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["first-key", "Bearer", "Bearer ", "Bearer first", "Bearer first-key2", "Bearer FIRST-KEY", "Basic first-key"],
)
def test_another_key_does_not(locked, header):
    error(locked.post("/v1/ask", json=ASK, headers={"Authorization": header}), 401)


def test_bytes_that_are_no_text_are_no_key(locked):
    error(locked.get("/v1/models", headers=[(b"Authorization", b"Bearer \xff\xfe")]), 401)


def test_two_keys_at_once_are_none(locked):
    twice = [("Authorization", "Bearer first-key"), ("Authorization", "Bearer first-key")]
    error(locked.get("/v1/models", headers=twice), 401)


def test_whether_it_lives_is_told_to_everybody(locked):
    assert locked.get("/health").status_code == 200


def test_a_key_is_compared_whole():
    assert Keys(("abc",)).hold(b"abc")
    assert not any(Keys(("abc",)).hold(given) for given in (b"", b"ab", b"abcd", b"ABC"))
    assert not Keys(())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_other_machines_are_let_in_only_with_keys_or_when_told_so(host):
    with pytest.raises(SettingsError, match="DALIL_API_KEYS"):
        load(environment={}, host=host)
    assert load(environment={}, host=host, api_keys="k").host == host
    assert load(environment={}, host=host, open_access=True).host == host


# Bodies


def test_a_body_that_says_it_is_too_large_is_refused(assistant):
    told = error(client(assistant, max_body_bytes=10_000).post("/v1/ask", json={"question": "س" * 20_000}), 413)
    assert told["code"] == "body_too_large"


def test_a_body_is_counted_as_it_arrives(assistant):
    def endless():
        for _ in range(100):
            yield b'{"question": "' + b"a" * 1000

    told = error(client(assistant, max_body_bytes=10_000).post("/v1/ask", content=endless()), 413)
    assert told["code"] == "body_too_large"


def test_a_body_that_does_not_arrive_is_given_up(assistant):
    async def reads(scope, receive, send):
        await PlainTextResponse((await Request(scope, receive).body()).decode())(scope, receive, send)

    slow_gate = ExceptionMiddleware(Gate(reads, assistant.settings, Slots(1), body_s=0.2))
    with served(slow_gate) as address, socket.create_connection(tuple_of(address)) as slow:
        slow.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        slow.settimeout(5)
        assert b"408" in slow.recv(100)


def tuple_of(address):
    return (httpx.URL(address).host, httpx.URL(address).port)


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"question":' * 5_000, b"\xff", b"", b"null", b"{"])
def test_a_body_that_is_no_request_is_told_so(assistant, body):
    answer = client(assistant).post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
    told = error(answer, 400 if "parsing" in answer.text else 422)
    assert told["type"] == "invalid_request_error"


# Rates


def test_a_caller_has_so_many_requests_a_minute(assistant):
    limited = client(assistant, requests_per_minute=3)
    answers = [limited.get("/v1/models") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert error(answers[3], 429)["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    error(limited.get("/v1/models", headers=bearer("a made-up name")), 429)


def test_each_key_has_a_rate_of_its_own(assistant):
    keys = load(environment={}, api_keys="one,two").api_keys
    limited = client(assistant, api_keys=keys, requests_per_minute=1)
    answers = [limited.get("/v1/models", headers=bearer(key)).status_code for key in ("one", "one", "two")]
    assert answers == [200, 429, 200]


def test_a_bucket_fills_with_time_and_old_callers_are_forgotten():
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    assert [rates.wait_for("a") for _ in range(60)] == [0.0] * 60
    assert rates.wait_for("a") == pytest.approx(1.0)
    now[0] = 1.0
    assert rates.wait_for("a") == 0.0
    for caller in range(gate._CALLERS + 5):
        rates.wait_for(str(caller))
    assert len(rates._buckets) == gate._CALLERS


# Slots


class Waits(ScriptedModel):
    """A model that answers when it is let."""

    def __init__(self):
        super().__init__("NO_ANSWER")
        self.let, self.waiting = Event(), Semaphore(0)

    def stream_chat(self, messages):
        self.waiting.release()
        self.let.wait(10)
        return super().stream_chat(messages)


def test_more_questions_than_there_are_slots_are_sent_away_at_once(assistant):
    model = Waits()
    with served(create_app(like(assistant, model, max_concurrent=2, refuse_below=0.0))) as address:
        with ThreadPoolExecutor(2) as askers:
            waiting = [askers.submit(httpx.post, f"{address}/v1/ask", json=ASK, timeout=20) for _ in range(2)]
            assert model.waiting.acquire(timeout=10)
            assert model.waiting.acquire(timeout=10)
            refused = httpx.post(f"{address}/v1/ask", json=ASK, timeout=5)
            assert httpx.get(f"{address}/health").status_code == 200
            model.let.set()
            assert [done.result().status_code for done in waiting] == [200, 200]
        assert error(refused, 503)["code"] == "overloaded"
        assert refused.headers["retry-after"] == "1"
        assert httpx.post(f"{address}/v1/ask", json=ASK, timeout=20).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions"])
def test_a_caller_who_leaves_frees_the_slot_and_the_model(assistant, path, stream):
    asked = {"question": QUEEN_AR, "messages": [{"role": "user", "content": QUEEN_AR}], "stream": stream}
    asked.pop("question" if "chat" in path else "messages")
    with Endpoint() as endpoint:
        endpoint.says(Hangs(20.0))
        told = like_with(
            like(assistant, refuse_below=0.0),
            llm_base_url=endpoint.url,
            llm_model="m",
            llm_timeout_s=20,
            max_concurrent=1,
        )
        with served(create_app(told)) as address:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}{path}", json=asked, timeout=1)
            assert_freed(endpoint)
            until = time.monotonic() + 5
            quick = {"question": QUEEN_AR, "mode": "extractive"}
            while httpx.post(f"{address}/v1/ask", json=quick).status_code != 200 and time.monotonic() < until:
                time.sleep(0.05)
            assert httpx.post(f"{address}/v1/ask", json=quick).status_code == 200


def test_events_reach_a_reader_while_the_answer_is_written(assistant):
    """The first event is there before the model has ended."""

    async def first_event(site):
        sent = asyncio.Queue()
        body = json.dumps(ASK | {"stream": True}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            return messages.pop(0) if messages else await asyncio.Event().wait()

        scope = {
            "type": "http", "method": "POST", "path": "/v1/ask", "query_string": b"", "http_version": "1.1",
            "headers": [(b"content-type", b"application/json")], "client": ("127.0.0.1", 1), "asgi": {"version": "3.0"},
        }  # fmt: skip
        running = asyncio.create_task(site(scope, receive, sent.put))
        found = [await asyncio.wait_for(sent.get(), 10) for _ in range(2)]
        model.let.set()
        await asyncio.wait_for(running, 10)
        return found

    model = Waits()
    start, first = asyncio.run(first_event(create_app(like(assistant, model, refuse_below=0.0))))
    assert start["status"] == 200
    assert first["body"].startswith(b"event: meta")
