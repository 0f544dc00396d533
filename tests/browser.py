"""A site of its own process, and a real Chromium before it: what the tests of the page share."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from rag.settings import load_settings
from tests.doubles import closed_port, ingest_folder
from tests.forked import Forked

_ARTICLES = Path(__file__).parent.parent / "articles"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",
]
HOSTILE_ARTICLE = """---
title: "<img src=x onerror=alert(1)> عنوان"
---
يقول النص إن &lt;script&gt;window.hacked = true&lt;/script&gt; لون جبل الزعفران البنفسجي ظهر سنة 1777 أمام الناس كلهم.
"""
CASTLE_ARTICLE = "بُنِيَتْ قَلْعَةُ الشُّوَيْخِ سَنَةَ ١٨٢٣ عَلَى يَدِ الْبَنَّاءِ سَالِمٍ. وَكَانَ سُورُهَا مِنَ الْحَجَرِ الْمَرْجَانِيِّ.\n"
SITE_ARTICLES = {
    "hostile.md": HOSTILE_ARTICLE,
    "castle.md": CASTLE_ARTICLE,
    **{
        f"{name}.md": (_ARTICLES / f"{name}.md").read_text("utf-8")
        for name in ("meta-superclusters", "hejaz-railway", "ibn-al-haytham")
    },
}
MAX_BODY_BYTES = 400_000
"""Of the site: bytes that it takes at once."""
CASTLE = "متى بُنيت قلعة الشويخ؟"
HYPERION = "ما القدرة التي سيبلغها هايبريون؟"
MIXED = "ما القدرة التي سيبلغها عنقود Hyperion من شركة Meta؟"

BROWSER_TEST = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package chromium"),
]
"""The marks of a module whose tests drive a browser."""


class Site(NamedTuple):
    """Where `dalil serve` answers, and its process."""

    url: str
    process: Forked


@contextmanager
def serve_articles(folder: Path, articles: dict[str, str], **settings: str) -> Iterator[str]:
    """The address of `open_site`, with the same parameters."""
    with open_site(folder, articles, **settings) as site:
        yield site.url


@contextmanager
def open_site(folder: Path, articles: dict[str, str], **settings: str) -> Iterator[Site]:
    """`dalil serve` over articles, given as texts by file name; its data is in `folder / "data"`."""
    (folder / "articles").mkdir()
    for name, text in articles.items():
        (folder / "articles" / name).write_text(text, "utf-8")
    port = closed_port()
    environment = os.environ | {"DALIL_DATA_DIR": str(folder / "data")} | settings
    ingest_folder(load_settings(environment), folder / "articles")
    with run_site(environment, port) as site:
        yield site


@contextmanager
def run_site(environment: dict[str, str], port: int) -> Iterator[Site]:
    """`dalil serve` with these variables, once it answers."""
    with Forked("serve", "--port", str(port), environment=environment) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                httpx.get(f"{url}/health", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.25)
        try:
            yield Site(url, process)
        finally:
            process.terminate()  # of a test that failed too: what follows waits for its end
        assert process.wait(20) in (0, -15)


_WIDE = {"width": 1360, "height": 900}
_STORED = "cookies,local_storage,indexeddb,service_workers,cache_storage"
"""All that a page leaves behind but what the browser has loaded and compiled."""
_idle = []
"""Contexts in which no tab is."""


@contextmanager
def borrow_context(chromium, url: str):
    """A context that has nothing stored of any earlier tab, for the page at an address. An empty page of its site stays
    open, and with it the process that knows the scripts: to load and compile them takes 1.4 of the 2.3 seconds of a
    processor that opening the page takes."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    _idle[:] = [one for one in _idle if one.browser is chromium]
    context = next((one for one in _idle if one.pages[0].url.startswith(f"{origin}/")), None)
    if context is None:
        context = chromium.new_context(viewport=_WIDE)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        _keep_page(context, urljoin(url, "../kept"))
    else:
        _idle.remove(context)
    yield context  # one of a test that failed is not used again
    kept = context.pages[0]
    _close_tabs(context, kept)
    context.new_cdp_session(kept).send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _STORED})
    context.clear_cookies()
    _idle.append(context)


def _close_tabs(context, kept) -> None:
    """Close all pages of a context but one. Chromium may say that it has closed a page and not do it, where a
    navigation is being committed, and `page.close()` then waits for ever (Playwright's issue 42366): so it is asked
    until it has."""
    own = context.new_cdp_session(kept).send("Target.getTargetInfo")["targetInfo"]
    browser = context.browser.new_browser_cdp_session()

    def others():
        found = [one for one in browser.send("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        in_context = [one["targetId"] for one in found if one["browserContextId"] == own["browserContextId"]]
        return [one for one in in_context if one != own["targetId"]]

    deadline = time.monotonic() + 20
    while (targets := others()) and time.monotonic() < deadline:
        for target in targets:
            with suppress(pytest.importorskip("playwright.sync_api").Error):  # it has closed meanwhile
                browser.send("Target.closeTarget", {"targetId": target})
        kept.wait_for_timeout(20)
    assert not targets
    browser.detach()


def _keep_page(context, address: str) -> None:
    """Open an empty page at an address of a site, which is not asked for it, nor for its icon."""
    page = context.new_page()
    empty = '<link rel="icon" href="data:,">'
    page.route(address, lambda route: route.fulfill(body=empty, content_type="text/html"))
    page.goto(address)


@contextmanager
def open_tab(chromium, url: str, viewport: dict[str, int] | None = None):
    """The page in a tab of its own, ready; `tab.hosts` are those that it has sent requests to."""
    with borrow_context(chromium, url) as context:
        tab = context.new_page()
        tab.set_viewport_size(viewport or _WIDE)
        _load(tab, url)
        yield tab


def _load(tab, url: str) -> None:
    tab.set_default_timeout(15_000)
    tab.set_default_navigation_timeout(30_000)
    tab.hosts = set()
    tab.on("request", lambda request: tab.hosts.add(request.url.split("/")[2]))
    tab.goto(url)
    tab.wait_for_selector(".dalil-turn", timeout=15_000)
    tab.wait_for_selector("#dalil-shell", state="detached", timeout=15_000)


def ask(tab, question: str):
    """Ask, wait for the end, and give the turn."""
    before = tab.locator(".dalil-question").count()
    tab.fill("#dalil-question textarea", question)
    tab.press("#dalil-question textarea", "Enter")
    tab.wait_for_function(
        "count => document.querySelectorAll('.dalil-actions').length > count", arg=before, timeout=15_000
    )
    tab.wait_for_selector("#dalil-conversations [aria-current]", state="attached")
    tab.wait_for_timeout(200)  # nobody is quicker than the browser keeping what was said
    return tab.locator(".dalil-turn").last


def marked_text(tab) -> str:
    """The words that are marked in the evidence."""
    tab.wait_for_selector("#dalil-evidence mark")
    return "".join(tab.locator("#dalil-evidence mark").all_text_contents())


def read_ratings(folder: Path) -> list[dict[str, object]]:
    """The ratings that a site over `folder` has kept."""
    return [json.loads(line) for line in (folder / "data" / "feedback.jsonl").read_text("utf-8").splitlines()]


def drag_files(tab, texts: dict[str, str]):
    """Files as a browser carries them while they are dragged."""
    make = """files => {
        const carried = new DataTransfer();
        for (const [name, text] of files) carried.items.add(new File([text], name));
        return carried;
    }"""
    return {"dataTransfer": tab.evaluate_handle(make, list(texts.items()))}
