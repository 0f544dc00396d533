"""The path beneath which a proxy shows the site: set, or given by a proxy that is trusted.

A request comes with that prefix or, where the proxy takes it off, without. All that stands around the routes sees paths
without it; the routes, which make addresses, see it as ASGI's `root_path`.
"""

import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from rag.settings import Settings

_KEY = "dalil.path_prefix"
"""Of the scope."""
_HEADER = b"x-forwarded-prefix"
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+")
"""No empty part and no dots first: in a redirect either would lead elsewhere."""


def path_prefix(scope: Scope) -> str:
    """The prefix of a request, such as `/dalil`; empty where there is none."""
    return str(scope.get(_KEY, ""))


def move_beneath(scope: Scope, prefix: str, path: str) -> Scope:
    """A request as one for `path` of a site that stands beneath another prefix."""
    raw = (scope.get("raw_path") or scope["path"].encode()).split(prefix.encode(), 1)[-1]
    return {**scope, _KEY: f"{path_prefix(scope)}{prefix}", "path": path, "raw_path": raw}


class ForwardedMiddleware(ProxyHeadersMiddleware):
    """ASGI middleware around the whole site: what trusted proxies tell of a request, and the prefix of its path.

    Parameters
    ----------
    app : ASGIApp
        The site.
    settings : Settings
        The proxies; and the prefix, which comes before what they tell.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app, list(settings.proxies))  # type: ignore[arg-type]  # uvicorn has types of its own
        self._prefix = settings.root_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Pass a request on; the bare prefix is sent to the page beneath it."""
        if scope["type"] == "http" and (prefix := self._prefix or self._read_header(scope)):
            if scope["path"] == prefix:
                await RedirectResponse(f"{prefix}/", 307)(scope, receive, send)
                return
            scope = {**scope, _KEY: prefix, "path": _without(scope["path"], prefix)}
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]

    def _read_header(self, scope: Scope) -> str:
        """What a trusted proxy tells; several, one behind the other, tell a part each."""
        client = scope.get("client")
        if client is None or client[0] not in self.trusted_hosts:
            return ""
        given = b",".join(value for name, value in scope["headers"] if name == _HEADER).decode("latin-1")
        prefix = "".join(part.strip().rstrip("/") for part in given.split(","))
        return prefix if _PREFIX.fullmatch(prefix) else ""


class RootPathMiddleware:
    """ASGI middleware right around the routes: gives them the prefix as `root_path`.

    Parameters
    ----------
    app : ASGIApp
        The routes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. The scope stays the same object, into which routing writes what the log reads."""
        prefix, path = path_prefix(scope), scope.get("path")
        if prefix:
            scope.update(root_path=prefix, path=f"{prefix}{path}")
        try:
            await self._app(scope, receive, send)
        finally:
            if prefix:
                scope["path"] = path


def _without(path: str, prefix: str) -> str:
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
