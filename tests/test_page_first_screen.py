"""What a first visitor sees: what this is, the box, what can be asked, what is known, how to add documents."""

import httpx
import pytest

from rag.language.direction import direction
from tests.browser import BROWSER_TEST, HYPERION, ask, drag_files, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

NOTE = "بُنيت منارة الصدف سنة 1911 على رأس الخليج.\n"


@pytest.mark.parametrize("language", ["ar", "en"])
def test_examples_are_in_the_language_of_the_interface_and_are_answered(site, chromium, language):
    with open_tab(chromium, f"{site}/{language}/") as tab:
        examples = tab.locator(".dalil-examples button")
        assert 2 <= examples.count() <= 4
        told = load_labels(language)["example_about"].partition("{")[0]
        way = direction(told)
        assert {one.get_attribute("dir") for one in examples.all()} == {way}
        assert all(direction(text) == way or text.startswith(told) for text in examples.all_inner_texts())
        examples.first.click()
        tab.wait_for_selector(".dalil-turn button.dalil-chip")
        assert tab.locator(".dalil-refusal").count() == 0
        assert tab.locator("#dalil-start").is_hidden()
        assert tab.hosts == {site.removeprefix("http://")}


@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1100), (1440, 900)])
def test_the_box_stands_in_the_middle_beneath_mark_and_name_and_nothing_lies_beside(site, chromium, width, height):
    with open_tab(chromium, f"{site}/ar/", viewport={"width": width, "height": height}) as tab:
        mark, box = (tab.locator(name).bounding_box() for name in (".dalil-welcome .dalil-mark", "#dalil-question"))
        assert tab.locator(".dalil-welcome h2").inner_text() == load_labels("ar")["title"]
        assert mark["y"] + mark["height"] < box["y"] < height / 2
        assert tab.locator(".dalil-examples").bounding_box()["y"] > box["y"] + box["height"]
        assert tab.locator("#dalil-side").is_hidden()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        small = "[...document.querySelectorAll('.dalil-start button')].filter(one => one.offsetHeight < 24).length"
        assert tab.evaluate(small) == 0


def test_a_topic_limits_the_search_and_a_new_article_is_opened(page, site):
    shown = page.locator(".dalil-newest button").all_inner_texts()
    articles = httpx.get(f"{site}/v1/articles?limit=5").json()["data"]
    assert shown == [article["title"] for article in articles]
    page.locator(".dalil-newest button").last.click()
    page.wait_for_selector("#dalil-evidence .dalil-text")
    assert page.locator("#dalil-evidence h2").inner_text() == shown[-1]
    page.locator(".dalil-topics button", has_text="نقل وتاريخ").click()
    page.wait_for_selector("#dalil-scope p")
    assert page.evaluate("document.activeElement.matches('#dalil-question textarea')")
    assert ask(page, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() == 0


@pytest.mark.parametrize("way", ["press", "drop"])
def test_documents_are_added_from_the_first_screen(page, way):
    if way == "press":
        with page.expect_file_chooser() as chosen:
            page.click("[data-act=add_documents]")
        chosen.value.set_files({"name": "lighthouse.md", "mimeType": "text/markdown", "buffer": NOTE.encode()})
    else:
        page.dispatch_event(".dalil-welcome", "drop", drag_files(page, {"lighthouse.md": NOTE}))
    page.wait_for_selector("#dalil-plan [data-outcome=added]")
    page.click("#dalil-cancel")
    page.wait_for_selector("#dalil-plan [data-outcome]", state="detached")
