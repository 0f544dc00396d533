"""The parts of the page without a browser: its words, its HTML, what it keeps, what it reads, what it serves."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from rag.answering import extractive
from rag.answering.assistant import Assistant
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from rag.types import Answer, Citation, Page, Span
from tests.doubles import WordEncoder, article, like, open_assistant, put
from ui.api import AnswerService
from ui.page.chat import Chat
from ui.page.dropped import DroppedFile, Upload, discard_uploads
from ui.page.evidence import EvidenceRequest, render_article
from ui.page.html import isolate, render_macro
from ui.page.labels import load_labels
from ui.page.library import Library
from ui.page.storage import SCHEMA_VERSION, Conversation, Turn, read_conversation, read_conversations
from ui.page.turns import format_reference, render_turn
from ui.page.welcome import FirstScreen

CHOICES = {"language": "auto", "passages": 8, "mode": "auto", "topics": [], "explain": False}
QUOTE = Citation(1, "a", "عنوان", None, 0, 5, "القطط", "verbatim", 1.0)
ANSWER = Answer("7", "«القطط» [1]", "ar", False, None, "extractive", False, (QUOTE,))

# Words and HTML


def placeholders(label):
    return set(re.findall(r"\{(\w+)\}", label))


def test_every_reason_for_an_answer_without_its_model_has_a_label():
    modules = Path(extractive.__file__).parent.rglob("*.py")
    sources = "".join(path.read_text("utf-8") for path in modules)
    reasons = set(re.findall(r'"(model_[a-z_]+)"', sources)) - {"model_call", "model_text"}
    assert len(reasons) > 8
    assert {f"reason_{reason}" for reason in reasons} <= {*load_labels("en")}


def test_both_languages_have_the_same_labels():
    arabic, english = load_labels("ar"), load_labels("en")
    assert arabic.keys() == english.keys()
    assert [key for key in arabic if placeholders(arabic[key]) != placeholders(english[key])] == []


@pytest.mark.parametrize(
    ("text", "way", "html"),
    [
        ("يعمل H100 هنا", "rtl", "يعمل <bdi>H100</bdi> هنا"),
        ("See «كيف: متى» now", "ltr", "See «<bdi>كيف: متى»</bdi> now"),
        ("a < b", "ltr", "a &lt; b"),
        ("استعمل .md أو .txt.", "rtl", "استعمل <bdi>.md</bdi> أو <bdi>.txt</bdi>."),
        ("آثار · 2022-09-22", "rtl", "آثار · <bdi>2022-09-22</bdi>"),
        ("انتهى.API", "rtl", "انتهى.<bdi>API</bdi>"),
        ("أدارتها «Stéphanie Frappart» وحدها", "rtl", "أدارتها «<bdi>Stéphanie Frappart</bdi>» وحدها"),
        ("زار Ōsaka وNguyễn Văn Đạt", "rtl", "زار <bdi>Ōsaka</bdi> و<bdi>Nguyễn Văn Đạt</bdi>"),
        ("كتب Ste\u0301phanie هنا", "rtl", "كتب <bdi>Ste\u0301phanie</bdi> هنا"),
    ],
)
def test_runs_of_the_other_script_are_isolated_and_all_is_escaped(text, way, html):
    assert isolate(text, way) == html


def test_an_element_takes_the_direction_of_its_text():
    assert 'dir="rtl"' in render_macro("elements", "text", content="API هذا شرح طويل")
    assert 'dir="ltr"' in render_macro("elements", "text", content="What is دليل really?")


@pytest.mark.parametrize("hostile", ['<img src=x onerror="alert(1)">', "\"><script>alert('x')</script>", "{{ 7*7 }}"])
def test_whatever_a_turn_holds_is_text_and_never_markup(hostile):
    citation = replace(QUOTE, title=hostile, quote=hostile, article_id=hostile, page=Page(1, hostile))
    answered = replace(ANSWER, text=f"{hostile} [1] {hostile}", citations=(citation,))
    refused = Turn(question=hostile, looked_for=hostile, nearest=[(hostile, hostile)])
    refused.answer = replace(answered, refused=True)
    turns = [Turn(question=hostile, answer=answered, error=hostile), refused]
    html = "".join(part for turn in turns for part in render_turn(turn, 0, load_labels("en")))
    assert "<img" not in html
    assert "<script" not in html
    assert "49" not in html


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://example.org/a?b='\"", "https://example.org/a?b=&#39;&#34;"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//example.org", None),
        (None, None),
    ],
)
def test_an_article_links_to_the_web_alone_whatever_an_index_holds(url, link):
    labels = load_labels("en")
    html = render_macro("evidence", "original", url=url, labels=labels)
    assert re.findall('href="(.*?)"', html) == ([link] if link else [])
    reference = format_reference(replace(QUOTE, url=url), "en")
    assert (url in reference if link else ":" not in reference) is True


def test_a_link_in_an_articles_text_is_text_on_the_page(assistant, tmp_path):
    with open_assistant(load_settings({}, data_dir=tmp_path)) as opened:
        put(opened, article("اقرأ [هذا](javascript:alert(1)) <a href='javascript:x'>وهذا</a>.", url="javascript:x"))
        html = render_article(opened.store, EvidenceRequest("a", Span(0, 5)), load_labels("ar"), "ar")
    assert "اقرأ" in html
    assert not re.search('href="|<a ', html)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_what_may_be_dropped_reads_in_the_direction_of_the_interface(assistant, tmp_path, language):
    html = Library(AnswerService(assistant), language, tmp_path).render_drop_zone()
    hint = re.search(r'<span class="dalil-small" dir="(\w+)">', html)
    assert hint[1] == {"ar": "rtl", "en": "ltr"}[language]


# What the browser keeps


def test_a_conversation_comes_back_as_it_was_kept():
    kept = Conversation(name="قطط", turns=[Turn(question="سؤال", answer=ANSWER, rated="up")])
    data = kept.to_json()
    assert data["schema_version"] == SCHEMA_VERSION
    assert read_conversation(data) == kept


def test_a_conversation_from_before_there_were_versions_is_read():
    right = {"article_id": "a", "start": 0, "end": 5}
    old = {"id": "x", "name": "", "turns": [{"question": "سؤال", "answer": None, "right": right}]}
    conversation = read_conversation(old)
    assert conversation.schema_version == SCHEMA_VERSION
    assert conversation.turns[0].right_passage.model_dump() == right


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_label_that_is_called_as_a_method_of_mappings_is_still_a_label(language):
    labels = load_labels(language)
    html = "".join(render_turn(Turn(question="؟", answer=ANSWER), 0, labels))
    assert f'data-act="copy" class="dalil-icon" aria-label="{labels["copy"]}"' in html
    assert "built-in method" not in html


def test_where_several_citations_stand_is_said_once():
    places = [("أولها",), ("أولها",), ("آخرها",)]
    cited = tuple(replace(QUOTE, number=at, section=place) for at, place in enumerate(places, 1))
    html = "".join(render_turn(Turn(question="؟", answer=replace(ANSWER, citations=cited)), 0, load_labels("ar")))
    sources = html[html.index("dalil-sources") : html.index("dalil-actions")]
    assert sources.count("dalil-chip") == 3
    assert (sources.count("أولها"), sources.count("آخرها")) == (1, 1)


def test_sources_stand_beneath_an_answer_that_has_some():
    labels = load_labels("ar")
    assert labels["sources"] in "".join(render_turn(Turn(question="؟", answer=ANSWER), 0, labels))
    talk = replace(ANSWER, text="مرحبًا بك!", citations=(), state="talk")
    assert labels["sources"] not in "".join(render_turn(Turn(question="مرحبا", answer=talk), 0, labels))


def test_an_answer_of_another_version_is_set_aside_and_nothing_is_lost():
    """Without a version the page failed on it at every visit, until the browser's storage was cleared."""
    strange = {"question": "سؤال", "answer": {"text": "جواب", "sections": []}}
    newer = {"schema_version": SCHEMA_VERSION + 1, "id": "x", "turns": [strange, {"question": "آخر"}], "pinned": True}
    conversation = read_conversation(newer)
    assert [turn.question for turn in conversation.turns] == ["سؤال", "آخر"]
    assert conversation.turns[0].answer is None
    assert conversation.turns[0].answer_json == strange
    assert load_labels("en")["unreadable_turn"] in "".join(render_turn(conversation.turns[0], 0, load_labels("en")))
    kept = conversation.to_json()
    assert (kept["schema_version"], kept["pinned"]) == (SCHEMA_VERSION + 1, True)
    assert kept["turns"][0]["answer_json"] == strange


@pytest.mark.parametrize("data", [None, {}, []])
def test_nothing_kept_is_an_empty_conversation(data):
    assert read_conversation(data or None).turns == []
    assert read_conversations(data if isinstance(data, list) else None) == []


def test_an_answer_of_another_version_does_not_keep_the_next_from_coming(assistant):
    service = AnswerService(like(assistant, refuse_below=0.0))
    chat = Chat(service, "ar", FirstScreen(service.assistant))
    kept = read_conversation({"turns": [{"question": "سؤال", "answer": {"no": "answer"}}]})
    *_, (_, done) = chat.ask("متى وُلد ابن بطوطة؟", kept, CHOICES, "tab")
    assert done.turns[-1].answer.citations


def test_a_turn_is_shown_as_it_is_now_whatever_was_shown_before(assistant):
    """Finished turns are kept as HTML: with what has changed in them, and each in its place and language."""
    service = AnswerService(like(assistant, refuse_below=0.0))
    arabic, english = (Chat(service, language, FirstScreen(service.assistant)) for language in ("ar", "en"))
    *_, (_, done) = arabic.ask("متى وُلد ابن بطوطة؟", read_conversation(None), CHOICES, "tab")
    (turn,) = done.turns
    rated = turn.model_copy(update={"rated": "down", "reason": "bad_source"})
    for chat, turns in ((arabic, [turn, rated]), (english, [turn]), (arabic, [rated, turn]), (arabic, [turn, rated])):
        shown = chat.render(Conversation(turns=turns))["turns"]
        assert shown == [render_turn(one, index, chat.labels) for index, one in enumerate(turns)]
        assert len({"".join(parts) for parts in shown}) == len(turns)


# Files


def test_only_what_was_sent_is_read(assistant, tmp_path):
    library = Library(AnswerService(assistant), "en", tmp_path / "uploads")
    (tmp_path / "uploads").mkdir()
    for name in ("uploads/sent.md", "secret.md"):
        (tmp_path / name).write_text("نص قصير.", "utf-8")
    (tmp_path / "uploads" / "link.md").symlink_to(tmp_path / "secret.md")
    places = [tmp_path / name for name in ("uploads/sent.md", "secret.md", "uploads/../secret.md", "uploads/link.md")]
    dropped = [DroppedFile(f"{at}.md", 9, str(place)) for at, place in enumerate([*places, ""])]
    uploads, problems = library.accept(dropped)
    assert [upload.name for upload in uploads] == ["0.md"]
    assert problems == [(f"{at}.md", load_labels("en")["error_lost"]) for at in range(1, 5)]
    assert (tmp_path / "secret.md").exists()
    plan, new = library.plan(uploads, problems)
    assert plan.count('data-outcome="failed"') == 4
    discard_uploads(new)
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["link.md"]


def test_a_file_that_is_being_added_says_how_far_it_is(tmp_path):
    library = Library(AnswerService(open_without_models(tmp_path / "index")), "en", tmp_path)
    long = "\n".join(f'{{"text": "سطر رقم {number} {"كلمة " * 9000}"}}' for number in range(3))
    uploads = []
    for name, text in (("many.jsonl", long), ("bees.md", "النحلة تصنع العسل.")):
        (tmp_path / name).write_text(text, "utf-8")
        uploads.append(Upload(name, tmp_path / name))
    steps = [re.sub(r"<[^>]*>", "", step) for step in library.add(uploads, "anyone")]
    assert "Adding 1 of 2… many.jsonl" in steps[0]
    assert "Articles" not in steps[0]
    assert "many.jsonl  Articles: 2, pages: 2" in steps[1]
    assert any("Adding 2 of 2… bees.md" in step for step in steps)
    assert steps[-1].count("added") == 4
    assert list(tmp_path.glob("*.jsonl")) == []


def open_without_models(folder: Path, free: Sequence[int] = (10**12,)) -> Assistant:
    """An assistant that embeds by words; `free` are the bytes that may still be written."""
    store = Store(EdgeEngine(folder, lambda _: free[0]), IndexConfig("words", 64, 64, 64, 320))
    retriever = HybridRetriever(store, WordEncoder(), load_calibration())
    return Assistant(load_settings({}, data_dir=folder.parent), store, WordEncoder(), retriever, None)


def test_an_article_that_cannot_be_restored_now_can_be_later(tmp_path):
    free = [10**12]
    assistant = open_without_models(tmp_path / "index", free)
    store = assistant.store
    put(assistant, article("النحلة تصنع العسل.", "bees"))
    library = Library(AnswerService(assistant), "en", tmp_path)
    free[0] = 0
    assert load_labels("en")["change_full"] in library.remove("bees")
    assert store.count_articles() == 1
    free[0] = 10_000_000  # enough to remove, and not to write
    assert 'data-article="bees"' in library.remove("bees")
    refused = library.restore("bees")
    assert load_labels("en")["change_full"] in refused
    assert 'data-article="bees"' in refused
    free[0] = 10**12
    assert "is back" in library.restore("bees")
    assert store.get_article("bees").text == "النحلة تصنع العسل."
    assert library.restore("bees") == ""
    store.close()


def test_every_removal_can_be_undone_in_any_order(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), IndexConfig("words", 64, 64, 64, 320))
    retriever = HybridRetriever(store, WordEncoder(), load_calibration())
    assistant = Assistant(load_settings({}, data_dir=tmp_path), store, WordEncoder(), retriever, None)
    put(assistant, article("النحلة تصنع العسل.", "bees"), article("البحر الميت مالح.", "sea"))
    library = Library(AnswerService(assistant), "en", tmp_path)
    assert 'role="status" dir="ltr"' in library.remove("bees")  # of the interface, though the title is Arabic
    assert 'role="status" dir="ltr"' in library.restore("bees")
    library.remove("sea")
    assert 'data-article="bees"' in library.remove("bees")
    undo = re.findall(r'data-act="undo"[^>]*data-article="(\w+)"', library.render_list(""))
    assert undo == ["bees", "sea"]
    for name in ("sea", "bees"):
        assert "is back" in library.restore(name)
    assert store.count_articles() == 2
    assert "dalil-removed" not in library.render_list("")
    store.close()


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_citation_of_a_removed_article_keeps_its_quote_and_says_what_happened(assistant, language):
    labels = load_labels(language)
    request = EvidenceRequest("gone", Span(0, 9), title="النحل <1>", quote="تصنع النحلة العسل")
    html = render_article(assistant.store, request, labels, language)
    assert labels["article_gone"] in html
    assert labels["no_articles"] not in html
    assert "النحل &lt;" in html
    assert "تصنع النحلة العسل</blockquote>" in html


# What the site serves


@pytest.mark.parametrize(
    "path",
    [
        "ar/gradio_api/file=/etc/passwd",
        "en/gradio_api/file=http://127.0.0.1:1/x",
        "ar/gradio_api/deep_link?session_hash=1",
        "en/gradio_api/call/x",
        "ar/proxy=http://127.0.0.1:1",
    ],
)
def test_gradio_serves_no_file_and_fetches_nothing(site, path):
    assert httpx.get(f"{site}/{path}").status_code == 404


def test_a_browser_keeps_what_does_not_change_and_gets_the_rest_small(site):
    asset = re.search(r"assets/[\w.-]+\.js", httpx.get(f"{site}/ar/").text)
    for file in (asset[0], *re.findall(r"\.\./page/all-[\w.-]+", httpx.get(f"{site}/ar/").text)):
        kept = httpx.get(f"{site}/ar/{file}")
        assert "immutable" in kept.headers["cache-control"]
        assert (kept.headers["content-encoding"], kept.headers["x-content-type-options"]) == ("gzip", "nosniff")
        assert httpx.get(f"{site}/ar/{file}", headers={"Accept-Encoding": "identity"}).text == kept.text
    assert httpx.get(f"{site}/ar/").headers["content-encoding"] == "gzip"
    plain = httpx.get(f"{site}/ar/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text.startswith("<!doctype html>")
    font = httpx.get(f"{site}/page/fonts/IBMPlexSansArabic-Regular.woff2")
    assert (font.headers["content-type"], font.content[:4]) == ("font/woff2", b"wOF2")
    assert len(font.content) < 80_000
    assert httpx.get(f"{site}/page/fonts/none.woff2").status_code == 404
    assert "max-age" in font.headers["cache-control"]
    assert httpx.get(f"{site}/page/page.css").headers["cache-control"] == "no-cache"
    assert "cache-control" not in httpx.get(f"{site}/ar/assets/none.js").headers


@pytest.mark.parametrize("language", ["ar", "en"])
def test_other_sites_and_tabs_are_told_the_pages_own_name_and_mark(site, language):
    labels, page = load_labels(language), httpx.get(f"{site}/{language}/")
    metadata = re.findall(r"<meta[^>]*>|<title>.*?</title>|<link rel=\"(?:icon|manifest)\"[^>]*>", page.text, re.DOTALL)
    assert [one for one in metadata if "gradio" in one.lower()] == []
    assert f"<title>{labels['title']}</title>" in metadata
    assert f'<meta property="og:description" content="{labels["tagline"]}">' in metadata
    assert any(f"../page/manifest-{language}.json" in one for one in metadata)
    icon = httpx.get(f"{site}/page/icon.svg")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
