"""What stands around the page's areas: what stays in view, dialogs, the size of what is pressed."""

import pytest

from tests.browser import BROWSER_TEST, CASTLE, HYPERION, ask, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

PHONE, TABLET, WIDE = ({"width": width, "height": height} for width, height in ((390, 844), (820, 1180), (1440, 900)))
RAILWAY = "متى وصل قطار الحجاز إلى المدينة المنورة؟"
SMALL_TARGETS = """() => [...document.querySelectorAll('button, summary, select, [role=tab], .dalil-language')]
    .filter(one => one.checkVisibility() && !one.closest('.visually-hidden, .sr-only'))
    .filter(one => { const { width, height } = one.getBoundingClientRect(); return width < 24 || height < 24; })
    .map(one => one.outerHTML.slice(0, 120))"""
"""WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels."""


@pytest.mark.parametrize("size", [PHONE, TABLET, WIDE], ids=["phone", "tablet", "wide"])
def test_header_and_tabs_stay_in_view_after_four_turns(site, chromium, size):
    with open_tab(chromium, f"{site}/ar/", viewport=size) as tab:
        for question in (HYPERION, CASTLE, RAILWAY, HYPERION):
            ask(tab, question)
        tab.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
        assert tab.evaluate("scrollY") > 100
        for name in (".dalil-head", "#dalil-middle [role=tablist]", "#dalil-question"):
            box = tab.locator(name).bounding_box()
            assert 0 <= box["y"] <= size["height"] - box["height"]
        scrolled = tab.evaluate("scrollY")
        tab.get_by_role("tab", name="المقالات").click()
        tab.wait_for_function("scrollY === 0")
        tab.get_by_role("tab", name="المحادثة").click()
        tab.wait_for_function("before => Math.abs(scrollY - before) < 2", arg=scrolled)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_renaming_and_deleting_are_asked_in_the_language_of_the_page(site, chromium, language):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.on("dialog", lambda one: pytest.fail(f"the browser's own: {one.message}"))
        ask(tab, HYPERION)
        dialog, rename = tab.get_by_role("dialog"), tab.locator("[data-act=rename]")
        rename.click()
        assert dialog.locator("h2").inner_text() == labels["rename_to"]
        assert dialog.locator("input").input_value() == HYPERION
        tab.keyboard.press("Escape")
        assert dialog.is_hidden()
        assert rename.evaluate("one => one === document.activeElement")
        rename.click()
        tab.keyboard.type("القدرة")
        tab.keyboard.press("Enter")
        tab.wait_for_function("document.querySelector('.dalil-conversation-list').innerText.includes('القدرة')")
        tab.wait_for_function("document.activeElement.dataset.act === 'rename'")
        tab.click("[data-act=delete]")
        assert dialog.locator("h2").inner_text() == labels["delete_sure"]
        assert "القدرة" in dialog.inner_text()
        dialog.get_by_role("button", name=labels["cancel"]).click()
        assert tab.locator(".dalil-conversation-list li").count() == 1
        tab.click("[data-act=delete]")
        dialog.get_by_role("button", name=labels["delete"]).click()
        tab.wait_for_selector(".dalil-conversation-list li", state="detached")
        tab.wait_for_function("document.activeElement.closest('#dalil-conversations')")


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_whatever_is_pressed_is_large_enough(site, chromium, size):
    labels = load_labels("en")
    with open_tab(chromium, f"{site}/en/", viewport=size) as tab:
        assert tab.evaluate(SMALL_TARGETS) == []
        ask(tab, HYPERION).locator("button.dalil-chip").first.click()
        tab.wait_for_selector("#dalil-evidence mark")
        assert tab.evaluate(SMALL_TARGETS) == []
        tab.locator("#dalil-evidence [data-act=close]").click()
        for name in ("articles", "settings"):
            tab.get_by_role("tab", name=labels[name]).click()
            tab.wait_for_timeout(300)
            assert tab.evaluate(SMALL_TARGETS) == []


def test_the_list_of_topics_leaves_the_tabs_free(site, chromium):
    with open_tab(chromium, f"{site}/ar/", viewport={"width": 390, "height": 600}) as tab:
        labels = load_labels("ar")
        tab.get_by_role("tab", name=labels["settings"]).click()
        tab.get_by_label(labels["topics"]).click()
        box = tab.locator("#dalil-topics .options").bounding_box()
        tabs = tab.locator("#dalil-middle [role=tablist]").bounding_box()
        assert box["height"] <= 0.35 * 600
        assert box["y"] >= tabs["y"] + tabs["height"]


def test_on_a_phone_the_conversations_open_where_the_reader_is(site, chromium):
    with open_tab(chromium, f"{site}/ar/", viewport=PHONE) as tab:
        for question in (HYPERION, CASTLE, RAILWAY):
            ask(tab, question)
        button = tab.locator("[data-act=conversations]")
        button.click()
        assert 0 < tab.locator("[data-act=new]").bounding_box()["y"] < PHONE["height"]
        assert button.get_attribute("aria-expanded") == "true"
        tab.keyboard.press("Escape")
        assert tab.locator("[data-act=new]").is_hidden()
        assert button.evaluate("one => one === document.activeElement")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hints_in_boxes_stand_out_from_their_boxes(site, chromium, theme):
    contrast = """name => {
        const light = colour => { const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(one => one / 255)
            .map(one => one <= .03928 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4);
            return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2]; };
        const box = document.querySelector(name);
        const both = [getComputedStyle(box, '::placeholder').color, getComputedStyle(box).backgroundColor].map(light);
        return (Math.max(...both) + .05) / (Math.min(...both) + .05); }"""
    with open_tab(chromium, f"{site}/ar/?__theme={theme}") as tab:
        assert tab.evaluate(contrast, "#dalil-question textarea") >= 4.5
