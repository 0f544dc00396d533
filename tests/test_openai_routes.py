"""Responses and embeddings, by OpenAI's client."""

import httpx
import numpy as np
import openai
import pytest
from llama_index.core.base.llms.types import ChatMessage

from rag.errors import EmbeddingError
from tests.doubles import FailingEncoder, ScriptedModel, like, local_client, served
from tests.test_assistant import QUEEN_AR, QUEEN_QUOTE
from ui.api import AnswerService, create_app

PASSAGE = "تحتاج ملكة النحل إلى 16 يومًا."


@pytest.fixture(scope="module")
def address(assistant):
    with served(create_app(AnswerService(assistant))) as running:
        yield running


@pytest.fixture(scope="module")
def client(address):
    return openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0)


# Responses


@pytest.mark.parametrize(
    "asked",
    [
        QUEEN_AR,
        [{"role": "user", "content": [{"type": "input_text", "text": QUEEN_AR}]}],
        [
            {"role": "user", "content": "متى وُلد ابن بطوطة؟"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "عام 703"}]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"role": "user", "content": QUEEN_AR},
        ],
    ],
)
def test_a_response_holds_the_answer_with_its_citations(client, asked):
    response = client.responses.create(model="dalil", input=asked, temperature=0.3)
    assert QUEEN_QUOTE in response.output_text
    assert (response.object, response.status, response.model) == ("response", "completed", "dalil")
    assert QUEEN_QUOTE in [citation["quote"] for citation in response.citations]
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0


def test_instructions_name_the_language_of_a_response(client):
    response = client.responses.create(model="dalil", input=QUEEN_AR, instructions="Always answer in English.")
    assert response.dalil["language"] == "en"
    assert response.instructions == "Always answer in English."


def test_the_events_of_a_response_say_the_same_as_the_whole(client):
    whole = client.responses.create(model="dalil", input=QUEEN_AR)
    with client.responses.stream(model="dalil", input=QUEEN_AR) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == whole.output_text
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert list(dict.fromkeys(event.type for event in events)) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.citations == whole.citations


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"input": " "}, openai.BadRequestError, "no text"),
        ({"input": []}, openai.UnprocessableEntityError, "input"),
        ({"input": 7}, openai.UnprocessableEntityError, "input"),
        ({"model": "gpt-9"}, openai.NotFoundError, "gpt-9"),
        ({"previous_response_id": "resp_1"}, openai.BadRequestError, "previous_response_id"),
    ],
)
def test_what_cannot_be_responded_to_is_an_error_of_the_client(client, changes, error, message):
    with pytest.raises(error, match=message):
        client.responses.create(**{"model": "dalil", "input": QUEEN_AR} | changes)


def test_a_model_writes_responses_too(assistant):
    model = ScriptedModel(f"{PASSAGE.rstrip('.')} [1].")
    answer = local_client(create_app(AnswerService(like(assistant, model)))).post(
        "/v1/responses", json={"input": QUEEN_AR}
    )
    assert answer.json()["dalil"]["mode"] == "generate"
    assert isinstance(model.asked[0][0], ChatMessage)


# Completions


@pytest.mark.parametrize("prompt", [QUEEN_AR, [QUEEN_AR]])
def test_a_prompt_is_answered_as_a_question(client, prompt):
    whole = client.completions.create(model="dalil", prompt=prompt, max_tokens=5, echo=True)
    chunks = list(client.completions.create(model="dalil", prompt=prompt, stream=True))
    assert QUEEN_QUOTE in whole.choices[0].text
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert (chunks[-1].choices[0].finish_reason, chunks[-1].citations) == ("stop", whole.citations)
    assert len({chunk.id for chunk in chunks}) == 1
    assert whole.usage.completion_tokens > 0


@pytest.mark.parametrize("prompt", [[QUEEN_AR, QUEEN_AR], [], 7])
def test_other_prompts_are_refused(client, prompt):
    with pytest.raises(openai.UnprocessableEntityError, match="prompt"):
        client.completions.create(model="dalil", prompt=prompt)


# Embeddings


def test_texts_are_embedded_as_the_passages_of_the_index(client, assistant):
    embedded = client.embeddings.create(model="dalil", input=[PASSAGE, "البحر الميت"])
    vectors = np.array([one.embedding for one in embedded.data])
    expected = [one.dense for one in assistant.encoder.embed_passages([("", PASSAGE), ("", "البحر الميت")])]
    assert np.allclose(vectors, np.array(expected), atol=1e-3)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert [one.index for one in embedded.data] == [0, 1]
    assert embedded.usage.total_tokens == embedded.usage.prompt_tokens > 0


def test_a_query_is_embedded_as_a_query(client, assistant):
    embedded = client.embeddings.create(model="dalil", input=QUEEN_AR, extra_body={"input_type": "query"})
    assert np.allclose(embedded.data[0].embedding, assistant.encoder.embed_query(QUEEN_AR).dense, atol=1e-3)


def test_many_texts_keep_their_order(client):
    texts = [f"نص {number}" for number in range(70)]
    embedded = client.embeddings.create(model="dalil", input=texts)
    alone = client.embeddings.create(model="dalil", input=texts[65])
    assert len(embedded.data) == 70
    assert np.allclose(embedded.data[65].embedding, alone.data[0].embedding, atol=0.05)
    assert not np.allclose(embedded.data[64].embedding, alone.data[0].embedding, atol=0.01)


def test_base64_and_numbers_are_the_same_vector(address, client):
    by_client = client.embeddings.create(model="dalil", input=PASSAGE)  # which asks for base64
    plain = httpx.post(f"{address}/v1/embeddings", json={"input": PASSAGE, "encoding_format": None}).json()
    assert np.allclose(by_client.data[0].embedding, plain["data"][0]["embedding"], atol=1e-6)
    assert plain["model"] == "dalil"


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"input": []}, 422, "input"),
        ({"input": "  "}, 422, "empty"),
        ({"input": [[1, 2]]}, 422, "check_embedding_ctx_length"),
        ({"input": [1, 2]}, 422, "check_embedding_ctx_length"),
        ({"input": ["x"] * 2049}, 422, "2048"),
        ({"dimensions": 7}, 400, "dimensions"),
        ({"model": "text-embedding-9"}, 404, "text-embedding-9"),
    ],
)
def test_what_cannot_be_embedded_is_an_error_that_says_so(address, changes, status, message):
    answer = httpx.post(f"{address}/v1/embeddings", json={"input": "x"} | changes)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/responses"])
def test_a_failing_encoder_and_too_many_at_once_are_said(assistant, path):
    service = AnswerService(like(assistant, encoder=FailingEncoder(EmbeddingError("plain")), max_concurrent=1))
    client, asked = local_client(create_app(service)), {"input": QUEEN_AR, "input_type": "query"}
    assert client.post(path, json=asked).json()["error"]["code"] == "embedding_failed"
    assert service.limiter.acquire()
    assert client.post(path, json=asked).json()["error"]["code"] == "overloaded"
