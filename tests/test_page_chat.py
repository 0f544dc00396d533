"""Asking on the page: answers, evidence, conversations, ratings, choices."""

from pathlib import Path

import httpx
import pytest

from tests.browser import BROWSER_TEST, CASTLE, HYPERION, MIXED, ask, marked_text, open_tab, read_ratings
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST


@pytest.mark.parametrize("question", [HYPERION, CASTLE, MIXED])
def test_a_citation_opens_the_very_words(page, site, question):
    chip = ask(page, question).locator("button.dalil-chip").first
    chip.click()
    place = {name: chip.get_attribute(f"data-{name}") for name in ("article", "start", "end")}
    stored = httpx.get(
        f"{site}/v1/articles/{place['article']}/text", params={"start": place["start"], "end": place["end"]}
    ).json()
    assert marked_text(page) == stored["text"]
    assert page.locator("#dalil-evidence .dalil-text").get_attribute("dir") == "rtl"


def test_a_number_shows_its_quote_when_it_is_pointed_at_or_focused(page):
    chip = ask(page, HYPERION).locator("button.dalil-chip").first
    chip.hover()
    assert page.locator("#dalil-tip").inner_text() == chip.get_attribute("data-quote")
    page.keyboard.press("Escape")
    assert page.locator("#dalil-tip").is_hidden()


def test_an_english_answer_stands_left_to_right_over_arabic_quotes(english):
    turn = ask(english, "How much power will Hyperion have?")
    assert turn.locator(".dalil-block").first.get_attribute("dir") == "ltr"
    assert turn.locator(".dalil-quote").first.get_attribute("dir") == "rtl"
    assert "غيغاواط" in turn.inner_text()


def test_a_follow_up_is_answered_from_the_conversation_before(page):
    ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
    assert (
        "1908" in ask(page, "وكم بلغ طوله؟").inner_text().replace("١٩٠٨", "1908")
        or page.locator(".dalil-refusal").count() == 0
    )


def test_a_refusal_looks_like_one_names_the_nearest_and_cites_nothing(page):
    turn = ask(page, "كيف أطبخ الملوخية من غير أن تهبط أوراقها؟")
    assert turn.locator(".dalil-refusal").count() == 1
    assert turn.locator(".dalil-chip").count() == 0
    turn.locator(".dalil-sources button").first.click()
    page.wait_for_selector("#dalil-evidence .dalil-text")


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_refused_follow_up_says_what_it_was_taken_to_follow_on_from(site, chromium, language):
    labels, castle = load_labels(language), "قَلْعَةُ الشُّوَيْخِ"
    with open_tab(chromium, f"{site}/{language}/") as tab:
        first = ask(tab, "كيف أطبخ الملوخية من غير أن تهبط أوراقها؟")
        followed = labels["followed_on"].split("{subject}")[0]
        assert followed not in first.inner_text()
        ask(tab, CASTLE)
        refusal = ask(tab, "كم غرفة فيها؟").locator(".dalil-refusal")
        told = refusal.locator("p", has_text=followed)
        assert castle in told.inner_text()
        # One that stands alone follows on from nothing.
        assert followed not in ask(tab, "كم عدد سكان طوكيو اليوم؟").inner_text()
        # It is kept with the conversation.
        tab.reload()
        told = tab.locator(".dalil-refusal p", has_text=followed)
        told.wait_for()  # what was hidden is not seen in the very frame in which the first screen goes
        assert castle in told.inner_text()


def test_what_articles_and_questions_hold_is_text_and_never_markup(page):
    ask(page, "متى ظهر لون جبل الزعفران البنفسجي؟ <img src=x onerror='window.hacked=true'>")
    page.locator("button.dalil-chip").first.click()
    assert "<script>" in marked_text(page)
    assert "<img src=x" in page.locator("#dalil-evidence h2").inner_text()
    assert page.evaluate("window.hacked === undefined")
    assert page.locator("#dalil-page img[src=x]").count() == 0


def test_the_box_turns_with_what_is_typed(page):
    box = page.locator("#dalil-question textarea")
    for text, way in (("What is API هذا", "ltr"), ("API هذا شرح طويل", "rtl")):
        box.fill(text)
        assert box.evaluate("one => getComputedStyle(one).direction") == way


def test_the_other_language_mirrors_the_page_and_keeps_the_conversation(page):
    ask(page, HYPERION).locator("button.dalil-chip").first.click()
    page.wait_for_selector("#dalil-evidence mark")
    conversations, evidence = (page.locator(f"#dalil-{name}").bounding_box()["x"] for name in ("conversations", "side"))
    page.click(".dalil-language")
    page.wait_for_selector(".dalil-question")
    page.locator("button.dalil-chip").first.click()
    page.wait_for_selector("#dalil-evidence mark")
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["en", "ltr"]
    turned = [page.locator(f"#dalil-{name}").bounding_box()["x"] for name in ("conversations", "side")]
    assert conversations > evidence
    assert turned[0] < turned[1]
    assert page.locator(".dalil-question").inner_text() == HYPERION


def test_a_reload_keeps_conversations_choices_and_the_look(english):
    ask(english, "How much power will Hyperion have?")
    english.get_by_role("tab", name="Settings").click()
    english.get_by_label("العربية").check()
    english.click("[data-act=theme]")
    english.wait_for_timeout(500)
    english.reload()
    english.wait_for_selector(".dalil-question")
    assert english.evaluate("document.body.classList.contains('dark')")
    assert english.locator(".dalil-conversation-list li").count() == 1
    english.get_by_role("tab", name="Chat").click()
    turn = ask(english, "When did the Hejaz railway reach Medina?")
    assert "وفقًا" in turn.inner_text()


def test_conversations_are_begun_renamed_opened_and_deleted(page):
    ask(page, HYPERION)
    page.click("[data-act=new]")
    page.wait_for_selector(".dalil-welcome")
    ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
    page.wait_for_function("document.querySelectorAll('.dalil-conversation-list li').length === 2")
    page.locator("[data-act=rename]").first.click()
    page.fill("#dalil-dialog input", "القطار")
    page.press("#dalil-dialog input", "Enter")
    page.wait_for_function("document.querySelector('.dalil-conversation-list').innerText.includes('القطار')")
    page.locator("[data-act=select]").last.click()
    page.wait_for_function("q => document.querySelector('.dalil-question').innerText === q", arg=HYPERION)
    page.locator("[data-act=delete]").first.click()
    page.click("#dalil-dialog [value=yes]")
    page.wait_for_function("document.querySelectorAll('.dalil-conversation-list li').length === 1")


def test_an_answer_is_copied_and_a_conversation_saved_with_citations(page):
    ask(page, HYPERION).locator("[data-act=copy]").click()
    page.wait_for_selector(".dalil-done")
    assert "[1] «" in page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as saved:
        page.click("[data-form=md]")
    assert "[1] «" in Path(saved.value.path()).read_text("utf-8")


def test_a_question_is_edited_and_asked_again(page):
    ask(page, "متى وصل قطار الحجاز؟")
    page.click("[data-act=edit]")
    page.wait_for_function("document.querySelector('#dalil-question textarea').value.startsWith('متى')")
    page.fill("#dalil-question textarea", HYPERION)
    page.press("#dalil-question textarea", "Enter")
    page.wait_for_function("q => document.querySelector('.dalil-question').innerText === q", arg=HYPERION)
    page.wait_for_selector(".dalil-actions")
    page.click("[data-act=again]")
    page.wait_for_selector(".dalil-actions")
    assert page.locator(".dalil-turn").count() == 1


@pytest.mark.parametrize("first", ["the reason", "the passage"])
def test_a_rating_its_reason_and_the_right_passage_are_all_kept(page, site_folder, first):
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
                "t => document.querySelector('#dalil-notice').innerText.includes(t)", arg=load_labels("ar")["thanks"]
            )
    *before, last = read_ratings(site_folder)
    assert before[-1]["answer"] == last["answer"]
    assert (last["rating"], last["reason"], last["passage"]) == ("down", load_labels("ar")["bad_source"], place)


def test_a_rating_turned_round_leaves_the_reason_of_the_first_behind(page, site_folder):
    turn = ask(page, HYPERION)
    turn.locator("[data-rating=down]").first.click()
    page.click("[data-reason=bad_source]")
    page.wait_for_selector("[data-reason]", state="detached")
    turn.locator("[data-rating=up]").click()
    page.wait_for_selector("[data-rating=up][aria-pressed=true]")
    *_, last = read_ratings(site_folder)
    assert (last["rating"], last["reason"], last["passage"]) == ("up", None, None)


def test_why_passages_were_found_is_shown_when_asked_for(english):
    english.get_by_role("tab", name="Settings").click()
    english.get_by_label(load_labels("en")["explain"]).check()
    english.get_by_role("tab", name="Chat").click()
    turn = ask(english, "ما القدرة التي سيبلغها هايبريون؟")
    turn.locator(".dalil-why summary").click()
    assert "هايبريون" in turn.locator(".dalil-why").inner_text()


def test_topics_that_are_chosen_narrow_the_answers_and_are_remembered(page):
    labels = load_labels("ar")
    page.get_by_role("tab", name=labels["settings"]).click()
    page.get_by_label(labels["topics"]).click()
    page.get_by_role("option", name="نقل وتاريخ").click()
    page.wait_for_selector("#dalil-scope p", state="attached")
    page.wait_for_timeout(500)
    page.reload()
    page.wait_for_selector("#dalil-scope p")
    assert "نقل وتاريخ" in page.locator("#dalil-scope").inner_text()
    assert ask(page, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() == 0
    turn = ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
    assert turn.locator(".dalil-chip[data-article=hejaz-railway]").count() > 0
    page.get_by_role("tab", name=labels["settings"]).click()
    page.locator("#dalil-topics .token-remove").first.click()
    page.wait_for_selector("#dalil-scope p", state="detached")
    page.get_by_role("tab", name=labels["chat"]).click()
    assert ask(page, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() > 0


def open_beside(tab, site):
    """Another tab of the same browser."""
    other = tab.context.new_page()
    other.goto(f"{site}/ar/")
    other.wait_for_selector(".dalil-question", timeout=15_000)
    return other


def conversation_names(tab) -> list[str]:
    return sorted(tab.locator(".dalil-conversation-list [data-act=select]").all_inner_texts())


def test_two_tabs_keep_each_others_conversations(page, site):
    ask(page, HYPERION)
    other = open_beside(page, site)
    other.click("[data-act=new]")
    other.wait_for_selector(".dalil-welcome")
    ask(other, CASTLE)
    page.wait_for_function("document.querySelectorAll('.dalil-conversation-list li').length === 2")
    ask(page, "متى وصل قطار الحجاز إلى المدينة المنورة؟")
    page.reload()
    page.wait_for_selector(".dalil-question")
    assert conversation_names(page) == sorted([HYPERION, CASTLE])


def test_a_conversation_that_two_tabs_have_open_keeps_what_each_asks(page, site):
    ask(page, HYPERION)
    ask(open_beside(page, site), CASTLE)
    railway = "متى وصل قطار الحجاز إلى المدينة المنورة؟"
    ask(page, railway)
    page.wait_for_function("document.querySelectorAll('.dalil-question').length === 3")
    assert page.locator(".dalil-question").all_inner_texts() == [HYPERION, CASTLE, railway]


def test_editing_an_early_question_says_so_and_keeps_what_came_after_it(page):
    ask(page, CASTLE)
    ask(page, HYPERION)
    page.locator("[data-act=edit]").first.click()
    note = page.wait_for_selector("#dalil-editing-note .dalil-note")
    assert load_labels("ar")["editing_branches"] in note.inner_text()
    page.click("[data-act=cancel_edit]")
    page.wait_for_selector("#dalil-editing-note .dalil-note", state="detached")
    assert page.input_value("#dalil-question textarea") == ""
    page.locator("[data-act=edit]").first.click()
    page.wait_for_selector("#dalil-editing-note .dalil-note")
    edited = "من بنى قلعة الشويخ؟"
    page.fill("#dalil-question textarea", edited)
    page.press("#dalil-question textarea", "Enter")
    page.wait_for_function("document.querySelectorAll('.dalil-conversation-list li').length === 2")
    assert page.locator(".dalil-question").all_inner_texts() == [edited]
    assert page.locator("#dalil-editing-note .dalil-note").count() == 0
    page.get_by_role("button", name=CASTLE, exact=True).first.click()
    page.wait_for_function("document.querySelectorAll('.dalil-question').length === 2")
    assert page.locator(".dalil-question").all_inner_texts() == [CASTLE, HYPERION]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_question_that_is_too_long_says_so_and_keeps_its_words(site, chromium, language):
    long = "كلمة " * 500 + "أخيرة"
    with open_tab(chromium, f"{site}/{language}/") as tab:
        box = tab.locator("#dalil-question textarea")
        box.fill(long)
        note = tab.locator("#dalil-length p")
        assert note.inner_text() == load_labels(language)["too_long"].format(count=len(long), limit=2000)
        box.press("Enter")
        tab.click("#dalil-ask")
        tab.wait_for_timeout(700)
        assert box.input_value() == long
        assert tab.locator(".dalil-question").count() == 0
        box.fill(long[:2000])
        assert note.is_hidden()


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_refusal_within_topics_offers_all_articles_and_a_chip_ends_the_choice(site, chromium, language):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["settings"]).click()
        tab.get_by_label(labels["topics"]).click()
        tab.get_by_role("option", name="نقل وتاريخ").click()
        tab.wait_for_selector("#dalil-scope p", state="attached")
        tab.get_by_role("tab", name=labels["chat"]).click()
        unsure = ask(tab, HYPERION)
        assert labels["scope_was"] in unsure.inner_text()
        refused = ask(tab, CASTLE)
        assert refused.locator(".dalil-refusal").count() == 1
        refused.locator("[data-act=widen]").click()
        tab.wait_for_selector(".dalil-chip[data-article=castle]")
        assert tab.locator(".dalil-question").all_inner_texts() == [HYPERION, CASTLE]
        assert tab.locator("[data-act=widen]").count() == 1
        tab.get_by_role("button", name=labels["scope_drop"].format(topic="نقل وتاريخ")).click()
        tab.wait_for_selector("#dalil-scope p", state="detached")
        tab.get_by_role("tab", name=labels["settings"]).click()
        assert tab.locator("#dalil-topics .token").count() == 0


@pytest.mark.parametrize("language", ["ar", "en"])
def test_on_paper_a_conversation_is_whole_and_dark_on_white(site, chromium, language):
    with open_tab(chromium, f"{site}/{language}/?__theme=dark") as tab:
        ask(tab, HYPERION).locator("button.dalil-chip").first.click()
        tab.wait_for_selector("#dalil-evidence mark")
        tab.emulate_media(media="print")
        colour = "([name, of]) => getComputedStyle(document.querySelector(name))[of]"
        assert tab.evaluate(colour, ["body", "backgroundColor"]) == "rgb(255, 255, 255)"
        assert tab.evaluate(colour, [".dalil-quote", "color"]) == "rgb(0, 0, 0)"
        text = tab.locator("#dalil-evidence .dalil-text")
        assert text.evaluate("one => one.scrollHeight <= one.clientHeight + 1")
        assert tab.locator("#dalil-question").is_hidden()
        assert tab.locator("#dalil-conversations").is_hidden()


@pytest.mark.parametrize(("language", "way"), [("ar", "rtl"), ("en", "ltr")])
def test_the_hint_in_the_box_is_legible_and_begins_on_the_side_of_its_language(site, chromium, language, way):
    with open_tab(chromium, f"{site}/{language}/?__theme=light") as tab:
        box = tab.locator("#dalil-question textarea")
        assert box.evaluate("one => getComputedStyle(one).direction") == way
        assert box.evaluate("one => getComputedStyle(one).textAlign") in ("start", "right" if way == "rtl" else "left")
        # --soft on --paper: 7.2 to 1
        assert box.evaluate("one => getComputedStyle(one, '::placeholder').color") == "rgb(87, 83, 78)"
