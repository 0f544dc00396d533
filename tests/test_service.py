import json
import re
import unicodedata
from contextlib import contextmanager
from urllib.parse import quote

import pytest

import rag.errors
from rag.answering.assistant import Assistant
from rag.errors import DalilError
from rag.settings import load_settings
from tests.doubles import (
    Endpoint,
    FailingEncoder,
    ScriptedModel,
    WordEmbedder,
    article,
    closed_port,
    like,
    local_client,
    put,
)
from ui.api import AnswerService, create_app
from ui.api.errors import STATUSES

QUEEN = "كم يومًا تحتاج ملكة النحل لتكتمل من البيضة إلى الحشرة البالغة؟"
ANSWER = set(
    "id text language refused reason mode degraded citations statements prompt timings_ms state confidence".split()
) | {"answer"}
CITATION = set("number article_id title url start end quote verdict score page section ocr".split())


@pytest.fixture(scope="module")
def client(assistant):
    return local_client(create_app(AnswerService(like(assistant, refuse_below=0.0))))


def client_of(assistant):
    return local_client(create_app(AnswerService(assistant)), raise_server_exceptions=False)


def error(answer, status):
    """The error of an answer, after looking at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    problem = answer.json()["error"]
    assert set(problem) - {"reason"} == {"message", "type", "code", "param"}  # `reason` names that of a file
    assert problem["message"].strip()
    assert "Traceback" not in answer.text
    return problem


# Health


def test_health_answers(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_says_what_it_checked(client, assistant):
    answer = client.get("/ready")
    assert answer.status_code == 200
    checks = {"index": "ok", "chunks": assistant.store.count_chunks(), "answers": "extractive"}
    assert answer.json() == {"ready": True, "checks": checks | {"pipeline": assistant.store.config.fingerprint}}


def test_ready_is_503_with_the_reason_when_the_store_is_closed(own_small):
    own_small.close()
    closed = client_of(own_small)
    answer = closed.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert "cannot be used" in answer.json()["checks"]["index"]
    assert closed.get("/health").status_code == 200
    assert error(closed.get("/v1/articles"), 503)["code"] == "index_unavailable"
    assert error(closed.post("/v1/ask", json={"question": QUEEN}), 503)["code"] == "index_unavailable"


def test_where_the_index_lies_is_told_to_nobody_but_the_log(own_small, caplog):
    own_small.close()
    closed, folder = client_of(own_small), str(own_small.settings.data_dir)
    large = "\n".join(json.dumps({"text": f"نص {at}", "filler": "x" * 25_000}) for at in range(9))
    job = closed.post("/v1/articles", content=large, headers={"Content-Type": "application/jsonl"}).json()
    while job["status"] == "running":
        job = closed.get(f"/v1/jobs/{job['id']}").json()
    answers = [closed.get("/ready").text, closed.post("/v1/ask", json={"question": QUEEN}).text, json.dumps(job)]
    for answer in answers:
        assert folder not in answer
        assert "DALIL_DATA_DIR" in answer
    assert caplog.text.count(folder) >= len(answers)


def test_ready_says_that_answers_are_extractive_while_the_model_is_away(assistant, endpoint):
    away = f"http://127.0.0.1:{closed_port()}/v1"
    for url, answers in ((away, "extractive: m at"), (endpoint.url, "m")):
        answer = client_of(like(assistant, llm_base_url=url, llm_model="m")).get("/ready")
        assert answer.status_code == 200
        assert answer.json()["checks"]["answers"].startswith(answers)


# Asking


def test_an_answer_has_its_keys_and_its_citations_open_the_article(client):
    answer = client.post("/v1/ask", json={"question": QUEEN}).json()
    assert set(answer) == ANSWER
    assert (answer["language"], answer["refused"], answer["mode"], answer["degraded"]) == (
        "ar",
        False,
        "extractive",
        False,
    )
    assert answer["citations"]
    for citation in answer["citations"]:
        assert set(citation) == CITATION
        window = {"start": citation["start"], "end": citation["end"]}
        body = client.get(f"/v1/articles/{citation['article_id']}/text", params=window).json()
        assert (body["text"], body["title"], body["url"]) == (citation["quote"], citation["title"], citation["url"])


def test_every_option_of_a_question_is_passed_on(client):
    history = [{"role": "user", "text": "متى وُلد؟"}, {"role": "assistant", "text": "سنة 1886م."}]
    asked = {"question": QUEEN, "language": "en", "top_k": 1, "mode": "extractive", "history": history}
    answer = client.post("/v1/ask", json=asked)
    assert answer.status_code == 200
    assert answer.json()["language"] == "en"
    assert answer.json()["text"].startswith("According to")


def test_history_reaches_the_assistant(client):
    history = [{"role": "user", "text": "When was he born?"}]
    assert client.post("/v1/ask", json={"question": "1886", "history": history}).json()["language"] == "en"
    assert client.post("/v1/ask", json={"question": "1886"}).json()["language"] == "ar"


def test_a_refusal_has_the_shape_of_any_answer(assistant):
    answer = client_of(like(assistant, refuse_below=1.0)).post("/v1/ask", json={"question": QUEEN})
    assert answer.status_code == 200
    assert set(answer.json()) == ANSWER
    assert (answer.json()["refused"], answer.json()["reason"]) == (True, "not_in_articles")
    assert answer.json()["citations"] == []


def test_a_degraded_answer_is_an_answer(assistant):
    with_model = like(assistant, ScriptedModel(""), refuse_below=0.0)
    answer = client_of(with_model).post("/v1/ask", json={"question": QUEEN})
    assert answer.status_code == 200
    assert (answer.json()["mode"], answer.json()["degraded"]) == ("extractive", True)


@pytest.mark.parametrize("odd", ["\ud83d", "\0", "\x1b", "\x85", "\u202e", "\u2067"])
def test_nothing_of_a_models_that_cannot_be_shown_reaches_an_answer(assistant, odd):
    draft = f"تحتاج ملكة {odd}النحل إلى 16 يومًا{odd} [1]."
    with_model = client_of(like(assistant, ScriptedModel(draft, piece=1), refuse_below=0.0))
    answer = with_model.post("/v1/ask", json={"question": QUEEN, "mode": "generate"})
    assert (answer.status_code, answer.json()["mode"], answer.json()["refused"]) == (200, "generate", False)
    streamed = with_model.post("/v1/ask", json={"question": QUEEN, "mode": "generate", "stream": True}).text
    completed = with_model.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": QUEEN}]})
    words = [answer.json()["text"], completed.json()["choices"][0]["message"]["content"]]
    words += [json.loads(line)["text"] for line in re.findall(r"event: token\ndata: (.*)", streamed)]
    assert "".join(words).count("16") == 3
    kinds = {unicodedata.category(char) for char in "".join(words)}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs"})


@pytest.mark.parametrize(
    ("question", "words"),
    [("", "empty"), ("ًٌٍ", "empty"), ("س" * 3000, "too long"), ("من\0؟", "NUL"), ("\ud83d", "empty")],
)
def test_a_question_that_cannot_be_asked_is_400_with_clear_words(client, question, words):
    for route, name in (("/v1/ask", "question"), ("/v1/search", "query")):
        problem = error(client.post(route, content=json.dumps({name: question}), headers=JSON), 400)
        assert (problem["code"], problem["type"]) == ("invalid_question", "invalid_request_error")
        assert words in problem["message"]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("route", "body", "param"),
    [
        ("/v1/ask", {}, "question"),
        ("/v1/ask", {"question": 5}, "question"),
        ("/v1/ask", {"question": None}, "question"),
        ("/v1/ask", {"question": "س", "language": "fr"}, "language"),
        ("/v1/ask", {"question": "س", "top_k": 0}, "top_k"),
        ("/v1/ask", {"question": "س", "top_k": 51}, "top_k"),
        ("/v1/ask", {"question": "س", "mode": "magic"}, "mode"),
        ("/v1/ask", {"question": "س", "top_K": 5}, "top_K"),
        ("/v1/ask", {"question": "س", "history": [{"role": "system", "text": "x"}]}, "history.0.role"),
        ("/v1/ask", {"question": "س", "history": [{"role": "user", "text": "x", "name": "y"}]}, "history.0.name"),
        ("/v1/ask", {"question": "س", "history": [{"role": "user", "text": "x" * 20_001}]}, "history.0.text"),
        ("/v1/ask", {"question": "س", "history": [{"role": "user", "text": "x"}] * 51}, "history"),
        ("/v1/search", {}, "query"),
        ("/v1/search", {"query": "س", "language": "ar"}, "language"),
        ("/v1/search", {"query": "س", "explain": "perhaps"}, "explain"),
        ("/v1/search", {"query": "س", "top_k": 51}, "top_k"),
        ("/v1/ask", {"question": "س", "filters": {"topic": "بيئة"}}, "filters.topic"),
        ("/v1/ask", {"question": "س", "filters": {"languages": ["fr"]}}, "filters.languages.0"),
        ("/v1/search", {"query": "س", "mode": "auto"}, "mode"),
        ("/v1/search", {"query": "س", "filters": {"topics": "بيئة"}}, "filters.topics"),
        ("/v1/search", {"query": "س", "filters": {"date_from": "2024-02-30"}}, "filters.date_from"),
        ("/v1/search", {"query": "س", "filters": {"date_to": "20240531"}}, "filters.date_to"),
        ("/v1/search", {"query": "س", "filters": {"date_from": "2025", "date_to": "2024-12"}}, "filters"),
    ],
)
def test_a_wrong_or_unknown_field_is_422_and_named(client, route, body, param):
    problem = error(client.post(route, json=body), 422)
    assert (problem["code"], problem["param"]) == ("invalid_request", param)
    assert param in problem["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"words"', b"null", b'{"question": NaN}', b'{"\\ud800": 1}'])
def test_a_body_that_is_no_question_is_422(client, body):
    error(client.post("/v1/ask", content=body, headers=JSON), 422)


@pytest.mark.parametrize("body", [b"\xff\xfe{", b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_400(client, body):
    error(client.post("/v1/ask", content=body, headers=JSON), 400)


def test_where_json_breaks_is_no_name_of_a_field(client):
    problem = error(client.post("/v1/ask", content=b'{"question": ', headers=JSON), 422)
    assert problem["param"] is None
    assert "JSON" in problem["message"]


# Searching


def test_search_gives_hits_best_first(client):
    found = client.post("/v1/search", json={"query": QUEEN, "top_k": 3}).json()
    assert set(found) == {"hits"}
    assert len(found["hits"]) == 3
    assert set(found["hits"][0]) == {"article_id", "title", "url", "start", "end", "section", "ocr", "text", "score"}
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert found["hits"][0]["article_id"] == "honey-bees"


def test_search_explains_when_asked(client):
    found = client.post("/v1/search", json={"query": QUEEN, "explain": True}).json()
    assert set(found) == {"hits", "language", "probability", "features", "timings_ms"}
    assert found["language"] == "ar"
    assert 0 <= found["probability"] <= 1
    assert set(found["hits"][0]["signals"]) == {"dense", "tokens", "sentence", "lexical"}
    assert found["hits"][0]["matched"]


@pytest.mark.parametrize("mode", ["dense", "lexical"])
def test_a_search_by_one_representation_carries_its_score(client, mode):
    hits = client.post("/v1/search", json={"query": QUEEN, "mode": mode, "explain": True}).json()["hits"]
    assert hits[0]["article_id"] == "honey-bees"
    assert [hit["score"] for hit in hits] == pytest.approx([hit["signals"][mode] for hit in hits], abs=1e-4)


# Filters


def test_filters_restrict_search_and_answers(client, assistant):
    filters = {"topics": ["بيئه"], "languages": ["ar"], "date_from": "2023-10-05", "date_to": "2023"}
    found = client.post("/v1/search", json={"query": QUEEN, "filters": filters}).json()
    assert {hit["article_id"] for hit in found["hits"]} == {"dead-sea"}
    answer = client.post("/v1/ask", json={"question": QUEEN, "filters": {"articles": ["ibn-battuta"]}}).json()
    assert {citation["article_id"] for citation in answer["citations"]} == {"ibn-battuta"}


@pytest.mark.parametrize("date", ["yesterday", "2024-13", "2024-02-30", "24-01-01", "٢٠٢٤", "2024-1-1", ""])
def test_a_date_that_is_none_is_refused_with_the_reason(client, date):
    asked = {"question": QUEEN, "filters": {"date_from": date}}
    problem = error(client.post("/v1/ask", json=asked), 422)["message"]
    assert problem.startswith(f"filters.date_from: {date!r} is no date: write a day")


def test_filters_that_nothing_matches_find_nothing_and_say_why(client):
    filters = {"topics": ["بيئة"], "date_from": "2999"}
    assert client.post("/v1/search", json={"query": QUEEN, "filters": filters}).json() == {"hits": []}
    answer = client.post("/v1/ask", json={"question": QUEEN, "filters": filters, "language": "en"}).json()
    assert (answer["refused"], answer["reason"]) == (True, "nothing_matches_filters")
    assert "filters" in answer["text"]


# Articles


NEWEST_FIRST = ["ibn-battuta", "hope-probe", "honey-bees", "dead-sea"]


def test_articles_are_listed_the_last_written_first(client, assistant):
    listed = client.get("/v1/articles").json()
    assert listed["total"] == 4
    assert [article["id"] for article in listed["data"]] == NEWEST_FIRST
    assert listed["data"][-1] == {
        "id": "dead-sea",
        "title": "البحر الميت: بحيرة تنحسر عن شواطئها",
        "language": "ar",
        "url": "https://example.org/dalil/dead-sea",
        "date": "2023-10-05",
        "topic": "بيئة",
        "chunks": assistant.store.summarize_articles()["dead-sea"].chunks,
        "health": "ok",
    }


@pytest.mark.parametrize(("limit", "offset"), [(1, 0), (2, 1), (100, 3), (2, 4), (1000, 10**9)])
def test_articles_come_in_pages(client, limit, offset):
    listed = client.get("/v1/articles", params={"limit": limit, "offset": offset}).json()
    assert [article["id"] for article in listed["data"]] == NEWEST_FIRST[offset : offset + limit]
    assert listed["total"] == 4


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=many"])
def test_a_page_out_of_range_is_422(client, query):
    assert error(client.get(f"/v1/articles?{query}"), 422)["param"] == query.partition("=")[0]


def test_an_articles_text_is_given_whole_or_as_a_window(client, assistant):
    whole = assistant.store.get_article("ibn-battuta")
    body = client.get("/v1/articles/ibn-battuta/text").json()
    assert set(body) == {"id", "title", "language", "url", "date", "topic", "start", "end", "length", "text"}
    assert (body["text"], body["start"], body["end"]) == (whole.text, 0, len(whole.text))
    for start, end in ((0, 5), (5, 5), (7, len(whole.text)), (len(whole.text), len(whole.text))):
        body = client.get(f"/v1/articles/ibn-battuta/text?start={start}&end={end}").json()
        assert (body["text"], body["length"]) == (whole.text[start:end], len(whole.text))
    assert client.get("/v1/articles/ibn-battuta/text?start=9").json()["text"] == whole.text[9:]


def test_a_window_counts_code_points(small):
    body = client_of(small).get("/v1/articles/emoji/text?start=2&end=6").json()
    assert body["text"] == "😀 نَ"


@pytest.mark.parametrize("window", ["start=5&end=4", "start=0&end=999999", "start=999999"])
def test_a_window_outside_the_text_is_400(client, window):
    assert error(client.get(f"/v1/articles/ibn-battuta/text?{window}"), 400)["code"] == "invalid_request"


@pytest.mark.parametrize("window", ["start=-1", "end=-1", "start=x"])
def test_a_window_that_is_no_number_is_422(client, window):
    error(client.get(f"/v1/articles/ibn-battuta/text?{window}"), 422)


@pytest.mark.parametrize("article_id", ["nothing", "honey-bees/x", "../honey-bees", "%00", "ن" * 300])
def test_an_unknown_article_is_404(client, article_id):
    assert error(client.get(f"/v1/articles/{article_id}/text"), 404)["code"] == "not_found"


@pytest.mark.parametrize("article_id", ["رحلات/ابن بطوطة", "a/text", "100%", "a?b#c", "emoji"])
def test_an_id_may_hold_slashes_spaces_and_arabic(small, article_id):
    for safe in ("/", ""):
        body = client_of(small).get(f"/v1/articles/{quote(article_id, safe=safe)}/text")
        assert body.status_code == 200
        assert body.json()["id"] == article_id


def test_an_article_whose_id_ends_as_the_route_does_is_read(own_small):
    put(own_small, article("نص المقال a.", "a"), article("نص المقال الآخر.", "b/text"), article("نص.", "b/text/text"))
    client = client_of(own_small)

    def read(path):
        return client.get(f"/v1/articles/{path}").json()

    # Both exist: the path is the text of the first, and escaped the second.
    assert [read(path)["id"] for path in ("a", "a/text", "a%2Ftext", "a%2ftext", "a/text/text", "a%2Ftext/text")] == [
        "a",
        "a",
        "a/text",
        "a/text",
        "a/text",
        "a/text",
    ]
    # There is no b.
    assert [read(path)["id"] for path in ("b/text", "b/text/text", "b%2Ftext%2Ftext", "b/text/text/text")] == [
        "b/text",
        "b/text",
        "b/text/text",
        "b/text/text",
    ]
    assert read("b/text?start=3&end=9")["text"] == "المقال"
    assert "'c'" in error(client.get("/v1/articles/c/text"), 404)["message"]
    assert client.delete("/v1/articles/a/text").json()["id"] == "a/text"


def test_an_address_that_an_earlier_version_kept_is_not_given_out(own_small):
    put(own_small, article("نص المقال عن القطط.", "old", url="javascript:alert(1)"))
    client = client_of(like(own_small, refuse_below=0.0))
    asked = {"question": "القطط", "filters": {"articles": ["old"]}}
    given = [client.get("/v1/articles/old"), client.get("/v1/articles"), client.get("/v1/articles/old/text")]
    given += [client.post("/v1/ask", json=asked), client.post("/v1/search", json={"query": "القطط"})]
    assert [answer.status_code for answer in given] == [200] * 5
    assert given[3].json()["citations"][0]["article_id"] == "old"
    assert [answer for answer in given if "javascript" in answer.text] == []


# Errors


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/nothing", "/v1/articles/honey-bees/nothing", "//", "/%00"])
def test_an_unknown_route_is_404_in_the_shape_of_errors(client, path):
    problem = error(client.get(path), 404)
    assert (problem["type"], problem["code"]) == ("invalid_request_error", "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/ask"), ("DELETE", "/v1/search"), ("POST", "/health")])
def test_a_wrong_method_is_405_in_the_shape_of_errors(client, method, path):
    answer = client.request(method, path)
    assert error(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["allow"]


def subclasses(kind):
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_error_has_a_status_of_its_own():
    assert subclasses(DalilError) == set(STATUSES)
    assert len({status.code for status in STATUSES.values()}) == len(STATUSES)
    assert all(400 <= status.http < 600 for status in STATUSES.values())


def test_the_error_tree_is_drawn_whole():
    drawn = rag.errors.__doc__
    assert all(kind.__name__ in drawn for kind in subclasses(DalilError))


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_an_error_from_within_has_the_status_of_the_table(assistant, kind):
    failing = like(assistant, encoder=FailingEncoder(kind("plain words")))
    problem = error(client_of(failing).post("/v1/ask", json={"question": QUEEN}), STATUSES[kind].http)
    assert (problem["message"], problem["type"], problem["code"]) == (
        "plain words",
        STATUSES[kind].type,
        STATUSES[kind].code,
    )


def test_an_unexpected_error_is_500_and_tells_nothing(assistant):
    failing = like(assistant, encoder=FailingEncoder(RuntimeError("secret /root/path")))
    answer = client_of(failing).post("/v1/ask", json={"question": QUEEN})
    problem = error(answer, 500)
    assert (problem["type"], problem["code"]) == ("server_error", "internal")
    assert "secret" not in answer.text


# The description of the API


def operations(client):
    """Every operation of the description, with its name."""
    paths = client.get("/openapi.json").json()["paths"]
    return [(f"{method} {path}", operation) for path, methods in paths.items() for method, operation in methods.items()]


def test_every_route_is_described(client):
    found = dict(operations(client))
    assert {"get /health", "post /v1/ask", "get /v1/articles", "delete /v1/articles/{article_id}"} <= set(found)
    for name, operation in found.items():
        assert operation["description"].strip(), name
        # FastAPI makes a title of the function's name where no summary is given.
        assert operation["summary"] != operation["summary"].title(), name


def test_every_answer_in_json_has_a_schema(client):
    for name, operation in operations(client):
        bodies = {status: said.get("content", {}) for status, said in operation["responses"].items()}
        good = bodies.get("200", bodies.get("201", bodies.get("202")))
        assert "application/json" in good or set(good) <= {"image/png", "application/octet-stream"}, name
        for status, content in bodies.items():
            if not content or "application/json" not in content:
                continue
            schema = content["application/json"]["schema"]
            assert "$ref" in schema or "anyOf" in schema, (name, status)


def test_an_answer_is_as_its_schema_says(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["Answer"]["properties"]) == ANSWER
    assert set(schemas["Citation"]["properties"]) == CITATION


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions"])
def test_a_route_that_streams_says_so_beside_its_json(client, path):
    answered = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]["200"]
    assert answered["content"].keys() == {"application/json", "text/event-stream"}


# Fixtures


@pytest.fixture(scope="module")
def endpoint():
    with Endpoint() as running:
        yield running


@pytest.fixture(scope="module")
def small(endpoint, tmp_path_factory):
    """Short articles with awkward ids, over vectors of words; a test that changes them takes `own_small`."""
    with open_small(endpoint, tmp_path_factory.mktemp("small")) as opened:
        yield opened


@pytest.fixture
def own_small(endpoint, tmp_path):
    with open_small(endpoint, tmp_path) as opened:
        yield opened


@contextmanager
def open_small(endpoint, folder):
    settings = load_settings({}, data_dir=folder, embedding_base_url=endpoint.url, embedding_model="words")
    with Assistant.from_settings(settings) as opened:
        ids = ("رحلات/ابن بطوطة", "a/text", "100%", "a?b#c")
        put(opened, *(article(f"نص المقال {key}.", key) for key in ids), article("اب😀 نَص ﷺ.", "emoji"))
        assert opened.encoder.spec.dimension == WordEmbedder().dimension
        yield opened
