import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from eval.feedback import export_gold_cases
from ingest.readers import format_of_file
from rag.records import LocalRecords
from rag.settings import load_settings
from tests.doubles import ScriptedModel, closed_port, like, local_client, open_assistant, served
from tests.forked import Forked, run_forked
from tests.test_assistant import QUEEN_AR
from tests.test_documents import GOOD
from tests.test_service import error
from ui.api import AnswerService, create_app

TOWER = "# برج الساعة\n\nبُني برج الساعة عام 1921 من الحجر الأبيض. ويبلغ ارتفاعه 42 مترًا."
MARKDOWN = {"Content-Type": "text/markdown"}
LINES = {"Content-Type": "application/jsonl"}


@pytest.fixture
def empty(tmp_path):
    with open_assistant(load_settings({}, data_dir=tmp_path)) as opened:
        yield opened


@pytest.fixture
def client(empty):
    return local_client(create_app(AnswerService(empty)), raise_server_exceptions=False)


# Adding


@pytest.mark.parametrize("kind", ["docx", "xlsx", "epub"])
def test_a_document_that_is_no_text_gets_through_as_it_is(client, kind):
    known = format_of_file(Path(f"a.{kind}"))
    sent = {"content": GOOD[kind], "headers": {"Content-Type": known.media_types[0]}}
    assert client.post("/v1/articles", params={"name": "a"}, **sent).json()["added"] == ["a"]
    assert client.get("/v1/articles/a").json()["text"].endswith("نص")
    assert client.get("/v1/articles/a").json()["pages"] == []


def test_an_article_that_is_sent_answers_questions_at_once(client):
    answer = client.post("/v1/articles", params={"name": "برج"}, content=TOWER.encode(), headers=MARKDOWN)
    assert (answer.status_code, answer.json()["added"]) == (201, ["برج"])
    answered = client.post("/v1/ask", json={"question": "متى بُني برج الساعة؟"}).json()
    assert "1921" in answered["citations"][0]["quote"]
    assert client.get("/v1/articles/برج").json()["title"] == "برج الساعة"


def test_the_same_again_changes_nothing_and_another_text_does(client):
    for text, status, outcome in ((TOWER, 201, "added"), (TOWER, 200, "unchanged"), (TOWER + " نعم.", 201, "changed")):
        answer = client.post("/v1/articles", params={"name": "t"}, content=text.encode(), headers=MARKDOWN)
        assert (answer.status_code, answer.json()[outcome]) == (status, ["t"])


def test_a_title_that_is_given_is_found_and_kept_when_the_same_comes_again(client):
    sent = {"params": {"name": "t"}, "content": TOWER.encode(), "headers": MARKDOWN}
    client.post("/v1/articles", **sent)
    renamed = client.patch("/v1/articles/t", json={"title": "معلم الميناء"})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "معلم الميناء")
    assert client.post("/v1/articles", **sent).json()["unchanged"] == ["t"]
    assert client.get("/v1/articles/t").json()["title"] == "معلم الميناء"
    [hit] = client.post("/v1/search", json={"query": "معلم الميناء", "mode": "lexical"}).json()["hits"]
    assert hit["title"] == "معلم الميناء"
    assert client.patch("/v1/articles/t", json={"title": " "}).status_code == 400
    assert client.patch("/v1/articles/none", json={"title": "x"}).status_code == 404
    assert client.patch("/v1/articles/t", json={"topic": "x"}).status_code == 422


def test_several_articles_come_as_lines_and_the_bad_ones_are_named(client):
    rows = [{"id": "a", "text": "نص أول طويل."}, {"id": "b"}, {"text": "نص ثالث بلا اسم."}]
    body = "\n".join(json.dumps(row) for row in rows)
    answer = client.post("/v1/articles", params={"name": "batch"}, content=body, headers=LINES)
    assert answer.status_code == 201
    assert answer.json()["added"] == ["a", "batch:3"]
    assert list(answer.json()["failed"]) == ["batch:2"]


def test_one_json_object_is_one_article(client):
    answer = client.post("/v1/articles", json={"id": "a", "title": "عنوان", "text": "نص أول طويل."})
    assert (answer.status_code, answer.json()["added"]) == (201, ["a"])


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", MARKDOWN, 422),
        (b"\xff\xfe\xff", MARKDOWN, 422),
        ("Всякий человек".encode("cp1251"), MARKDOWN, 422),
        (b"{", LINES, 422),
        (b"[" * 100_000, LINES, 422),
        (b"x", {"Content-Type": "image/gif"}, 400),
        (b"x", {}, 400),
    ],
)
def test_what_is_no_article_is_refused_with_the_reason_and_leaves_nothing(client, content, headers, status):
    error(client.post("/v1/articles", content=content, headers=headers), status)
    assert client.get("/v1/articles").json()["total"] == 0


def test_a_large_upload_is_a_job(client):
    rows = [json.dumps({"id": "t", "text": TOWER}), *['{"id": "a row without a text"}'] * 8_000]
    answer = client.post("/v1/articles", content="\n".join(rows), headers=LINES)
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    until = time.monotonic() + 20
    while (job := client.get(f"/v1/jobs/{answer.json()['id']}").json())["status"] == "running":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (job["status"], job["added"], len(job["failed"])) == ("done", ["t"], 8_000)
    assert (job["articles"], job["pages"]) == (1, 1)
    error(client.get("/v1/jobs/none"), 404)


def test_uploads_without_a_name_do_not_take_the_place_of_one_another(client):
    north, south = ("# الفرع الشمالي\n\nفيه 312 طالبًا.", "# الفرع الجنوبي\n\nفيه 480 طالبًا.")
    for text in (north, south):
        assert client.post("/v1/articles", content=text.encode(), headers=MARKDOWN).status_code == 201
    assert client.post("/v1/articles", content=north.encode(), headers=MARKDOWN).status_code == 200
    assert client.get("/v1/articles").json()["total"] == 2


def test_uploads_of_two_files_of_one_name_are_two_articles(client):
    for folder, text in (("A", TOWER), ("B", "# برج آخر\n\nبُني سنة 1930.")):
        names = {"name": "index", "source": f"/home/{folder}/index.md"}
        client.post("/v1/articles", params=names, content=text.encode(), headers=MARKDOWN)
    assert {one["id"] for one in client.get("/v1/articles").json()["data"]} == {"index", "B/index"}


def test_an_article_is_removed_with_its_chunks(client, empty):
    client.post("/v1/articles", params={"name": "a/b"}, content=TOWER.encode(), headers=MARKDOWN)
    assert client.delete("/v1/articles/a/b").json() == {"id": "a/b", "removed": True}
    error(client.get("/v1/articles/a/b"), 404)
    error(client.delete("/v1/articles/a/b"), 404)
    assert empty.store.find_incomplete() == set()


def test_files_are_sent_to_a_running_service_by_the_command_line(empty, tmp_path):
    folder = tmp_path / "files"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "tower.md").write_text(TOWER, "utf-8")
    (folder / "bad.md").write_text("", "utf-8")
    with served(create_app(AnswerService(empty))) as address:
        ran = run("ingest", "--server", address, str(folder), "--json")
        again = run("ingest", "--server", address, str(folder), "--json")
        locked = run("ingest", str(folder), DALIL_DATA_DIR=str(empty.settings.data_dir))
        away = run("ingest", "--server", f"http://127.0.0.1:{closed_port()}", str(folder))
    assert ran.returncode == 1
    assert (json.loads(ran.stdout)["added"], json.loads(again.stdout)["unchanged"]) == (1, 1)
    assert "bad" in ran.stderr
    assert "dalil ingest --server" in locked.stderr
    assert "does not answer" in away.stderr
    assert list(empty.store.summarize_articles()) == ["in/tower"]


def run(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DALIL_")}
    return run_forked(*arguments, environment=kept | environment)


# Records


def test_metrics_count_requests_answers_and_articles_and_hold_nobodys_words(client):
    client.post("/v1/articles", params={"name": "t"}, content=TOWER.encode(), headers=MARKDOWN)
    client.post("/v1/ask", json={"question": "متى بُني برج الساعة؟"})
    client.post("/v1/ask", json={"question": "What is the capital of Australia?"})
    client.get("/v1/articles/secret-name")
    text = client.get("/metrics").text
    assert 'dalil_answers_total{language="ar",mode="extractive",outcome="answered"} 1.0' in text
    assert 'outcome="refused_not_in_articles"' in text
    assert 'dalil_verdicts_total{verdict="verbatim"}' in text
    assert 'dalil_articles_total{outcome="added"} 1.0' in text
    assert 'route="/v1/articles/{article_id:path}",status="404"' in text
    assert 'dalil_stage_seconds_count{stage="embed"} 2.0' in text
    assert float(re.search(r"^process_resident_memory_bytes (.+)$", text, re.MULTILINE)[1]) > 2**20
    assert "secret" not in text
    assert "برج" not in text


def test_each_response_has_an_id_that_its_line_of_log_has_too(client, caplog):
    with caplog.at_level("INFO", logger="dalil.requests"):
        given = client.get("/health", headers={"X-Request-ID": "abc-1"})
        made = client.post("/v1/ask", json={"question": "سؤال سري"}, headers={"X-Request-ID": "bad id\x7f"})
    assert given.headers["x-request-id"] == "abc-1"
    assert len(made.headers["x-request-id"]) == 32
    lines = [json.loads(record.message) for record in caplog.records if record.name == "dalil.requests"]
    assert [line["id"] for line in lines] == ["abc-1", made.headers["x-request-id"]]
    assert "سري" not in caplog.text


# Feedback


def test_a_rating_is_kept_and_becomes_a_gold_case(assistant, tmp_path):
    rated = like(assistant, data_dir=tmp_path)
    client = local_client(create_app(AnswerService(rated)))
    answer = client.post("/v1/ask", json={"question": QUEEN_AR}).json()
    passage = {key: answer["citations"][0][key] for key in ("article_id", "start", "end")}
    path = f"/v1/answers/{answer['id']}/feedback"
    assert client.put(path, json={"rating": "down", "reason": "ناقص"}).status_code == 200
    assert client.put(path, json={"rating": "up", "passage": passage}).json() == {
        "answer": answer["id"],
        "rating": "up",
    }
    (case,) = export_gold_cases(LocalRecords(tmp_path / "feedback.jsonl"), rated.store)
    assert (case["question"], case["article"], case["kind"], case["language"]) == (
        QUEEN_AR,
        "honey-bees",
        "answerable",
        "ar",
    )
    assert rated.store.get_article("honey-bees").text[case["start"] : case["end"]] == case["evidence"]


def test_what_cannot_be_rated_is_refused_with_the_reason(assistant, tmp_path):
    client = local_client(create_app(AnswerService(like(assistant, data_dir=tmp_path))))
    error(client.put("/v1/answers/none/feedback", json={"rating": "up"}), 404)
    answer = client.post("/v1/ask", json={"question": QUEEN_AR}).json()
    path = f"/v1/answers/{answer['id']}/feedback"
    error(client.put(path, json={"rating": "great"}), 422)
    wrong = {"article_id": "honey-bees", "start": 0, "end": 10**9}
    error(client.put(path, json={"rating": "up", "passage": wrong}), 400)
    assert not (tmp_path / "feedback.jsonl").exists()


# The end


def test_on_sigterm_the_service_ends_in_time_and_the_index_is_whole(tmp_path):
    port = closed_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DALIL_")}
    environment |= {"DALIL_DATA_DIR": str(tmp_path), "DALIL_PORT": str(port)}
    with Forked("serve", environment=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as serving:
        assert "Dalil answers at" in serving.stdout.readline()
        sent = httpx.post(f"http://127.0.0.1:{port}/v1/articles?name=t", content=TOWER.encode(), headers=MARKDOWN)
        assert sent.status_code == 201
        serving.send_signal(signal.SIGTERM)
        serving.wait(15)
        assert "Dalil has ended." in serving.stderr.read()
    with open_assistant(load_settings({}, data_dir=tmp_path)) as opened:
        assert "1921" in opened.ask("متى بُني برج الساعة؟").citations[0].quote


def test_at_the_end_nobody_waits_for_a_model(assistant):
    service = AnswerService(like(assistant, ScriptedModel("NO_ANSWER")))
    deadlines = [service.start_deadline() for _ in range(2)]
    service.expire_deadlines()
    assert all(deadline.is_expired for deadline in deadlines)


@pytest.mark.parametrize("offset", [1_000_000_001, 2**63, 10**40])
def test_an_offset_that_no_index_reaches_is_refused(client, offset):
    assert error(client.get("/v1/articles", params={"offset": offset}), 422)["param"] == "offset"
    assert client.get("/v1/articles", params={"offset": 1_000_000_000}).json()["data"] == []
