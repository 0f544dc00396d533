"""OpenAI's routes as clients really use them."""

import json
import time

import httpx
import openai
import pytest

from rag.errors import ModelError
from rag.settings import load_settings
from tests.doubles import ScriptedModel, like, local_client, served
from tests.test_assistant import QUEEN_AR, QUEEN_EN, QUEEN_QUOTE
from ui.api import AnswerService, create_app
from ui.api.client_tasks import find_task
from ui.api.openai_messages import ChatMessage, read_conversation

ROUTE = "/v1/chat/completions"


def user(content):
    return {"role": "user", "content": content}


def model_says(content):
    return {"role": "assistant", "content": content}


@pytest.fixture(scope="module")
def client(assistant):
    return local_client(create_app(AnswerService(assistant)))


def client_with(assistant, model=None, **settings):
    return local_client(create_app(AnswerService(like(assistant, model, **settings))))


def chat(client, *messages, **fields):
    answer = client.post(ROUTE, json={"model": "dalil", "messages": list(messages)} | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(client, *messages, **fields):
    return chat(client, *messages, **fields)["choices"][0]["message"]["content"]


def error(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


# The forms of messages


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "text": QUEEN_AR},
        [QUEEN_AR],
        [{"type": "text", "text": QUEEN_AR}, None],
        [{"type": "input_text", "text": QUEEN_AR}],
        [{"type": "text", "text": {"value": QUEEN_AR, "annotations": []}}],
        [{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "text", "text": QUEEN_AR}],
    ],
)
def test_the_words_of_a_message_are_read_in_every_form(client, content):
    assert QUEEN_QUOTE in said(client, user(content))


@pytest.mark.parametrize("content", [7, True, [7], [{"type": "text", "text": 7}], {"text": ["x"]}])
def test_a_content_that_is_no_text_is_named_with_what_is_wanted(client, content):
    problem = error(client.post(ROUTE, json={"messages": [user(QUEEN_AR), user(content)]}), 422)
    assert problem["param"] == "messages.1.content"
    assert '{"type": "text", "text": "..."}' in problem["message"]


def test_a_message_of_pictures_alone_is_no_question(client):
    messages = [user(QUEEN_AR), model_says("16"), user([{"type": "image_url", "image_url": {"url": "data:,"}}])]
    assert error(client.post(ROUTE, json={"messages": messages}), 400)["code"] == "invalid_question"


def test_nulls_stand_for_what_is_not_given(client):
    nulls = dict.fromkeys(("filters", "stream", "stream_options", "n", "model", "tools", "response_format", "stop"))
    before = [model_says(None), model_says([{"type": "text", "text": None}]), {"role": "user"}]
    assert QUEEN_QUOTE in said(client, *before, user(QUEEN_AR), **nulls)
    assert QUEEN_QUOTE in said(client, user(QUEEN_AR), stream_options={"include_usage": None})


@pytest.mark.parametrize(
    "behind",
    [
        [model_says("")],
        [model_says(None), {"role": "tool", "content": "x", "tool_call_id": "1"}],
        [{"role": "system", "content": "Be brief."}],
        [model_says("It takes"), {"role": "function", "name": "f", "content": None}],
    ],
)
def test_the_last_message_of_the_user_is_the_question_whatever_stands_behind_it(client, behind):
    assert QUEEN_QUOTE in said(client, user("متى وُلد ابن بطوطة؟"), model_says("703"), user(QUEEN_AR), *behind)


def test_an_instruction_behind_the_question_names_the_language_too(client):
    answer = chat(client, user(QUEEN_AR), {"role": "system", "content": "Always answer in English."})
    assert answer["dalil"]["language"] == "en"


def test_an_instruction_alone_is_the_question(client):
    assert QUEEN_QUOTE in said(client, {"role": "developer", "content": QUEEN_AR})


def test_old_turns_are_dropped(client, assistant):
    told = []
    watched = AnswerService(assistant)
    begin = watched.begin
    watched.begin = lambda request, deadline: told.append(request) or begin(request, deadline)
    turns = [
        message
        for at in range(150)
        for message in (user(f"سؤال {at}"), model_says("جواب " * (5000 if at == 149 else 1)))
    ]
    instruction = {"role": "system", "content": "Be brief."}
    assert QUEEN_QUOTE in said(local_client(create_app(watched)), instruction, *turns, user(QUEEN_AR))
    history = told[0].history
    assert history[0].text == "Be brief."
    assert [message.text for message in history[-2::-2]][:2] == ["سؤال 149", "سؤال 148"]
    assert len(history) == 51
    assert len(history[-1].text) == 20_000


@pytest.mark.parametrize(
    "text",
    [
        "قرأت في كتاب قديم عن تربية النحل وأحواله. " * 80 + QUEEN_AR,
        f"{QUEEN_AR}\n\n" + "قرأت في كتاب قديم عن تربية النحل وأحواله. " * 80,
        f"{'I read an old book on keeping goats. ' * 80}\n{QUEEN_AR}\n{'Goats like hay. ' * 80}",
        f'### Task:\nUse the context.\n<context>\n<source id="1">{"نص. " * 900}</source>\n</context>\n'
        f"<user_query>\n{QUEEN_AR}\n</user_query>",
        f'### Task:\nUse the context.\n<context>\n<source id="1">هل هذا سؤال؟</source>\n</context>\n\n{QUEEN_AR}',
    ],
)
def test_a_long_message_is_cut_to_what_it_asks(client, text):
    assert QUEEN_QUOTE in said(client, user(text))


@pytest.mark.parametrize(
    "piece", ["<user_query>", "</context>", "<chat_history>", "{ ", "user: ", "? ", "write title "]
)
def test_a_long_message_is_read_in_a_time_that_grows_with_its_length(piece):
    messages = [ChatMessage(role="user", content=piece * 100_000)]
    started = time.process_time()
    question, _ = read_conversation(messages, 2000)
    find_task(messages)
    assert time.process_time() - started < 2
    assert len(question) <= 2000


# Models


def test_a_model_is_found_with_the_tag_that_clients_add(client):
    assert chat(client, user(QUEEN_AR), model="dalil:latest")["model"] == "dalil:latest"
    assert client.get("/v1/models/dalil-extractive:latest").status_code == 200
    assert "DALIL_ACCEPTED_MODELS" in error(client.get("/v1/models/gpt-4o"), 404)["message"]


def test_other_names_of_models_are_accepted_by_a_setting(assistant):
    accepting = client_with(assistant, accepted_models="gpt-4o-mini, openai/*")
    for model in ("gpt-4o-mini", "openai/gpt-9"):
        assert chat(accepting, user(QUEEN_AR), model=model)["model"] == model
        assert accepting.get(f"/v1/models/{model}").json()["id"] == model
    assert error(accepting.post(ROUTE, json={"model": "gpt-4o", "messages": [user("x")]}), 404)["code"] == "not_found"
    listed = [model["id"] for model in accepting.get("/v1/models").json()["data"]]
    assert listed == ["dalil", "dalil-extractive", "gpt-4o-mini"]


# The forms of requests


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"])
def test_json_is_read_where_its_type_is_not_said(client, kind):
    body = json.dumps({"messages": [user(QUEEN_AR)]}).encode()
    answer = client.post(ROUTE, content=body, headers={"Content-Type": kind} if kind else {})
    assert QUEEN_QUOTE in answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(("path", "kind"), [(ROUTE, "application/xml"), ("/v1/ask", "text/plain")])
def test_another_type_is_refused_with_the_one_that_is_wanted(client, path, kind):
    answer = client.post(path, content=b'{"question": "x"}', headers={"Content-Type": kind})
    assert "Content-Type: application/json" in error(answer, 422)["message"]


def test_a_slash_behind_a_path_is_left_out(client):
    answer = client.post(f"{ROUTE}/", json={"messages": [user(QUEEN_AR)]}, follow_redirects=False)
    assert QUEEN_QUOTE in answer.text
    for path in ("/v1/models/", "/v1/models/dalil/", "/v1/articles/"):
        assert client.get(path, follow_redirects=False).status_code == 200
    assert error(client.get("/v1/"), 404)["message"].startswith("There is no /v1/ here")


def test_a_slash_behind_the_path_of_a_question_takes_a_place_as_well(assistant):
    service = AnswerService(like(assistant, max_concurrent=1))
    assert service.limiter.acquire()
    answer = local_client(create_app(service)).post(f"{ROUTE}/", json={"messages": [user(QUEEN_AR)]})
    assert error(answer, 503)["code"] == "overloaded"


@pytest.mark.parametrize("path", ["/health", "/ready", "/v1/models", "/v1/models/", "/v1/articles/honey-bees"])
def test_head_says_what_get_says_without_its_body(assistant, path):
    with served(create_app(AnswerService(assistant))) as address:
        head, get = (httpx.request(method, address + path) for method in ("HEAD", "GET"))
    assert (head.status_code, get.status_code) == (200, 200)
    assert head.headers["content-length"] == str(len(get.content))
    assert head.content == b""


def test_head_is_refused_where_get_is(assistant, client):
    locked = client_with(assistant, api_keys=load_settings({}, api_keys="right").api_keys)
    assert locked.head("/v1/models").status_code == 401
    assert client.head(ROUTE).status_code == 405


ASKED_BY_A_BROWSER = {
    "Origin": "https://chat.example.org",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, x-stainless-os",
}


def test_the_page_of_an_allowed_site_may_send_what_openais_client_sends(assistant):
    allowing = client_with(
        assistant,
        allowed_origins="https://chat.example.org",
        api_keys=load_settings({}, api_keys="right").api_keys,
    )
    answer = allowing.options(ROUTE, headers=ASKED_BY_A_BROWSER)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://chat.example.org"
    assert "x-stainless-os" in answer.headers["access-control-allow-headers"].lower()
    refused = allowing.post(ROUTE, json={}, headers={"Origin": "https://chat.example.org"})
    assert refused.headers["access-control-allow-origin"] == "https://chat.example.org"
    assert error(refused, 401)["code"] == "invalid_api_key"


def test_another_site_is_told_the_setting_when_its_browser_asks(client):
    assert "DALIL_ALLOWED_ORIGINS" in error(client.options(ROUTE, headers=ASKED_BY_A_BROWSER), 403)["message"]


# What clients ask for themselves

ASKED = "كم يومًا تحتاج ملكة النحل لتكتمل؟"
HISTORY = f"USER: {ASKED}\nASSISTANT: وفقًا لمقال «نحل العسل»:\n\n«تحتاج ملكة النحل إلى 16 يومًا.» [1]"


def tagged(instruction, form, history=HISTORY):
    """A prompt of Open WebUI's form, in words of our own."""
    rules = "### Rules:\n- Nothing but JSON."
    task = f"### Task:\n{instruction}\n{rules}\n### Output:\n{form}\n### Chat History:\n"
    return f"{task}<chat_history>\n{history}\n</chat_history>"


TITLE = tagged("Name the conversation in a few words.", '{ "title": "the name" }')
TAGS = tagged("Sort the conversation.", '{ "tags": ["one", "two"] }')
FOLLOW_UPS = tagged("What could the user ask next?", '{ "follow_ups": ["Question?"] }')
QUERIES = tagged("ماذا يُبحث عنه؟", '{\n  "queries": ["سؤال"]\n}')
COMPLETION = tagged("Go on with <text>.", 'If unsure: `{ "text": "" }`') + "\n<type>General</type>\n<text>كم يو</text>"
SHORT = "Write a title of at most five words for this conversation. The title only."
PLAIN_TITLE = f"{SHORT}\n\nConversation:\nUser: {ASKED}\nAI: 16"


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (TITLE, {"title": "نحل العسل"}),
        (TAGS, {"tags": ["أحياء"]}),
        (FOLLOW_UPS, {"follow_ups": []}),
        (QUERIES, {"queries": [ASKED]}),
        (COMPLETION, {"text": ""}),
        (tagged("Describe a picture.", '{ "prompt": "..." }'), {"prompt": ASKED}),
        (tagged("Sort it.", '{ "tags": [] }', "USER: 👍\nASSISTANT: ?"), {"tags": []}),
        (tagged("Name it.", '{ "title": "x" }', f"USER: {ASKED}"), {"title": ASKED.rstrip("؟")}),
    ],
)
def test_without_a_model_open_webuis_tasks_are_answered_briefly_in_its_form(client, prompt, answer):
    completion = chat(client, user(prompt), stream=False, max_completion_tokens=1000)
    assert json.loads(completion["choices"][0]["message"]["content"]) == answer
    assert completion["citations"] == []
    assert (completion["dalil"]["state"], completion["dalil"]["mode"]) == ("talk", "extractive")


@pytest.mark.parametrize(
    "messages",
    [
        [user(PLAIN_TITLE)],
        [
            {"role": "system", "content": "Give a short title for the chat. Title only."},
            user(f"User: {ASKED}\nAI: 16 يومًا"),
        ],
        [user(f'Write a short title for this conversation.\n\n||>User:\n"{ASKED}"\n||>Response:\n"16"\n\n||>Title:')],
        [user(f"Suggest a title for a conversation that starts with:\nUser: {ASKED}\nAssistant: 16\n\nTitle:")],
    ],
)
def test_a_plain_title_is_the_question_without_a_model(client, messages):
    assert said(client, *messages) == ASKED.rstrip("؟")


def test_a_title_that_is_wanted_as_json_is_json(client):
    wanted = {"type": "json_schema", "json_schema": {"name": "title", "schema": {}}}
    assert json.loads(said(client, user(PLAIN_TITLE), response_format=wanted)) == {"title": ASKED.rstrip("؟")}


@pytest.mark.parametrize("follow_up", ["Follow Up Input: وماذا تأكل؟", "<Follow Up Message>\nوماذا تأكل؟"])
def test_a_follow_up_question_to_rephrase_is_given_back_without_a_model(client, follow_up):
    said_before = f"Human: {ASKED}\nAssistant: 16"
    prompt = f"Put the follow up as a standalone question.\n{said_before}\n{follow_up}\n\n<Standalone question>"
    assert said(client, user(prompt)) == "وماذا تأكل؟"


def test_a_client_that_offers_tools_is_given_none_to_call(client):
    offered = 'Available Tools: []. Give JSON only: {"tool_calls": []}'
    assert said(client, {"role": "system", "content": offered}, user("Query: x")) == '{"tool_calls": []}'


@pytest.mark.parametrize(
    ("prompt", "draft", "answer"),
    [
        (TITLE, 'Here it is:\n```json\n{"title": "🐝 ملكات النحل", "x": 1}\n```', '{"title": "🐝 ملكات النحل"}'),
        (TAGS, '{"tags": ["نحل", "أحياء"]}', '{"tags": ["نحل", "أحياء"]}'),
        (FOLLOW_UPS, '{"follow_ups": ["وماذا تأكل؟"]}', '{"follow_ups": ["وماذا تأكل؟"]}'),
        (QUERIES, '{"queries": []}', '{"queries": []}'),
        (PLAIN_TITLE, '\n**"ملكات النحل"**\nI hope you like it.', "ملكات النحل"),
    ],
)
def test_the_model_does_what_a_client_asks_for_itself(assistant, prompt, draft, answer):
    model = ScriptedModel(draft)
    completion = chat(client_with(assistant, model), user(prompt))
    assert completion["choices"][0]["message"]["content"] == answer
    assert completion["dalil"]["mode"] == "generate"
    assert [[message.content for message in asked] for asked in model.asked] == [[prompt]]


@pytest.mark.parametrize(
    "draft", ["", "A title", "{", '{"title": 7}', '{"title": " "}', '{"tags": ["x"]}', ModelError("x", "model_failed")]
)
def test_a_draft_in_another_form_is_not_handed_on(assistant, draft):
    assert said(client_with(assistant, ScriptedModel(draft)), user(TITLE)) == '{"title": "نحل العسل"}'


def test_no_model_is_asked_where_none_is_wanted_or_has_room(assistant):
    model = ScriptedModel('{"title": "x"}')
    asking = client_with(assistant, model)
    assert "نحل العسل" in said(asking, user(TITLE), model="dalil-extractive")
    long = tagged("Name it.", '{ "title": "x" }', f"{HISTORY}\nUSER: {'طويل ' * 9000}")
    assert "نحل العسل" in said(asking, user(long))
    assert model.asked == []


@pytest.mark.parametrize(
    "messages",
    [
        [user(QUEEN_EN + " Write the title of the article too.")],
        [user("Write a title for the conversation on bees.")],
        [user(TITLE), model_says("{}"), user(QUEEN_AR)],
        [user(f'What does {{"title": 1}} mean? {QUEEN_EN}')],
        [user("What is a standalone question?")],
    ],
)
def test_a_question_of_the_reader_is_no_task(client, messages):
    assert chat(client, *messages)["dalil"]["confidence"] is not None


def test_a_task_can_be_streamed(assistant):
    with served(create_app(AnswerService(assistant))) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0)
        chunks = list(client.chat.completions.create(model="dalil", messages=[user(TITLE)], stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == '{"title": "نحل العسل"}'
    assert chunks[-1].choices[0].finish_reason == "stop"
