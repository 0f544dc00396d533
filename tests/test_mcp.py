"""The tools of the Model Context Protocol, called by the client of its official SDK over both transports."""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from rag.settings import load_settings
from rag.types import PageMap
from tests.doubles import article, closed_port, like, open_assistant, put, served
from tests.test_cli import dalil
from ui.api import AnswerService, create_app
from ui.mcp.http import mount_mcp
from ui.serve import configure_server

ROOT = Path(__file__).parent.parent
QUEEN = "كم يومًا تحتاج ملكة النحل لتكتمل من البيضة إلى الحشرة البالغة؟"
KEY = "a-key-of-its-own"


def site_of(assistant):
    service = AnswerService(assistant)
    app = create_app(service)
    mount_mcp(app, service)
    return app


@pytest.fixture(scope="module")
def url(assistant):
    with served(site_of(like(assistant, refuse_below=0.0))) as address:
        yield address


def call(url, name, key=None, mode="auto", **arguments):
    """The result of one tool over HTTP."""

    async def run():
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
        ):
            return await client.call_tool(name, arguments)

    return asyncio.run(run())


def list_tools(server):
    async def run():
        async with Client(server) as client:
            return (await client.list_tools()).tools

    return asyncio.run(run())


def test_the_tools_say_what_they_take_and_give(url):
    tools = {tool.name: tool for tool in list_tools(f"{url}/mcp")}
    assert set(tools) == {"ask", "search", "read_article", "list_articles"}
    for tool in tools.values():
        assert tool.description
        assert tool.output_schema["properties"]
        assert tool.annotations.read_only_hint
    assert {"question", "language", "top_k", "filters"} == set(tools["ask"].input_schema["properties"])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_answer_has_citations_with_the_exact_words_and_where_they_open(url, assistant, mode):
    answer = call(url, "ask", mode=mode, question=QUEEN).structured_content
    assert (answer["state"], answer["language"]) == ("answered", "ar")
    assert answer["citations"]
    for citation in answer["citations"]:
        assert f"[{citation['number']}]" in answer["text"]
        source = assistant.store.get_article(citation["article_id"])
        assert source.text[citation["start"] : citation["end"]] == citation["quote"]
        parts = urlsplit(citation["address"])
        assert citation["address"].startswith(f"{url}/ar/#")
        place = {name: str(citation[name]) for name in ("start", "end")} | {"article": source.id}
        assert {name: values[0] for name, values in parse_qs(parts.fragment).items()} == place


def test_an_english_question_is_answered_in_english_with_arabic_words_as_evidence(url):
    answer = call(url, "ask", question=QUEEN, language="en").structured_content
    assert answer["language"] == "en"
    assert all("/en/#" in citation["address"] for citation in answer["citations"])


def test_a_search_gives_passages_within_its_filters(url, assistant):
    found = call(url, "search", query=QUEEN, top_k=3).structured_content
    hits = [(hit.article.id, hit.text) for hit in assistant.search(QUEEN, 3).hits]
    assert [(one["article_id"], one["quote"]) for one in found["passages"]] == hits
    assert 0 <= found["probability"] <= 1
    within = call(url, "search", query=QUEEN, filters={"articles": ["dead-sea"]}).structured_content
    assert {one["article_id"] for one in within["passages"]} == {"dead-sea"}


def test_an_article_is_read_in_parts_that_make_it_whole(url, assistant):
    listed = call(url, "list_articles", limit=2).structured_content
    assert (len(listed["articles"]), listed["total"]) == (2, assistant.store.count_articles())
    wanted, parts, end = "dead-sea", [], 0
    while not parts or end < parts[-1]["length"]:
        parts.append(call(url, "read_article", article_id=wanted, start=end, max_chars=700).structured_content)
        end = parts[-1]["end"]
    assert len(parts) > 1
    assert "".join(part["text"] for part in parts) == assistant.store.get_article(wanted).text


def test_a_page_is_named_as_its_document_does(small_with_pages):
    with served(site_of(small_with_pages)) as url:
        found = call(url, "search", query="الفنار").structured_content
    assert [one["page"] for one in found["passages"]] == ["iv"]


@pytest.fixture
def small_with_pages(tmp_path):
    with open_assistant(load_settings({}, data_dir=tmp_path)) as opened:
        put(opened, article("أُضيء الفنار سنة 1902.", pages=PageMap((0,), ("iv",))))
        yield opened


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("read_article", {"article_id": "nowhere"}, "nowhere"),
        ("read_article", {"article_id": "dead-sea", "start": 10_000_000}, "start is at most"),
        ("ask", {"question": "  "}, "empty"),
        ("ask", {"question": "x", "top_k": 500}, "50"),
        ("search", {"query": "x", "filters": {"colour": "red"}}, "colour"),
        ("search", {"query": "x", "filters": {"date_from": "2024", "date_to": "2023"}}, "2023"),
    ],
)
def test_a_call_that_cannot_be_served_tells_the_model_why(url, name, arguments, message):
    result = call(url, name, **arguments)
    assert result.is_error
    assert message in result.content[0].text
    assert "Traceback" not in result.content[0].text


def test_calls_beyond_the_limit_are_refused(assistant):
    service = AnswerService(like(assistant, max_concurrent=1))
    app = create_app(service)
    mount_mcp(app, service)
    with served(app) as url, service.limiter.place():
        refused = call(url, "search", query=QUEEN)
        assert refused.is_error
        assert "as many as it may" in refused.content[0].text
        assert not call(url, "list_articles").is_error


# Keys and names


def test_the_keys_of_the_service_guard_the_tools(assistant):
    guarded = like(assistant, api_keys=SecretStr(KEY))
    with served(site_of(guarded)) as url:
        assert call(url, "list_articles", key=KEY).structured_content["total"] == assistant.store.count_articles()
        for key in (None, "wrong"):
            with pytest.raises((MCPError, ExceptionGroup)):
                call(url, "list_articles", key=key)
        assert httpx.post(f"{url}/mcp", json={}).status_code == 401


def test_another_sites_page_and_another_name_are_refused_and_no_stream_is_kept_open(url):
    assert httpx.post(f"{url}/mcp", json={}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert httpx.post(f"{url}/mcp", json={}, headers={"Host": "evil.example"}).status_code == 421
    assert httpx.get(f"{url}/mcp", headers={"Accept": "text/event-stream"}).status_code == 405


# Standard input and output


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mcp")
    (folder / "articles").mkdir()
    shutil.copy(ROOT / "articles" / "socotra.md", folder / "articles")
    assert dalil(folder, "ingest", "articles").returncode == 0
    return folder


def started(folder, *arguments, **environment):
    variables = {"DALIL_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = ["-m", "ui.cli", "mcp", *arguments]
    return StdioServerParameters(command=sys.executable, args=command, env=variables | environment)


def call_started(server, name, **arguments):
    async def run():
        async with Client(server) as client:
            return await client.call_tool(name, arguments)

    return asyncio.run(run())


def test_the_command_serves_the_tools_over_its_index(home):
    answer = call_started(started(home), "ask", question="أين تقع سقطرى؟").structured_content
    assert {citation["article_id"] for citation in answer["citations"]} == {"socotra"}
    assert all(citation["address"] is None for citation in answer["citations"])  # there is no page to lead to


def test_the_command_forwards_to_a_running_service_with_its_key(assistant, tmp_path):
    guarded = like(assistant, api_keys=SecretStr(KEY), refuse_below=0.0)
    with served(configure_server(site_of(guarded), guarded.settings)) as url:
        server = started(tmp_path, "--server", url, DALIL_API_KEYS=KEY)
        answer = call_started(server, "ask", question=QUEEN).structured_content
        assert answer["citations"][0]["address"].startswith(f"{url}/ar/#article=honey-bees")
        assert call_started(server, "read_article", article_id="nowhere").is_error
        assert {tool.name for tool in list_tools(server)} == {"ask", "search", "read_article", "list_articles"}
        refused = dalil(tmp_path, "mcp", "--server", url)
    assert refused.returncode == 1
    assert "does not let us in" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_the_configuration_in_the_how_to_starts_the_tools(assistant, tmp_path):
    paper = (ROOT / "docs" / "how-to" / "mcp.md").read_text("utf-8")
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", paper, re.DOTALL)]
    config = next(block for block in blocks if "mcpServers" in block)["mcpServers"]["dalil"]
    guarded = like(assistant, api_keys=SecretStr(config["env"]["DALIL_API_KEYS"]))
    with served(site_of(guarded)) as url:
        arguments = [url if argument.startswith("http") else argument for argument in config["args"]]
        server = started(tmp_path, *arguments[1:], **config["env"])
        assert (arguments[0], len(list_tools(server))) == ("mcp", 4)


def test_the_command_says_that_no_service_is_there(tmp_path):
    ran = dalil(tmp_path, "mcp", "--server", f"http://127.0.0.1:{closed_port()}")
    assert ran.returncode == 1
    assert ran.stderr.startswith("dalil: The service at http")


def test_the_command_says_that_the_service_has_no_tools(assistant, tmp_path):
    with served(create_app(AnswerService(assistant))) as url:
        ran = dalil(tmp_path, "mcp", "--server", url)
    assert ran.returncode == 1
    assert "does not speak MCP" in ran.stderr
