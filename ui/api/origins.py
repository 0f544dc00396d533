"""Which names the service answers to, and which sites' pages may use it.

A page of any site can make its reader's browser send requests here, and a name of any owner can be made to lead to this
machine (DNS rebinding). So a request must be for a name that is this service's, and one that changes something must not
come from the page of another site.
"""

import ipaddress
import socket
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.settings import Settings
from ui.api.errors import error_body

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_PREFLIGHT = b"access-control-request-method"
"""Of the request by which a browser asks whether the page of another site may send its own."""
_OWN_PAGES = frozenset(("same-origin", "none"))
"""Values of `Sec-Fetch-Site` of our own pages, and of what the reader typed or has among the bookmarks."""


class OriginMiddleware:
    """ASGI middleware around the whole site.

    Parameters
    ----------
    app : ASGIApp
        The site.
    settings : Settings
        The names of the service, and the sites whose pages may use it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        own = ("localhost", "*.localhost", settings.host.lower(), socket.gethostname().lower())
        self._names = own + settings.host_patterns
        self._origins = frozenset(settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._is_known(host):
            await _refuse_host(host)(scope, receive, send)
        elif not self._is_foreign(headers, host):
            await self._app(scope, receive, send)
        elif scope.get("method") in _SAFE_METHODS and _PREFLIGHT not in headers:
            await self._app(_without_origin(scope), receive, send)
        else:
            await _refuse_site()(scope, receive, send)

    def _is_known(self, host: str) -> bool:
        """Whether the service goes by this name. No name is known to every client of HTTP/1.0, and no browser sends
        none; an address is nobody's to lead elsewhere."""
        name = _host_name(host)
        return not host or _is_address(name) or any(fnmatchcase(name, pattern) for pattern in self._names)

    def _is_foreign(self, headers: dict[bytes, str], host: str) -> bool:
        """Whether a browser says that the page of a site that is not allowed has sent a request."""
        origin, fetch_site = headers.get(b"origin", "").lower(), headers.get(b"sec-fetch-site")
        if origin in self._origins:
            return False
        if fetch_site is not None:  # behind a proxy, our name may not be the one that the browser knows
            return fetch_site not in _OWN_PAGES
        return bool(origin) and _authority(origin) != host.lower()


def _host_name(host: str) -> str:
    """The name of a `Host` header, without its port; empty when it is none."""
    try:
        parts = urlsplit(f"//{host}")
        return "" if parts.username is not None or parts.path else parts.hostname or ""
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _without_origin(scope: Scope) -> Scope:
    """A request that no part of the site answers with leave for the other site's page to read it."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}


def _refuse_host(host: str) -> JSONResponse:
    message = (
        f"This service does not answer to the name {_host_name(host)!r}. Whoever runs it can add the name to "
        "DALIL_ALLOWED_HOSTS."
    )
    return JSONResponse(error_body(message, "invalid_request_error", "unknown_host"), 421)


def _refuse_site() -> JSONResponse:
    message = (
        "The page of another site has sent this. Whoever runs the service can add that site to DALIL_ALLOWED_ORIGINS."
    )
    return JSONResponse(error_body(message, "invalid_request_error", "cross_site"), 403)
