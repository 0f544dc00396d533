"""The first screen that comes with the page, before Gradio has started, and its exchange for Gradio's."""

from contextlib import contextmanager

import pytest

from rag.language.languages import LANGUAGES
from tests.browser import BROWSER_TEST, CASTLE, HYPERION, ask, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

BOX, SHELL = "#dalil-shell textarea", "#dalil-shell"
PAIRS = {
    ".dalil-welcome .dalil-mark": ".dalil-welcome .dalil-mark",
    ".dalil-welcome p": ".dalil-welcome p",
    ".dalil-shell-tabs button:last-child": "#dalil-settings-button",
    ".dalil-shell-box textarea": "#dalil-question textarea",
    ".dalil-shell-box button": "#dalil-ask",
    ".dalil-examples li:last-child button": ".dalil-examples li:last-child button",
    ".dalil-add button": ".dalil-add button",
    ".dalil-start > p:last-child": ".dalil-start > p:last-child",
}
"""What stands at the same place before and after."""


@pytest.fixture(scope="module", autouse=True)
def made(site, chromium):
    """A site whose first screen is made, as it is a moment after the start."""
    for language in LANGUAGES:
        with open_tab(chromium, f"{site}/{language}/"):
            pass


@contextmanager
def held_back(chromium, url: str, **settings):
    """A tab whose page has come, and a call that lets Gradio's script follow."""
    context = chromium.new_context(**({"viewport": {"width": 1360, "height": 900}} | settings))
    tab, waiting = context.new_page(), []
    tab.set_default_timeout(15_000)
    tab.route("**/assets/index-*.js", lambda route: waiting.append(route))
    tab.goto(url, wait_until="commit")
    tab.wait_for_selector(BOX)
    tab.wait_for_function("typeof dalil === 'object'")

    def go_on():
        for route in waiting:
            route.continue_()
        tab.wait_for_selector(SHELL, state="detached")

    yield tab, go_on
    context.close()


def _places(tab, root: str, selectors) -> list[dict[str, float]]:
    found = [tab.locator(f"{root} {selector}").first.bounding_box() for selector in selectors]
    return [{name: round(value) for name, value in box.items()} for box in found]


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("width", [390, 1360])
def test_nothing_moves_when_gradio_takes_over(site, chromium, language, width):
    with held_back(chromium, f"{site}/{language}/", viewport={"width": width, "height": 900}) as (tab, go_on):
        assert tab.locator(".dalil-turn").count() == 0
        tab.evaluate("document.fonts.ready")
        before = _places(tab, SHELL, PAIRS)
        go_on()
        after = _places(tab, "gradio-app", PAIRS.values())
        moved = [
            (name, old, new)
            for name, old, new in zip(PAIRS, before, after, strict=True)
            if any(abs(old[key] - new[key]) > 1 for key in old)
        ]
        assert moved == []


def test_what_was_written_before_goes_on_in_the_box_with_the_caret(site, chromium):
    with held_back(chromium, f"{site}/ar/") as (tab, go_on):
        tab.fill(BOX, "ما القدرة؟")
        tab.press(BOX, "Home")
        go_on()
        assert tab.input_value("#dalil-question textarea") == "ما القدرة؟"
        tab.keyboard.type("x")
        assert tab.input_value("#dalil-question textarea") == "xما القدرة؟"


@pytest.mark.parametrize("way", ["Enter", "button", "example"])
def test_what_was_asked_before_gradio_started_is_answered(site, chromium, way):
    with held_back(chromium, f"{site}/ar/") as (tab, go_on):
        if way == "example":
            tab.locator(f"{SHELL} .dalil-examples button").first.click()
        else:
            tab.fill(BOX, HYPERION)
            tab.press(BOX, "Enter") if way == "Enter" else tab.click(".dalil-shell-box button")
        assert tab.locator(f"{SHELL} [role=status]").inner_text() == load_labels("ar")["searching"]
        go_on()
        tab.wait_for_selector(".dalil-turn button.dalil-chip")
        assert tab.locator(".dalil-question").count() == 1


def test_the_look_is_chosen_before_gradio_starts(site, chromium):
    with held_back(chromium, f"{site}/en/", color_scheme="dark") as (tab, _):
        dark = tab.evaluate("getComputedStyle(document.querySelector('#dalil-shell')).backgroundColor")
        tab.click(f"{SHELL} [data-act=theme]")
        light = tab.evaluate("getComputedStyle(document.querySelector('#dalil-shell')).backgroundColor")
        assert dark != light
        assert tab.evaluate("localStorage.getItem('dalil.theme')") == "light"


def test_a_reader_with_a_conversation_comes_back_to_no_first_screen(site, chromium):
    with open_tab(chromium, f"{site}/ar/") as tab:
        ask(tab, HYPERION)
        tab.route("**/assets/index-*.js", lambda route: route.abort())
        tab.reload(wait_until="commit")
        tab.wait_for_selector(BOX)
        assert tab.locator(f"{SHELL} .dalil-welcome").is_hidden()
        assert tab.locator(f"{SHELL} .dalil-start").is_hidden()


@pytest.mark.parametrize("way", ["Enter", "button", "example"])
def test_the_first_question_takes_the_first_screens_place_as_it_is_sent(site, chromium, way):
    with open_tab(chromium, f"{site}/ar/") as tab:
        waiting = []
        tab.route("**/gradio_api/queue/join*", lambda route: waiting.append(route))
        if way == "example":
            tab.locator(".dalil-examples button").first.click()
        else:
            tab.fill("#dalil-question textarea", HYPERION)
            tab.press("#dalil-question textarea", "Enter") if way == "Enter" else tab.click("#dalil-ask")
        tab.wait_for_selector(".dalil-question")
        assert tab.locator(".dalil-welcome").count() == 0
        assert tab.locator(".dalil-state").inner_text() == load_labels("ar")["searching"]
        assert tab.locator("#dalil-start").is_hidden()
        for route in waiting:
            route.continue_()
        tab.unroute_all()
        tab.wait_for_selector(".dalil-turn button.dalil-chip")
        assert tab.locator(".dalil-question").count() == 1


def test_a_further_question_stands_there_as_it_is_sent_and_once(site, chromium):
    with open_tab(chromium, f"{site}/en/") as tab:
        ask(tab, HYPERION)
        waiting = []
        tab.route("**/gradio_api/queue/join*", lambda route: waiting.append(route))
        tab.fill("#dalil-question textarea", CASTLE)
        for _ in range(2):
            tab.press("#dalil-question textarea", "Enter")
        asked = tab.locator(".dalil-question")
        assert asked.all_inner_texts() == [HYPERION, CASTLE]
        assert tab.locator("#dalil-progress .dalil-state").inner_text() == load_labels("en")["searching"]
        for route in waiting:
            route.continue_()
        tab.unroute_all()
        tab.wait_for_selector(".dalil-turn:nth-child(2) .dalil-actions")
        assert asked.count() == 2
        assert tab.locator("#dalil-progress .dalil-state").is_hidden()


def test_a_further_question_that_was_lost_goes_again(site, chromium):
    with open_tab(chromium, f"{site}/en/") as tab:
        ask(tab, HYPERION)
        tab.route("**/gradio_api/queue/join*", lambda route: route.abort())
        tab.clock.install()
        tab.fill("#dalil-question textarea", CASTLE)
        tab.click("#dalil-ask")
        tab.wait_for_selector(".dalil-turn:nth-child(2)")
        tab.clock.fast_forward(11_000)
        tab.wait_for_selector(".dalil-turn:nth-child(2)", state="detached")


def test_the_first_screen_comes_back_where_a_question_was_lost(site, chromium):
    with open_tab(chromium, f"{site}/ar/") as tab:
        tab.route("**/gradio_api/queue/join*", lambda route: route.abort())
        tab.clock.install()
        tab.fill("#dalil-question textarea", HYPERION)
        tab.click("#dalil-ask")
        tab.wait_for_selector(".dalil-question")
        tab.clock.fast_forward(11_000)
        tab.wait_for_selector(".dalil-welcome")
        assert tab.locator(".dalil-question").count() == 0
