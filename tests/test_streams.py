import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from rag.answering.llm import Deadline
from tests.doubles import served
from ui.api.streams import EventStreamResponse, format_event

FIRST, SECOND = format_event({"n": 1}, "token"), format_event({"n": 2}, "token")


@pytest.fixture
def address():
    def events():
        yield FIRST
        time.sleep(0.7)
        yield SECOND

    with served(Starlette(routes=[Route("/", lambda _: EventStreamResponse(events(), Deadline(9), 0.2))])) as running:
        yield running


def test_a_silent_stream_sends_comments_and_loses_no_event(address):
    text = httpx.get(address).text
    beats = text.count(":\n\n")
    assert 2 <= beats <= 4
    assert text == FIRST + ":\n\n" * beats + SECOND


def test_a_comment_comes_while_nothing_else_does(address):
    started = time.monotonic()
    with httpx.stream("GET", address) as response:
        parts = response.iter_text()
        while ":\n\n" not in next(parts).replace(FIRST, ""):
            pass
    assert time.monotonic() - started < 0.6
