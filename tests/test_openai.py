import json

import openai
import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from rag.settings import load_settings
from tests.doubles import ScriptedModel, like, local_client, served
from tests.test_assistant import ELSEWHERE, QUEEN_AR, QUEEN_EN, QUEEN_QUOTE
from ui.api import AnswerService, create_app

MODEL = "تحتاج ملكة النحل إلى 16 يومًا لتكتمل من البيضة إلى الحشرة البالغة [1]. وتعيش طويلًا [7]."


def asked(question):
    return {"model": "dalil", "messages": [{"role": "user", "content": question}]}


@pytest.fixture(scope="module")
def address(assistant):
    with served(create_app(AnswerService(assistant))) as running:
        yield running


@pytest.fixture(scope="module")
def client(address):
    return openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0)


def test_a_chat_completion_carries_citations_at_its_top(client):
    answer = client.chat.completions.create(**asked(QUEEN_AR), temperature=0.2, max_tokens=5, user="someone")
    assert answer.object == "chat.completion"
    assert answer.choices[0].finish_reason == "stop"
    assert QUEEN_QUOTE in answer.choices[0].message.content
    assert QUEEN_QUOTE in [citation["quote"] for citation in answer.citations]
    assert answer.dalil["language"] == "ar"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_filters_beside_openais_own_fields_restrict_the_answer(client):
    filters = {"articles": ["dead-sea"], "date_from": "2999"}
    answer = client.chat.completions.create(**asked(QUEEN_AR), extra_body={"filters": filters})
    assert answer.dalil["reason"] == "nothing_matches_filters"
    with pytest.raises(openai.UnprocessableEntityError, match="topic"):
        client.chat.completions.create(**asked(QUEEN_AR), extra_body={"filters": {"topic": "x"}})


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN, ELSEWHERE])
@pytest.mark.parametrize("model", [None, ScriptedModel(MODEL)])
def test_a_stream_says_the_same_as_a_whole_answer(assistant, question, model):
    with served(create_app(AnswerService(like(assistant, model)))) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0)
        whole = client.chat.completions.create(**asked(question))
        chunks = list(
            client.chat.completions.create(**asked(question), stream=True, stream_options={"include_usage": True})
        )
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason == "stop")
    assert last.citations == whole.citations
    assert {**last.dalil, "id": ""} == {**whole.dalil, "id": ""}
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_native_and_compatible_streams_have_the_same_citations(assistant):

    client = local_client(create_app(AnswerService(assistant)))
    whole = client.post("/v1/ask", json={"question": QUEEN_AR}).json()
    events = client.post("/v1/ask", json={"question": QUEEN_AR, "stream": True}).text.strip().split("\n\n")
    named = [
        (event.split("\n")[0].removeprefix("event: "), json.loads(event.split("data: ", 1)[1])) for event in events
    ]
    names = list(dict.fromkeys(name for name, _ in named))
    assert names == ["meta", "sources", "token", "citation", "final", "done"]
    assert "".join(data["text"] for name, data in named if name == "token") == whole["text"]
    assert [data for name, data in named if name == "citation"] == whole["citations"]
    final = next(data for name, data in named if name == "final")
    assert (final["text"], final["citations"]) == (whole["text"], whole["citations"])


def test_parts_of_a_message_and_instructions_are_read_as_clients_send_them(client):
    messages = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": [{"type": "text", "text": QUEEN_EN}]},
    ]
    answer = client.chat.completions.create(model="dalil-extractive", messages=messages)
    assert answer.choices[0].message.content.startswith("According to")


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_language_named_in_the_instructions_is_that_of_the_answer(client, role):
    messages = [{"role": role, "content": "Always answer in Arabic."}, {"role": "user", "content": QUEEN_EN}]
    answer = client.chat.completions.create(model="dalil-extractive", messages=messages)
    assert answer.dalil["language"] == "ar"


def test_the_conversation_so_far_is_history(client):
    messages = [
        {"role": "user", "content": "When was he born?"},
        {"role": "assistant", "content": "In 1886."},
        {"role": "user", "content": "1886"},
    ]
    assert client.chat.completions.create(model="dalil", messages=messages).dalil["language"] == "en"


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["dalil", "dalil-extractive"]
    assert client.models.retrieve("dalil").owned_by == "dalil"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError, "not_found"),
        ({"messages": [{"role": "user", "content": " "}]}, openai.BadRequestError, "invalid_question"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "invalid_question"),
        ({"messages": []}, openai.UnprocessableEntityError, "invalid_request"),
        ({"n": 2}, openai.UnprocessableEntityError, "invalid_request"),
    ],
)
def test_errors_are_the_clients_own(client, changes, error, code, stream):
    with pytest.raises(error) as raised:
        client.chat.completions.create(**asked(QUEEN_AR) | changes, stream=stream)
    assert raised.value.code == code


def test_a_wrong_key_is_an_authentication_error(assistant):
    locked = like(assistant, api_keys=load_settings({}, api_keys="right").api_keys)
    with served(create_app(AnswerService(locked))) as address:
        for key, lets_in in (("wrong", False), ("right", True)):
            client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
            if lets_in:
                assert client.chat.completions.create(**asked(QUEEN_AR)).citations
            else:
                with pytest.raises(openai.AuthenticationError):
                    client.chat.completions.create(**asked(QUEEN_AR))


def test_llama_index_can_use_it_as_a_model(address):
    model = OpenAILike(model="dalil", api_base=f"{address}/v1", api_key="any", is_chat_model=True)
    question = [ChatMessage(role="user", content=QUEEN_AR)]
    whole = model.chat(question).message.content
    assert QUEEN_QUOTE in whole
    assert "".join(part.delta or "" for part in model.stream_chat(question)) == whole
