"""The chat within other sites, and the page as an app that is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, open_tab, serve_articles
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST


@contextmanager
def other_site(html: dict[str, str]) -> Iterator[str]:
    """The origin of a site with one page, which is `html["page"]` by the time that it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html["page"].encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_within_another_site_a_reader_is_led_to_a_tab_to_sign_in(tmp_path, chromium):
    html = {"page": ""}
    with (
        other_site(html) as ministry,
        serve_articles(
            tmp_path, {"castle.md": CASTLE_ARTICLE}, DALIL_ALLOWED_ORIGINS=ministry, DALIL_API_KEYS="one"
        ) as url,
    ):
        # A port makes no other site; a name does.
        dalil = url.replace("127.0.0.1", "localhost")
        html["page"] = f"<!doctype html><title>وزارة</title><iframe src='{dalil}/ar/?embed'></iframe>"
        context = chromium.new_context()
        tab = context.new_page()
        tab.goto(ministry)
        link = tab.frame_locator("iframe").get_by_role("link", name=load_labels("ar")["open_apart"])
        with context.expect_page() as opened:
            link.click()
        opened.value.wait_for_selector("#key")
        assert opened.value.url == f"{dalil}/login"
        context.close()


def test_a_site_that_is_allowed_shows_the_chat_behind_a_button_and_another_one_does_not(tmp_path, chromium):
    html = {"page": ""}
    with (
        other_site(html) as ministry,
        other_site(html) as stranger,
        serve_articles(tmp_path, {"castle.md": CASTLE_ARTICLE}, DALIL_ALLOWED_ORIGINS=ministry) as url,
    ):
        script = f'<script src="{url}/page/embed.js" data-language="ar" async></script>'
        html["page"] = f"<!doctype html><title>وزارة</title><h1>وزارة</h1>{script}"
        context = chromium.new_context(viewport={"width": 1000, "height": 800})
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.goto(ministry)
        button = tab.get_by_role("button", name="اسأل دليل")
        button.wait_for()
        assert tab.locator("iframe").count() == 0
        button.click()
        chat = tab.frame_locator("iframe")
        chat.locator(".dalil-welcome").wait_for()
        for hidden in (".dalil-head", "#dalil-middle [role=tablist]", ".dalil-add", "#dalil-conversations"):
            assert chat.locator(hidden).is_hidden()
        chat.locator("#dalil-question textarea").fill(CASTLE)
        chat.locator("#dalil-ask").click()
        chat.locator("button.dalil-chip").first.click()
        chat.locator("#dalil-evidence mark").first.wait_for()
        assert "١٨٢٣" in "".join(chat.locator("#dalil-evidence mark").all_text_contents())
        assert chat.locator("html").evaluate("one => one.scrollWidth <= one.clientWidth")
        chat.locator(".dalil-close").click()
        chat.locator("[data-act=new]").click()
        chat.locator(".dalil-welcome").wait_for()
        button.focus()
        tab.keyboard.press("Escape")
        assert tab.locator("iframe").is_hidden()

        tab.goto(stranger)
        tab.get_by_role("button", name="اسأل دليل").click()
        tab.wait_for_timeout(2000)
        assert tab.frame_locator("iframe").locator(".dalil-welcome").count() == 0
        context.close()


@pytest.mark.parametrize(("language", "width"), [("ar", 1000), ("en", 360)])
def test_a_checker_of_accessibility_finds_nothing_at_the_button_in_another_site(site, chromium, language, width):
    """Not even what is merely advised: the site is not ours to spoil."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    script = f'<script src="{site}/page/embed.js" data-language="{language}" async></script>'
    page = f'<!doctype html><html lang="{language}"><title>Site</title><main><h1>Site</h1></main>{script}</html>'
    with other_site({"page": page}) as ministry:
        context = chromium.new_context(viewport={"width": width, "height": 800})
        tab = context.new_page()
        tab.goto(ministry)
        button = tab.locator("button")
        button.wait_for()
        found = axe.run(tab).response["violations"]
        tab.keyboard.press("Tab")
        assert button.evaluate("one => one === document.activeElement && getComputedStyle(one).outlineStyle !== 'none'")
        tab.keyboard.press("Enter")
        tab.locator("iframe").wait_for()
        assert tab.locator("iframe").get_attribute("title") == button.inner_text()
        found += axe.run(tab, options={"iframes": False}).response["violations"]
        size = button.bounding_box()
        context.close()
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    assert min(size["width"], size["height"]) >= 24


def test_the_page_by_itself_is_not_the_embedded_one(page):
    assert page.locator(".dalil-head").is_visible()
    assert not page.evaluate("document.documentElement.classList.contains('dalil-embedded')")


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_page_is_installed_under_its_name_and_says_in_both_languages_when_there_is_no_network(
    site, chromium, language
):
    labels = load_labels(language)
    manifest = httpx.get(f"{site}/page/manifest-{language}.json")
    assert manifest.headers["content-type"] == "application/manifest+json"
    told = manifest.json()
    assert (told["short_name"], told["lang"], told["start_url"]) == (labels["title"], language, f"../{language}/")
    for icon in told["icons"]:
        assert httpx.get(f"{site}/page/{icon['src']}").headers["content-type"] == icon["type"]
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        kept = tab.evaluate(
            """async () => (await Promise.all((await caches.keys()).map(
                async name => (await (await caches.open(name)).keys()).map(one => one.url)))).flat()"""
        )
        assert sorted(kept) == [f"{site}/page/{name}" for name in ("icon.svg", "offline.html", "page.css")]
        tab.context.set_offline(True)
        tab.goto(f"{site}/{language}/", wait_until="load")
        assert tab.get_by_text(load_labels("ar")["offline"]).is_visible()
        assert tab.get_by_text(load_labels("en")["offline"]).is_visible()
        tab.context.set_offline(False)
