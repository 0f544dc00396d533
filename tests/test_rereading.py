"""Articles read again from their originals: as their files are read today, and as the articles that they were."""

import io
from collections.abc import Iterator
from dataclasses import replace

import docx
import pypdfium2 as pdfium
import pytest

from ingest.indexer import Indexer
from ingest.originals import Originals
from ingest.readers import compute_revision, format_of_media_type, read_upload
from ingest.reasons import code_of, tell_reason
from ingest.rereading import read_original
from rag.errors import NotFoundError
from rag.settings import Settings, load_settings
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.browser import BROWSER_TEST, open_tab
from tests.doubles import WordEncoder, local_client, open_assistant
from tests.pdf_files import make_pdf
from tests.scan_files import TESSERACT_TEST, draw_page, save
from tests.test_pdf import FIRST, SECOND, arabic
from ui.api import AnswerService, create_app
from ui.cli.main import main
from ui.page.labels import load_labels

CONFIG = IndexConfig("words", 64, 64, 64, 64)
WORDS = "بُني رصيف الميناء سنة 1744 وطوله تسعون مترًا."
SCANNED = ["برج الساعة في المدينة القديمة", "دفعت البلدية ثمن برج الساعة"]


def make_word() -> bytes:
    document, content = docx.Document(), io.BytesIO()
    document.add_paragraph(WORDS)
    document.save(content)
    return content.getvalue()


def join_pdf(*files: bytes) -> bytes:
    joined, content = pdfium.PdfDocument.new(), io.BytesIO()
    for file in files:
        joined.import_pages(pdfium.PdfDocument(file))
    joined.save(content)
    return content.getvalue()


PDF = make_pdf([[arabic(700, FIRST)]])
WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FILES = {
    "application/pdf": PDF,
    WORD_TYPE: make_word(),
    "text/html": f"<html><body><article><h1>رصيف</h1><p>{WORDS}</p></article></body></html>".encode(),
    "text/markdown": f"---\nid: pier\ntitle: رصيف\n---\n{WORDS}".encode(),
    "text/plain": WORDS.encode(),
    "text/csv": f"الاسم,الخبر\nرصيف,{WORDS}".encode(),
}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return load_settings({}, data_dir=tmp_path / "data")


@pytest.fixture
def store(settings) -> Iterator[Store]:
    opened = Store(EdgeEngine(settings.data_dir), CONFIG)
    yield opened
    opened.close()


@pytest.fixture
def originals(settings) -> Originals:
    return Originals.from_settings(settings)


@pytest.fixture
def indexer(store, originals) -> Indexer:
    return Indexer(store, WordEncoder, CONFIG.chunk_tokens, originals)


def upload(content: bytes, media_type: str, name: str = "a", **options):
    return list(read_upload(content, format_of_media_type(media_type), name, 100_000, f"{name}.file", **options))


def as_read_before(read, text: str, title: str = "عنوان"):
    """What an earlier reader would have made of the same file."""
    before = replace(read, text=text, title=title, pages=None, headings=())
    return replace(before, revision=compute_revision(before))


@pytest.mark.parametrize("media_type", FILES)
def test_what_was_sent_is_kept_and_read_again_as_the_article_that_it_was(
    indexer, store, originals, settings, media_type
):
    (read,) = upload(FILES[media_type], media_type)
    indexer.index([as_read_before(read, "كلام قديم.")])
    (kept,) = store.summarize_articles()
    assert originals.find(store.get_article(kept).original).read_bytes() == FILES[media_type]
    result = indexer.index(read_original(store, originals, kept, settings))
    assert (result.changed, result.added, result.failed) == ([kept], [], [])
    now = store.get_article(kept)
    assert (now.text, now.title, now.source) == (read.text, read.title, "upload:a.file")
    assert store.count_articles() == 1
    assert indexer.index(read_original(store, originals, kept, settings)).unchanged == [kept]
    assert originals.find(now.original).read_bytes() == FILES[media_type]


def test_a_file_of_many_articles_is_none_of_them(indexer, store, originals, settings):
    (read,) = upload(f'{{"id": "a", "text": "{WORDS}"}}'.encode(), "application/jsonl")
    indexer.index([read])
    assert originals.is_empty
    result = indexer.index(read_original(store, originals, "a", settings))
    assert [code_of(one.reason) for one in result.failed] == ["no_original"]
    assert "أضف ملفه مرة أخرى" in tell_reason(result.failed[0].reason, "ar")
    assert store.get_article("a").text == read.text


def test_a_title_that_a_person_gave_outlives_another_reading(indexer, store, originals, settings):
    (read,) = upload(PDF, "application/pdf")
    indexer.index([as_read_before(read, "كلام قديم.")])
    indexer.rename("a", "عنوان من قارئ")
    assert indexer.index(read_original(store, originals, "a", settings)).changed == ["a"]
    assert (store.get_article("a").title, store.get_article("a").text) == ("عنوان من قارئ", read.text)
    assert indexer.index(read_original(store, originals, "a", settings)).unchanged == ["a"]


def test_what_is_removed_before_it_is_read_does_not_come_back(indexer, store, originals, settings):
    indexer.index(upload(PDF, "application/pdf"))
    reading = read_original(store, originals, "a", settings)
    indexer.remove(["a"])
    with pytest.raises(NotFoundError):
        indexer.index(reading)
    assert store.count_articles() == 0


def test_an_original_stays_where_no_further_ones_are_kept(store, settings):
    keeping, not_keeping = (
        Indexer(store, WordEncoder, CONFIG.chunk_tokens, Originals(settings.originals_folder, keeps_new=new))
        for new in (True, False)
    )
    (read,) = upload(PDF, "application/pdf")
    keeping.index([as_read_before(read, "كلام قديم.")])
    kept = Originals(settings.originals_folder, keeps_new=False)
    assert not_keeping.index(read_original(store, kept, "a", settings)).changed == ["a"]
    assert kept.find(store.get_article("a").original)


@TESSERACT_TEST
def test_scanned_pages_are_read_once_that_is_asked_for_and_stay_read(indexer, store, originals, settings):
    content = join_pdf(PDF, save([draw_page(SCANNED)], "PDF"))
    read, _ = upload(content, "application/pdf")
    indexer.index([read])
    unread = indexer.index(read_original(store, originals, "a", settings))
    assert (unread.unchanged, [code_of(one.reason) for one in unread.warnings]) == (["a"], ["ocr_unread"])
    assert indexer.index(read_original(store, originals, "a", settings, is_asked=True)).changed == ["a"]
    by_ocr = store.get_article("a")
    assert "الساعة" in by_ocr.text
    assert by_ocr.ocr
    assert originals.find_words(by_ocr.original, 2)
    assert len(list(settings.originals_folder.glob("*.pdf"))) == 1
    # By whoever does not ask for it too, and not at all where it is off.
    assert indexer.index(read_original(store, originals, "a", settings)).unchanged == ["a"]
    off = settings.model_copy(update={"ocr": "off"})
    result = indexer.index(read_original(store, originals, "a", off, is_asked=True))
    assert [code_of(one.reason) for one in result.failed] == ["reread_ocr_off"]
    assert store.get_article("a") == by_ocr


@TESSERACT_TEST
def test_a_picture_is_read_again_from_the_pages_that_are_kept_of_it(client):
    picture = save([draw_page(SCANNED)], "PNG")
    sent = client.post("/v1/articles?name=scan&ocr=true", content=picture, headers={"content-type": "image/png"})
    assert sent.status_code == 201
    assert client.post("/v1/articles/scan/reread").is_success
    now = client.get("/v1/articles/scan").json()
    assert "الساعة" in now["text"]
    assert now["ocr"]
    assert client.get("/v1/articles/scan/pages/1.png").status_code == 200


# Over HTTP


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = load_settings({}, data_dir=tmp_path_factory.mktemp("reread"))
    with open_assistant(settings) as assistant:
        yield local_client(create_app(AnswerService(assistant)), raise_server_exceptions=False)


def test_it_is_read_again_over_http_and_told_whether_it_has_changed(client):
    for name in ("sent/1", "sent/2"):
        assert client.post(
            f"/v1/articles?name={name}", content=FILES[WORD_TYPE], headers={"content-type": WORD_TYPE}
        ).is_success
    planned = client.post("/v1/articles/sent/1/reread?dry_run=true").json()
    answered = client.post("/v1/articles/sent%2F1/reread")
    assert (answered.status_code, planned) == (200, answered.json())
    assert (planned["unchanged"], planned["failed"]) == (["sent/1"], {})
    original = client.get("/v1/articles/sent/1/original")
    assert (original.content, original.headers["content-type"]) == (FILES[WORD_TYPE], WORD_TYPE)
    assert ".docx" in original.headers["content-disposition"]
    assert client.get("/v1/articles/sent/1/pages/1.png").status_code == 404


def test_over_http_it_is_said_why_an_article_is_not_read_again(client):
    client.post("/v1/articles", json={"id": "line", "text": WORDS})
    refused = client.post("/v1/articles/line/reread")
    assert (refused.status_code, refused.json()["error"]["reason"]) == (422, "no_original")
    assert "Add its file again" in refused.json()["error"]["message"]
    assert client.post("/v1/articles/none/reread").status_code == 404


# The command line


def test_the_command_reads_named_articles_or_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DALIL_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "one.pdf").write_bytes(PDF)
    (tmp_path / "two.pdf").write_bytes(make_pdf([[arabic(700, SECOND)]]))
    (tmp_path / "three.txt").write_text(WORDS, "utf-8")
    assert main(["ingest", *(str(tmp_path / name) for name in ("one.pdf", "two.pdf", "three.txt"))]) == 0
    capsys.readouterr()
    for asked, said in ((["one"], "1 unchanged"), (["--all"], "2 unchanged"), (["one", "--dry-run"], "would be")):
        assert main(["reread", *asked]) == 0
        assert said in capsys.readouterr().out
    for asked, code, said in (
        (["three"], 1, "No original of it is kept here"),
        (["four"], 1, "no article 'four'"),
        ([], 2, "--all"),
    ):
        assert main(["reread", *asked]) == code
        assert said in capsys.readouterr().err
    # What was read again is still known by its file.
    assert main(["ingest", str(tmp_path / "one.pdf")]) == 0
    assert "1 unchanged" in capsys.readouterr().out


# The page


@TESSERACT_TEST
@pytest.mark.browser
@BROWSER_TEST[1]
@pytest.mark.parametrize("language", ["ar", "en"])
def test_on_the_page_it_is_said_what_another_reading_has_changed(site, chromium, language, tmp_path):
    labels, name = load_labels(language), f"scan-{language}"
    (tmp_path / f"{name}.pdf").write_bytes(join_pdf(PDF, save([draw_page([*SCANNED, name])], "PDF")))
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.set_input_files("#dalil-files input[type=file]", tmp_path / f"{name}.pdf")
        tab.click("#dalil-add")
        again = f".dalil-articles [data-act=reread][data-article='{name}']"
        tab.locator(again).click()
        outcomes = tab.locator(".dalil-outcomes")
        outcomes.locator("[data-outcome=unchanged]").wait_for()
        assert labels["reread_unchanged"] in outcomes.inner_text()
        assert outcomes.locator("[data-outcome=warned]").count() == 1
        tab.locator("#dalil-read-ocr input").check()
        tab.locator(again).click()
        outcomes.locator("[data-outcome=changed]").wait_for(timeout=60_000)
        assert labels["reread_changed"] in outcomes.inner_text()
        # Of several, those whose file is nowhere say so.
        tab.locator(f".dalil-articles input[data-article='{name}']").check()
        tab.locator(".dalil-articles input[data-article=castle]").check()
        tab.locator(".dalil-selected [data-act=reread]").click()
        outcomes.locator("[data-outcome=failed]").wait_for(timeout=60_000)
        assert outcomes.locator("[data-outcome=unchanged]").count() == 1
        assert tab.locator(".dalil-articles [data-act=reread][data-article=castle]").count() == 0
        tab.locator(f".dalil-articles [data-act=remove][data-article='{name}']").click()
        tab.wait_for_selector("[data-act=undo]")
