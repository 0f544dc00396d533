"""The typed client of the HTTP API, against a service on loopback, and what it is generated from."""

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from dalil_client import (
    Answer,
    ApiError,
    ArticleFilters,
    AsyncClient,
    Cited,
    Client,
    Feedback,
    Final,
    HistoryMessage,
    Job,
    Meta,
    Passage,
    Sources,
    Token,
    UploadResult,
)
from dalil_client.events import EventParser
from nbclient import NotebookClient
from pydantic import SecretStr

from rag.settings import load_settings
from tests.doubles import Endpoint, Refuses, article, like, open_assistant, put, served
from ui.api import AnswerService, create_app

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "clients" / "python"
QUEEN = "كم يومًا تحتاج ملكة النحل لتكتمل من البيضة إلى الحشرة البالغة؟"
LINE_SEPARATOR = "\u2028"
NOTE = "أُضيء الفنار سنة 1902 في الميناء القديم."


@pytest.fixture(scope="module")
def url(assistant):
    with served(create_app(AnswerService(like(assistant, refuse_below=0.0)))) as address:
        yield address


@pytest.fixture
def client(url):
    with Client(url) as opened:
        yield opened


# What it is generated from


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_is_that_of_the_service(generate):
    assert generate.SCHEMA_FILE.read_text("utf-8") == generate.read_schema(), "run `make client`"


def test_the_types_are_those_of_the_document(generate):
    schema = generate.SCHEMA_FILE.read_text("utf-8")
    assert generate.MODELS_FILE.read_text("utf-8") == generate.generate_models(schema), "run `make client`"


def test_it_needs_neither_dalil_nor_what_it_is_built_on():
    imported = re.findall(r"^(?:from|import) (\w+)", "".join(map(Path.read_text, FOLDER.rglob("*.py"))), re.MULTILINE)
    ours = {"rag", "ui"}  # of generate.py, which is no part of the package
    assert {*imported} - ours <= {
        "asyncio", "collections", "dalil_client", "dataclasses", "functools", "httpx", "json", "pathlib", "pydantic",
        "re", "subprocess", "sys", "tempfile", "time", "types", "typing", "urllib", "__future__",
    }  # fmt: skip
    assert not any("rag" in path.read_text() for path in (FOLDER / "dalil_client").glob("c*.py"))


# Calls


def test_an_answer_is_typed_and_its_citations_open_the_article(client):
    answer = client.ask(QUEEN, filters=ArticleFilters(articles=["honey-bees"]))
    assert isinstance(answer, Answer)
    assert (answer.language, answer.state) == ("ar", "answered")
    for citation in answer.citations:
        assert client.read_text(citation.article_id, citation.start, citation.end).text == citation.quote


def test_options_of_a_question_are_sent(client):
    history = [HistoryMessage(role="user", text="متى وُلد؟"), HistoryMessage(role="assistant", text="سنة 1886م.")]
    answer = client.ask(QUEEN, language="en", history=history, top_k=1, mode="extractive")
    assert (answer.language, answer.mode) == ("en", "extractive")
    found = client.search(QUEEN, top_k=2, mode="lexical", explain=True)
    assert len(found.hits) == 2
    assert found.hits[0].signals
    assert found.probability is not None


def test_articles_are_listed_added_read_and_removed(client):
    before = client.list_articles(limit=1)
    assert len(before.data) == 1
    planned = client.add_articles(NOTE.encode(), "text/plain", name="notes/lamp #1", dry_run=True)
    assert (planned.added, client.list_articles().total) == (["notes/lamp #1"], before.total)
    added = client.add_articles(NOTE.encode(), "text/plain", name="notes/lamp #1")
    assert isinstance(added, UploadResult)
    assert client.read_article("notes/lamp #1").text == NOTE
    assert client.remove_article("notes/lamp #1").removed
    with pytest.raises(ApiError, match="notes/lamp") as refused:
        client.read_article("notes/lamp #1")
    assert (refused.value.status, refused.value.code) == (404, "not_found")


def test_a_large_upload_is_a_job_that_is_waited_for(client):
    filler = "x" * 20_000  # a field that is not read
    texts = {f"many-{number}": f"{NOTE} {number}" for number in range(12)}
    lines = [json.dumps({"id": name, "text": text, "filler": filler}) for name, text in texts.items()]
    started = client.add_articles("\n".join(lines).encode(), "application/jsonl")
    assert isinstance(started, Job)
    done = client.wait_for_job(started.id)
    assert (done.status, len(done.added)) == ("done", 12)
    for name in done.added:
        client.remove_article(name)


def test_an_answer_is_rated(client):
    answer = client.ask(QUEEN)
    citation = answer.citations[0]
    passage = Passage(article_id=citation.article_id, start=citation.start, end=citation.end)
    assert client.rate(answer.id, Feedback(rating="down", reason="قصير", passage=passage)).rating == "down"


def test_a_service_that_is_not_ready_says_why(tmp_path):
    with open_assistant(load_settings({}, data_dir=tmp_path)) as opened:
        put(opened, article(NOTE))
        with served(create_app(AnswerService(opened))) as url, Client(url) as client:
            assert client.check_ready().ready
            opened.close()
            readiness = client.check_ready()
    assert not readiness.ready
    assert "cannot be used" in str(readiness.checks["index"])


# Streams


def test_an_answer_comes_in_events(client):
    events = list(client.stream(QUEEN))
    assert [type(event) for event in events[:2]] == [Meta, Sources]
    final = events[-1]
    assert isinstance(final, Final)
    assert "".join(event.text for event in events if isinstance(event, Token)) == final.answer.text
    assert [event.citation for event in events if isinstance(event, Cited)] == final.answer.citations


def test_a_line_separator_in_an_article_does_not_break_an_event():
    event = f'event: token\ndata: {{"text": "a{LINE_SEPARATOR}b"}}\n\n'
    parser = EventParser()
    assert [one for part in event for one in parser.take(part)] == [Token(f"a{LINE_SEPARATOR}b")]


def test_an_error_within_a_stream_is_raised():
    parser = EventParser()
    event = 'event: error\ndata: {"error": {"message": "The index is closed.", "code": "index_unavailable"}}\n\n'
    with pytest.raises(ApiError, match="closed") as raised:
        list(parser.take(event))
    assert (raised.value.status, raised.value.code) == (0, "index_unavailable")


def test_comments_and_events_of_later_versions_are_passed_over():
    assert list(EventParser().take(":\n\nevent: news\ndata: {}\n\nevent: done\ndata: {}\n\n")) == []


# Refusals


def test_a_refusal_of_a_stream_is_an_error(client):
    with pytest.raises(ApiError) as refused:
        next(client.stream("  "))
    assert (refused.value.status, refused.value.code) == (400, "invalid_question")


def test_a_key_is_sent(assistant):
    guarded = like(assistant, api_keys=SecretStr("a-key"))
    with served(create_app(AnswerService(guarded))) as url:
        with Client(url, key="a-key") as client:
            assert client.list_articles().total
        with Client(url) as client, pytest.raises(ApiError, match="key is needed"):
            client.list_articles()


@pytest.mark.parametrize(("refusals", "retries", "is_answered"), [(2, 3, True), (2, 1, False)])
def test_a_busy_service_is_asked_again_when_it_says(refusals, retries, is_answered):
    busy = Refuses(429, {"Retry-After": "0"})
    with Endpoint() as endpoint:
        endpoint.says(*[busy] * refusals, Refuses(500))
        with Client(endpoint.url.removesuffix("/v1"), retries=retries) as client, pytest.raises(ApiError) as raised:
            client.ask(QUEEN)
    assert raised.value.status == (500 if is_answered else 429)
    assert len(endpoint.requests) == min(refusals, retries) + 1


def test_what_is_no_dalil_is_an_error_too():
    with Endpoint() as endpoint, Client(endpoint.url) as client, pytest.raises(ApiError, match="answers with 501"):
        client.list_articles()


# Awaited


def test_all_of_it_can_be_awaited(url):
    async def use():
        async with AsyncClient(url) as client:
            answer, found = await asyncio.gather(client.ask(QUEEN), client.search(QUEEN, top_k=1))
            events = [event async for event in client.stream(QUEEN)]
            with pytest.raises(ApiError):
                await client.read_article("nowhere")
            with pytest.raises(ApiError):
                _ = [event async for event in client.stream(" ")]
            return answer, found, events

    answer, found, events = asyncio.run(use())
    assert answer.citations
    assert len(found.hits) == 1
    assert events[-1].answer.text == answer.text


def test_both_clients_have_the_same_methods():
    def names(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert names(Client) == names(AsyncClient)
    assert all(getattr(Client, name).__doc__ for name in names(Client))


# The papers

SERVICE_URL = "http://127.0.0.1:7860"


def test_the_how_to_runs_as_it_stands(url):
    text = (ROOT / "docs" / "how-to" / "http-client.md").read_text("utf-8")
    script = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    assert SERVICE_URL in script
    command = [sys.executable, "-c", script.replace(SERVICE_URL, url)]
    environment = os.environ | {"PYTHONPATH": str(FOLDER)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "404 not_found" in ran.stdout
    assert "['lamp'] {}" in ran.stdout


def test_the_notebook_runs_as_it_stands(url):
    notebook = nbformat.read(ROOT / "docs" / "how-to" / "http-client.ipynb", 4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace(SERVICE_URL, url)
    NotebookClient(notebook, timeout=120).execute(env=os.environ | {"PYTHONPATH": str(FOLDER)})
    printed = ["".join(str(one) for one in cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]
    assert "True" in printed[0]
    assert "[1]" in printed[1]
    assert "True" in printed[2]
    assert "answered" in printed[3]
