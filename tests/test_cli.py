"""The command line as people run it: one process a command, its output, its exit code."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from rag import AnswerRequest, Assistant, load_settings
from tests.doubles import Endpoint, Refuses, closed_port, lose_articles
from tests.forked import run_forked
from ui.cli.client import ServiceClient
from ui.serve import open_listener

ROOT = Path(__file__).parent.parent
SEEDS = ROOT.parent / "shared" / "seeds"


def dalil(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, of which it is tested what it does."""
    return run_forked(*arguments, environment=_describe(folder, environment), folder=folder)


def start_dalil(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, of which it is tested how its interpreter starts too."""
    command = [sys.executable, "-m", "ui.cli", *arguments]
    variables = _describe(folder, environment)
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=300)


def _describe(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    return os.environ | {"DALIL_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)} | environment


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "articles").mkdir()
    for name in ("meta-superclusters", "socotra", "hejaz-railway"):
        shutil.copy(ROOT / "articles" / f"{name}.md", folder / "articles")
    assert start_dalil(folder, "ingest", "articles").returncode == 0
    return folder


def test_ingest_says_what_it_did_and_does_nothing_twice(home):
    again = dalil(home, "ingest", "articles", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout) == {
        "added": 0,
        "changed": 0,
        "unchanged": 3,
        "removed": 0,
        "failed": [],
        "warnings": [],
        "skipped": [],
    }


def test_the_version_is_that_of_the_package(tmp_path):
    assert start_dalil(tmp_path, "--version").stdout == f"dalil {version('dalil')}\n"


def test_json_is_read_by_the_command_line_as_by_the_page_and_the_api(tmp_path):
    (tmp_path / "cats.json").write_text(json.dumps({"id": "cats", "text": "القطط تنام كثيرًا."}), "utf-8")
    assert json.loads(dalil(tmp_path, "ingest", "cats.json", "--json").stdout)["added"] == 1


def test_the_index_is_not_taken_for_articles_where_it_lies_among_them(tmp_path):
    (tmp_path / "cats.txt").write_text("القطط تنام كثيرًا.", "utf-8")
    for outcome in ("added", "unchanged"):
        done = json.loads(dalil(tmp_path, "ingest", ".", "--json").stdout)
        assert (done[outcome], done["failed"]) == (1, [])


def test_a_dry_run_writes_nothing(home, tmp_path):
    (tmp_path / "new.txt").write_text("مقال جديد عن القطط.", "utf-8")
    planned = dalil(home, "ingest", str(tmp_path), "--dry-run", "--json")
    assert json.loads(planned.stdout)["added"] == 1
    assert json.loads(dalil(home, "status", "--json").stdout)["articles"] == 3


def test_a_file_that_fails_is_named_and_the_others_go_in(tmp_path):
    (tmp_path / "good.txt").write_text("القطط تنام كثيرًا.", "utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\x00\x01")
    done = dalil(tmp_path, "ingest", str(tmp_path), "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["added"] == 1
    assert [Path(item["path"]).name for item in result["failed"]] == ["bad.txt"]
    assert "NUL" in result["failed"][0]["reason"]


def test_removing_much_is_asked_for_and_what_is_skipped_is_told(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "c", "d"):
        (folder / f"{name}.txt").write_text(f"النص {name}.", "utf-8")
    (folder / "picture.gif").write_bytes(b"png")
    first = dalil(tmp_path, "ingest", "in")
    assert first.stdout == "4 added, 0 changed, 0 unchanged, 0 removed, 0 failed, 1 skipped\n"
    assert "skipped: in/picture.gif: Dalil does not read .gif." in first.stderr
    (folder / "b.txt").unlink()
    refused = dalil(tmp_path, "ingest", "--sync", "in")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert (
        "1 of 4 articles would be removed, since their files are gone: b. None of them was removed." in refused.stderr
    )
    assert json.loads(dalil(tmp_path, "ingest", "--sync", "--yes", "in", "--json").stdout)["removed"] == 1


def test_ask_gives_the_answer_object_on_standard_output_alone(home):
    asked = dalil(home, "ask", "How much power will Hyperion have?", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["language"] == "en"
    assert not answer["refused"]
    assert "خمسة غيغاواط" in " ".join(citation["quote"] for citation in answer["citations"])


def test_ask_in_the_other_language(home):
    asked = dalil(home, "ask", "How much power will Hyperion have?", "--language", "ar", "--json")
    assert "وفقًا لمقال" in json.loads(asked.stdout)["text"]


def test_search_explains_itself(home):
    found = json.loads(dalil(home, "search", "Hyperion ميتا", "-k", "3", "--explain", "--json").stdout)
    assert [set(hit) >= {"article_id", "title", "start", "end", "text", "score"} for hit in found["hits"]] == [True] * 3
    forms = [form for hit in found["hits"] for form in hit["matched"].get("hyperion", [])]
    assert any("هايبريون" in form for form in forms)


def test_dates_limit_a_search_and_a_question(home):
    found = dalil(home, "search", "هايبريون", "--date-from", "2025-07", "--date-to", "2025", "--json")
    assert {hit["article_id"] for hit in json.loads(found.stdout)["hits"]} == {"meta-superclusters"}
    answer = dalil(home, "ask", "ما القدرة التي سيبلغها هايبريون؟", "--date-to", "2001", "--json")
    assert json.loads(answer.stdout)["citations"] == []
    for wrong in (("--date-from", "July"), ("--date-from", "2025-02", "--date-to", "2024")):
        refused = dalil(home, "search", "هايبريون", *wrong)
        assert refused.returncode == 2
        assert "2025-02" in refused.stderr or "2024-05-31" in refused.stderr


def test_search_by_one_representation_within_a_topic(home):
    topics = ("--topic", "نقل وتاريخ", "--topic", "جغرافيا وطبيعة")
    result = json.loads(dalil(home, "search", "ميتا", "--mode", "dense", *topics, "--explain", "--json").stdout)
    assert {hit["article_id"] for hit in result["hits"]} == {"hejaz-railway", "socotra"}
    for hit in result["hits"]:
        assert hit["score"] == pytest.approx(hit["signals"]["dense"], abs=1e-4)


def test_status(home):
    result = json.loads(dalil(home, "status", "--json").stdout)
    assert result["articles"] == 3
    assert set(result) == {"articles", "chunks", "store", "embedder", "model", "fingerprint", "health", "not_ok"}
    assert (result["health"], result["not_ok"]) == ({"ok": 3}, {})


def test_status_says_what_the_texts_are_and_names_some_that_are_not_good(tmp_path):
    for at in range(7):
        (tmp_path / f"{at}.txt").write_text(f"هذا نص سليم عن النحلة التي تصنع العسل في الجبل {at}."[::-1], "utf-8")
    (tmp_path / "good.txt").write_text("النحلة تصنع العسل.", "utf-8")
    assert "7 warnings" in dalil(tmp_path, "ingest", str(tmp_path)).stdout
    shown = dalil(tmp_path, "status").stdout
    assert "text: 7 mended, 1 ok\n" in shown
    assert re.search(r"text mended: \d, \d, \d, \d, \d and 2 more\n", shown)


def test_a_damaged_index_is_refused_but_by_status_which_tells_what_is_missing(home, tmp_path):
    subprocess.run(["cp", "-r", "--sparse=always", home / "data", tmp_path / "data"], check=True)
    lose_articles(tmp_path / "data", "socotra", "hejaz-railway")
    for arguments in (["ask", "ما هايبريون؟"], ["ingest", str(home / "articles")]):
        refused = dalil(tmp_path, *arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "1 of 3 articles" in refused.stderr
    shown = dalil(tmp_path, "status")
    assert shown.returncode == 1
    assert "articles: 1 of 3\n" in shown.stdout
    assert "damaged: The index in" in shown.stdout
    status = json.loads(dalil(tmp_path, "status", "--json").stdout)
    assert (status["articles"], status["expected"]["articles"]) == (1, 3)
    assert "Move that folder away" in status["damaged"]


def test_what_the_encoding_of_an_output_lacks_is_escaped(home, tmp_path):
    # By `ascii` alone the interpreter would escape on standard error, and refuse on standard output.
    ascii_only = {"PYTHONIOENCODING": "ascii:strict", "DALIL_DATA_DIR": str(home / "data")}
    asked = start_dalil(home, "ask", "How much power will Hyperion have?", **ascii_only)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "خمسة".encode("ascii", "backslashreplace").decode() in asked.stdout
    answer = json.loads(start_dalil(home, "ask", "How much power will Hyperion have?", "--json", **ascii_only).stdout)
    assert "خمسة غيغاواط" in " ".join(citation["quote"] for citation in answer["citations"])
    status = start_dalil(tmp_path, "status", **ascii_only | {"DALIL_DATA_DIR": str(tmp_path / "فهرس")})
    assert (status.returncode, status.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask", " َ ُ "], "empty"),
        (["ask", "س" * 50_000], "too long"),
        (["ingest", "nowhere"], "does not exist"),
        (["ask"], "QUESTION"),
        (["search", "س", "-k", "0"], "1 to 50"),
        (["search", "س", "--mode", "magic"], "hybrid"),
        (["eval", "squad", "nowhere.json"], "cannot be read"),
    ],
)
def test_wrong_use_ends_with_2_and_says_why(home, arguments, says):
    done = dalil(home, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_ends_with_2_and_names_it(home):
    assert "DALIL_TOPK" in dalil(home, "status", DALIL_TOPK="3").stderr
    done = dalil(home, "status", DALIL_PORT="0")
    assert done.returncode == 2
    assert "DALIL_PORT" in done.stderr


def test_another_configuration_is_refused(home):
    done = dalil(home, "ask", "سؤال عن شيء", DALIL_CHUNK_TOKENS="100")
    assert done.returncode == 1
    assert "another configuration" in done.stderr


def test_a_model_that_is_down_gives_the_extractive_answer_and_says_so(home):
    down = {"DALIL_LLM_BASE_URL": f"http://127.0.0.1:{closed_port()}/v1", "DALIL_LLM_MODEL": "none"}
    answer = json.loads(dalil(home, "ask", "How much power will Hyperion have?", "--json", **down).stdout)
    assert (answer["mode"], answer["degraded"], answer["refused"]) == ("extractive", True, False)
    assert answer["citations"]


def test_serve_answers_logs_requests_holds_the_index_and_ends_on_ctrl_c(home):
    port = closed_port()
    environment = os.environ | {"DALIL_DATA_DIR": str(home / "data")}
    command = [sys.executable, "-m", "ui.cli", "serve", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        question = {"question": "ما القدرة التي سيبلغها هايبريون؟"}
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/ask", json=question, headers={"x-request-id": "r-1"}, timeout=60
        )
        assert answer.json()["citations"]
        assert httpx.get(f"http://127.0.0.1:{port}/page/page.css").status_code == 200
        held = dalil(home, "ingest", "articles")
        assert held.returncode == 1
        assert "serve" in held.stderr
        assert str(process.pid) in held.stderr
        taken = dalil(home, "serve", "--port", str(port))
        assert taken.returncode == 2
        assert "--port" in taken.stderr
        process.send_signal(signal.SIGINT)
        log = process.communicate(timeout=20)[1].splitlines()
        assert process.returncode == 0
    lines = [json.loads(line) for line in log if line.startswith("{")]
    assert [(line["id"], line["route"], line["status"]) for line in lines] == [("r-1", "/v1/ask", 200)]


def test_an_event_is_not_held_back_until_the_one_before_is_acknowledged():
    with (
        open_listener("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_eval_squad_measures_a_small_set(tmp_path):
    def paragraph(context: str, *questions: tuple[str, str]) -> dict[str, object]:
        entries = [
            {"id": key, "question": text, "answers": [{"text": context[:5], "answer_start": 0}]}
            for key, text in questions
        ]
        return {"context": context, "qas": entries}

    cats, trains = "القطط تنام كثيرًا في النهار.", "وصل القطار إلى المدينة سنة 1908."
    paragraphs = [
        paragraph(cats, ("a", "متى تنام القطط؟")),
        paragraph(trains, ("b", "متى وصل القطار؟")),
        paragraph(cats),
    ]
    (tmp_path / "ar.json").write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}), "utf-8")
    asked = [paragraph("x", ("b", "When did the train arrive?"), ("unknown", "Who?"))]
    (tmp_path / "en.json").write_text(json.dumps({"data": [{"title": "t", "paragraphs": asked}]}), "utf-8")
    result = json.loads(dalil(tmp_path, "eval", "squad", "ar.json", "--json").stdout)
    assert (result["questions"], result["documents"]) == (2, 2)
    assert result["measures"]["nDCG@10"] == 1.0
    assert set(result["measures"]) >= {"nDCG@10", "R@1", "R@10", "RR@10"}
    other = json.loads(dalil(tmp_path, "eval", "squad", "ar.json", "--questions", "en.json", "--json").stdout)
    assert (other["questions"], other["documents"]) == (1, 2)


@pytest.mark.skipif(not SEEDS.exists(), reason="the two seed articles are not here")
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("على كم وحدة معالجة رسومية تم تدريب Llama 3؟", "16384"),
        ("How many GPUs was Llama 3 trained on?", "16384"),
        ("كم تتوقع ميتا أن تنفق في عام 2024؟", "37 مليار دولار و40 مليار دولار"),
        ("How much does Meta expect to spend in 2024?", "37 مليار دولار و40 مليار دولار"),
        ("ما اسم أول مجموعة حوسبة فائقة لميتا؟", "بروميثيوس"),
        ("What is Meta's first supercluster called?", "بروميثيوس"),
        ("إلى أي قدرة يمكن أن تتوسع مجموعة هايبريون؟", "خمسة جيجاوات"),
        ("How far can the Hyperion supercluster grow?", "خمسة جيجاوات"),
        ("كم استثمرت ميتا في Scale AI؟", "14 مليار دولار"),
        ("How much did Meta put into Scale AI?", "14 مليار دولار"),
    ],
)
def test_the_seed_articles_as_they_came(seeded, question, answer):
    result = seeded.ask(AnswerRequest(question))
    assert not result.refused
    assert answer in " ".join(citation.quote for citation in result.citations)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over the seed articles, which the command line has ingested."""
    folder = tmp_path_factory.mktemp("seeds")
    assert dalil(folder, "ingest", str(SEEDS)).returncode == 0
    with Assistant.from_settings(load_settings({}, data_dir=folder / "data")) as opened:
        yield opened


def test_no_model_is_loaded_when_nothing_changed(home):
    assert dalil(home, "ingest", "articles", XDG_CACHE_HOME="/dev/null/nowhere").returncode == 0
    assert dalil(home, "ask", "ما هايبريون؟", XDG_CACHE_HOME="/dev/null/nowhere").returncode == 1


def test_the_readmes_python_runs_as_it_stands(home):
    section = (ROOT / "README.md").read_text("utf-8").split("## Python and llama-index\n")[1].split("\n## ")[0]
    code = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    environment = os.environ | {"DALIL_DATA_DIR": str(home / "data"), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "١٩٠٨" in ran.stdout
    assert ran.stdout.count("NodeWithScore(") == 3


def test_a_busy_service_is_asked_again_also_where_a_proxy_gives_a_date():
    busy = Refuses(429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    with Endpoint() as endpoint:
        endpoint.says(busy, Refuses(500))
        with ServiceClient(endpoint.url.removesuffix("/v1"), None) as client:
            assert "error" in client.upload("/v1/articles", b"{}", "application/json")
    assert len(endpoint.requests) == 2
