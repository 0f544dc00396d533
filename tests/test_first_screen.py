"""The first screen is made once for each state of the collection, and before anybody comes."""

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn

from eval.bench.serving import open_service
from rag.answering.assistant import Assistant
from rag.embedding import Encoder
from rag.language.languages import LANGUAGES
from rag.settings import load_settings
from tests.doubles import article, like, open_assistant, put
from ui.api import AnswerService, create_app
from ui.page.labels import load_labels
from ui.page.welcome import FirstScreen
from ui.serve import SiteServer

CASTLE = article("بُنيت قلعة الشويخ سنة 1823 على يد البنّاء سالم.", "castle", "قلعة الشويخ")


class CountingEncoder(Encoder):
    """Another encoder, with how many queries it has embedded."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.spec, self.queries = encoder, encoder.spec, 0

    def embed_passages(self, passages):
        return self._encoder.embed_passages(passages)

    def embed_sentences(self, texts):
        return self._encoder.embed_sentences(texts)

    def embed_query(self, text):
        self.queries += 1
        return self._encoder.embed_query(text)


@pytest.fixture
def encoder(assistant) -> CountingEncoder:
    return CountingEncoder(assistant.encoder)


@pytest.fixture
def opened(tmp_path: Path, encoder: CountingEncoder) -> Iterator[Assistant]:
    with open_assistant(load_settings({}, data_dir=tmp_path)) as empty:
        yield like(empty, encoder=encoder)


def test_it_is_made_once_for_each_state_of_the_collection(opened, encoder):
    put(opened, CASTLE)
    screen = FirstScreen(opened)
    first = screen.render("ar")
    tried = encoder.queries
    assert tried > 0
    assert "قلعة الشويخ" in first
    assert screen.render("ar") == first
    assert encoder.queries == tried

    put(opened, article("تعيش السلاحف في البحر.", "turtles", "السلاحف", topic="بحر"))
    changed = screen.render("ar")
    assert "السلاحف" in changed
    assert 'data-topic="بحر"' in changed
    assert encoder.queries > tried

    opened.store.remove(["castle", "turtles"])
    assert screen.render("ar") == screen.render("ar")
    assert load_labels("ar")["welcome_empty"] in screen.render("ar")


def test_its_examples_are_tried_once_for_all_starts_over_the_same_articles(opened, encoder):
    put(opened, CASTLE)
    first = FirstScreen(opened).render("ar")
    tried = encoder.queries
    assert tried > 0
    assert FirstScreen(opened).render("ar") == first
    assert encoder.queries == tried

    put(opened, article("هُدمت قلعة الشويخ سنة 1905 وبقي منها برج.", "castle", "قلعة الشويخ"))
    FirstScreen(opened).render("ar")
    assert encoder.queries > tried


@pytest.mark.parametrize("content", ["{", "[]", '{"ar": 1}'])
def test_examples_that_were_kept_by_somebody_else_are_tried_anew(opened, encoder, tmp_path, content):
    put(opened, CASTLE)
    first = FirstScreen(opened).render("ar")
    tried = encoder.queries
    (tmp_path / "examples.json").write_text(content)
    assert FirstScreen(opened).render("ar") == first
    assert encoder.queries == 2 * tried


def test_a_visitor_after_the_warming_up_waits_for_no_model(opened, encoder):
    put(opened, CASTLE)
    screen = FirstScreen(opened)
    screen.warm()
    tried = encoder.queries
    assert tried > 0
    for language in LANGUAGES:
        screen.render(language)
    assert encoder.queries == tried


def test_warming_up_an_empty_collection_asks_nothing(opened, encoder):
    FirstScreen(opened).warm()
    assert encoder.queries == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what a process has loaded")
def test_the_first_event_of_the_page_waits_for_no_library_of_figures(tmp_path):
    """Gradio would import matplotlib, which the tools for measuring bring."""
    assert find_spec("matplotlib")
    with open_service(tmp_path) as service, httpx.Client(base_url=f"{service.url}/ar/", timeout=60) as client:
        events = client.get("config").json()["dependencies"]
        event = next(one for one in events if one["targets"][0][1] == "load" and one["outputs"])
        asked = {"fn_index": event["id"], "session_hash": "s", "data": [[], {}, {}]}
        client.post("gradio_api/queue/join", json=asked).raise_for_status()
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": "s"}) as stream:
            assert any("process_completed" in line for line in stream.iter_lines())
        loaded = Path(f"/proc/{service.process.pid}/maps").read_text()
    assert "pydantic" in loaded
    assert "matplotlib" not in loaded


def test_the_service_warms_up_while_it_answers_already(assistant):
    answers = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/health"
        service = AnswerService(assistant)
        config = uvicorn.Config(create_app(service), log_level="error", timeout_graceful_shutdown=2)
        server = SiteServer(config, service, lambda: answers.append(httpx.get(address).json()))
        running = Thread(target=server.run, args=([listening],), daemon=True)
        running.start()
        while not answers and running.is_alive():
            running.join(0.05)
        server.should_exit = True
        running.join(10)
    assert answers == [{"status": "ok"}]
