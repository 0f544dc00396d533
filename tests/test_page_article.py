"""The article beside the chat: a sheet on phones, its lists, from citation to citation, search, asking about it."""

import pytest

from tests.browser import BROWSER_TEST, HYPERION, ask, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

PHONE = {"width": 390, "height": 844}
SUMMARY = "لخّص مقال «ابن الهيثم وكتاب المناظر»"
HIGHLIGHTED = "name => [...(CSS.highlights.get(name) ?? [])].map(range => range.toString())"
OPENED = "([start, end]) => document.querySelector('#dalil-evidence mark') && document.querySelector('.dalil-steps [role=status]').textContent === `${start} / ${end}`"  # noqa: E501


def open_first_citation(tab, question):
    chip = ask(tab, question).locator("button.dalil-chip").first
    chip.click()
    tab.wait_for_selector("#dalil-evidence mark")
    return chip


@pytest.mark.parametrize("language", ["ar", "en"])
def test_on_a_phone_evidence_is_a_sheet_that_closes_at_the_same_place(site, chromium, language):
    with open_tab(chromium, f"{site}/{language}/", viewport=PHONE) as tab:
        ask(tab, HYPERION)
        ask(tab, SUMMARY)
        tab.evaluate("scrollTo({ top: 250, behavior: 'instant' })")
        chip = tab.locator(".dalil-turn").last.locator("button.dalil-chip").first
        chip.click()
        tab.wait_for_selector("#dalil-evidence mark")
        before = tab.evaluate("scrollY")
        assert before > 0
        sheet = tab.get_by_role("dialog")
        mark = sheet.locator("mark").first.bounding_box()
        assert 0 < mark["y"] < PHONE["height"]
        assert tab.evaluate("document.querySelector('#dalil-middle').inert")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for close in (lambda: tab.keyboard.press("Escape"), lambda: tab.mouse.click(195, 20)):
            close()
            tab.wait_for_function("!document.querySelector('#dalil-evidence .dalil-close')")
            assert tab.evaluate("scrollY") == before
            assert chip.evaluate("one => one === document.activeElement")
            assert not tab.evaluate("document.querySelector('#dalil-middle').inert")
            chip.click()
            tab.wait_for_selector("#dalil-evidence mark")


@pytest.mark.parametrize("language", ["ar", "en"])
def test_keys_and_buttons_go_from_citation_to_citation(site, chromium, language):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/") as tab:
        turn = ask(tab, SUMMARY)
        count = len(set(turn.locator("button.dalil-chip").all_inner_texts()))
        assert count > 1
        turn.locator("button.dalil-chip", has_text="1").first.click()
        tab.wait_for_function(OPENED, arg=[1, count])
        first = tab.locator("#dalil-evidence mark").first.inner_text()
        tab.keyboard.press("n")
        tab.wait_for_function(OPENED, arg=[2, count])
        assert tab.locator("#dalil-evidence mark").first.inner_text() != first
        tab.keyboard.press("p")
        tab.wait_for_function(OPENED, arg=[1, count])
        tab.get_by_role("button", name=labels["citation_previous"]).click()  # round the end
        tab.wait_for_function(OPENED, arg=[count, count])
        tab.get_by_role("tab", name=labels["chat"]).focus()
        tab.keyboard.press("n")  # outside the panel a letter does nothing
        tab.wait_for_timeout(300)
        assert tab.evaluate(OPENED, [count, count])


def test_words_are_searched_in_the_article_whatever_their_marks(page):
    open_first_citation(page, "متى بُنيت قلعة الشويخ؟")
    marked = page.locator("#dalil-evidence mark").all_text_contents()
    box = page.get_by_role("searchbox")
    box.fill("الحجر")  # written with tashkeel in the article
    assert [len(one) > len("الحجر") for one in page.evaluate(HIGHLIGHTED, "dalil-found")] == [True]
    box.fill("1823")  # and with other digits
    assert page.evaluate(HIGHLIGHTED, "dalil-found") == ["١٨٢٣"]
    assert page.locator("#dalil-evidence mark").all_text_contents() == marked
    box.fill("س")
    status = page.locator(".dalil-search [role=status]")
    count = len(page.evaluate(HIGHLIGHTED, "dalil-found"))
    assert count > 1
    assert status.inner_text() == f"1 / {count}"
    box.press("Shift+Enter")
    assert status.inner_text() == f"{count} / {count}"
    box.press("Enter")
    assert status.inner_text() == f"1 / {count}"
    box.press("Escape")
    assert box.input_value() == ""
    assert page.evaluate(HIGHLIGHTED, "dalil-found") == []
    box.press("Escape")
    page.wait_for_selector("#dalil-evidence .dalil-close", state="detached")


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("size", [PHONE, {"width": 1440, "height": 900}], ids=["phone", "wide"])
def test_one_article_is_asked_about_and_all_again(site, chromium, language, size):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/", viewport=size) as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.click(".dalil-articles [data-act=open][data-article=hejaz-railway]")
        tab.get_by_role("button", name=labels["ask_about"]).click()
        chip = tab.locator("#dalil-scope [data-act=drop_article]")
        chip.wait_for()
        tab.wait_for_function("document.activeElement.matches('#dalil-question textarea')")
        turn = ask(tab, HYPERION)
        assert turn.locator(".dalil-chip[data-article=meta-superclusters]").count() == 0
        assert labels["scope_was"] in turn.inner_text()
        turn.locator("[data-act=widen]").click()
        tab.wait_for_selector(".dalil-chip[data-article=meta-superclusters]")
        chip.click()
        tab.wait_for_selector("#dalil-scope p", state="detached")
        assert ask(tab, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() > 0


@pytest.mark.parametrize("language", ["ar", "en"])
def test_an_article_is_summarised_from_where_it_is_read(site, chromium, language):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.click(".dalil-articles [data-act=open][data-article=ibn-al-haytham]")
        tab.get_by_role("button", name=labels["summarize"]).click()
        tab.wait_for_selector(".dalil-actions")
        articles = tab.locator("button.dalil-chip").evaluate_all("all => all.map(one => one.dataset.article)")
        assert set(articles) == {"ibn-al-haytham"}
        tab.locator("#dalil-scope [data-act=drop_article]").wait_for()
