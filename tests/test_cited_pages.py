"""A citation says the page of the file that its words stand on, wherever it is shown."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.answering.references import format_page
from rag.integrations.llama_index import DalilRetriever
from rag.settings import load_settings
from rag.types import Page, PageMap, Span
from tests.doubles import article, local_client, open_assistant, put
from tests.pdf_files import make_pdf
from tests.test_page_parts import ANSWER, QUOTE
from tests.test_pdf import arabic
from ui.api import AnswerService, create_app
from ui.cli.main import main
from ui.page.evidence import EvidenceRequest, render_article
from ui.page.labels import load_labels
from ui.page.storage import Turn
from ui.page.turns import format_reference, render_turn, to_markdown

FIRST = "افتتحت جامعة الفرات مختبر الكيمياء في المدينة القديمة عام 1987."
SECOND = "وبلغت كلفة برج الساعة أربعة ملايين دينار دفعتها البلدية من ميزانيتها."
QUESTION = "كم بلغت كلفة برج الساعة؟"
FILE = make_pdf([[arabic(700, FIRST)], [arabic(700, SECOND)]], labels="0 << /S /r >>")
CITED = {"number": 2, "label": "ii"}
PDF = {"Content-Type": "application/pdf"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnswerService]:
    with open_assistant(load_settings({}, data_dir=tmp_path_factory.mktemp("pages"))) as opened:
        service = AnswerService(opened)
        local_client(create_app(service)).post("/v1/articles", params={"name": "a"}, content=FILE, headers=PDF)
        yield service


@pytest.fixture
def client(service):
    return local_client(create_app(service))


def test_an_answer_over_http_says_the_page(client):
    (cited, *_) = client.post("/v1/ask", json={"question": QUESTION}).json()["citations"]
    assert (cited["quote"], cited["page"]) == (SECOND, CITED)
    asked = {"model": "dalil", "messages": [{"role": "user", "content": QUESTION}]}
    assert client.post("/v1/chat/completions", json=asked).json()["citations"][0]["page"] == CITED
    streamed = client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text
    assert f'"page": {json.dumps(CITED)}' in streamed[streamed.index("event: citation") :].split("\n\n")[0]


def test_passages_and_the_article_over_http_say_the_pages(client):
    (hit, *_) = client.post("/v1/search", json={"query": QUESTION}).json()["hits"]
    assert hit["page"]["number"] == (1 if FIRST in hit["text"] else 2)
    starts = [{"number": 1, "label": "i", "start": 0}, CITED | {"start": len(FIRST) + 2}]
    assert client.get("/v1/articles/a").json()["pages"] == starts
    fields = client.get("/openapi.json").json()["components"]["schemas"]
    assert fields["Citation"]["properties"]["page"]["anyOf"][0] == {"$ref": "#/components/schemas/Page"}
    assert fields["ChatCompletion"]["properties"]["citations"]["items"] == {"$ref": "#/components/schemas/Citation"}


def test_a_node_of_llama_index_says_the_page(service):
    (node, *_) = DalilRetriever(service.assistant).retrieve(QUESTION)
    assert node.metadata["page_label"] in ("i", "ii")


def test_the_command_line_says_the_page_in_the_language_of_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "a.pdf"
    file.write_bytes(make_pdf([[arabic(700, FIRST)], [arabic(700, SECOND)]]))
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "data"))
    said = []
    for command in (["ingest", str(file)], ["ask", QUESTION], ["ask", QUESTION, "--language", "en"]):
        assert main(command) == 0
        said.append(capsys.readouterr().out)
    assert "، ص ٢ (a, " in said[1]
    assert ", p. 2 (a, " in said[2]


@pytest.mark.parametrize(
    ("page", "arabic_name", "english_name"),
    [
        (Page(30), "ص ٣٠", "p. 30"),
        (Page(30, "12"), "ص ١٢", "p. 12"),
        (Page(3, "iii"), "ص iii", "p. iii"),
        (Page(3, "٣"), "ص ٣", "p. ٣"),
        (Page(3, "A-7"), "ص A-7", "p. A-7"),
    ],
)
def test_a_page_is_called_as_its_file_calls_it_in_the_digits_of_the_reader(page, arabic_name, english_name):
    assert (format_page(page, "ar"), format_page(page, "en")) == (arabic_name, english_name)


@pytest.mark.parametrize("mode", ["extractive", "generate"])
def test_the_sources_on_the_page_and_what_is_copied_say_the_page(mode):
    answer = replace(ANSWER, citations=(replace(QUOTE, page=Page(3)),), mode=mode)
    html = "".join(render_turn(Turn(question="؟", answer=answer), 0, load_labels("en")))
    sources = html[html.index("dalil-sources") :]
    assert 'lang="ar">ص ٣</bdi>' in sources
    assert "عنوان، ص ٣ (a, 0–5)" in to_markdown([Turn(question="؟", answer=answer)])
    assert "dalil-page-name" not in "".join(render_turn(Turn(question="؟", answer=ANSWER), 0, load_labels("en")))
    assert format_reference(QUOTE, "en") == "«القطط» — عنوان (a, 0–5)"


def test_the_evidence_says_the_page_of_the_words_that_are_opened(service):
    start = len(FIRST) + 2
    html = render_article(
        service.assistant.store, EvidenceRequest("a", Span(start, start + 9)), load_labels("en"), "en"
    )
    assert ">p. ii</bdi>" in html
    assert ", p. ii (a, " in html  # to be copied
    whole = render_article(service.assistant.store, EvidenceRequest("a", Span(0, 0)), load_labels("en"), "en")
    assert (html.count("dalil-page-name"), whole.count("dalil-page-name")) == (3, 2)  # where pages begin, too


def test_the_article_beside_the_chat_shows_where_its_pages_begin(service):
    text = "أول الصفحات. جملة تبدأ هنا وتنتهي بعد الورقة. آخرها."
    cut, end = text.index("وتنتهي"), text.index("آخرها")
    pages = PageMap((0, cut, cut, end), ("", "2", "ج", "د"))
    put(service.assistant, article(text, "cut", pages=pages))
    html = render_article(service.assistant.store, EvidenceRequest("cut", Span(13, end)), load_labels("ar"), "ar")
    panel = html[html.index('class="dalil-text"') :]
    assert re.findall(r"ص [^<]+", panel) == ["ص ١", "ص ج", "ص د"]  # an empty page begins nowhere
    blocks = re.findall(r'<p dir="rtl" data-start="(\d+)">(.*?)</p>', panel, re.DOTALL)
    assert [int(start) for start, _ in blocks] == [0, cut, end]
    assert re.findall("<mark>(.*?)</mark>", panel) == [text[13:cut], text[cut:end]]


def test_a_page_that_a_browser_kept_comes_back():
    turn = Turn(question="؟", answer=replace(ANSWER, citations=(replace(QUOTE, page=Page(3, "i")), QUOTE)))
    assert Turn.model_validate(json.loads(turn.model_dump_json(exclude_defaults=True))) == turn
