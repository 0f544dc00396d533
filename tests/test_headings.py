"""Headings are kept as such: a citation says those that its words stand beneath, wherever it is shown."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import Workbook
from pptx import Presentation

from ingest.readers import format_of_file, read_upload
from ingest.readers.headings import mark_heading, place_headings, take_marks
from rag.answering.references import format_title
from rag.integrations.llama_index import DalilRetriever
from rag.settings import load_settings
from rag.types import AnswerRequest, Article, Heading, Page, Span
from tests.doubles import article, local_client, open_assistant, put
from tests.pdf_files import make_pdf
from tests.test_documents import book, paragraph, save, word
from tests.test_health import turn
from tests.test_pdf import arabic
from ui.api import AnswerService, create_app
from ui.cli.main import main
from ui.page.evidence import EvidenceRequest, render_article
from ui.page.labels import load_labels
from ui.page.storage import Turn
from ui.page.turns import render_turn, to_markdown

MARKDOWN = """# لائحة البلدية

أقرها المجلس البلدي في تل السنونو.

## الإجازات

تمنح البلدية إجازات لعامليها جميعًا.

### 2. Sick leave

يستحق العامل المريض ثلاثين يومًا مدفوعة الأجر في السنة.

## الجزاءات

يخصم من الراتب يوم عن كل غياب بلا عذر.
"""
QUOTE = "يستحق العامل المريض ثلاثين يومًا مدفوعة الأجر في السنة."
QUESTION = "كم يومًا يستحق العامل المريض في السنة؟"
SECTION = ("الإجازات", "2. Sick leave")
LINE = "بلغت كلفة برج الساعة أربعة ملايين دينار دفعتها البلدية من ميزانيتها."


def read(name: str, content: bytes) -> Article:
    known = format_of_file(Path(name))
    assert known is not None
    one, *_ = read_upload(content, known, Path(name).stem, 100_000)
    assert isinstance(one, Article), one
    return one


def path_to(one: Article, words: str) -> tuple[str, ...]:
    return one.find_section(one.text.index(words))


# The formats


def slides() -> bytes:
    deck = Presentation()
    for title, text in (("الافتتاح", "كلمة العمدة في الحفل."), ("الميزانية", LINE)):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, text
    return save(deck)


def sheets() -> bytes:
    workbook = Workbook()
    workbook.active.title = "العاملون"
    workbook.active.append(["القسم", "العدد"])
    workbook.create_sheet("الكلفة").append(["برج الساعة", LINE])
    return save(workbook)


def sized(*lines: tuple[int, str, int]) -> bytes:
    return make_pdf([[arabic(y, text, size=size) for y, text, size in lines]])


HTML = (
    "<article><h1>خبر</h1><p>تمهيد قصير للخبر.</p><h2>الكلفة <b>كلها</b></h2>"
    f"<h3><div>البرج</div></h3><p>{LINE}</p></article>"
)
EMAIL = (
    f"Subject: =?utf-8?B?2KfZhNmD2YTZgdip?=\r\nFrom: a@b.c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{LINE}\r\n"
)
FILES = {
    "a.md": (f"# خبر\n\nتمهيد.\n\n## الكلفة **كلها**\n\nالبرج\n-----\n\n{LINE}\n".encode(), ("البرج",)),
    "a.html": (HTML.encode(), ("الكلفة كلها", "البرج")),
    "a.docx": (
        word(paragraph("خبر", "Heading1") + paragraph("الكلفة", "Heading2") + paragraph(LINE)),
        ("الكلفة",),
    ),
    "a.pptx": (slides(), ("الشريحة 2: الميزانية",)),
    "a.xlsx": (sheets(), ("الكلفة",)),
    "a.epub": (
        book(
            [
                "<html><head><title>المقدمة</title></head><body><p>كلمة الناشر عن الكتاب.</p></body></html>",
                f"<html><body><h1>الباب الأول</h1><h2>البرج</h2><p>{LINE}</p></body></html>",
            ]
        ),
        ("الباب الأول", "البرج"),
    ),
    "a.eml": (EMAIL.encode(), ()),
    "a.pdf": (
        sized((760, "تقرير المدينة", 20), (720, "الكلفة", 16), (690, "البرج", 14), (660, LINE, 12), (640, LINE, 12)),
        ("الكلفة", "البرج"),
    ),
    "a.txt": (f"الكلفة\n\n{LINE}".encode(), ()),
}


@pytest.mark.parametrize("name", FILES)
def test_words_stand_beneath_the_headings_of_their_file(name):
    content, path = FILES[name]
    one = read(name, content)
    assert path_to(one, LINE) == path
    assert [h for h in one.headings if one.text[h.start : h.end].strip() != one.text[h.start : h.end]] == []
    assert "\U0001fffe" not in one.text


def test_what_heads_the_whole_is_the_title_and_no_section():
    titles = {name: read(name, FILES[name][0]).title for name in ("a.md", "a.html", "a.docx", "a.pdf", "a.eml")}
    assert titles == {
        "a.md": "خبر",
        "a.html": "خبر",
        "a.docx": "خبر",
        "a.pdf": "تقرير المدينة",
        "a.eml": "الكلفة",
    }


def test_a_pdf_of_many_sizes_has_no_headings():
    lines = [(800 - 30 * at, f"كلمة {at}", size) for at, size in enumerate((40, 36, 30, 26, 22, 18))]
    assert read("a.pdf", sized(*lines, *((500 - 20 * at, LINE, 12) for at in range(9)))).headings == ()


def test_headings_are_found_again_in_text_that_was_mended():
    heading = "باب الكلفة"
    one = read("a.md", f"{turn(LINE)}\n\n## {turn(heading)}\n\n{turn(LINE)}\n".encode())
    assert (one.find_section(one.text.rindex(LINE)), one.find_section(one.text.index(LINE))) == ((heading,), ())


def test_marks_leave_nothing_behind_and_places_count_from_the_stripped_text():
    parts, lines = take_marks(
        [f"\n {mark_heading('أ', 9)}\nنص\U0001fffe3", f"{mark_heading(' ', 1)}x\n{mark_heading('b c', 0)}\n"]
    )
    assert (parts, lines) == (["\n أ\nنص", "x\nb c\n"], [{}, {1: 1}])
    assert place_headings(["\n\nأ\n", "ب\n"], [{2: 6}, {0: 1}]) == (Heading(0, 1, 6), Heading(2, 3, 1))


def test_an_article_without_headings_is_the_same_revision_as_before():
    assert read("a.txt", "نص قصير".encode()).revision == "b3e8bc3227ab2f18c8a7e1e5"


def test_a_heading_ends_those_of_its_level_and_below():
    text = "1\n2\n3\n4\n5"
    levels = (1, 3, 2, 1)
    one = article(text, headings=tuple(Heading(2 * at, 2 * at + 1, level) for at, level in enumerate(levels)))
    paths = [one.find_section(2 * at) for at in range(5)]
    assert paths == [("1",), ("1", "2"), ("1", "3"), ("4",), ("4",)]


# Where they are shown


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnswerService]:
    with open_assistant(load_settings({}, data_dir=tmp_path_factory.mktemp("headings"))) as opened:
        service = AnswerService(opened)
        markdown = {"Content-Type": "text/markdown"}
        client = local_client(create_app(service))
        client.post("/v1/articles", params={"name": "rules"}, content=MARKDOWN.encode(), headers=markdown)
        yield service


def test_answers_passages_and_articles_over_http_say_the_headings(service):
    client = local_client(create_app(service))
    (cited, *_) = client.post("/v1/ask", json={"question": QUESTION}).json()["citations"]
    assert (cited["quote"], cited["section"]) == (QUOTE, list(SECTION))
    asked = {"model": "dalil", "messages": [{"role": "user", "content": QUESTION}]}
    assert client.post("/v1/chat/completions", json=asked).json()["citations"][0]["section"] == list(SECTION)
    (hit, *_) = client.post("/v1/search", json={"query": QUESTION}).json()["hits"]
    assert hit["section"] == []  # it begins above the first heading
    found = client.get("/v1/articles/rules").json()
    assert [(one["text"], one["level"]) for one in found["headings"]] == [
        (SECTION[0], 2),
        (SECTION[1], 3),
        ("الجزاءات", 2),
    ]
    assert all(found["text"][one["start"] :].startswith(one["text"]) for one in found["headings"])


def test_a_node_of_llama_index_says_the_headings(service):
    put(service.assistant, article("باب\nالنحلة تصنع العسل.", "bees", headings=(Heading(0, 3, 1),)))
    (node, *_) = DalilRetriever(service.assistant).retrieve("ماذا تصنع النحلة؟")
    assert node.metadata["section"] == "باب"
    service.assistant.store.remove(["bees"])


def test_a_title_with_headings_is_isolated_part_by_part():
    assert format_title("عنوان", None, "ar") == "عنوان"
    path = "\u2068عنوان\u2069 › \u2068الإجازات\u2069 › \u20682. Sick leave\u2069"
    assert format_title("عنوان", Page(3), "ar", SECTION) == f"{path}، ص ٣"


def test_the_command_line_says_the_headings(tmp_path, monkeypatch, capsys):
    (tmp_path / "rules.md").write_text(MARKDOWN, "utf-8")
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "data"))
    assert main(["ingest", str(tmp_path / "rules.md")]) == 0
    assert main(["ask", QUESTION]) == 0
    assert f"[1] {format_title('لائحة البلدية', None, 'ar', SECTION)} (rules, " in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["extractive", "generate"])
def test_the_page_shows_the_headings_in_its_sources_and_in_what_is_copied(service, mode):
    answer = replace(service.assistant.ask(AnswerRequest(QUESTION)), mode=mode)
    html = "".join(render_turn(Turn(question=QUESTION, answer=answer), 0, load_labels("en")))
    sources = html[html.index("dalil-lead" if mode == "extractive" else 'class="dalil-sources"') :]
    assert re.findall(r"dalil-section.*?</bdi>\n?</bdi>", sources, re.DOTALL)
    assert re.sub(r"<[^>]+>", "", sources).count("الإجازات › 2. Sick leave") >= 1
    assert format_title("لائحة البلدية", None, "ar", SECTION) in to_markdown([Turn(question=QUESTION, answer=answer)])


def test_the_evidence_says_the_headings_of_the_words_that_are_opened(service):
    store = service.assistant.store
    start = store.get_article("rules").text.index(QUOTE)
    html = render_article(store, EvidenceRequest("rules", Span(start, start + 9)), load_labels("ar"), "ar")
    head = html[: html.index('class="dalil-text"')]
    assert "الإجازات › 2. Sick leave" in re.sub(r"<[^>]+>", "", head)


def test_the_article_beside_the_chat_shows_headings_as_headings(service):
    store = service.assistant.store
    text = store.get_article("rules").text
    span = Span(text.index("Sick"), text.index(QUOTE) + 9)
    html = render_article(store, EvidenceRequest("rules", span), load_labels("ar"), "ar")
    shown = html[html.index('class="dalil-text"') :]
    found = re.findall(r'<(h\d|p) dir="\w+" data-start="(\d+)">(.*?)</\1>', shown, re.DOTALL)
    assert [tag for tag, *_ in found] == ["p", "h3", "p", "h4", "p", "h3", "p"]
    words = [(int(start), re.sub("<[^>]+>", "", inner)) for _, start, inner in found]
    assert [text[start : start + len(inner)] for start, inner in words] == [inner for _, inner in words]
    assert [re.sub("<bdi>|</bdi>", "", one) for one in re.findall("<mark>(.*?)</mark>", shown)] == [
        "Sick leave",
        QUOTE[:9],
    ]
