"""Which names the service answers to, and what the pages of other sites may do."""

import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from starlette.responses import JSONResponse

from rag.settings import load_settings
from tests.browser import BROWSER_TEST
from tests.doubles import local_client, served
from ui.api import AnswerService, create_app
from ui.api.origins import OriginMiddleware


async def tell_origin(scope, receive, send):
    """A site that gives back the origin that it sees."""
    headers = {name: value.decode() for name, value in scope["headers"]}
    await JSONResponse({"origin": headers.get(b"origin")})(scope, receive, send)


def site(**settings):
    return local_client(OriginMiddleware(tell_origin, load_settings({}, **settings)))


# Names


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:7860", "LOCALHOST", "127.0.0.1:7860", "[::1]:7860", "dalil.localhost", "192.168.1.5"],
)
def test_an_address_or_a_name_of_this_machine_is_known(host):
    assert site().get("/", headers={"Host": host}).status_code == 200


def test_the_name_of_this_machine_and_the_one_it_listens_on_are_known():
    for name in (socket.gethostname(), "dalil.internal"):
        answer = site(host="dalil.internal", open_access=True).get("/", headers={"Host": f"{name}:7860"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil", "a@localhost", "127.0.0.1.evil.example", "localhost/x"]
)
def test_another_name_is_not(host):
    answer = site().get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["error"]["code"] == "unknown_host"
    assert "DALIL_ALLOWED_HOSTS" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("dalil.example.org", "dalil.example.org", 200),
        ("a.example, Dalil.example.org", "DALIL.example.org:443", 200),
        ("dalil.example.org", "other.example.org", 421),
        ("*.example.org", "dalil.example.org", 200),
        ("*.example.org", "example.org", 421),
        ("*", "any.example", 200),
    ],
)
def test_names_are_allowed_by_a_setting(allowed, host, status):
    assert site(allowed_hosts=allowed).get("/", headers={"Host": host}).status_code == status


# Other sites


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_the_page_of_another_site_changes_nothing(method, headers):
    answer = site().request(method, "/", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "cross_site"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://dalil.example.org"},
    ],
)
def test_a_program_and_our_own_page_may_behind_a_proxy_too(headers):
    assert site().post("/", headers=headers).status_code == 200


def test_the_page_of_another_site_is_given_no_leave_to_read():
    assert site().get("/", headers={"Origin": "https://evil.example"}).json() == {"origin": None}
    assert site().get("/", headers={"Origin": "http://localhost"}).json() == {"origin": "http://localhost"}


def test_a_site_is_allowed_by_a_setting():
    allowed = site(allowed_origins="https://app.example.org/")
    headers = {"Origin": "https://app.example.org", "Sec-Fetch-Site": "cross-site"}
    assert allowed.post("/", headers=headers).status_code == 200
    assert allowed.post("/", headers=headers | {"Origin": "https://app.example.com"}).status_code == 403


def test_an_allowed_site_gets_the_headers_that_its_browser_asks_for(assistant):
    settings = assistant.settings.model_copy(update={"allowed_origins": "https://app.example.org"})
    with_origin = local_client(create_app(AnswerService(_with_settings(assistant, settings))))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, allowed in (("https://app.example.org", "https://app.example.org"), ("https://evil.example", None)):
        answer = with_origin.options("/v1/ask", headers=asked | {"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed
        answer = with_origin.get("/v1/models", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed


def _with_settings(assistant, settings):
    from rag.answering.assistant import Assistant

    return Assistant(settings, assistant.store, assistant.encoder, assistant._retriever, None)


@pytest.mark.parametrize("path", ["/ar/gradio_api/queue/join", "/ar/gradio_api/upload", "/login", "/v1/articles"])
@pytest.mark.browser
def test_the_whole_site_is_guarded(site_over_articles, path):
    post = {"content": b"x", "headers": {"Origin": "https://evil.example", "Content-Type": "text/plain"}}
    assert httpx.post(f"{site_over_articles}{path}", **post).status_code == 403
    assert httpx.get(f"{site_over_articles}{path}", headers={"Host": "evil.example"}).status_code == 421


@pytest.fixture
def site_over_articles(site):
    return site


# In a browser

ATTACK = """<!doctype html><script>
const done = () => { document.title = "sent" };
const body = "مقال زرعه موقع آخر في فهرس ليس له، وفيه كلام كثير.";
fetch("%s/v1/articles?name=planted", {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}, body})
  .then(done, done);
</script>"""


@contextmanager
def page_of_another_site(html):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class TestInABrowser:
    pytestmark = BROWSER_TEST

    def test_the_page_of_another_site_stores_no_article(self, site, chromium):
        with page_of_another_site(ATTACK % site) as url:
            tab = chromium.new_page()
            tab.goto(url)
            tab.wait_for_function("document.title === 'sent'")
            tab.close()
        ids = [item["id"] for item in httpx.get(f"{site}/v1/articles").json()["data"]]
        assert ids
        assert "planted" not in ids

    def test_the_description_of_the_api_is_shown_without_another_host(self, site, chromium):
        tab = chromium.new_page()
        hosts, problems = set(), []
        tab.on("request", lambda request: hosts.add(httpx.URL(request.url).netloc.decode()))
        tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        tab.goto(f"{site}/docs")
        tab.wait_for_selector(".opblock-summary-path")
        assert tab.locator(".opblock-summary-path", has_text="/v1/ask").count() == 1
        assert hosts == {httpx.URL(site).netloc.decode()}
        assert problems == []
        tab.close()


# Headers


@pytest.mark.parametrize("path", ["/health", "/v1/articles", "/docs", "/openapi.json", "/nothing"])
def test_every_response_says_what_browsers_may_not_do_with_it(assistant, path):
    headers = local_client(create_app(AnswerService(assistant))).get(path).headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


# What the page's events may hold


@pytest.mark.browser
@pytest.mark.parametrize(
    "hidden",
    [
        {"path": "%s", "meta": {"_type": "gradio.FileData"}},
        {"path": "x", "url": "%s", "meta": {"_type": "gradio.FileData"}},
        {"deep": [{"inside": {"path": "%s", "meta": {"_type": "gradio.FileData"}}}]},
        {"path": "%s", "meta": "no object"},
    ],
)
def test_no_event_makes_the_service_fetch_an_address(site, hidden):
    with served(_Canary()) as url, httpx.Client() as client:
        value = json.loads(json.dumps(hidden).replace("%s", f"{url}/secret"))
        for number in range(40):
            for body in ({"data": [value] * 4}, {"data": [], "event_data": value}):
                event = body | {"fn_index": number, "session_hash": "abcdefgh"}
                assert client.post(f"{site}/ar/gradio_api/queue/join", json=event).status_code == 422
        assert client.get(f"{url}/seen").json() == []


class _Canary:
    """A site that remembers who asked for what."""

    def __init__(self):
        self._seen = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] != "/seen":
            self._seen.append(scope["path"])
        await JSONResponse(self._seen)(scope, receive, send)


@pytest.mark.browser
@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"{}", b'{"fn_index": 99}', b'{"fn_index": "1"}', b"[" * 100_000])
def test_an_event_that_the_page_does_not_have_is_refused(site, body):
    assert httpx.post(f"{site}/ar/gradio_api/queue/join", content=body).status_code == 422
