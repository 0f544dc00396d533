"""The site beneath a path of a proxy: nothing that the page asks for leaves it."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from rag.errors import SettingsError
from rag.settings import load_settings
from tests.browser import BROWSER_TEST, CASTLE, CASTLE_ARTICLE, ask, marked_text, open_tab, serve_articles
from tests.doubles import served
from ui.api.access import AccessMiddleware
from ui.api.limits import ConcurrencyLimiter
from ui.api.path_prefix import path_prefix
from ui.serve import configure_server

PREFIX = "/dalil"
_HOP_HEADERS = (b"transfer-encoding", b"connection")


class Proxy:
    """Before a site: one that takes the prefix off and tells it, or one that leaves it on.

    `outside` are the paths that were asked for beside the prefix, `statuses` those of all others.
    """

    def __init__(self, site: str, is_told: bool) -> None:
        self.site, self.is_told = site, is_told
        self.outside: list[str] = []
        self.statuses: dict[str, int] = {}

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request, path = Request(scope, receive), scope["path"]
        if not path.startswith(f"{PREFIX}/"):
            self.outside.append(path)
            await PlainTextResponse("no", 404)(scope, receive, send)
            return
        headers = dict(request.headers)
        if self.is_told:
            path, headers = path.removeprefix(PREFIX), headers | {"x-forwarded-prefix": PREFIX}
        url = f"{self.site}{path}?{request.url.query}"
        body = await request.body()
        async with self._client.stream(request.method, url, headers=headers, content=body) as response:
            self.statuses[scope["path"]] = response.status_code
            answer = StreamingResponse(response.aiter_raw(), response.status_code)
            answer.raw_headers = [one for one in response.headers.raw if one[0].lower() not in _HOP_HEADERS]
            await answer(scope, receive, send)

    async def _live(self, receive, send) -> None:
        await receive()
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=None)) as self._client:
            self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # they are the browser's
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def proxied(proxy: Proxy) -> Iterator[str]:
    """The address of a proxy."""
    with served(proxy) as address:
        yield address
    # It ends while streams of the page are open: httpx leaves their connections to be collected.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("is_told", [True, False], ids=["told by a trusted proxy", "set"])
def test_the_page_works_beneath_a_path_and_asks_for_nothing_outside(tmp_path, request, is_told):
    for mark in BROWSER_TEST:
        request.applymarker(mark)
    chromium = request.getfixturevalue("chromium")
    settings = {"DALIL_TRUSTED_PROXIES": "127.0.0.1"} if is_told else {"DALIL_ROOT_PATH": PREFIX}
    with (
        serve_articles(tmp_path, {"castle.md": CASTLE_ARTICLE}, **settings) as site,
        proxied(proxy := Proxy(site, is_told)) as address,
        open_tab(chromium, f"{address}{PREFIX}/ar/") as tab,
    ):
        ask(tab, CASTLE).locator("button.dalil-chip").first.click()
        assert "١٨٢٣" in marked_text(tab)
        assert tab.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Plex Arabic"')
        tab.click(".dalil-language")
        tab.wait_for_selector(".dalil-question", timeout=15_000)
        assert urlsplit(tab.url).path == f"{PREFIX}/en/"
        assert proxy.outside == []
        assert {status for status in proxy.statuses.values() if status not in (200, 304)} == set()
        for part in (
            "/ar/theme.css",
            "/ar/gradio_api/queue/join",
            "/page/page.css",
            "/page/icon.svg",
        ):
            assert f"{PREFIX}{part}" in proxy.statuses


@pytest.mark.parametrize(
    ("settings", "header", "path", "seen"),
    [
        ({}, "/dalil", "/x", " /x"),
        ({"trusted_proxies": "10.0.0.1"}, "/dalil", "/x", " /x"),
        ({"trusted_proxies": "127.0.0.1"}, "/dalil/", "/x", "/dalil /x"),
        ({"trusted_proxies": "127.0.0.1"}, "/dalil", "/dalil/x", "/dalil /x"),
        ({"trusted_proxies": "127.0.0.1"}, "/a, /b", "/x", "/a/b /x"),
        ({"trusted_proxies": "127.0.0.1"}, "//evil.example", "/x", " /x"),
        ({"trusted_proxies": "127.0.0.1"}, "/..", "/x", " /x"),
        ({"root_path": "/dalil/"}, "/other", "/dalil/x", "/dalil /x"),
        ({"root_path": "/dalil"}, "", "/dalilx", "/dalil /dalilx"),
    ],
)
def test_a_prefix_counts_where_it_is_set_or_told_by_a_trusted_proxy(settings, header, path, seen):
    async def tell(scope, receive, send):
        await PlainTextResponse(f"{path_prefix(scope)} {scope['path']}")(scope, receive, send)

    with served(configure_server(tell, load_settings({}, **settings))) as address:
        assert httpx.get(address + path, headers={"X-Forwarded-Prefix": header}).text == seen


@pytest.mark.parametrize("path", ["dalil", "//evil.example", "/a/../b", "/a b"])
def test_a_prefix_that_is_no_path_is_refused(path):
    with pytest.raises(SettingsError, match="DALIL_ROOT_PATH"):
        load_settings({}, root_path=path)


@pytest.mark.parametrize(("path", "location"), [("/dalil/ar/", "/dalil/login"), ("/dalil", "/dalil/")])
def test_who_is_sent_elsewhere_stays_beneath_the_prefix(path, location):
    async def answer(scope, receive, send):
        await PlainTextResponse("in")(scope, receive, send)

    settings = load_settings({}, root_path="/dalil", api_keys="right")
    site = AccessMiddleware(answer, settings, ConcurrencyLimiter(1))
    with served(configure_server(site, settings)) as address:
        response = httpx.get(address + path, headers={"Accept": "text/html"})
    assert (response.is_redirect, response.headers["location"]) == (True, location)
