"""The page where a model writes the answers."""

from collections.abc import Iterator

import pytest

from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, ask, open_tab, serve_articles
from tests.doubles import Endpoint, Hangs, Refuses
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST

WATCH_SHIFTS = """() => {
    window.shifts = [];
    const place = ({ node, previousRect, currentRect }) => [node?.id || node?.className, previousRect.y, currentRect.y];
    const describe = ({ value, sources }) => ({ value, of: sources.map(place) });
    new PerformanceObserver((list) =>
        window.shifts.push(...list.getEntries().filter((one) => !one.hadRecentInput).map(describe))
    ).observe({ type: "layout-shift" });
}"""
"""Notes what moves on the page by itself, in the units of Cumulative Layout Shift."""


@pytest.fixture(scope="module")
def site_with_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Endpoint]]:
    """A site whose answers a scripted model writes."""
    folder, articles = tmp_path_factory.mktemp("site_with_model"), {"castle.md": CASTLE_ARTICLE}
    with (
        Endpoint() as endpoint,
        serve_articles(folder, articles, DALIL_LLM_BASE_URL=endpoint.url, DALIL_LLM_MODEL="scripted") as url,
    ):
        yield url, endpoint


def test_the_arabic_quote_stands_under_an_english_answer(site_with_model, chromium):
    url, endpoint = site_with_model
    endpoint.says("The Shuwaikh castle was built in 1823 [1].")
    with open_tab(chromium, f"{url}/en/") as tab:
        turn = ask(tab, "When was the Shuwaikh castle built?")
        assert turn.locator(".dalil-block").first.get_attribute("dir") == "ltr"
        quote = turn.locator("blockquote").first
        assert quote.get_attribute("dir") == "rtl"
        assert "١٨٢٣" in quote.inner_text()


@pytest.mark.parametrize("size", [(1280, 800), (360, 740)])
@pytest.mark.parametrize(("language", "question"), [("ar", CASTLE), ("en", "When was the Shuwaikh castle built?")])
def test_nothing_jumps_while_an_answer_is_written(site_with_model, chromium, language, question, size):
    url, endpoint = site_with_model
    arabic = "بُنيت قلعة الشويخ سنة 1823 على يد البناء سالم [1]. وكان سورها من الحجر المرجاني [1]."
    english = "The Shuwaikh castle was built in 1823 by Salem [1]. Its wall was of coral stone [1]."
    with open_tab(chromium, f"{url}/{language}/", viewport={"width": size[0], "height": size[1]}) as tab:
        tab.evaluate(WATCH_SHIFTS)
        tab.fill("#dalil-question textarea", question)  # a box that grows by what is put into it moves what is beneath
        tab.wait_for_timeout(200)
        for _ in range(2):
            tab.evaluate("window.shifts = []")
            endpoint.says("\n\n".join([arabic if language == "ar" else english] * 3))
            endpoint.pause_s = 0.04
            ask(tab, question)
            tab.wait_for_timeout(700)  # what comes within half a second of a key is taken for its doing
            shifts = tab.evaluate("window.shifts")
            assert sum(one["value"] for one in shifts) <= 0.01, shifts
        # A follow-up's question stands where reading begins, not half a page beneath the answer before it.
        assert tab.locator(".dalil-question").last.bounding_box()["y"] < 160


def test_the_quotes_are_there_while_the_model_reads(site_with_model, chromium):
    url, endpoint = site_with_model
    endpoint.says(Hangs(30))
    with open_tab(chromium, f"{url}/ar/") as tab:
        tab.fill("#dalil-question textarea", CASTLE)
        tab.press("#dalil-question textarea", "Enter")
        tab.wait_for_selector(".dalil-quote")
        assert "١٨٢٣" in tab.locator(".dalil-quote").first.inner_text()
        # What is being done is said, and for how long.
        state = tab.locator("#dalil-progress .dalil-state")
        assert state.inner_text().startswith(load_labels("ar")["reading"].split("{")[0])
        tab.wait_for_function("Number.parseInt(document.querySelector('#dalil-progress bdi').textContent) >= 2")
        tab.click("#dalil-stop")
        tab.wait_for_selector("#dalil-ask", state="visible")
        assert state.is_hidden()
        assert state.locator("bdi").text_content() == ""


def test_a_question_that_is_stopped_lets_the_model_go(site_with_model, chromium):
    url, endpoint = site_with_model
    endpoint.says(Hangs(30))
    with open_tab(chromium, f"{url}/ar/") as tab:
        tab.fill("#dalil-question textarea", CASTLE)
        tab.press("#dalil-question textarea", "Enter")
        tab.click("#dalil-stop")
        tab.wait_for_function(
            "t => document.querySelector('.dalil-turn .dalil-note')?.innerText === t", arg=load_labels("ar")["stopped"]
        )
        assert tab.locator(".dalil-quote").count() == 0
        assert tab.locator("#dalil-ask").is_visible()


def test_an_answer_without_its_model_says_so(site_with_model, chromium):
    url, endpoint = site_with_model
    endpoint.says(Refuses(401))
    with open_tab(chromium, f"{url}/ar/") as tab:
        turn = ask(tab, CASTLE)
        assert load_labels("ar")["reason_model_key_refused"] in turn.locator(".dalil-note").inner_text()
        assert turn.locator(".dalil-quote").count() >= 1
