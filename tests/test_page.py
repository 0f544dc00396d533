"""The page in a real Chromium: ask in Arabic, open a citation, see the quote; a refusal; directions; hostile text."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium"),
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    articles = folder / "articles"
    articles.mkdir()
    for name in ("meta-superclusters", "hejaz-railway", "ibn-al-haytham"):
        shutil.copy(ARTICLES / f"{name}.md", articles)
    (articles / "hostile.md").write_text(HOSTILE, "utf-8")
    environment = os.environ | {"DALIL_DATA_DIR": str(folder / "data")}
    dalil = [sys.executable, "-m", "ui.cli"]
    subprocess.run([*dalil, "ingest", str(articles)], env=environment, check=True, capture_output=True)
    port = free_port()
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


@pytest.fixture
def page(site: str) -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page()
        tab.asked = set()
        tab.on("request", lambda request: tab.asked.add(request.url.split("/")[2]))
        tab.goto(site)
        tab.wait_for_selector("#dalil-question textarea")
        yield tab
        browser.close()


def ask(page, question: str) -> None:
    answers = page.locator(".dalil-quote, .dalil-refusal").count()
    page.fill("#dalil-question textarea", question)
    page.click("#dalil-ask")
    page.wait_for_function(
        "count => document.querySelectorAll('.dalil-quote, .dalil-refusal').length > count", arg=answers
    )


def test_ask_in_arabic_open_a_citation_see_the_quote_marked(page, site):
    ask(page, "ما القدرة التي سيبلغها هايبريون؟")
    quotes = page.locator(".dalil-quote")
    assert "خمسة غيغاواط" in " ".join(quotes.all_inner_texts())
    assert quotes.first.get_attribute("dir") == "rtl"
    chip = page.locator(".dalil-cite").first
    chip.click()
    page.wait_for_selector("#dalil-article mark")
    start, end = int(chip.get_attribute("data-start")), int(chip.get_attribute("data-end"))
    stored = httpx.get(f"{site}/v1/articles/meta-superclusters/text", params={"start": start, "end": end}).json()
    assert page.locator("#dalil-article mark").text_content() == stored["text"]
    assert page.locator("#dalil-article .dalil-text").get_attribute("dir") == "rtl"
    assert page.asked == {site.removeprefix("http://")}


def test_an_english_question_gets_an_english_frame_left_to_right_over_arabic_quotes(page):
    ask(page, "How far can the Hyperion cluster grow?")
    frame = page.locator(".dalil-block", has_text="According to")
    assert frame.first.get_attribute("dir") == "ltr"
    assert page.locator(".dalil-quote").first.get_attribute("dir") == "rtl"


def test_a_refusal_looks_like_one_and_cites_nothing(page):
    ask(page, "كيف أطبخ الملوخية من غير أن تهبط أوراقها؟")
    assert page.locator(".dalil-refusal").count() == 1
    assert page.locator(".dalil-cite").count() == 0


def test_what_articles_and_questions_hold_is_text_and_never_markup(page):
    ask(page, "متى ظهر لون جبل الزعفران البنفسجي؟ <img src=x onerror='window.hacked=true'>")
    page.locator(".dalil-cite").first.click()
    page.wait_for_selector("#dalil-article mark")
    assert "<script>" in page.locator("#dalil-article .dalil-text").text_content()
    assert page.locator("#dalil-article img, .dalil-quote script, .dalil-block img").count() == 0
    assert page.evaluate("window.hacked") is None
