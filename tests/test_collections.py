"""Several knowledge bases in one service, and keys that may do something in some of them."""

import json
import re
from contextlib import closing
from hashlib import sha256

import httpx
import pytest

from ingest.embedding import embed_articles
from rag.errors import IndexMismatchError, SettingsError
from rag.settings import load_settings
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.browser import serve_articles
from tests.doubles import WordEncoder, article, like, local_client, open_assistant
from ui.api import AnswerService, create_app
from ui.api.grants import read_grants, required_role
from ui.cli.main import main

TEXTS = {
    "default": "بُنيت منارة رأس التين سنة 1848، وارتفاعها 55 مترًا.",
    "law": "ينص قانون الصيد البحري رقم 124 على غرامة قدرها 3000 جنيه.",
    "health": "يفتح مستشفى الشاطبي أبوابه من الساعة 8 صباحًا، ورقم الطوارئ فيه 123456.",
}
WORDS = IndexConfig("words", 64, 64, 64, 256)
WORDS_OF = {"default": "رأس التين", "law": "قانون الصيد", "health": "الشاطبي"}
"""That stand in no other."""
KEYS = {
    "admin": {"role": "admin"},
    "law-reader": {"role": "read", "collections": ["law"]},
    "law-writer": {"role": "write", "collections": ["law"]},
    "health-admin": {"role": "admin", "collections": ["health"]},
    "default-reader": {"role": "read", "collections": ["default"]},
    "reader": {"role": "read"},
}


def bearer(name):
    return {"Authorization": f"Bearer {name}"}


def write_keys(path, keys=KEYS):
    entries = [{"name": name, "sha256": sha256(name.encode()).hexdigest()} | grant for name, grant in keys.items()]
    path.write_text(json.dumps(entries), "utf-8")
    return path


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    settings = load_settings({}, data_dir=folder, collections="law, health", keys_file=write_keys(folder / "keys.json"))
    with open_assistant(settings) as assistant, closing(AnswerService(assistant)) as service:
        opened = local_client(create_app(service), raise_server_exceptions=False)
        for name, text in TEXTS.items():
            added = opened.post(
                f"/v1/collections/{name}/articles?name={name}-article",
                content=text.encode(),
                headers=bearer("admin") | {"content-type": "text/plain"},
            )
            assert added.status_code == 201
        yield opened


def requests_of(client):
    """Every request that the API has, each with something to send, by collection."""
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            yield method.upper(), path


def address(path, collection, article):
    """A path of the API in a collection, about an article."""
    filled = re.sub(r"\{article_id\}", article, path)
    filled = re.sub(r"\{\w+\}", "1", filled)
    return filled.replace("/v1/", f"/v1/collections/{collection}/", 1) if collection != "default" else filled


BODIES = {
    "/v1/ask": {"question": "كم الغرامة؟", "top_k": 8},
    "/v1/search": {"query": "الغرامة المستشفى المنارة", "top_k": 8},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "كم الغرامة؟"}]},
    "/v1/responses": {"input": "كم الغرامة؟"},
    "/v1/completions": {"prompt": "كم الغرامة؟"},
    "/v1/embeddings": {"input": "نص"},
    "/v1/answers/{answer_id}/feedback": {"rating": "up"},
}


def send(client, method, path, collection, key, article):
    body = {"json": BODIES[path]} if path in BODIES else {}
    if method == "POST" and not body:
        body = {"content": "نص".encode(), "headers": {"content-type": "text/plain"}}
    headers = body.pop("headers", {}) | bearer(key)
    return client.request(method, address(path, collection, article), headers=headers, **body)


OPEN = ("/health", "/ready", "/v1/collections")


# Isolation


@pytest.mark.parametrize("collection", ["default", "health"])
def test_a_key_of_one_collection_is_refused_on_every_route_of_another(client, collection):
    tried = 0
    for method, path in requests_of(client):
        if path not in OPEN:
            answer = send(client, method, path, collection, "law-writer", f"{collection}-article")
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["error"]["code"] == "not_allowed"
            tried += 1
    assert tried >= 18


def test_no_route_of_a_collection_gives_anything_of_another(client):
    """Also about the others' articles by their ids, and with every key that may use it."""
    for method, path in requests_of(client):
        for article_id in ("health-article", "default-article"):
            if method == "GET" or path in BODIES:
                answer = send(client, method, path, "law", "admin", article_id)
                assert WORDS_OF["health"] not in answer.text, (method, path)
                assert WORDS_OF["default"] not in answer.text, (method, path)
    missing = client.delete("/v1/collections/law/articles/health-article", headers=bearer("admin"))
    assert missing.status_code == 404
    assert client.get("/v1/collections/health/articles/health-article", headers=bearer("admin")).status_code == 200


@pytest.mark.parametrize("collection", TEXTS)
def test_each_collection_finds_its_own_and_nothing_else(client, collection):
    path = address("/v1/search", collection, "")
    found = client.post(path, json={"query": "الغرامة المستشفى المنارة", "top_k": 8}, headers=bearer("admin")).json()
    assert {hit["article_id"] for hit in found["hits"]} == {f"{collection}-article"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/collections/law/../health/articles",
        "/v1/collections/law%2F..%2Fhealth/articles",
        "/v1/collections/law/collections/health/articles",
        "/v1/collections/health/v1/articles",
        "/v1/collections/HEALTH/articles",
        "/v1/collections//articles",
        "/v1/articles/../collections/health/articles",
    ],
)
def test_no_way_of_writing_a_path_leads_into_another_collection(client, path):
    answer = client.get(path, headers=bearer("law-reader"))
    assert answer.status_code in (403, 404)
    assert "health-article" not in answer.text


def test_an_answer_of_one_collection_cannot_be_rated_in_another(client):
    asked = client.post("/v1/collections/law/ask", json=BODIES["/v1/ask"], headers=bearer("law-reader")).json()
    for collection, status in (("health", 404), ("law", 200)):
        path = address(f"/v1/answers/{asked['id']}/feedback", collection, "")
        assert client.put(path, json={"rating": "up"}, headers=bearer("admin")).status_code == status


# What a key may do


def test_a_key_is_told_of_its_collections_alone(client):
    def listed(key):
        return {
            one["name"]: one["articles"] for one in client.get("/v1/collections", headers=bearer(key)).json()["data"]
        }

    assert listed("admin") == {"default": 1, "law": 1, "health": 1}
    assert listed("law-reader") == {"law": 1}
    assert client.get("/v1/collections").status_code == 401


def test_within_a_collection_a_key_of_another_is_told_of_none(client):
    """The default collection's name is not another's."""
    for key, names in (("default-reader", []), ("law-reader", ["law"]), ("admin", ["law"])):
        listed = client.get("/v1/collections/law/collections", headers=bearer(key)).json()["data"]
        assert [one["name"] for one in listed] == names


@pytest.mark.parametrize("key", KEYS)
def test_a_key_may_do_what_its_role_may_on_every_route(client, key):
    grant = KEYS[key]
    ranks = ["read", "write", "admin"]
    for method, path in requests_of(client):
        if path in OPEN or grant.get("collections", ["law"]) != ["law"]:
            continue
        needed = required_role(method, address(path, "default", "x"))
        answer = send(client, method, path, "law", key, "no-such-article")
        is_let_in = answer.status_code != 403
        assert is_let_in == (ranks.index(grant["role"]) >= ranks.index(needed)), (method, path, answer.text)
    client.delete("/v1/collections/law/articles/no-such-article", headers=bearer("admin"))


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/v1/articles", "read"),
        ("POST", "/v1/ask", "read"),
        ("POST", "/v1/chat/completions", "read"),
        ("PUT", "/v1/answers/1/feedback", "read"),
        ("POST", "/v1/articles", "write"),
        ("POST", "/v1/import", "write"),
        ("DELETE", "/v1/articles/x", "write"),
        ("PATCH", "/v1/what/is/to/come", "write"),
        ("POST", "/ar/gradio_api/upload", "write"),
        ("GET", "/v1/export", "admin"),
        ("GET", "/metrics", "admin"),
    ],
)
def test_what_is_not_known_to_read_alone_needs_more(method, path, role):
    assert required_role(method, path) == role


def test_a_key_of_the_environment_may_do_everything_everywhere(assistant, tmp_path):
    settings = load_settings({"DALIL_API_KEYS": "one"})
    locked = local_client(create_app(AnswerService(like(assistant, api_keys=settings.api_keys, data_dir=tmp_path))))
    assert locked.get("/metrics", headers=bearer("one")).status_code == 200


# The page


def test_on_the_page_a_key_that_reads_changes_nothing(tmp_path):
    keys = str(write_keys(tmp_path / "keys.json"))
    with serve_articles(tmp_path, {"law.txt": TEXTS["law"]}, DALIL_KEYS_FILE=keys) as url, httpx.Client() as site:
        config = site.get(f"{url}/en/config", headers=bearer("reader")).json()
        events = [event["id"] for event in config["dependencies"]]

        def count_refused(key):
            bodies = ({"fn_index": event, "data": [], "session_hash": f"{key}{event}"} for event in events)
            sent = [site.post(f"{url}/en/gradio_api/queue/join", json=body, headers=bearer(key)) for body in bodies]
            return sum(answer.status_code == 403 for answer in sent)

        # remove, undo, rename, read again, plan, add
        assert (count_refused("reader"), count_refused("admin")) == (6, 0)
        uploaded = site.post(f"{url}/en/gradio_api/upload", files={"files": b"x"}, headers=bearer("reader"))
        assert uploaded.status_code == 403
        assert site.get(f"{url}/en/", headers=bearer("law-reader")).status_code == 403


def test_a_collection_that_cannot_be_opened_is_named_with_what_to_do(tmp_path):
    settings = load_settings({}, data_dir=tmp_path, collections="law")
    with closing(Store(EdgeEngine(settings.in_collection("law").data_dir), WORDS)) as store:
        for found, chunks in embed_articles([article(TEXTS["law"])], 256, WordEncoder()):
            store.write(found, chunks)
    named = pytest.raises(IndexMismatchError, match=r"Of the collection law .*--collection law.*dalil reindex")
    with open_assistant(settings) as assistant, named:
        AnswerService(assistant)


# The command line


def test_a_key_that_was_made_is_kept_as_its_digest_alone(tmp_path, monkeypatch, capsys):
    file = tmp_path / "keys.json"
    monkeypatch.setenv("DALIL_KEYS_FILE", str(file))
    monkeypatch.setenv("DALIL_COLLECTIONS", "law")
    assert main(["key", "غرفة الأخبار", "--role", "write", "--in", "law", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    (grant,) = read_grants(file)
    assert (grant.name, grant.role, grant.collections) == ("غرفة الأخبار", "write", ("law",))
    assert grant.sha256 == sha256(made["key"].encode()).hexdigest()
    assert made["key"] not in file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert main(["key", "غرفة الأخبار"]) == 2
    assert main(["key", "x", "--in", "elsewhere"]) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ('[{"name": "a"}]', r"0\.sha256"),
        ('[{"name": "a", "sha256": "x"}]', r"0\.sha256"),
        (json.dumps([{"name": "a", "sha256": "0" * 64, "role": "owner"}]), r"0\.role"),
        (json.dumps([{"name": "a", "sha256": "0" * 64}, {"name": "b", "sha256": "0" * 64}]), "two keys"),
    ],
)
def test_a_file_of_keys_that_says_something_else_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "keys.json").write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=rf"DALIL_KEYS_FILE: .*{message}"):
        read_grants(tmp_path / "keys.json")


@pytest.mark.parametrize("name", ["default", "Law", "a/b", "..", "a" * 31])
def test_what_is_no_name_of_a_collection_is_refused(name):
    with pytest.raises(SettingsError, match="DALIL_COLLECTIONS"):
        load_settings({"DALIL_COLLECTIONS": name})


def test_commands_are_about_the_collection_that_they_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "index"))
    monkeypatch.setenv("DALIL_COLLECTIONS", "law")
    (tmp_path / "law.txt").write_text(TEXTS["law"], "utf-8")
    assert main(["ingest", str(tmp_path / "law.txt"), "--collection", "law"]) == 0
    capsys.readouterr()
    for collection, articles in (["--collection", "law"], 1), ([], 0), (["--collection", "default"], 0):
        assert main(["status", "--json", *collection]) == 0
        assert json.loads(capsys.readouterr().out)["articles"] == articles
    assert main(["status", "--collection", "other"]) == 2
    assert "DALIL_COLLECTIONS names law" in capsys.readouterr().err
