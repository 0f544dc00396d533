import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event, Semaphore

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from rag.errors import SettingsError
from rag.settings import load_settings
from tests.doubles import Endpoint, Hangs, ScriptedModel, like, local_client, served
from tests.test_assistant import QUEEN_AR, assert_freed, like_with
from tests.test_service import error
from ui.api import AnswerService, create_app, limits
from ui.api.access import AccessMiddleware
from ui.api.connections import TimedProtocol
from ui.api.keys import COOKIE, ApiKeys, KeyCheck, KeyGuard
from ui.api.limits import ConcurrencyLimiter, FailureLimiter, RateLimiter
from ui.serve import configure_server

ASK = {"question": QUEEN_AR}


def app_over(assistant):
    return create_app(AnswerService(assistant))


def client(assistant, model=None, **changes):
    return local_client(app_over(like(assistant, model, **changes)), raise_server_exceptions=False)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


async def echo(scope, receive, send):
    """A site that gives back the body it gets."""
    await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


def guarded(site=echo, body_timeout_s=5.0, **changes):
    """A site behind the access control alone."""
    settings = load_settings({}, **changes)
    return local_client(
        ExceptionMiddleware(
            AccessMiddleware(site, settings, ConcurrencyLimiter(settings.concurrent_answers), body_timeout_s)
        ),
        raise_server_exceptions=False,
    )


# Keys


@pytest.fixture(scope="module")
def locked(assistant):
    keys = load_settings({}, api_keys="first-key, مفتاح").api_keys
    return client(assistant, api_keys=keys, refuse_below=0.0)


@pytest.mark.parametrize("path", ["/v1/articles", "/v1/models", "/metrics"])
def test_without_a_key_nothing_is_given(locked, path):
    problem = error(locked.get(path), 401)
    assert (problem["type"], problem["code"]) == ("authentication_error", "invalid_api_key")
    assert locked.get(path).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["first-key", "مفتاح"])
def test_each_of_the_keys_lets_in(locked, key):
    headers = [("Authorization", f"Bearer {key}".encode())]
    assert locked.post("/v1/ask", json=ASK, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["first-key", "Bearer", "Bearer ", "Bearer first", "Bearer first-key2", "Bearer FIRST-KEY", "Basic first-key"],
)
def test_another_key_does_not(header):
    error(guarded(api_keys="first-key").post("/v1/ask", json=ASK, headers={"Authorization": header}), 401)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_the_scheme_may_be_written_in_any_way(scheme):
    assert guarded(api_keys="k").get("/v1/models", headers={"Authorization": f"{scheme}k"}).status_code == 200


def test_a_key_that_is_missing_and_one_that_is_wrong_are_distinguished():
    site = guarded(api_keys="k")
    missing, wrong = site.get("/v1/models"), site.get("/v1/models", headers=bearer("other"))
    assert error(missing, 401)["message"] == "A key is needed: send it as `Authorization: Bearer KEY`."
    assert error(wrong, 401)["message"] == "That key is not known."


@pytest.mark.parametrize("path", ["/health", "/ready", "/login", "/page/page.css", "/docs", "/openapi.json"])
def test_what_holds_nothing_of_the_articles_needs_no_key(path):
    assert guarded(api_keys="k").get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/ar/", "/ar/config", "/metrics", "/v1/models", "/v10/models"])
def test_all_else_needs_a_key_or_the_session_token_made_of_it(path):
    site = guarded(api_keys="k")
    error(site.get(path), 401)
    assert site.get(path, headers=bearer("k")).status_code == 200
    assert site.get(path, headers={"Cookie": f"{COOKIE}={ApiKeys.session_token(b'k')}"}).status_code == 200
    error(site.get(path, headers={"Cookie": f"{COOKIE}={ApiKeys.session_token(b'other')}"}), 401)
    error(site.get(path, headers={"Cookie": f"{COOKIE}=k"}), 401)


def test_a_reader_without_a_key_is_shown_where_to_give_one():
    answer = guarded(api_keys="k").get("/ar/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_bytes_that_are_no_text_are_no_key():
    error(guarded(api_keys="first-key").get("/v1/models", headers=[(b"Authorization", b"Bearer \xff\xfe")]), 401)


def test_two_keys_at_once_are_none(locked):
    twice = [("Authorization", "Bearer first-key"), ("Authorization", "Bearer first-key")]
    error(locked.get("/v1/models", headers=twice), 401)


def test_health_needs_no_key(locked):
    assert locked.get("/health").status_code == 200


def test_a_key_is_compared_whole():
    assert ApiKeys(("abc",)).verify(b"abc")
    assert not any(ApiKeys(("abc",)).verify(given) for given in (b"", b"ab", b"abcd", b"ABC"))
    assert not ApiKeys(())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_other_machines_are_let_in_only_with_keys_or_by_a_setting(host):
    with pytest.raises(SettingsError, match="DALIL_API_KEYS"):
        load_settings({}, host=host)
    assert load_settings({}, host=host, api_keys="k").host == host
    assert load_settings({}, host=host, open_access=True).host == host


# Bodies


def test_a_body_that_says_it_is_too_large_is_refused(assistant):
    problem = error(client(assistant, max_body_bytes=10_000).post("/v1/ask", json={"question": "س" * 20_000}), 413)
    assert (problem["type"], problem["code"]) == ("invalid_request_error", "body_too_large")
    assert problem["message"] == "The body is too large: at most 10,000 bytes."


@pytest.mark.parametrize(("size", "status"), [(9_999, 200), (10_000, 200), (10_001, 413)])
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_body_may_be_as_long_as_the_limit(size, status, pieces):
    body = b"x" * size
    whole = body if pieces == 1 else (body[at : at + 4_000] for at in range(0, size, 4_000))
    answer = guarded(max_body_bytes=10_000).post("/v1/articles", content=whole)
    assert answer.status_code == status
    assert ("at most 10,000 bytes" in answer.text) == (status == 413)
    assert (answer.text == body.decode()) == (status == 200)


def test_a_body_that_says_it_is_too_large_is_refused_before_anybody_reads_it():
    site = guarded(PlainTextResponse("not read"), max_body_bytes=10_000)
    assert [site.post("/v1/articles", content=b"x" * size).status_code for size in (10_000, 10_001)] == [200, 413]


@pytest.mark.parametrize("length", [b"many", b"-1", b""])
def test_a_length_that_is_no_number_is_left_to_the_count(length):
    answer = guarded(max_body_bytes=10_000).post("/v1/articles", content=b"x", headers={"Content-Length": length})
    assert answer.status_code == 200


def test_a_body_is_counted_as_it_arrives(assistant):
    def endless():
        for _ in range(100):
            yield b'{"question": "' + b"a" * 1000

    problem = error(client(assistant, max_body_bytes=10_000).post("/v1/ask", content=endless()), 413)
    assert problem["code"] == "body_too_large"


def test_a_body_that_does_not_arrive_is_given_up(assistant):
    async def reads(scope, receive, send):
        await PlainTextResponse((await Request(scope, receive).body()).decode())(scope, receive, send)

    slow_site = ExceptionMiddleware(
        AccessMiddleware(reads, assistant.settings, ConcurrencyLimiter(1), body_timeout_s=0.2)
    )
    with served(slow_site) as address, socket.create_connection(tuple_of(address)) as slow:
        slow.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        slow.settimeout(5)
        assert b"408" in slow.recv(100)


def tuple_of(address):
    return (httpx.URL(address).host, httpx.URL(address).port)


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"question":' * 5_000, b"\xff", b"", b"null", b"{"])
def test_a_body_that_is_no_request_is_refused_with_the_reason(assistant, body):
    answer = client(assistant).post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
    problem = error(answer, 400 if "parsing" in answer.text else 422)
    assert problem["type"] == "invalid_request_error"


async def wait_for_disconnect(scope, receive, send):
    """A site that listens, after the body, for its reader to go."""
    await Request(scope, receive).body()
    await PlainTextResponse((await receive())["type"])(scope, receive, send)


def test_only_the_body_has_to_hurry_not_the_answer():
    async def asked():
        sent, coming = [], [{"type": "http.request", "body": b"x"}]

        async def receive():
            if coming:
                return coming.pop()
            await asyncio.sleep(0.3)
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/ask", "headers": [], "client": None}
        await AccessMiddleware(wait_for_disconnect, load_settings({}), ConcurrencyLimiter(1), body_timeout_s=0.1)(
            scope, receive, send
        )
        return sent

    start, rest = asyncio.run(asked())
    assert (start["status"], rest["body"]) == (200, b"http.disconnect")


# Rates


def test_a_caller_has_so_many_requests_a_minute(assistant):
    limited = client(assistant, requests_per_minute=3)
    answers = [limited.get("/v1/models") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem = error(answers[3], 429)
    assert (problem["type"], problem["code"]) == ("rate_limit_error", "rate_limited")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    error(limited.get("/v1/models", headers=bearer("a made-up name")), 429)


def test_each_key_has_a_rate_of_its_own(assistant):
    keys = load_settings({}, api_keys="one,two").api_keys
    limited = client(assistant, api_keys=keys, requests_per_minute=1)
    answers = [limited.get("/v1/models", headers=bearer(key)).status_code for key in ("one", "one", "two")]
    assert answers == [200, 429, 200]


def test_callers_are_distinguished_by_address_where_no_key_is_needed():
    site = ExceptionMiddleware(AccessMiddleware(echo, load_settings({}, requests_per_minute=1), ConcurrencyLimiter(1)))
    callers = [local_client(site, client=(address, 1)) for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2")]
    assert [caller.get("/v1/models").status_code for caller in callers] == [200, 429, 200]


def test_a_bucket_holds_a_minute_and_fills_evenly():
    now = [0.0]
    limiter = RateLimiter(2, lambda: now[0])
    assert [limiter.retry_after("a") for _ in range(3)] == [0.0, 0.0, 60 / 2]
    now[0] = 10.0
    assert limiter.retry_after("a") == pytest.approx(60 / 2 - 10)
    now[0] = 30.0
    assert [limiter.retry_after("a") for _ in range(2)] == [0.0, pytest.approx(60 / 2)]
    now[0] = 1_000_000.0  # however long nobody came, no more than a minute's worth
    assert [limiter.retry_after("a") for _ in range(3)] == [0.0, 0.0, pytest.approx(60 / 2)]


def test_without_a_rate_nobody_waits():
    limiter = RateLimiter(0, lambda: 0.0)
    assert [limiter.retry_after("a") for _ in range(1_000)] == [0.0] * 1_000


def test_who_was_not_seen_for_longest_is_forgotten_first():
    limiter = RateLimiter(1, lambda: 0.0)
    for caller in ["first", "second", *map(str, range(limits._MAX_CALLERS - 2)), "first", "one too many"]:
        limiter.retry_after(caller)
    assert limiter.retry_after("first") == 60.0
    assert limiter.retry_after("second") == 0.0


def test_a_bucket_fills_with_time_and_old_callers_are_forgotten():
    now = [0.0]
    limiter = RateLimiter(60, lambda: now[0])
    assert [limiter.retry_after("a") for _ in range(60)] == [0.0] * 60
    assert limiter.retry_after("a") == pytest.approx(1.0)
    now[0] = 1.0
    assert limiter.retry_after("a") == 0.0
    for caller in range(limits._MAX_CALLERS + 5):
        limiter.retry_after(str(caller))
    assert len(limiter._buckets) == limits._MAX_CALLERS


# Answers at once


class Waits(ScriptedModel):
    """A model that answers when it is let."""

    def __init__(self):
        super().__init__("NO_ANSWER")
        self.let, self.waiting = Event(), Semaphore(0)

    def stream_chat(self, messages):
        self.waiting.release()
        self.let.wait(10)
        return super().stream_chat(messages)


def test_more_questions_than_may_be_answered_at_once_are_sent_away_at_once(assistant):
    model = Waits()
    with served(app_over(like(assistant, model, max_concurrent=2, refuse_below=0.0))) as address:
        with ThreadPoolExecutor(2) as askers:
            waiting = [askers.submit(httpx.post, f"{address}/v1/ask", json=ASK, timeout=20) for _ in range(2)]
            assert model.waiting.acquire(timeout=10)
            assert model.waiting.acquire(timeout=10)
            refused = httpx.post(f"{address}/v1/ask", json=ASK, timeout=5)
            assert httpx.get(f"{address}/health").status_code == 200
            model.let.set()
            assert [done.result().status_code for done in waiting] == [200, 200]
        problem = error(refused, 503)
        assert (problem["type"], problem["code"]) == ("service_unavailable_error", "overloaded")
        assert problem["message"].startswith("Dalil is answering 2 questions")
        assert refused.headers["retry-after"] == "1"
        assert httpx.post(f"{address}/v1/ask", json=ASK, timeout=20).status_code == 200


def asked_while_busy(path, busy_with="/v1/ask", busy=1, limit=1):
    """The status of a request to `path` while `busy` others are under way."""
    arrived, let = Semaphore(0), Event()

    async def holds(scope, receive, send):
        if b"held" in scope["query_string"]:
            arrived.release()
            await asyncio.to_thread(let.wait, 10)
        await PlainTextResponse("done")(scope, receive, send)

    with (
        served(AccessMiddleware(holds, load_settings({}), ConcurrencyLimiter(limit))) as address,
        ThreadPoolExecutor(busy) as askers,
    ):
        held = [askers.submit(httpx.post, f"{address}{busy_with}?held") for _ in range(busy)]
        assert all(arrived.acquire(timeout=10) for _ in held)
        answer = httpx.post(f"{address}{path}")
        let.set()
        assert [one.result().status_code for one in held] == [200] * busy
    return answer.status_code


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/chat/completions"])
def test_what_searches_takes_a_place_and_needs_one(path):
    assert asked_while_busy(path) == 503
    assert asked_while_busy("/v1/ask", busy_with=path) == 503
    assert asked_while_busy(path, limit=2) == 200


@pytest.mark.parametrize("path", ["/v1/articles", "/v1/models", "/metrics"])
def test_what_does_not_search_neither_takes_a_place_nor_needs_one(path):
    assert asked_while_busy(path) == 200
    assert asked_while_busy("/v1/ask", busy_with=path) == 200


def test_a_site_that_fails_frees_the_place():
    async def fails(scope, receive, send):
        raise HTTPException(500)

    site = guarded(fails, max_concurrent=1)
    assert [site.post("/v1/ask").status_code for _ in range(3)] == [500] * 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions"])
def test_a_caller_who_leaves_frees_the_place_and_the_model(assistant, path, stream):
    asked = {"question": QUEEN_AR, "messages": [{"role": "user", "content": QUEEN_AR}], "stream": stream}
    asked.pop("question" if "chat" in path else "messages")
    with Endpoint() as endpoint:
        endpoint.says(Hangs(20.0))
        with_model = like_with(
            like(assistant, refuse_below=0.0),
            llm_base_url=endpoint.url,
            llm_model="m",
            llm_timeout_s=20,
            max_concurrent=1,
        )
        with served(app_over(with_model)) as address:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}{path}", json=asked, timeout=4)
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
    start, first = asyncio.run(first_event(app_over(like(assistant, model, refuse_below=0.0))))
    assert start["status"] == 200
    assert first["body"].startswith(b"event: meta")


# Slow senders


def test_a_body_that_is_still_coming_takes_no_place(assistant):
    """As many slow bodies as there are places leave every place free."""
    app = app_over(like(assistant, max_concurrent=2, refuse_below=0.0))
    head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    with served(app) as address, ExitStack() as slow:
        for _ in range(20):
            slow.enter_context(socket.create_connection(tuple_of(address))).sendall(head)
        time.sleep(0.2)
        assert httpx.post(f"{address}/v1/ask", json=ASK, timeout=20).status_code == 200


class QuickToClose(TimedProtocol):
    head_timeout_s = 0.3


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: localh"])
def test_a_head_that_does_not_come_ends_its_connection(sent):
    with served(echo, http=QuickToClose) as address, socket.create_connection(tuple_of(address)) as slow:
        slow.sendall(sent)
        slow.settimeout(5)
        assert slow.recv(100) == b""


def test_a_second_head_on_a_connection_has_to_hurry_too():
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served(echo, http=QuickToClose) as address, socket.create_connection(tuple_of(address)) as slow:
        slow.settimeout(5)
        slow.sendall(whole)
        assert b"200 OK" in slow.recv(1000)
        slow.sendall(whole[:10])
        assert slow.recv(100) == b""


def test_a_request_that_is_answered_slowly_has_its_time():
    async def answer_slowly(scope, receive, send):
        await asyncio.sleep(3 * QuickToClose.head_timeout_s)
        await PlainTextResponse("done")(scope, receive, send)

    with served(answer_slowly, http=QuickToClose) as address:
        assert httpx.get(address).text == "done"


# Guessers of keys


def test_whoever_tries_wrong_keys_waits_longer_and_longer():
    now = [0.0]
    guard = KeyGuard(ApiKeys(("right",)), lambda: now[0])
    assert [guard.check(b"wrong %d" % number, "a") for number in range(5)] == [KeyCheck(False)] * 5
    assert guard.check(b"right", "a") == KeyCheck(False, 1.0)
    assert guard.check(b"right", "b").is_known
    waits = []
    for number in range(14):
        now[0] += guard.check(b"", "a").wait_s
        assert guard.check(b"again %d" % number, "a") == KeyCheck(False)
        waits.append(guard.check(b"", "a").wait_s)
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0] + [900.0] * 5
    now[0] += 900.0
    assert guard.check(b"right", "a").is_known


def test_one_key_that_is_tried_from_many_addresses_waits_too():
    guard = KeyGuard(ApiKeys(("right",)), lambda: 0.0)
    waits = [guard.check(b"guess", f"10.0.0.{number}").wait_s for number in range(7)]
    assert waits == [0.0] * 5 + [1.0] * 2


def test_a_key_that_was_right_before_is_let_in_beside_a_guesser():
    guard = KeyGuard(ApiKeys(("right",)), lambda: 0.0)
    assert guard.check(b"right", "office").is_known
    for number in range(9):
        guard.check(b"wrong %d" % number, "office")
    assert guard.check(b"right", "office").is_known
    assert guard.check(b"other", "office").wait_s > 0


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("no address", "nor this", False),
    ],
)
def test_a_network_of_the_sixth_version_is_one_caller(first, second, is_one):
    guard = KeyGuard(ApiKeys(("right",)), lambda: 0.0)
    for number in range(9):
        guard.check(b"wrong %d" % number, first)
    assert (guard.check(b"right", second).wait_s > 0) == is_one


def test_one_who_was_quiet_for_long_begins_anew():
    now = [0.0]
    limiter = FailureLimiter(lambda: now[0])
    for _ in range(6):
        limiter.count_failure("a")
    assert limiter.retry_after("a") == 2.0
    now[0] += 2.0 + 900.0
    limiter.count_failure("a")
    assert limiter.retry_after("a") == 0.0


def test_guesses_are_refused_over_http_with_the_time_to_wait():
    site = guarded(api_keys="right")
    answers = [site.get("/v1/models", headers=bearer(f"wrong{number}")) for number in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
    assert error(answers[-1], 429)["code"] == "too_many_keys"
    assert answers[-1].headers["retry-after"] == "1"
    assert site.get("/health").status_code == 200


def test_a_stale_cookie_is_no_guess():
    site = guarded(api_keys="right")
    for _ in range(20):
        error(site.get("/ar/", headers={"Cookie": f"{COOKIE}=old"}), 401)
    assert site.get("/ar/", headers=bearer("right")).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/ar/gradio_api/queue/join", "/en/gradio_api/upload"])
def test_signing_in_and_the_events_of_the_page_count_against_the_rate(path):
    site = guarded(requests_per_minute=2)
    assert [site.post(path).status_code for _ in range(3)] == [200, 200, 429]
    assert [site.get("/ar/").status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        ("", "203.0.113.7", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.0/8, 127.0.0.0/8", "203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.7", "127.0.0.1"),
    ],
)
def test_a_forwarded_address_counts_only_from_a_proxy_that_is_named(proxies, forwarded, seen):
    async def tell_address(scope, receive, send):
        await PlainTextResponse(scope["client"][0])(scope, receive, send)

    config = configure_server(tell_address, load_settings({}, trusted_proxies=proxies))
    with served(config) as address:
        assert httpx.get(address, headers={"X-Forwarded-For": forwarded}).text == seen


def test_what_speaks_by_web_sockets_is_closed():
    sent = []

    async def keep(message):
        sent.append(message)

    guard = AccessMiddleware(echo, load_settings({}), ConcurrencyLimiter(1))
    asyncio.run(guard({"type": "websocket", "path": "/v1/ask", "headers": []}, None, keep))
    assert sent == [{"type": "websocket.close", "code": 1008}]
