import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from rag.answering.llm import Deadline
from rag.errors import ModelError
from tests.doubles import served
from ui.api.streams import format_event, stream_events

FIRST, SECOND = format_event({"n": 1}, "token"), format_event({"n": 2}, "token")
FAILED = format_event({"n": 3}, "error")
HEARTBEAT = ":\n\n"
HEARTBEAT_S = 0.2


def tell(seconds):
    yield FIRST
    time.sleep(seconds)
    yield SECOND


def fail(*_):
    raise ModelError("The model is away.")


def fail_late():
    time.sleep(0.5)
    fail()


def tell_and_fail(_):
    yield FIRST
    fail()


def begin_late():
    time.sleep(0.7)
    return 0.0


@pytest.fixture
def ask():
    def route(path, begin, tell):
        async def answer(request):
            return await stream_events(request, Deadline(9), begin, tell, lambda _: [FAILED], HEARTBEAT_S)

        return Route(path, answer)

    routes = [
        route("/silent", lambda: 0.7, tell),
        route("/late", begin_late, tell),
        route("/fails", fail, tell),
        route("/fails-late", fail_late, tell),
        route("/fails-within", lambda: 0.0, tell_and_fail),
    ]
    handlers = {ModelError: lambda _, error: JSONResponse(str(error), 502)}
    with served(Starlette(routes=routes, exception_handlers=handlers)) as address:
        yield lambda path: httpx.get(f"{address}{path}")


def test_a_silent_stream_sends_comments_and_loses_no_event(ask):
    text = ask("/silent").text
    beats = text.count(HEARTBEAT)
    assert 2 <= beats <= 4
    assert text == FIRST + HEARTBEAT * beats + SECOND


def test_what_is_long_in_beginning_sends_comments_before_its_events(ask):
    response = ask("/late")
    beats = response.text.count(HEARTBEAT)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert 2 <= beats <= 4
    assert response.text == HEARTBEAT * beats + FIRST + SECOND


def test_an_error_at_once_is_the_answer_and_a_later_one_an_event(ask):
    assert (ask("/fails").status_code, ask("/fails").json()) == (502, "The model is away.")
    late = ask("/fails-late")
    assert (late.status_code, late.text.replace(HEARTBEAT, "")) == (200, FAILED)
    assert ask("/fails-within").text == FIRST + FAILED
