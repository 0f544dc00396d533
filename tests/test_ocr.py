"""Scans and pictures: read by OCR where it is asked for, and said to be wherever their words are shown."""

import html
import io
import json
import re
import stat
from dataclasses import replace

import pypdfium2 as pdfium
import pytest

from eval.extract import measure_extraction
from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.ocr.recognition import _in_order
from ingest.ocr.tesseract import OcrWord, find_models, recognize_words
from ingest.readers import ReadFailure, list_files, read_file
from ingest.reasons import code_of, reason, reason_of, tell_reason
from rag.answering.references import format_title
from rag.errors import ReadError
from rag.integrations.llama_index import DalilRetriever
from rag.language.arabic.ocr_text import repair_ocr_line
from rag.language.health import judge_ocr
from rag.settings import load_settings
from rag.types import AnswerRequest, Article, Filters, Page, Span
from tests.doubles import article, local_client, open_assistant, put
from tests.pdf_files import make_pdf
from tests.scan_files import TESSERACT_TEST, draw_page, save
from tests.test_page_parts import ANSWER, QUOTE
from tests.test_pdf import arabic
from ui.api import AnswerService, create_app
from ui.cli.main import main
from ui.page.dropped import DroppedFile
from ui.page.evidence import EvidenceRequest, render_article
from ui.page.labels import load_labels
from ui.page.library import Library
from ui.page.storage import Turn
from ui.page.turns import render_turn, to_markdown

LINES = ["برج الساعة في المدينة القديمة", "دفعت البلدية ثمن برج الساعة", "من ميزانيتها كلها."]
OTHER = ["مختبر الكيمياء في جامعة الفرات", "افتتحت الجامعة مختبر الكيمياء", "في المدينة القديمة."]
OCR = OcrOptions(is_on=True)
NOWHERE = replace(OCR, program="/nowhere/tesseract")
TOWER = "بلغت كلفة برج الساعة أربعمئة ألف دينار دفعتها البلدية من ميزانيتها. وصمم البرج المهندس سليم الحداد."
TYPED = "افتتحت جامعة الفرات مختبر الكيمياء في المدينة القديمة عام 1987."
FROM_SCAN = Filters(articles=("scan",))
QUESTION = "كم بلغت كلفة برج الساعة؟"


@pytest.fixture(scope="module")
def page():
    return draw_page(LINES)


@pytest.fixture(scope="module")
def scan(page):
    return save([page], "PDF")


def read(content, suffix, tmp_path, ocr=OCR):
    """The article of a file, and what else is said of it."""
    file = tmp_path / f"a.{suffix}"
    file.write_bytes(content)
    found = list(read_file(file, tmp_path, 100_000, ocr))
    return next((one for one in found if isinstance(one, Article)), None), [
        one for one in found if not isinstance(one, Article)
    ]


def mix(scan):
    """A PDF of a page of text and a scanned one."""
    mixed = pdfium.PdfDocument(make_pdf([[arabic(700, TYPED)]]))
    mixed.import_pages(pdfium.PdfDocument(scan))
    content = io.BytesIO()
    mixed.save(content)
    return content.getvalue()


def share_of_words(lines, text):
    wanted, found = (set(re.findall(r"\w+", one)) for one in (" ".join(lines), text))
    return len(wanted & found) / len(wanted)


# Reading


@TESSERACT_TEST
@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif"), ("WEBP", "webp")])
def test_the_words_of_a_picture_are_an_article_that_says_it_was_read_by_ocr(page, kind, suffix, tmp_path):
    found, (warning,) = read(save([page], kind), suffix, tmp_path)
    assert share_of_words(LINES, found.text) >= 0.8
    assert (found.pages.starts, found.ocr) == ((0,), (Span(0, len(found.text)),))
    assert share_of_words(LINES[:1], found.title) >= 0.5
    assert re.search(r"Read by OCR \(pages: 1; Tesseract is \d\d % sure", warning.reason)


@TESSERACT_TEST
def test_a_page_in_english_is_read_by_the_same_models(tmp_path):
    lines = ["The clock tower stands in the old town.", "It was designed by the engineer Salim Haddad."]
    found, _ = read(save([draw_page(lines, direction="ltr")], "PNG"), "png", tmp_path)
    assert found.language == "en"
    assert share_of_words(lines, found.text) >= 0.8


@TESSERACT_TEST
def test_each_page_of_a_tiff_is_one_of_the_article(page, tmp_path):
    found, _ = read(save([page, draw_page(OTHER)], "TIFF"), "tiff", tmp_path)
    assert [found.find_page(found.text.index(word)).number for word in ("ميزانيتها", "الفرات")] == [1, 2]


@TESSERACT_TEST
def test_of_a_pdf_only_the_pages_that_are_scans_are_read_by_ocr(scan, tmp_path):
    text, content = TYPED, mix(scan)
    found, (warning,) = read(content, "pdf", tmp_path)
    assert found.pages.starts == (0, found.ocr[0].start)
    assert found.text.startswith(text)
    assert share_of_words(LINES, found.text[slice(*found.ocr[0])]) >= 0.8
    assert "(pages: 2;" in warning.reason
    without, (warning,) = read(content, "pdf", tmp_path, NO_OCR)
    assert (without.text, without.ocr) == (text, ())
    assert "Not read, scanned (pages: 2)." in warning.reason


@TESSERACT_TEST
def test_a_scan_that_nobody_could_read_is_refused_with_the_reason(tmp_path):
    found, (failure,) = read(save([draw_page(LINES, blur=9)], "PDF"), "pdf", tmp_path)
    assert found is None
    assert isinstance(failure, ReadFailure)
    assert re.search("OCR cannot read it|It holds no words", failure.reason)


@TESSERACT_TEST
def test_a_picture_without_words_is_a_failure(tmp_path):
    assert read(save([draw_page([])], "PNG"), "png", tmp_path)[1][0].reason == "OCR finds no words in it."


@pytest.mark.parametrize("suffix", ["pdf", "png"])
@pytest.mark.parametrize(
    ("ocr", "code", "words_of_it"),
    [
        (NO_OCR, "scan", ["--ocr", "ocr=true", "DALIL_OCR=auto"]),
        (OcrOptions(can_be_asked=False), "scan_off", ["DALIL_OCR=off"]),
        (NOWHERE, "ocr_missing", ["apt install tesseract-ocr", "brew install", "winget install", "/nowhere/tesseract"]),
    ],
)
def test_a_scan_that_is_not_read_says_how_to_have_it_read(page, scan, suffix, ocr, code, words_of_it, tmp_path):
    found, (failure,) = read(scan if suffix == "pdf" else save([page], "PNG"), suffix, tmp_path, ocr)
    assert (found, code_of(failure.reason)) == (None, code)
    assert [word for word in words_of_it if word not in failure.reason] == []


def test_a_setting_and_what_is_asked_make_whether_scans_are_read():
    asked = {
        (mode, is_asked): OcrOptions.of(mode, "t", is_asked) for mode in ("off", "ask", "auto") for is_asked in (0, 1)
    }
    assert [key for key, options in asked.items() if options.is_on] == [("ask", 1), ("auto", 0), ("auto", 1)]
    assert [key for key, options in asked.items() if not options.can_be_asked] == [("off", 0), ("off", 1)]
    assert load_settings({}).ocr == "ask"


def test_pictures_in_a_folder_are_skipped_until_they_are_asked_for(tmp_path):
    for name in ("a.png", "b.md"):
        (tmp_path / name).write_text("# x", "utf-8")
    listed = {ocr: list_files([tmp_path], ocr=ocr) for ocr in (NO_OCR, OCR)}
    assert [file.name for file, _ in listed[NO_OCR].files] == ["b.md"]
    assert "--ocr" in listed[NO_OCR].skipped[0].reason
    assert [file.name for file, _ in listed[OCR].files] == ["a.png", "b.md"]
    assert [file.name for file, _ in list_files([tmp_path / "a.png"]).files] == [
        "a.png"
    ]  # named: it fails, and says how


@TESSERACT_TEST
@pytest.mark.parametrize("harm", ["cut off", "another kind", "huge"])
def test_a_picture_that_means_harm_is_a_failure(page, harm, tmp_path):
    content = save([page], "PNG")
    if harm == "cut off":
        content = content[: len(content) // 3]
    elif harm == "another kind":
        content = b"<svg/>"
    else:  # what its header says: 60,000 by 60,000
        content = content[:16] + (60_000).to_bytes(4, "big") * 2 + content[24:]
    assert isinstance(read(content, "png", tmp_path)[1][0], ReadFailure)


def test_a_program_that_hangs_or_has_no_arabic_is_no_tesseract(tmp_path):
    program = tmp_path / "tesseract"
    program.write_text('#!/bin/sh\n[ "$1" = --list-langs ] && echo eng && exit\nexec sleep 60\n', "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(ReadError, match="no model for Arabic") as raised:
        find_models(str(program))
    assert code_of(reason_of(raised.value)) == "ocr_no_model"
    assert recognize_words(str(program), tmp_path / "a.png", "ara", 200, 0.5) is None


def test_the_script_model_comes_before_that_of_the_language(tmp_path):
    program = tmp_path / "tesseract"
    program.write_text('#!/bin/sh\nprintf "List of languages:\\nara\\neng\\nscript/Arabic\\n"\n', "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert find_models(str(program)) == "script/Arabic+ara"


def test_words_of_a_line_that_was_read_from_the_wrong_side_are_turned():
    line = [OcrWord((1, 1, 1), left, 0, 50, 20, 90.0, word) for left, word in ((0, "السابع"), (60, "العدد"))]
    assert [word.text for word in _in_order(line)] == ["العدد", "السابع"]
    assert _in_order(line[::-1]) == line[::-1]


@pytest.mark.parametrize(
    ("line", "repaired"),
    [
        ("کانت الشرکة ‎۲۰۲۴‏", "كانت الشركة ٢٠٢٤"),
        ("فی المستشفی علی", "في المستشفى على"),
        ("ألف دینار عام ‎.٠۹۲۱‏", "ألف دينار عام ٠٩٢١."),
        ("Meta  2024 .5", "Meta 2024 .5"),
    ],
)
def test_letters_and_digits_of_persian_are_those_of_arabic(line, repaired):
    assert repair_ocr_line(line) == repaired


@pytest.mark.parametrize(
    ("line", "repaired"),
    [
        ("ما هو, ولماذا؟", "ما هو، ولماذا؟"),
        ("قَالَ; ثم مضى?", "قَالَ؛ ثم مضى؟"),
        ("ملايين النقاطء ويمكن ذلك", "ملايين النقاط، ويمكن ذلك"),
        ("الجزء الأول ببطء في المساء", "الجزء الأول ببطء في المساء"),
        ("from Meta, and 1,5 or 3, 4", "from Meta, and 1,5 or 3, 4"),
    ],
)
def test_marks_behind_arabic_words_are_arabic(line, repaired):
    assert repair_ocr_line(line) == repaired


def test_what_ocr_read_is_judged_by_its_confidence_and_its_letters():
    assert judge_ocr(TOWER, 80).state == "ocr"
    assert judge_ocr("", 0).is_good
    assert judge_ocr(TOWER, 20).code == "ocr_unreadable"
    assert not judge_ocr("ظغجثض ءؤئخ ذظضغ ثءخج غظثذ ضءؤخ جظغث ئءذض " * 3, 80).is_good


@TESSERACT_TEST
def test_scans_are_measured_as_a_format_of_their_own(page, tmp_path):
    (tmp_path / "tower.png").write_bytes(save([page], "PNG"))
    (tmp_path / "truth").mkdir()
    truth = {"title": LINES[0], "text": " ".join(LINES)}
    (tmp_path / "truth" / "tower.json").write_text(json.dumps(truth), "utf-8")
    (measured,), _ = measure_extraction(tmp_path, tmp_path / "truth", 10_000, OCR)
    assert (measured.format, measured.failure) == ("picture by OCR", "")
    assert measured.recall >= 0.8


# Answers


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with open_assistant(load_settings({}, data_dir=tmp_path_factory.mktemp("ocr"))) as opened:
        put(opened, article(TOWER, "scan", title="برج الساعة", ocr=(Span(0, len(TOWER)),)))
        put(opened, article(TOWER, "typed", title="برج الساعة"))
        yield AnswerService(opened)


@pytest.fixture
def client(service):
    return local_client(create_app(service), raise_server_exceptions=False)


def test_the_store_keeps_what_was_read_by_ocr(service):
    stored = service.assistant.store.get_article("scan")
    assert stored.ocr == (Span(0, len(TOWER)),)
    assert stored.is_ocr(Span(0, 5))


def test_a_number_of_a_scan_is_no_direct_answer_and_is_said_to_be_unsure(service):
    asked = {name: AnswerRequest(QUESTION, filters=Filters((name,))) for name in ("scan", "typed")}
    typed = service.assistant.ask(asked["typed"])
    assert "أربعمئة" in typed.answer.text
    assert not typed.citations[0].ocr
    answer = service.assistant.ask(asked["scan"])
    assert answer.answer is None
    assert answer.citations[0].ocr
    assert answer.text.endswith("راجعها في الأصل.")
    *parts, last = service.assistant.stream(asked["scan"])
    assert "".join(parts) == last.text


def test_what_is_no_number_may_be_said_without_a_note(service):
    answer = service.assistant.ask(AnswerRequest("من صمم برج الساعة؟", filters=FROM_SCAN))
    assert "سليم الحداد" in answer.text
    cited = [citation.quote for citation in answer.citations]
    assert ("راجعها" in answer.text) == any("أربعمئة" in quote for quote in cited)


def test_citations_passages_and_the_article_over_http_say_it(client):
    filters = {"articles": ["scan"]}
    answer = client.post("/v1/ask", json={"question": QUESTION, "filters": filters}).json()
    assert answer["citations"][0]["ocr"] is True
    found = client.post("/v1/search", json={"query": QUESTION, "filters": filters}).json()
    assert found["hits"][0]["ocr"] is True
    assert client.get("/v1/articles/scan").json()["ocr"] == [{"start": 0, "end": len(TOWER)}]


def test_a_node_of_llama_index_says_it(service):
    nodes = DalilRetriever(service.assistant).retrieve(QUESTION)
    assert {node.metadata["article_id"]: node.metadata.get("ocr") for node in nodes} == {"scan": True, "typed": None}


def test_a_reference_says_it_in_the_language_of_the_answer():
    assert format_title("برج", Page(3), "ar", is_ocr=True) == "برج، ص ٣، قراءة آلية (OCR)"
    assert format_title("Tower", None, "en", is_ocr=True) == "Tower, read by OCR"


@pytest.mark.parametrize("mode", ["extractive", "generate"])
def test_the_sources_on_the_page_and_what_is_copied_say_it(mode):
    answer = replace(ANSWER, citations=(replace(QUOTE, ocr=True),), mode=mode)
    html = "".join(render_turn(Turn(question="؟", answer=answer), 0, load_labels("en")))
    assert ">read by OCR</span>" in html[html.index("dalil-sources") :]
    assert "قراءة آلية (OCR) (a, 0–5)" in to_markdown([Turn(question="؟", answer=answer)])
    assert "data-ocr" not in "".join(render_turn(Turn(question="؟", answer=ANSWER), 0, load_labels("en")))


def test_the_evidence_says_it(service):
    html = render_article(service.assistant.store, EvidenceRequest("scan", Span(0, 9)), load_labels("ar"), "ar")
    assert ">قراءة آلية (OCR)</span>" in html


# Asking for it


@TESSERACT_TEST
def test_a_picture_that_is_sent_is_read_where_that_is_asked_for(client, page):
    sent = {"content": save([page], "PNG"), "headers": {"Content-Type": "image/png"}}
    refused = client.post("/v1/articles", params={"name": "sent"}, **sent)
    assert (refused.status_code, "ocr=true" in refused.json()["error"]["message"]) == (422, True)
    added = client.post("/v1/articles", params={"name": "sent", "ocr": "true", "dry_run": "true"}, **sent)
    assert added.json()["added"] == ["sent"]
    assert "Read by OCR" in added.json()["warnings"]["sent"]


@TESSERACT_TEST
def test_the_command_line_reads_scans_where_that_is_asked_for(page, tmp_path, monkeypatch, capsys):
    (tmp_path / "a.png").write_bytes(save([page], "PNG"))
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "data"))
    assert main(["ingest", str(tmp_path / "a.png"), "--dry-run"]) == 1
    assert "--ocr" in capsys.readouterr().err
    assert main(["ingest", str(tmp_path / "a.png"), "--dry-run", "--ocr"]) == 0
    assert capsys.readouterr().out.startswith("would be: 1 added")


@TESSERACT_TEST
def test_what_ocr_read_is_neither_read_again_nor_lost(scan, tmp_path, monkeypatch, capsys):
    (tmp_path / "mixed.pdf").write_bytes(mix(scan))
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "data"))
    told = []
    for options in (["--ocr"], [], ["--ocr"]):
        assert main(["ingest", str(tmp_path / "mixed.pdf"), *options]) == 0
        told.append(capsys.readouterr())
    assert [one.out.split(",")[0] for one in told] == ["1 added", "0 added", "0 added"]
    assert all("1 unchanged" in one.out for one in told[1:])
    assert ["OCR" in one.err for one in told] == [True, False, False]


@TESSERACT_TEST
@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_page_says_how_to_have_a_scan_read_and_reads_it(service, page, language, tmp_path):
    library = Library(service, language, tmp_path)
    plans = []
    for is_asked in (False, True):
        (tmp_path / "sent").write_bytes(save([page], "PNG"))
        dropped = DroppedFile("a.png", 1000, str(tmp_path / "sent"))
        plans.append(library.plan(*library.accept([dropped], is_asked))[0])
    assert html.escape(tell_reason(reason("scan"), language), quote=False) in re.sub("</?bdi[^>]*>", "", plans[0])
    assert 'data-outcome="failed"' in plans[0]
    assert 'data-outcome="added"' in plans[1]
