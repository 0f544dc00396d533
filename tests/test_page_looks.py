"""How the page looks: sizes, targets, contrast of what is not an answer."""

import re
from pathlib import Path

import pytest

import ui.page
from tests.browser import BROWSER_TEST, HYPERION, ask, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

STYLES = {path.name: path.read_text("utf-8") for path in (Path(ui.page.__file__).parent / "static").glob("*.css")}
SPACING = re.compile(r"(?<![\w-])(?:padding|margin|gap|row-gap|column-gap)[a-z-]*:[^;{}]+")
LENGTH = re.compile(r"(?<![\w.])(\d*\.?\d+)rem\b")
LARGEST = """turn => Math.max(
    ...[...turn.querySelectorAll("*")].map(one => parseFloat(getComputedStyle(one).fontSize)))"""
SMALL_TARGETS = """turn => [...turn.querySelectorAll("button, a, summary")]
    .filter(one => one.offsetParent && one.getBoundingClientRect().height < 24).map(one => one.outerHTML)"""
EDGE_CONTRASTS = """all => {
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255);
        const [r, g, b] = parts.map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const around = getComputedStyle(document.querySelector("#dalil-settings .form")).backgroundColor;
    return all.map(one => {
        const [a, b] = [light(getComputedStyle(one).borderTopColor), light(around)];
        return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    });
}"""
"""Of the borders of elements with what they lie on, by WCAG 2."""
SCALE = """() => {
    const styles = getComputedStyle(document.documentElement), sizes = [1, 2, 3, 4, 5, 6, 7];
    return sizes.map(number => Math.round(160 * parseFloat(styles.getPropertyValue(`--type-${number}`))) / 10);
}"""
SIZES = """() => [...document.querySelectorAll("body *")]
    .filter(one => one.offsetParent && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .filter(one => !one.matches(".dalil-bullets .dalil-marker"))
    .map(one => Math.round(10 * parseFloat(getComputedStyle(one).fontSize)) / 10)"""
"""Of all letters that are seen, in pixels; a bullet is drawn in place of the sign that the article has."""
SIZE = "one => parseFloat(getComputedStyle(one).fontSize)"


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_answer_is_the_largest_thing_of_its_turn_and_the_question_is_quiet(site, chromium, language):
    with open_tab(chromium, f"{site}/{language}/") as tab:
        turn = ask(tab, HYPERION)
        largest = turn.evaluate(LARGEST)
        assert 1.15 * 16 <= largest <= 1.25 * 16
        assert turn.locator(".dalil-direct, .dalil-first").first.evaluate(SIZE) == largest
        assert turn.locator(".dalil-question").evaluate(SIZE) < 16
        assert turn.evaluate(SMALL_TARGETS) == []


def test_the_rest_of_a_long_quote_is_shown_and_hidden_again(page):
    turn = ask(page, HYPERION)
    turn.locator(".dalil-quote").first.evaluate(
        """one => one.insertAdjacentHTML("beforeend", `<span class="dalil-rest" hidden>بقية</span> <button
        type="button" data-act="unfold" aria-expanded="false" data-less="أقل">المزيد</button>`)"""
    )
    button = turn.locator("[data-act=unfold]")
    for words, is_open in (("أقل", True), ("المزيد", False)):
        button.click()
        assert button.inner_text() == words
        assert button.get_attribute("aria-expanded") == str(is_open).lower()
        assert turn.locator(".dalil-rest").is_visible() is is_open


@pytest.mark.parametrize(("language", "question", "way"), [("en", HYPERION, "ltr"), ("ar", "Hyperion", "rtl")])
def test_the_empty_box_runs_as_the_interface_does_whatever_was_asked_before(site, chromium, language, question, way):
    with open_tab(chromium, f"{site}/{language}/") as tab:
        ask(tab, question)
        box = tab.locator("#dalil-question textarea")
        assert box.input_value() == ""
        assert box.evaluate("one => getComputedStyle(one).direction") == way


def test_every_sign_is_drawn(english):
    ask(english, HYPERION).locator("button.dalil-chip").first.click()
    english.wait_for_selector("#dalil-evidence mark")
    english.get_by_role("tab", name="Articles").click()
    english.wait_for_selector(".dalil-articles tbody")
    signs = english.locator(".dalil-icon").evaluate_all(
        "all => all.map(one => [one.textContent.trim(), one.children.length])"
    )
    assert len(signs) > 10
    assert {text for text, _ in signs} == {""}
    assert all(children for _, children in signs)


def test_the_name_stands_in_the_header_wherever_it_does_not_stand_below(english):
    name = english.locator(".dalil-brand h1")
    english.wait_for_selector(".dalil-welcome")
    assert name.evaluate("one => getComputedStyle(one).position") == "absolute"
    english.get_by_role("tab", name="Articles").click()
    english.wait_for_function("getComputedStyle(document.querySelector('.dalil-brand h1')).position === 'static'")
    assert english.locator(".dalil-brand .dalil-mark").is_visible()


def test_what_runs_the_other_way_does_so_within_the_arabic_page(page):
    ask(page, "How much power will Hyperion have?")
    of_own = page.locator(".dalil-turn [dir]").evaluate_all(
        "all => all.map(one => [one.dir, getComputedStyle(one).direction])"
    )
    assert {way for way, _ in of_own} == {"ltr", "rtl"}
    assert all(way == shown for way, shown in of_own)


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_setting_says_what_it_does_and_its_edges_are_seen(site, chromium, language, theme):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/?__theme={theme}") as tab:
        tab.get_by_role("tab", name=labels["settings"]).click()
        settings = tab.locator("#dalil-settings")
        settings.get_by_text(labels["explain_hint"]).wait_for()
        for name in ("answer_language", "passages", "mode", "topics", "explain"):
            assert settings.get_by_text(labels[name], exact=True).is_visible()
            assert settings.get_by_text(labels[f"{name}_hint"]).is_visible()
        edges = "#dalil-settings :is(input[type=checkbox], input[type=radio], .wrap label, #dalil-topics .wrap)"
        contrasts = tab.locator(edges).evaluate_all(EDGE_CONTRASTS)
        assert len(contrasts) > 10
        assert min(contrasts) >= 3  # WCAG 1.4.11


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_chosen_is_seen_in_the_readers_own_colours(site, chromium, scheme):
    with open_tab(chromium, f"{site}/en/") as tab:
        tab.emulate_media(forced_colors="active", color_scheme=scheme)
        assert tab.locator("#dalil-ask").evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"
        tab.get_by_role("tab", name="Settings").click()
        chosen, other = (tab.locator("#dalil-answers input").nth(number) for number in (0, 1))
        chosen.wait_for()
        assert chosen.is_checked()
        assert chosen.screenshot() != other.screenshot()
        opened, closed = tab.get_by_role("tab", name="Settings"), tab.get_by_role("tab", name="Chat")
        widths = [one.evaluate("one => getComputedStyle(one).borderBottomWidth") for one in (opened, closed)]
        assert widths[0] != widths[1]


def test_the_hint_in_the_box_is_whole_on_the_narrowest_screen(site, chromium):
    for language in ("ar", "en"):
        with open_tab(chromium, f"{site}/{language}/", {"width": 320, "height": 640}) as tab:
            box = tab.locator("#dalil-question textarea")
            assert box.evaluate("one => one.scrollHeight <= one.clientHeight + 1")


def test_what_stands_apart_does_so_by_steps_of_one_grid():
    for name, sheet in STYLES.items():
        for spacing in SPACING.findall(sheet):
            for number in map(float, LENGTH.findall(spacing)):
                step = 2 if number < 0.5 else 4  # CSS pixels, of which 16 are one rem
                assert 16 * number % step == 0, f"{name}: {spacing}"


@pytest.mark.parametrize("language", ["ar", "en"])
def test_letters_have_the_sizes_of_one_scale(site, chromium, language):
    with open_tab(chromium, f"{site}/{language}/") as tab:
        scale = tab.evaluate(SCALE)
        assert len(scale) == 7
        assert set(tab.evaluate(SIZES)) <= set(scale)
        ask(tab, HYPERION).locator("button.dalil-chip").first.click()
        tab.wait_for_selector("#dalil-evidence mark")
        assert set(tab.evaluate(SIZES)) <= set(scale)
        # What is read is of the size of a text, not of a remark.
        assert tab.locator(".dalil-text p").first.evaluate(SIZE) == 16
        for name in ("library", "settings"):
            tab.click(f"#dalil-{name}-button")
            tab.wait_for_timeout(500)
            assert set(tab.evaluate(SIZES)) <= set(scale)
