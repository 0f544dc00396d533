"""LibreChat's requests, one file each, against a live service: what it sends as its documentation and source have it,
in words of ours, and what it reads of the answer."""

import json
from pathlib import Path

import httpx
import pytest

from tests.doubles import ScriptedModel, like, served
from ui.api import AnswerService, create_app
from ui.api.wanted_form import read_wanted_form

FILES = sorted((Path(__file__).parent / "requests" / "librechat").glob("*.json"))
HEADERS = {"Authorization": "Bearer any", "User-Agent": "OpenAI/JS"}


def read(file):
    return json.loads(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def service(assistant):
    with served(create_app(AnswerService(assistant))) as address:
        yield address


def send(service, body):
    """The message that a client puts together of the answer, whole or streamed."""
    answer = httpx.post(f"{service}/v1/chat/completions", json=body, headers=HEADERS, timeout=60)
    assert answer.status_code == 200, answer.text
    if not body["stream"]:
        (choice,) = answer.json()["choices"]
        assert choice["finish_reason"] == "stop"
        return choice["message"]
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert chunks[-1]["usage"]["total_tokens"] > 0
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    return {"content": "".join(delta.get("content") or "" for delta in deltas) or None, "tool_calls": calls}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_request_of_librechats_is_answered_as_it_reads_it(service, file):
    wanted = read(file)
    message = send(service, wanted["body"])
    if "call" in wanted:
        called = {call["function"]["name"]: json.loads(call["function"]["arguments"]) for call in message["tool_calls"]}
        assert (called, message["content"]) == (wanted["call"], None)
        assert all(call["id"] and call["type"] == "function" for call in message["tool_calls"])
        return
    assert not message.get("tool_calls")
    if "object" in wanted:
        assert json.loads(message["content"]) == wanted["object"]
    elif "text" in wanted:
        assert message["content"] == wanted["text"]
    else:
        assert wanted["contains"] in message["content"]


def test_its_list_of_models_is_fetched(service):
    listed = httpx.get(f"{service}/v1/models", headers=HEADERS).json()["data"]
    assert "dalil" in [model["id"] for model in listed]


def test_a_model_writes_the_title_in_the_form_that_is_wanted(assistant):
    wanted = read(next(file for file in FILES if file.stem == "title_functions"))
    model = ScriptedModel('{"language": "Arabic", "title": "ملكات النحل"}')
    with served(create_app(AnswerService(like(assistant, model)))) as service:
        (call,) = send(service, wanted["body"])["tool_calls"]
    assert json.loads(call["function"]["arguments"])["title"] == "ملكات النحل"


FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"title": {}}}}}


@pytest.mark.parametrize(
    ("response_format", "tools", "tool_choice", "form"),
    [
        (None, None, None, None),
        ({"type": "text"}, [FUNCTION], "auto", None),
        ({"type": "json_object"}, [], "none", ((), "")),
        (
            {"type": "json_schema", "json_schema": {"schema": {"properties": {"title": {}}}}},
            None,
            None,
            (("title",), ""),
        ),
        ({"type": "json_schema", "json_schema": 7}, None, None, ((), "")),
        (None, [FUNCTION], "required", (("title",), "f")),
        (None, [FUNCTION, {"type": "function", "function": {"name": "g"}}], "required", None),
        (None, [FUNCTION], {"type": "function", "function": {"name": "f"}}, (("title",), "f")),
        (None, [FUNCTION], {"type": "function", "function": {"name": "other"}}, None),
        (None, "x", "required", None),
        (None, [7, {"function": {"name": 7}}], {"function": []}, None),
    ],
)
def test_the_form_that_is_wanted_is_read_whatever_is_sent(response_format, tools, tool_choice, form):
    assert read_wanted_form(response_format, tools, tool_choice) == form
