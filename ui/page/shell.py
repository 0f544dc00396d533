"""What stands around Gradio: the page's own head before anything is painted, what browsers may keep, and no route of
Gradio's that the page does not use (it would serve files and fetch addresses).

Gradio's own `head=` is put in place by its script once the page has loaded: too late for the direction, the look and
the language of its own words, which are read before.
"""

import gzip
import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.language.languages import DEFAULT_LANGUAGE, LANGUAGES, as_language
from rag.settings import DEFAULT_COLLECTION
from rag.types import Language
from ui.api import AnswerService, caller_of, is_allowed
from ui.api.headers import SecurityHeadersMiddleware
from ui.page.assets import PackedFiles, find_own_names
from ui.page.collections import render_collections, storage_prefix
from ui.page.html import direction_of, render_macro
from ui.page.labels import load_labels
from ui.page.welcome import FirstScreen, render_shell

GZIP_LEVEL = 5
LANGUAGE_COOKIE = "dalil_language"
_CODES = "|".join(LANGUAGES)
_PAGE = re.compile(rf"/({_CODES})/?")
_BELOW_PAGE = re.compile(rf"/(?:{_CODES})/(.+)")
_USED = re.compile(
    r"(?:assets|static)/.+|theme\.css|config|favicon\.ico"
    r"|gradio_api/(?:queue/(?:join|data)|upload|upload_progress|heartbeat/.+|startup-events|app_id|user|info|reset|cancel)"
)
"""Paths below a page that its front end asks for."""
_CACHE_CONTROL = (
    (re.compile(r"/page/fonts/.+"), "public, max-age=2592000"),
    # asks whether it has changed
    (re.compile(r"/page/.+"), "no-cache"),
)
"""How long a browser may keep what it has loaded."""
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
)
"""Nothing from another host, whatever an article or Gradio would load. The sites within which the page may stand follow
at its end."""
_GRADIO_METADATA = re.compile(rb'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
"""What Gradio tells other sites that show a link to the page: its own name and a picture of its own host."""
_MANIFEST = b'href="/manifest.json"'
"""Gradio's own, which tells of Gradio; each language has one of ours."""
_APP = b"<gradio-app"
"""Where Gradio puts its page; ours stands before it."""
_FILE_STATUSES = (200, 304)
_FILE_HEADERS = {
    "/page/embed.js": {"cross-origin-resource-policy": "cross-origin"},
    "/page/worker.js": {"service-worker-allowed": "../"},
}
"""The script that other sites load, and the one that works for the whole site, not for what lies beside it alone."""


def framing_policy(embedding_sites: Sequence[str]) -> str:
    """The content security policy of what may stand within these sites."""
    return " ".join([_CONTENT_SECURITY_POLICY, *embedding_sites])


class PageMiddleware:
    """ASGI middleware around the site.

    Parameters
    ----------
    app : ASGIApp
        The API with Gradio's pages mounted.
    files : PackedFiles
        Those that the page is made of.
    first_screen : FirstScreen
        Stands in the page until Gradio has started.
    service : AnswerService
        Of the page's collection.
    """

    def __init__(self, app: ASGIApp, files: PackedFiles, first_screen: FirstScreen, service: AnswerService) -> None:
        self._app, self._policy = app, framing_policy(service.assistant.settings.origins)
        self._first_screen, self._service = first_screen, service
        self._files, self._send_file = files, SecurityHeadersMiddleware(files.respond)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; a page gets its head."""
        path = str(scope.get("path", ""))
        below = _BELOW_PAGE.fullmatch(path)
        page = _PAGE.fullmatch(path)
        if scope["type"] == "http" and scope["method"] == "GET" and self._files.has(path):
            await self._send_file(scope, receive, send)
        elif scope["type"] == "http" and below and not _USED.fullmatch(below.group(1)):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        elif scope["type"] == "http" and page:
            is_packed = "gzip" in Headers(scope=scope).get("accept-encoding", "")
            language: Any = page.group(1)
            inner = _without_compression(scope)
            writer = _PageWriter(send, language, partial(self._render_own, inner, language), self._policy, is_packed)
            await self._app(inner, receive, writer)
        else:
            await self._app(scope, receive, _with_file_headers(path, send))

    def _render_own(self, scope: Scope, language: Language) -> tuple[str, str]:
        """Our head and our first screen, for whom a request comes from: that is known once it was let in."""
        service, caller = self._service, caller_of(scope)
        can_write = caller is None or is_allowed(caller, "write", service.collection)
        collections = render_collections(service, caller, language)
        shell = render_shell(language, self._first_screen.peek(language), collections)
        return render_head(language, service.collection, can_write), shell


class _PageWriter:
    """Gathers a page, and sends it with our head and our first screen in it, which `render` gives."""

    def __init__(
        self, send: Send, language: Language, render: Callable[[], tuple[str, str]], policy: str, is_packed: bool
    ) -> None:
        self._send, self._render, self._policy, self._is_packed = send, render, policy, is_packed
        self._manifest = f'href="../page/manifest-{language}.json" crossorigin="use-credentials"'.encode()
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        head, shell = self._render()
        body = (
            _GRADIO_METADATA.sub(b"", self._body)
            .replace(b"<head>", b"<head>" + head.encode(), 1)
            .replace(_MANIFEST, self._manifest)
            .replace(_APP, shell.encode() + _APP, 1)
        )
        headers = MutableHeaders(raw=list(self._start["headers"]))
        headers.add_vary_header("Accept-Encoding")
        if self._is_packed:
            body = gzip.compress(body, GZIP_LEVEL)
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        headers["content-security-policy"] = self._policy
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def render_head(language: Language, collection: str = DEFAULT_COLLECTION, can_write: bool = True) -> str:
    """The head of the page in one language: its direction and its look, known before the first paint."""
    labels = load_labels(language)
    styles, scripts = find_own_names()
    return render_macro(
        "header",
        "boot",
        language=language,
        way=direction_of(language),
        kept=storage_prefix(collection),
        can_write=can_write,
        styles=styles,
        scripts=scripts,
        labels=labels,
    )


def preferred_language(headers: Headers, cookies: Mapping[str, str]) -> Language:
    """The language a reader chose last, else the first of the browser's that the page speaks."""
    accepted = [part.strip()[:2].lower() for part in headers.get("accept-language", "").split(",")]
    spoken = (as_language(code) for code in (cookies.get(LANGUAGE_COOKIE), *accepted))
    return next((language for language in spoken if language), DEFAULT_LANGUAGE)


def _with_file_headers(path: str, send: Send) -> Send:
    caching = next((value for pattern, value in _CACHE_CONTROL if pattern.fullmatch(path)), None)
    own = ({"cache-control": caching} if caching else {}) | _FILE_HEADERS.get(path, {})

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in _FILE_STATUSES:
            headers = MutableHeaders(raw=list(message["headers"]))
            headers.update(own)
            message = {**message, "headers": headers.raw}
        await send(message)

    return send_with_headers if own else send


def _without_compression(scope: Scope) -> MutableMapping[str, Any]:
    headers = [(name, value) for name, value in Headers(scope=scope).raw if name != b"accept-encoding"]
    return {**scope, "headers": headers}
