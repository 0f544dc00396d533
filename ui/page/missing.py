"""What a browser is shown in place of an error of the API where there is no page: a collection that has gone, say."""

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.language.languages import LANGUAGES
from ui.api import path_prefix
from ui.page.html import render_macro
from ui.page.labels import load_labels

_NOT_FOUND = 404
_OF_PROGRAMS = ("/v1/", "/mcp", "/page/")


class MissingPageMiddleware:
    """ASGI middleware around the site: says in every language that there is no page, and leads to one.

    Parameters
    ----------
    app : ASGIApp
        The site.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or not _opens_a_page(scope):
            await self._app(scope, receive, send)
            return
        is_missing = False

        async def send_page(message: Message) -> None:
            nonlocal is_missing
            if message["type"] == "http.response.start" and message["status"] == _NOT_FOUND:
                is_missing = True
                await HTMLResponse(_render_missing(scope), _NOT_FOUND)(scope, receive, send)
            elif not is_missing:
                await send(message)

        await self._app(scope, receive, send_page)


def _opens_a_page(scope: Scope) -> bool:
    is_of_programs = scope["path"].startswith(_OF_PROGRAMS)
    return scope["method"] == "GET" and not is_of_programs and "text/html" in Headers(scope=scope).get("accept", "")


def _render_missing(scope: Scope) -> str:
    pages = [{"language": language, "labels": load_labels(language)} for language in LANGUAGES]
    return render_macro("login", "missing", pages=pages, entrance=f"{path_prefix(scope)}/")
