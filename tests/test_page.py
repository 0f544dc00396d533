"""The page in a real Chromium: what a person does on it, in both languages."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ingest.indexer import IndexInbox
from tests.doubles import Endpoint, Hangs, Refuses
from ui.api import create_app
from ui.page.html import isolated, written
from ui.page.labels import words
from ui.page.library import Dropped, Library, forget

ARTICLES = Path(__file__).parent.parent / "articles"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = """---
title: "<img src=x onerror=alert(1)> عنوان"
---
يقول النص إن <script>window.hacked = true</script> لون جبل الزعفران البنفسجي ظهر سنة 1777 أمام الناس كلهم.
"""
VOCALISED = "بُنِيَتْ قَلْعَةُ الشُّوَيْخِ سَنَةَ ١٨٢٣ عَلَى يَدِ الْبَنَّاءِ سَالِمٍ. وَكَانَ سُورُهَا مِنَ الْحَجَرِ الْمَرْجَانِيِّ.\n"
LARGEST = 400_000
"""Bytes that the site takes at once."""
CASTLE = "متى بُنيت قلعة الشويخ؟"
HYPERION = "ما القدرة التي سيبلغها هايبريون؟"
MIXED = "ما القدرة التي سيبلغها عنقود Hyperion من شركة Meta؟"

WATCH_SHIFTS = """() => {
    window.shifts = [];
    const told = ({ value, sources }) => ({ value, of: sources.map(({ node }) => node?.className ?? "") });
    new PerformanceObserver((list) =>
        window.shifts.push(...list.getEntries().filter((one) => !one.hadRecentInput).map(told))
    ).observe({ type: "layout-shift" });
}"""
"""Notes what moves on the page by itself, in the units of Cumulative Layout Shift."""

browser_test = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium"),
]


# Words and HTML


def test_both_languages_say_the_same_things():
    arabic, english = words("ar"), words("en")
    assert arabic.keys() == english.keys()
    for key in arabic:
        assert {part.split("}")[0] for part in arabic[key].split("{")[1:]} == {
            part.split("}")[0] for part in english[key].split("{")[1:]
        }, key


@pytest.mark.parametrize(
    ("text", "way", "shown"),
    [
        ("يعمل H100 هنا", "rtl", "يعمل <bdi>H100</bdi> هنا"),
        ("See «كيف: متى» now", "ltr", "See «<bdi>كيف: متى»</bdi> now"),
        ("a < b", "ltr", "a &lt; b"),
        ("استعمل .md أو .txt.", "rtl", "استعمل <bdi>.md</bdi> أو <bdi>.txt</bdi>."),
        ("آثار · 2022-09-22", "rtl", "آثار · <bdi>2022-09-22</bdi>"),
        ("انتهى.API", "rtl", "انتهى.<bdi>API</bdi>"),
    ],
)
def test_runs_of_the_other_script_are_isolated_and_all_is_escaped(text, way, shown):
    assert isolated(text, way) == shown


def test_an_element_takes_the_direction_of_its_text():
    assert 'dir="rtl"' in written("API هذا شرح طويل")
    assert 'dir="ltr"' in written("What is دليل really?")


def test_only_what_was_sent_is_read(assistant, tmp_path):
    site = create_app(assistant)
    library = Library(site.state.work, IndexInbox(assistant), words("en"), tmp_path / "uploads")
    (tmp_path / "uploads").mkdir()
    for name in ("uploads/sent.md", "secret.md"):
        (tmp_path / name).write_text("نص قصير.", "utf-8")
    (tmp_path / "uploads" / "link.md").symlink_to(tmp_path / "secret.md")
    places = [tmp_path / name for name in ("uploads/sent.md", "secret.md", "uploads/../secret.md", "uploads/link.md")]
    taken, problems = library.taken([Dropped(f"{at}.md", 9, str(place)) for at, place in enumerate([*places, ""])])
    assert [upload.name for upload in taken] == ["0.md"]
    assert problems == [(f"{at}.md", words("en")["error_lost"]) for at in range(1, 5)]
    assert (tmp_path / "secret.md").exists()
    planned, fresh = library.plan(taken, problems)
    assert planned.count('data-outcome="failed"') == 4
    forget(fresh)
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["link.md"]


# In a browser


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[str]:
    port = free_port()
    environment = os.environ | {"DALIL_DATA_DIR": str(folder / "data")} | settings
    dalil = [sys.executable, "-m", "ui.cli"]
    subprocess.run([*dalil, "ingest", str(folder / "articles")], env=environment, check=True, capture_output=True)
    with subprocess.Popen([*dalil, "serve", "--port", str(port)], env=environment, stdout=subprocess.PIPE) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                httpx.get(f"{url}/health", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.25)
        yield url
        process.terminate()
        assert process.wait(20) in (0, -15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the site: its articles, and its data."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    (folder / "articles").mkdir()
    for name in ("meta-superclusters", "hejaz-railway", "ibn-al-haytham"):
        shutil.copy(ARTICLES / f"{name}.md", folder / "articles")
    (folder / "articles" / "hostile.md").write_text(HOSTILE, "utf-8")
    (folder / "articles" / "castle.md").write_text(VOCALISED, "utf-8")
    with serving(folder, DALIL_MAX_BODY_BYTES=str(LARGEST)) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def tab_of(chromium, url: str, **settings):
    context = chromium.new_context(**({"viewport": {"width": 1360, "height": 900}} | settings))
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.set_default_timeout(6_000)
    tab.asked = set()
    tab.on("request", lambda request: tab.asked.add(request.url.split("/")[2]))
    tab.goto(url)
    tab.wait_for_selector(".dalil-turn", timeout=15_000)
    yield tab
    context.close()


@pytest.fixture
def page(site, chromium):
    with tab_of(chromium, f"{site}/ar/") as tab:
        yield tab


@pytest.fixture
def english(site, chromium):
    with tab_of(chromium, f"{site}/en/") as tab:
        yield tab


def ask(tab, question: str):
    """Ask, wait for the end, and give the turn."""
    before = tab.locator(".dalil-question").count()
    tab.fill("#dalil-question textarea", question)
    tab.press("#dalil-question textarea", "Enter")
    tab.wait_for_function(
        "count => document.querySelectorAll('.dalil-actions').length > count", arg=before, timeout=15_000
    )
    tab.wait_for_selector("#dalil-talks [aria-current]", state="attached")
    tab.wait_for_timeout(200)  # nobody is quicker than the browser keeping what was said
    return tab.locator(".dalil-turn").last


def marked(tab) -> str:
    tab.wait_for_selector("#dalil-evidence mark")
    return "".join(tab.locator("#dalil-evidence mark").all_text_contents())


def ratings(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "data" / "feedback.jsonl").read_text("utf-8").splitlines()]


def dragged(tab, texts: dict[str, str]):
    """Files as a browser carries them while they are dragged."""
    make = """files => {
        const carried = new DataTransfer();
        for (const [name, text] of files) carried.items.add(new File([text], name));
        return carried;
    }"""
    return {"dataTransfer": tab.evaluate_handle(make, list(texts.items()))}


@pytest.mark.usefixtures("site")
class TestPage:
    pytestmark = browser_test

    def test_the_first_visit_says_what_is_known_and_its_examples_work(self, page, site):
        assert page.evaluate("document.documentElement.dir") == "rtl"
        examples = page.locator(".dalil-examples button").all_inner_texts()
        assert 2 <= len(examples) <= 6
        page.locator(".dalil-examples button").first.click()
        page.wait_for_selector(".dalil-turn button.dalil-chip")
        assert page.locator(".dalil-refusal").count() == 0
        assert page.asked == {site.removeprefix("http://")}

    @pytest.mark.parametrize("question", [HYPERION, CASTLE, MIXED])
    def test_a_citation_opens_the_very_words(self, page, site, question):
        chip = ask(page, question).locator("button.dalil-chip").first
        chip.click()
        place = {name: chip.get_attribute(f"data-{name}") for name in ("article", "start", "end")}
        stored = httpx.get(
            f"{site}/v1/articles/{place['article']}/text", params={"start": place["start"], "end": place["end"]}
        ).json()
        assert marked(page) == stored["text"]
        assert page.locator("#dalil-evidence .dalil-text").get_attribute("dir") == "rtl"

    def test_a_number_shows_its_quote_when_it_is_pointed_at_or_focused(self, page):
        chip = ask(page, HYPERION).locator("button.dalil-chip").first
        chip.hover()
        assert page.locator("#dalil-tip").inner_text() == chip.get_attribute("data-quote")
        page.keyboard.press("Escape")
        assert page.locator("#dalil-tip").is_hidden()

    def test_an_english_answer_stands_left_to_right_over_arabic_quotes(self, english):
        turn = ask(english, "How far can the Hyperion cluster grow?")
        assert turn.locator(".dalil-block").first.get_attribute("dir") == "ltr"
        assert turn.locator(".dalil-quote").first.get_attribute("dir") == "rtl"
        assert "غيغاواط" in turn.inner_text()

    def test_a_follow_up_is_answered_from_what_was_said_before(self, page):
        ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
        assert (
            "1908" in ask(page, "وكم بلغ طوله؟").inner_text().replace("١٩٠٨", "1908")
            or page.locator(".dalil-refusal").count() == 0
        )

    def test_a_refusal_looks_like_one_names_the_nearest_and_cites_nothing(self, page):
        turn = ask(page, "كيف أطبخ الملوخية من غير أن تهبط أوراقها؟")
        assert turn.locator(".dalil-refusal").count() == 1
        assert turn.locator(".dalil-chip").count() == 0
        turn.locator(".dalil-sources button").first.click()
        page.wait_for_selector("#dalil-evidence .dalil-text")

    def test_what_articles_and_questions_hold_is_text_and_never_markup(self, page):
        ask(page, "متى ظهر لون جبل الزعفران البنفسجي؟ <img src=x onerror='window.hacked=true'>")
        page.locator("button.dalil-chip").first.click()
        assert "<script>" in marked(page)
        assert "<img src=x" in page.locator("#dalil-evidence h2").inner_text()
        assert page.evaluate("window.hacked === undefined")
        assert page.locator("#dalil-page img[src=x]").count() == 0

    def test_the_box_turns_with_what_is_typed(self, page):
        box = page.locator("#dalil-question textarea")
        for text, way in (("What is API هذا", "ltr"), ("API هذا شرح طويل", "rtl")):
            box.fill(text)
            assert box.evaluate("one => getComputedStyle(one).direction") == way

    def test_the_other_language_mirrors_the_page_and_keeps_the_conversation(self, page):
        ask(page, HYPERION)
        talks, evidence = (page.locator(f"#dalil-{name}").bounding_box()["x"] for name in ("talks", "side"))
        page.click(".dalil-language")
        page.wait_for_selector(".dalil-question")
        assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["en", "ltr"]
        turned = [page.locator(f"#dalil-{name}").bounding_box()["x"] for name in ("talks", "side")]
        assert talks > evidence
        assert turned[0] < turned[1]
        assert page.locator(".dalil-question").inner_text() == HYPERION

    def test_a_reload_keeps_conversations_choices_and_the_look(self, english):
        ask(english, "How far can the Hyperion cluster grow?")
        english.get_by_role("tab", name="Settings").click()
        english.get_by_label("العربية").check()
        english.click("[data-act=theme]")
        english.wait_for_timeout(500)
        english.reload()
        english.wait_for_selector(".dalil-question")
        assert english.evaluate("document.body.classList.contains('dark')")
        assert english.locator(".dalil-talklist li").count() == 1
        english.get_by_role("tab", name="Chat").click()
        turn = ask(english, "When did the Hejaz railway reach Medina?")
        assert "وفقًا" in turn.inner_text()

    def test_conversations_are_begun_renamed_opened_and_deleted(self, page):
        ask(page, HYPERION)
        page.click("[data-act=new]")
        page.wait_for_selector(".dalil-welcome")
        ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
        page.wait_for_function("document.querySelectorAll('.dalil-talklist li').length === 2")
        page.once("dialog", lambda dialog: dialog.accept("القطار"))
        page.locator("[data-act=rename]").first.click()
        page.wait_for_function("document.querySelector('.dalil-talklist').innerText.includes('القطار')")
        page.locator("[data-act=talk]").last.click()
        page.wait_for_function("q => document.querySelector('.dalil-question').innerText === q", arg=HYPERION)
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("[data-act=delete]").first.click()
        page.wait_for_function("document.querySelectorAll('.dalil-talklist li').length === 1")

    def test_an_answer_is_copied_and_a_conversation_saved_with_citations(self, page):
        ask(page, HYPERION).locator("[data-act=copy]").click()
        page.wait_for_selector(".dalil-done")
        assert "[1] «" in page.evaluate("navigator.clipboard.readText()")
        with page.expect_download() as saved:
            page.click("[data-form=md]")
        assert "[1] «" in Path(saved.value.path()).read_text("utf-8")

    def test_a_question_is_edited_and_asked_again(self, page):
        ask(page, "متى وصل قطار الحجاز؟")
        page.click("[data-act=edit]")
        page.wait_for_function("document.querySelector('#dalil-question textarea').value.startsWith('متى')")
        ask_edited = HYPERION
        page.fill("#dalil-question textarea", ask_edited)
        page.press("#dalil-question textarea", "Enter")
        page.wait_for_function("q => document.querySelector('.dalil-question').innerText === q", arg=HYPERION)
        page.wait_for_selector(".dalil-actions")
        page.click("[data-act=again]")
        page.wait_for_selector(".dalil-actions")
        assert page.locator(".dalil-turn").count() == 1

    @pytest.mark.parametrize("first", ["the reason", "the passage"])
    def test_a_rating_its_reason_and_the_right_passage_are_all_kept(self, page, folder, first):
        turn = ask(page, HYPERION)
        turn.locator("[data-rating=down]").first.click()
        page.wait_for_selector("[data-reason]")
        chip = turn.locator("button.dalil-chip").first
        place = {"article_id": chip.get_attribute("data-article")}
        place |= {name: int(chip.get_attribute(f"data-{name}")) for name in ("start", "end")}
        for given in ("reason", "passage") if first == "the reason" else ("passage", "reason"):
            if given == "reason":
                page.click("[data-reason=bad_source]")
                page.wait_for_selector("[data-reason]", state="detached")
            else:
                chip.click()
                page.click("[data-act=right]")
                page.wait_for_function(
                    "t => document.querySelector('#dalil-said').innerText.includes(t)", arg=words("ar")["thanks"]
                )
        *before, last = ratings(folder)
        assert before[-1]["answer"] == last["answer"]
        assert (last["rating"], last["reason"], last["passage"]) == ("down", words("ar")["bad_source"], place)

    def test_a_rating_turned_round_leaves_the_reason_of_the_first_behind(self, page, folder):
        turn = ask(page, HYPERION)
        turn.locator("[data-rating=down]").first.click()
        page.click("[data-reason=bad_source]")
        page.wait_for_selector("[data-reason]", state="detached")
        turn.locator("[data-rating=up]").click()
        page.wait_for_selector("[data-rating=up][aria-pressed=true]")
        *_, last = ratings(folder)
        assert (last["rating"], last["reason"], last["passage"]) == ("up", None, None)

    def test_why_passages_were_found_is_shown_when_asked_for(self, english):
        english.get_by_role("tab", name="Settings").click()
        english.get_by_label(words("en")["explain"]).check()
        english.get_by_role("tab", name="Chat").click()
        turn = ask(english, "ما القدرة التي سيبلغها هايبريون؟")
        turn.locator("summary").click()
        assert "هايبريون" in turn.locator(".dalil-why").inner_text()

    def test_topics_that_are_chosen_narrow_the_answers_and_are_remembered(self, page):
        said = words("ar")
        page.get_by_role("tab", name=said["settings"]).click()
        page.get_by_label(said["topics"]).click()
        page.get_by_role("option", name="نقل وتاريخ").click()
        page.wait_for_selector("#dalil-only p", state="attached")
        page.wait_for_timeout(500)
        page.reload()
        page.wait_for_selector("#dalil-only p")
        assert "نقل وتاريخ" in page.locator("#dalil-only").inner_text()
        assert ask(page, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() == 0
        turn = ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
        assert turn.locator(".dalil-chip[data-article=hejaz-railway]").count() > 0
        page.get_by_role("tab", name=said["settings"]).click()
        page.locator("#dalil-topics .token-remove").first.click()
        page.wait_for_selector("#dalil-only p", state="detached")
        page.get_by_role("tab", name=said["chat"]).click()
        assert ask(page, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() > 0

    def test_good_files_go_in_bad_ones_are_told_and_a_removal_is_undone(self, page, tmp_path):
        (tmp_path / "good.md").write_text(
            "# فنار جديد\n\nافتتح فنار الرأس الأخضر سنة 1931 بحضور أهل الميناء كلهم.", "utf-8"
        )
        (tmp_path / "bad.md").write_bytes(b"\xff\xfe\x00bad\xd8")
        (tmp_path / "empty.txt").write_text("", "utf-8")
        page.get_by_role("tab", name="المقالات").click()
        page.set_input_files(
            "#dalil-files input[type=file]", [tmp_path / name for name in ("good.md", "bad.md", "empty.txt")]
        )
        page.wait_for_selector("#dalil-plan [data-outcome=added]")
        assert page.locator("#dalil-plan [data-outcome=failed]").count() == 2
        page.click("#dalil-add")
        page.wait_for_function("document.querySelector('.dalil-articles').innerText.includes('فنار جديد')")
        row = page.locator(".dalil-articles li", has_text="فنار جديد")
        row.locator("[data-act=remove]").click()
        page.wait_for_selector("[data-act=undo]")
        assert page.locator(".dalil-articles li", has_text="فنار جديد").count() == 0
        page.click("[data-act=undo]")
        page.wait_for_function("document.querySelector('.dalil-articles').innerText.includes('فنار جديد')")
        page.fill("#dalil-filter textarea, #dalil-filter input", "فنار")
        page.wait_for_function("document.querySelectorAll('.dalil-articles li').length === 1")
        page.locator("[data-act=remove]").click()
        page.wait_for_selector("[data-act=undo]")

    @pytest.mark.parametrize("language", ["ar", "en"])
    def test_a_file_too_large_is_told_in_our_words_and_the_others_are_kept(self, site, chromium, language, tmp_path):
        said = words(language)
        line = f"زار {language} فنار الرأس الأزرق سنة 1932 ومكث فيه أيامًا. "
        (tmp_path / "large.md").write_text(line * (1 + LARGEST // len(line.encode())), "utf-8")
        for name in ("one.md", "two.md"):  # each fits, together they do not
            (tmp_path / name).write_text(name + line * (LARGEST * 6 // 10 // len(line.encode())), "utf-8")
        (tmp_path / "picture.png").write_bytes(b"png")
        with tab_of(chromium, f"{site}/{language}/") as tab:
            tab.get_by_role("tab", name=said["articles"]).click()
            tab.set_input_files("#dalil-files input[type=file]", sorted(tmp_path.iterdir()))
            tab.wait_for_selector("#dalil-plan [data-outcome=added]")
            plan = tab.locator("#dalil-plan")
            assert plan.locator("[data-outcome=added]").count() == 2
            row = plan.locator("li", has_text="large.md").inner_text()
            assert said["error_large"].format(limit="0.4") in row
            assert said["error_kind"] in plan.locator("li", has_text="picture.png").inner_text()
            tab.click("#dalil-cancel")
            tab.wait_for_selector("#dalil-plan li", state="detached")
            assert tab.locator("#dalil-add").is_hidden()

    def test_files_are_dragged_onto_the_page(self, page):
        page.get_by_role("tab", name="المقالات").click()
        files = dragged(page, {"pier.md": "# رصيف\n\nبُني رصيف الميناء سنة 1744.", "empty.md": ""})
        zone = page.locator("#dalil-files .dalil-drop")
        for event in ("dragenter", "dragover"):
            zone.dispatch_event(event, files)
        assert "dalil-over" in zone.get_attribute("class")
        zone.dispatch_event("drop", files)
        page.wait_for_selector("#dalil-plan [data-outcome=added]")
        assert "dalil-over" not in zone.get_attribute("class")
        assert page.locator("#dalil-plan li", has_text="empty.md").locator("[data-outcome=failed]").count() == 1
        # A second drop comes beside the first.
        zone.dispatch_event("drop", dragged(page, {"more.txt": "يقول النص شيئًا آخر."}))
        page.wait_for_function("document.querySelectorAll('#dalil-plan [data-outcome=added]').length === 2")
        page.click("#dalil-cancel")

    def test_files_dropped_beside_the_zone_do_not_take_the_page_away(self, page):
        page.get_by_role("tab", name="المقالات").click()
        page.evaluate("addEventListener('drop', event => { window.kept = event.defaultPrevented; })")
        page.locator("#dalil-middle").dispatch_event("drop", dragged(page, {"note.md": "نص"}))
        assert page.evaluate("window.kept")
        assert page.locator("#dalil-plan li").count() == 0

    def test_a_phone_shows_everything_one_below_the_other(self, site, chromium):
        with tab_of(chromium, f"{site}/ar/", viewport={"width": 360, "height": 740}) as phone:
            ask(phone, HYPERION).locator("button.dalil-chip").first.click()
            phone.wait_for_selector("#dalil-evidence mark")
            assert phone.evaluate("document.documentElement.scrollWidth") <= 360
            assert phone.locator("#dalil-talks").is_hidden()
            phone.click("[data-act=talks]")
            assert phone.locator("#dalil-talks").is_visible()

    def test_everything_is_reached_by_keyboard(self, page):
        page.keyboard.press("/")
        page.keyboard.type(HYPERION)
        page.keyboard.press("Enter")
        page.wait_for_selector(".dalil-actions")
        page.locator("button.dalil-chip").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#dalil-evidence mark")
        page.wait_for_function("document.activeElement.classList.contains('dalil-text')")
        page.keyboard.press("Escape")
        page.wait_for_selector("#dalil-evidence mark", state="detached")
        assert page.evaluate("document.activeElement.classList.contains('dalil-chip')")

    @pytest.mark.parametrize(
        ("language", "forth", "back"), [("ar", "ArrowLeft", "ArrowRight"), ("en", "ArrowRight", "ArrowLeft")]
    )
    def test_tabs_are_moved_among_by_arrows(self, site, chromium, language, forth, back):
        names = [words(language)[name] for name in ("chat", "articles", "settings")]
        with tab_of(chromium, f"{site}/{language}/") as tab:
            tab.get_by_role("tab", name=names[0]).focus()
            for key, at in ((forth, 1), (forth, 2), (forth, 0), (back, 2), ("Home", 0), ("End", 2), (back, 1)):
                tab.keyboard.press(key)
                tab.wait_for_selector(f"#dalil-{('chat', 'library', 'settings')[at]}", state="visible")
                focused = tab.locator(":focus")
                assert focused.inner_text() == names[at]
                assert focused.get_attribute("aria-selected") == "true"
                assert tab.locator("[role=tab][tabindex='0']").all_inner_texts() == [names[at]]
            tab.keyboard.press("Tab")
            assert tab.evaluate("document.activeElement.closest('#dalil-library') !== null")

    @pytest.mark.parametrize("language", ["ar", "en"])
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_a_checker_of_accessibility_finds_nothing_serious(self, site, chromium, language, theme):
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        with tab_of(chromium, f"{site}/{language}/?__theme={theme}") as tab:
            found = axe.run(tab).response["violations"]
            ask(tab, HYPERION).locator("button.dalil-chip").first.click()
            tab.wait_for_selector("#dalil-evidence mark")
            found += axe.run(tab).response["violations"]
            for name in ("articles", "settings"):
                tab.get_by_role("tab", name=words(language)[name]).click()
                tab.wait_for_timeout(300)
                found += axe.run(tab).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in serious] == []


@pytest.mark.parametrize("pages", [pytest.param(None, marks=browser_test)])
def test_where_keys_are_set_the_page_asks_for_one(tmp_path, chromium, pages):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "castle.md").write_text(VOCALISED, "utf-8")
    with serving(tmp_path, DALIL_API_KEYS="one,two") as url:
        assert httpx.get(f"{url}/ar/config").status_code == 401
        assert httpx.post(f"{url}/v1/ask", json={"question": "من؟"}).status_code == 401
        tab = chromium.new_context().new_page()
        tab.goto(url)
        tab.fill("#key", "three")
        tab.press("#key", "Enter")
        tab.wait_for_selector("[role=alert]")
        tab.fill("#key", "two")
        tab.press("#key", "Enter")
        tab.wait_for_selector(".dalil-turn", timeout=15_000)
        ask(tab, CASTLE).locator("button.dalil-chip").first.click()
        assert "١٨٢٣" in marked(tab)


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
    assert "immutable" in httpx.get(f"{site}/ar/{asset[0]}").headers["cache-control"]
    font = httpx.get(f"{site}/page/fonts/IBMPlexSansArabic-Regular.ttf")
    assert font.headers["content-encoding"] == "gzip"
    assert "max-age" in font.headers["cache-control"]
    assert httpx.get(f"{site}/page/page.css").headers["cache-control"] == "no-cache"
    assert "cache-control" not in httpx.get(f"{site}/ar/assets/none.js").headers


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Endpoint]]:
    """A site whose answers a scripted model writes."""
    folder = tmp_path_factory.mktemp("modelled")
    (folder / "articles").mkdir()
    (folder / "articles" / "castle.md").write_text(VOCALISED, "utf-8")
    with (
        Endpoint() as endpoint,
        serving(folder, DALIL_LLM_BASE_URL=endpoint.url, DALIL_LLM_MODEL="scripted") as url,
    ):
        yield url, endpoint


class TestWithAModel:
    pytestmark = browser_test

    def test_the_arabic_quote_stands_under_an_english_answer(self, modelled, chromium):
        url, endpoint = modelled
        endpoint.says("The Shuwaikh castle was built in 1823 [1].")
        with tab_of(chromium, f"{url}/en/") as tab:
            turn = ask(tab, "When was the Shuwaikh castle built?")
            assert turn.locator(".dalil-block").first.get_attribute("dir") == "ltr"
            quote = turn.locator("blockquote").first
            assert quote.get_attribute("dir") == "rtl"
            assert "١٨٢٣" in quote.inner_text()

    @pytest.mark.parametrize("size", [(1280, 800), (360, 740)])
    @pytest.mark.parametrize(("language", "question"), [("ar", CASTLE), ("en", "When was the Shuwaikh castle built?")])
    def test_nothing_jumps_while_an_answer_is_written(self, modelled, chromium, language, question, size):
        url, endpoint = modelled
        arabic = "بُنيت قلعة الشويخ سنة 1823 على يد البناء سالم [1]. وكان سورها من الحجر المرجاني [1]."
        english = "The Shuwaikh castle was built in 1823 by Salem [1]. Its wall was of coral stone [1]."
        with tab_of(chromium, f"{url}/{language}/", viewport={"width": size[0], "height": size[1]}) as tab:
            tab.evaluate(WATCH_SHIFTS)
            for _ in range(3):
                endpoint.says("\n\n".join([arabic if language == "ar" else english] * 3))
                endpoint.pause_s = 0.04
                ask(tab, question)
                tab.wait_for_timeout(700)  # what comes within half a second of a key is taken for its doing
            shifts = tab.evaluate("window.shifts")
        assert sum(one["value"] for one in shifts) < 0.1, shifts

    def test_a_question_that_is_stopped_lets_the_model_go(self, modelled, chromium):
        url, endpoint = modelled
        endpoint.says(Hangs(30))
        with tab_of(chromium, f"{url}/ar/") as tab:
            tab.fill("#dalil-question textarea", CASTLE)
            tab.press("#dalil-question textarea", "Enter")
            tab.click("#dalil-stop")
            tab.wait_for_function(
                "t => document.querySelector('.dalil-note')?.innerText === t", arg=words("ar")["stopped"]
            )
            assert tab.locator(".dalil-quote").count() == 0
            assert tab.locator("#dalil-ask").is_visible()

    def test_an_answer_without_its_model_says_so(self, modelled, chromium):
        url, endpoint = modelled
        endpoint.says(Refuses(401))
        with tab_of(chromium, f"{url}/ar/") as tab:
            turn = ask(tab, CASTLE)
            assert words("ar")["reason_model_key_refused"] in turn.locator(".dalil-note").inner_text()
            assert turn.locator(".dalil-quote").count() >= 1
