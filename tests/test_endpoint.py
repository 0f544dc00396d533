"""Endpoints as they are: what they refuse, how they are addressed, and how they end."""

import logging
import time

import pytest

from rag.answering.llm import Deadline, open_llm, stream_text
from rag.errors import ModelError
from rag.settings import load_settings
from rag.types import Message
from tests.doubles import Chunks, Endpoint, Hangs, Refuses, Whole, closed_port

CONVERSATION = [Message("system", "Rules."), Message("user", "Question?")]
ANSWER = "The castle was built in 1823 [1]."


@pytest.fixture
def endpoint():
    with Endpoint() as running:
        yield running


def open_model(endpoint, **changes):
    return open_llm(load_settings({}, **{"llm_base_url": endpoint.url, "llm_model": "m"} | changes))


def ask(model, deadline=None):
    return "".join(stream_text(model, CONVERSATION, deadline or Deadline(10)))


def fail(model, deadline=None):
    with pytest.raises(ModelError) as raised:
        ask(model, deadline)
    return raised.value


# Parameters


def test_parameters_are_sent_as_they_are_set(endpoint):
    endpoint.says(ANSWER)
    changes = {"llm_temperature": 0.5, "llm_seed": 7, "llm_max_tokens": 300, "llm_reasoning_effort": "low"}
    body, headers = '{"top_p": 0.9, "seed": null}', '{"X-Team": "archive"}'
    ask(
        open_model(
            endpoint, llm_extra_body=body, llm_extra_headers=headers, llm_extra_query='{"tier": "flex"}', **changes
        )
    )
    (asked,), ((path, sent),) = endpoint.asked, endpoint.requests
    assert asked.pop("messages") == [{"role": "system", "content": "Rules."}, {"role": "user", "content": "Question?"}]
    expected = {
        "model": "m",
        "stream": True,
        "temperature": 0.5,
        "max_tokens": 300,
        "reasoning_effort": "low",
        "top_p": 0.9,
    }
    assert asked == expected
    assert path == "/v1/chat/completions?tier=flex"
    assert sent["x-team"] == "archive"
    assert "authorization" not in sent


def refuses_unless(is_acceptable, message, status=400):
    return lambda request: ANSWER if is_acceptable(request) else Refuses(status, {}, message)


@pytest.mark.parametrize(
    ("is_acceptable", "message", "status"),
    [
        (lambda body: "temperature" not in body, "Unsupported value: 'temperature' does not support 0", 400),
        (lambda body: "seed" not in body, '[{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]', 422),
        (lambda body: "reasoning_effort" not in body, "Unrecognized request argument supplied: reasoning_effort", 400),
        (
            lambda body: "max_tokens" not in body and body["max_completion_tokens"] == 700,
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            400,
        ),
        (lambda body: "max_tokens" not in body, "unknown field max_tokens", 400),
        (lambda body: "top_p" not in body, "top_p is not supported", 400),
        (lambda body: body["messages"][0]["role"] == "user", "System role not supported", 500),
        (
            lambda body: [one["role"] for one in body["messages"]] == ["user"],
            "Developer instruction is not enabled for models/gemma-3-27b-it",
            400,
        ),
    ],
    ids=["temperature", "seed", "reasoning_effort", "renamed", "max_tokens", "extra", "template", "system"],
)
def test_a_parameter_that_is_refused_is_left_out_from_then_on(endpoint, is_acceptable, message, status):
    endpoint.says(refuses_unless(is_acceptable, message, status))
    model = open_model(endpoint, llm_seed=1, llm_reasoning_effort="low", llm_extra_body={"top_p": 0.9})
    assert ask(model) == ANSWER
    assert len(endpoint.asked) == 2
    assert "Rules." in str(endpoint.asked[1]["messages"])
    assert ask(model) == ANSWER
    assert len(endpoint.asked) == 3, "it was refused once, and not sent again"


def test_several_refusals_are_followed_one_by_one(endpoint):
    def answer(body):
        for name in ("temperature", "max_tokens", "seed"):
            if name in body:
                return Refuses(
                    400, {}, f"'{name}' is not supported" + " use max_completion_tokens" * (name == "max_tokens")
                )
        return ANSWER

    endpoint.says(answer)
    assert ask(open_model(endpoint, llm_seed=1)) == ANSWER
    assert endpoint.asked[-1]["max_completion_tokens"] == 700


def test_an_endpoint_that_refuses_whatever_is_sent_is_asked_no_more_often_than_it_names_parameters(endpoint):
    endpoint.says(Refuses(400, {}, "temperature max_tokens stream seed are all wrong"))
    assert fail(open_model(endpoint)).reason == "model_failed"
    assert len(endpoint.asked) == 2


def test_a_prompt_that_is_too_long_costs_no_parameter(endpoint):
    message = "This model's maximum context length is 4096 tokens; max_tokens is too large"
    endpoint.says(Refuses(400, {}, message), ANSWER)
    model = open_model(endpoint)
    assert fail(model).reason == "model_context_exceeded"
    ask(model)
    assert endpoint.asked[1]["max_tokens"] == 700


# Addresses and keys


@pytest.mark.parametrize("path", ["", "/openai", "/openai/deployments/m", "/openai/deployments/m/chat/completions"])
def test_a_deployment_on_azure_is_asked_as_azure_has_it(endpoint, path):
    endpoint.says(ANSWER)
    url = endpoint.url.removesuffix("/v1") + path
    assert ask(open_model(endpoint, llm_base_url=url, llm_api_version="2024-10-21", llm_api_key="k")) == ANSWER
    ((asked, headers),) = endpoint.requests
    assert asked == "/openai/deployments/m/chat/completions?api-version=2024-10-21"
    assert headers["api-key"] == "k"
    assert "authorization" not in headers


def test_a_key_is_sent_as_a_bearer_token(endpoint):
    endpoint.says(ANSWER)
    ask(open_model(endpoint, llm_api_key="k"))
    assert endpoint.requests[0][1]["authorization"] == "Bearer k"


def test_openais_key_and_organization_go_to_no_other_host(endpoint, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    endpoint.says(ANSWER)
    variables = {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": endpoint.url, "DALIL_LLM_MODEL": "m"}
    ask(open_llm(load_settings(variables)))
    sent = str(endpoint.requests[0][1])
    assert "sk-1" not in sent
    assert "org-1" not in sent


# Texts


@pytest.mark.parametrize(
    "message",
    [
        {"content": ANSWER},
        {"content": ANSWER, "reasoning_content": "Hm."},
        {"content": [{"type": "text", "text": ANSWER}]},
    ],
)
def test_an_endpoint_that_does_not_stream_is_read_whole(endpoint, message):
    endpoint.says(Whole({"role": "assistant", **message}))
    assert ask(open_model(endpoint)) == ANSWER


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_beside_the_text_are_not_part_of_it(endpoint, field):
    endpoint.says(Chunks(({field: "Hm, passage [1]."}, {"content": None, field: " So 1823."}, {"content": ANSWER})))
    assert ask(open_model(endpoint)) == ANSWER


def test_thoughts_among_the_parts_of_a_text_are_not_part_of_it(endpoint):
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": ANSWER}]
    endpoint.says(Chunks(({"content": parts},)))
    assert ask(open_model(endpoint)) == ANSWER


def test_a_thought_that_nothing_opens_is_not_seen_first_or_later(endpoint):
    endpoint.says(f"The user asks when. Passage [1] says 1823.\n</think>\n\n{ANSWER}")
    model = open_model(endpoint)
    assert [ask(model).strip() for _ in range(3)] == [ANSWER] * 3


# Ends


def test_a_text_that_was_cut_off_is_an_error_behind_the_text(endpoint):
    endpoint.says(Chunks(({"content": "It was built in 18"},), "length"))
    pieces, model = [], open_model(endpoint)
    with pytest.raises(ModelError) as raised:
        pieces.extend(stream_text(model, CONVERSATION, Deadline(10)))
    assert (raised.value.reason, raised.value.is_retryable) == ("model_cut_off", False)


def test_a_model_that_spent_its_tokens_on_thoughts_gets_more(endpoint):
    endpoint.says(Chunks(({"reasoning": "Hm."},), "length"), Chunks(({"content": "<think>Hm"},), "length"), ANSWER)
    model = open_model(endpoint)
    assert [fail(model).is_retryable for _ in range(2)] == [True, True]
    assert ask(model) == ANSWER
    assert [body["max_tokens"] for body in endpoint.asked] == [700, 2800, 11200]


def test_a_model_that_says_one_thing_again_and_again_is_let_go(endpoint):
    endpoint.says("The castle was built in 1823 of coral stone [1]. " * 400)
    endpoint.pause_s = 0.001
    model = open_model(endpoint)
    model._habit.note_separate_thoughts()
    assert fail(model).reason == "model_loops"
    until = time.monotonic() + 3
    while not endpoint.left and time.monotonic() < until:
        time.sleep(0.02)
    assert endpoint.left == 1


# Time


@pytest.mark.parametrize(
    ("answer", "limits", "message"),
    [
        (Hangs(5), {"seconds": 60, "first_token_s": 0.3}, "said nothing for 0.3 s"),
        (Hangs(5, "It was"), {"seconds": 60, "first_token_s": 60, "next_token_s": 0.3}, "said nothing for 0.3 s"),
        (Hangs(5), {"seconds": 0.3, "first_token_s": 60}, "time for all of it"),
    ],
)
def test_each_limit_ends_a_call(endpoint, answer, limits, message):
    endpoint.says(answer)
    started = time.monotonic()
    error = fail(open_model(endpoint), Deadline(**limits))
    assert error.reason == "model_timeout"
    assert message in str(error)
    assert time.monotonic() - started < 3


def test_a_slow_text_is_no_silence(endpoint):
    endpoint.says(ANSWER)
    endpoint.pause_s = 0.15
    assert ask(open_model(endpoint), Deadline(30, first_token_s=1, next_token_s=0.5)) == ANSWER


# The log


@pytest.mark.parametrize(
    ("port", "status", "words"),
    [(True, None, "Connection refused"), (None, 401, "DALIL_LLM_API_KEY"), (None, 503, "the model is being loaded")],
)
def test_the_log_says_why_there_is_no_answer(endpoint, caplog, port, status, words):
    endpoint.says(Refuses(status, {}, "the model is being loaded"))
    changes = {"llm_base_url": f"http://127.0.0.1:{closed_port()}/v1"} if port else {}
    with caplog.at_level(logging.WARNING, "dalil.model"):
        fail(open_model(endpoint, **changes))
    assert words in caplog.text
