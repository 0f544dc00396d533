"""Traces as a collector receives them: real requests, real OTLP over HTTP on loopback."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.doubles import Collector, ScriptedModel, closed_port, like, served
from ui.api import AnswerService, create_app, open_tracing

ROOT = Path(__file__).parent.parent
QUEEN = "كم يومًا تحتاج ملكة النحل لتكتمل من البيضة إلى الحشرة البالغة؟"
STAGES = ["embed", "store", "rank", "write"]


@pytest.fixture
def collector():
    with Collector() as running:
        yield running


def traced(assistant, collector, *requests):
    """Send requests, as (method, path, body), to a service that is traced; gives the spans that came of them."""
    with (
        open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) as tracing,
        served(create_app(AnswerService(assistant), tracing)) as address,
    ):
        for method, path, body in requests:
            httpx.request(method, address + path, json=body, headers={"x-request-id": "r-1"}, timeout=30)
    return collector.spans


def attributes(span):
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


@pytest.mark.parametrize("stream", [False, True])
def test_a_question_is_a_span_with_its_stages_in_order(assistant, collector, stream):
    spans = traced(assistant, collector, ("POST", "/v1/ask", {"question": QUEEN, "stream": stream}))
    (root,) = [span for span in spans if not span.parent_span_id]
    assert root.name == "POST /v1/ask"
    stages = sorted(
        (span for span in spans if span.parent_span_id == root.span_id), key=lambda one: one.end_time_unix_nano
    )
    assert [stage.name for stage in stages] == STAGES
    times = [root.start_time_unix_nano]
    for stage in stages:
        times += [stage.start_time_unix_nano, stage.end_time_unix_nano]
    assert [*times, root.end_time_unix_nano] == sorted([*times, root.end_time_unix_nano])
    assert (collector.paths, collector.services) == ({"/v1/traces"}, {"dalil"})


def test_a_span_says_what_came_of_the_request(assistant, collector):
    with_model = like(assistant, ScriptedModel("تحتاج ملكة النحل إلى 16 يومًا لتكتمل [1]."), refuse_below=0.0)
    spans = traced(with_model, collector, ("POST", "/v1/ask", {"question": QUEEN, "top_k": 3}))
    assert attributes(next(span for span in spans if not span.parent_span_id)) == {
        "http.request.method": "POST",
        "http.route": "/v1/ask",
        "http.response.status_code": 200,
        "dalil.request_id": "r-1",
        "dalil.language": "ar",
        "dalil.mode": "generate",
        "dalil.refused": False,
        "dalil.degraded": False,
        "dalil.hits": 3,
        "dalil.citations": 1,
    }


def test_no_words_of_a_question_an_article_or_an_answer_are_sent(assistant, collector):
    spans = traced(
        assistant,
        collector,
        ("POST", "/v1/ask", {"question": QUEEN}),
        ("POST", "/v1/ask", {"question": "", "secret": "secret"}),
        ("POST", "/v1/search?q=secret", {"query": QUEEN, "mode": "lexical"}),
        ("GET", "/v1/articles/secret", None),
        ("GET", "/health", None),
    )
    roots = [span for span in spans if not span.parent_span_id]
    assert sorted(span.name for span in roots) == [
        "GET /v1/articles/{article_id:path}",
        "POST /v1/ask",
        "POST /v1/ask",
        "POST /v1/search",
    ]
    sent = "".join(str(span.name) + str(attributes(span)) + str(span.events) for span in spans)
    assert sent.isascii()
    assert "secret" not in sent


def test_a_request_joins_the_trace_of_its_caller(assistant, collector):
    caller = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    with (
        open_tracing({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/here"}) as tracing,
        served(create_app(AnswerService(assistant), tracing)) as address,
    ):
        httpx.get(f"{address}/v1/articles", headers=caller)
    (span,) = collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == ("ab" * 16, "cd" * 8)
    assert collector.paths == {"/here"}


def test_a_collector_that_is_away_takes_nothing_from_an_answer(assistant):
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{closed_port()}"}
    with open_tracing(away) as tracing, served(create_app(AnswerService(assistant), tracing)) as address:
        assert httpx.post(f"{address}/v1/ask", json={"question": QUEEN}, timeout=30).json()["citations"]
        answered = time.monotonic()
    assert time.monotonic() - answered < 5


@pytest.mark.parametrize("environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_SERVICE_NAME": "x"}])
def test_nothing_is_traced_unless_a_collector_is_named(environment):
    assert open_tracing(environment) is None


WITHOUT = """
import sys
sys.modules["opentelemetry.sdk"] = None  # as it is where the extra is not installed
from ui.api import open_tracing
open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
"""


def test_without_the_extra_the_error_names_it():
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "SettingsError: OTEL_EXPORTER_OTLP_ENDPOINT is set" in done.stderr
    assert "pip install 'dalil[otel]'" in done.stderr
