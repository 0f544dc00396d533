"""What stands around Gradio: the page's own head before anything is painted, what browsers may keep, and no route of
Gradio's that the page does not use (it would serve files and fetch addresses)."""

import html
import re
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.types import Language
from ui.page.html import way_of
from ui.page.labels import words

_PAGES = re.compile(r"/(ar|en)/?")
_BELOW = re.compile(r"/(?:ar|en)/(.+)")
_USED = re.compile(
    r"(?:assets|static)/.+|theme\.css|config|manifest\.json|favicon\.ico"
    r"|gradio_api/(?:queue/(?:join|data)|upload|upload_progress|heartbeat/.+|startup-events|app_id|user|info|reset|cancel)"
)
"""Paths below a page that its front end asks for."""
_KEPT = (
    (re.compile(r"/(?:ar|en)/assets/.+"), "public, max-age=31536000, immutable"),  # a hash of the content in the name
    (re.compile(r"/page/fonts/.+"), "public, max-age=2592000"),
    (re.compile(r"/page/.+"), "no-cache"),  # asks whether it has changed
)
"""How long a browser may keep what it has loaded."""
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
"""Nothing from another host, whatever an article or Gradio would load."""
_HEAD = """<script>(() => {{
  const root = document.documentElement, language = {language!r};
  root.lang = language; root.dir = {way!r};
  for (const [name, value] of [["language", language], ["languages", [language]]])
    Object.defineProperty(navigator, name, {{ get: () => value, configurable: true }});
  document.cookie = `dalil_language=${{language}}; path=/; max-age=31536000; samesite=lax`;
  const theme = localStorage.getItem("dalil.theme"), here = new URL(location.href);
  if (theme && here.searchParams.get("__theme") !== theme) {{
    here.searchParams.set("__theme", theme);
    history.replaceState(null, "", here);
  }}
}})()</script><title>{title}</title>
<link rel="stylesheet" href="../page/page.css"><script src="../page/page.js"></script>"""


class Shell:
    """ASGI middleware around the site."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; a page gets its head."""
        path = str(scope.get("path", ""))
        below = _BELOW.fullmatch(path)
        if scope["type"] != "http" or (below and _USED.fullmatch(below.group(1))):
            await self._app(scope, receive, _kept(path, send))
        elif below:
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        elif page := _PAGES.fullmatch(path):
            await self._app(_uncompressed(scope), receive, _Headed(send, page.group(1)))
        else:
            await self._app(scope, receive, _kept(path, send))


def _kept(path: str, send: Send) -> Send:
    how_long = next((time for pattern, time in _KEPT if pattern.fullmatch(path)), None)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["cache-control"] = how_long or ""
            message = {**message, "headers": headers.raw}
        await send(message)

    return sending if how_long else send


class _Headed:
    """Gathers a page, and sends it with our head in it."""

    def __init__(self, send: Send, language: Any) -> None:
        self._send, self._head = send, head_of(language).encode()
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._body.replace(b"<head>", b"<head>" + self._head, 1)
        headers = MutableHeaders(raw=list(self._start["headers"]))
        headers["content-length"] = str(len(body))
        headers["content-security-policy"] = _POLICY
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _uncompressed(scope: Scope) -> MutableMapping[str, Any]:
    headers = [(name, value) for name, value in Headers(scope=scope).raw if name != b"accept-encoding"]
    return {**scope, "headers": headers}


def head_of(language: Language) -> str:
    """The head of the page in one language: its direction and its look, known before the first paint."""
    return _HEAD.format(language=language, way=way_of(language), title=html.escape(words(language)["title"]))


def preferred(headers: Headers, cookies: MutableMapping[str, str]) -> Language:
    """The language a reader chose last, else the first of the browser's that the page speaks."""
    chosen = cookies.get("dalil_language")
    asked = [part.strip()[:2].lower() for part in headers.get("accept-language", "").split(",")]
    found = next((one for one in (chosen, *asked) if one in ("ar", "en")), "ar")
    return "en" if found == "en" else "ar"
