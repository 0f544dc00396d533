"""Who may come in, and how many at once: keys, rates and concurrent answers.

Where keys are set, the whole site asks for one, as a bearer token or, from the page, as the cookie that `/login` gave;
where readers sign in at a provider, the cookie of their session does as well.

Refusals are sent at once, before a route sees the request. A place among the concurrent answers is taken when the whole
request is there, so that nobody holds one by being slow, and held until the response has ended or its reader has gone.
"""

import logging
import math
import re
from hashlib import sha256

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import StoreError
from rag.settings import DEFAULT_COLLECTION, Settings
from ui.api.audit import current_caller
from ui.api.bodies import BODY_TIMEOUT_S, LimitedBody, describe_excess, read_whole, replay
from ui.api.errors import HTTP_CODES, error_body
from ui.api.grants import Caller, caller_of, is_allowed, required_role, set_caller
from ui.api.keys import COOKIE, ApiKeys, KeyGuard
from ui.api.limits import ConcurrencyLimiter, RateLimiter, SharedRateLimiter, open_rate_limiter
from ui.api.path_prefix import path_prefix
from ui.api.request_forms import OPENAI_PATHS
from ui.api.sessions import SESSION_COOKIE, Person, Sessions

_log = logging.getLogger(__name__)

_ANSWER_PATHS = frozenset(("/v1/ask", "/v1/search", *OPENAI_PATHS))
"""Routes whose number is limited: those that search or embed, and may wait for a model."""
_API_PREFIXES = ("/v1/", "/metrics", "/mcp")
_RATED = re.compile(r"POST (?:/login|/[a-z]{2}/gradio_api/(?:queue/join|upload))|GET /login/.+")
"""What else is counted against a caller's rate: keys that are tried, what the page's events ask for, and what has a
provider asked."""
_PUBLIC_PREFIXES = ("/health", "/ready", "/login", "/logout", "/page/", "/docs", "/openapi.json")
"""Paths that need no key: they hold nothing of the articles."""
_OWNER = "dalil.owner"
"""Of the scope."""
_ANYONE = "anyone"
"""How the audit log calls whoever comes where no key is needed."""
_SHARED_PATHS = ("/v1/collections", "/")
"""Each key is told of its own collections, and led to the page of one."""


class AccessMiddleware:
    """ASGI middleware around the whole site. Keys guard all of it but the public paths; rates guard what is under /v1
    and /mcp, signing in and the page's events; the number of answers what searches.

    Parameters
    ----------
    app : ASGIApp
        The site.
    settings : Settings
        Keys and limits.
    limiter : ConcurrencyLimiter
        Shared with the page.
    body_timeout_s : float
        Seconds that a body may take to arrive.
    guard : KeyGuard, optional
        Shared with `/login`.
    sessions : Sessions, optional
        Of readers who signed in; shared with `/login`.
    rates : RateLimiter or SharedRateLimiter, optional
        Shared with other collections.
    collection : str
        Whose site it is.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        limiter: ConcurrencyLimiter,
        body_timeout_s: float = BODY_TIMEOUT_S,
        guard: KeyGuard | None = None,
        sessions: Sessions | None = None,
        rates: RateLimiter | SharedRateLimiter | None = None,
        collection: str = DEFAULT_COLLECTION,
    ) -> None:
        self._app, self._limiter, self._body_timeout_s = app, limiter, body_timeout_s
        self._guard, self._collection = guard or KeyGuard(ApiKeys.from_settings(settings)), collection
        self._sessions, self._is_locked = sessions, bool(self._guard.keys or sessions)
        self._rates = rates or open_rate_limiter(settings)
        self._waits = isinstance(self._rates, SharedRateLimiter) or bool(sessions and settings.database_url)
        self._max_body_bytes = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # nothing here speaks by web sockets
        elif refusal := await self._check_without_blocking(scope):
            await refusal(scope, receive, send)
        else:
            scope[_OWNER] = self._find_owner(scope)
            current_caller.set(name_of(scope))
            body = LimitedBody(receive, self._max_body_bytes, self._body_timeout_s)
            pass_on = self._answer if scope["path"] in _ANSWER_PATHS else self._app
            await pass_on(scope, body, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a question on in a place of its own, once it is there."""
        try:
            body = await read_whole(receive)
        except HTTPException as error:
            code = HTTP_CODES[error.status_code]
            await _refusal(error.status_code, error.detail, "invalid_request_error", code)(scope, receive, send)
            return
        if body is None:
            return
        if not self._limiter.acquire():
            await self._refuse_overload()(scope, receive, send)
            return
        try:
            await self._app(scope, replay(body, receive), send)
        finally:
            self._limiter.release()

    async def _check_without_blocking(self, scope: Scope) -> Response | None:
        """What `_check` says, in a thread where it waits for another server."""
        if self._waits:
            return await run_in_threadpool(self._check, scope)
        return self._check(scope)

    def _check(self, scope: Scope) -> Response | None:
        """The refusal of a request; None lets it in."""
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        if self._is_locked and not scope["path"].startswith(_PUBLIC_PREFIXES):
            refusal = self._check_key(scope, authorization) if authorization else self._check_session(scope)
            if refusal is not None:
                return refusal
        if scope["path"].startswith(_API_PREFIXES):
            return self._check_length(scope) or self._check_rate(scope, authorization)
        is_rated = _RATED.fullmatch(f"{scope['method']} {scope['path']}")
        return self._check_rate(scope, authorization) if is_rated else None

    def _find_owner(self, scope: Scope) -> str:
        caller = caller_of(scope)
        if caller is None:
            return ""
        if isinstance(caller, Person):
            return caller.owner
        keys = [_bearer_key(value) for name, value in scope["headers"] if name == b"authorization"]
        return self._guard.keys.find_owner(keys[0] if keys else b"", b"" if keys else _cookie(scope, COOKIE))

    def _check_session(self, scope: Scope) -> Response | None:
        """Whether whoever signed in, at the provider or with a key, may do what is asked."""
        cookie = _cookie(scope, SESSION_COOKIE).decode("latin-1")
        try:
            person = self._sessions.find(cookie) if self._sessions else None
        except StoreError as error:
            _log.error("Whether a session was ended cannot be found out: %s", error)
            return _refusal(
                503, "Nobody's session can be checked now.", "service_unavailable_error", "sessions_unavailable"
            )
        caller = person or self._guard.keys.find_session(_cookie(scope, COOKIE))
        if caller:
            return self._check_caller(scope, caller)
        return _refuse_unknown(scope, "session_over" if self._sessions and self._sessions.is_over(cookie) else "")

    def _check_key(self, scope: Scope, authorization: list[bytes]) -> Response | None:
        if len(authorization) > 1:
            return _refuse_unknown(scope, has_key=True)
        check = self._guard.check(_bearer_key(authorization[0]), _address(scope))
        if check.wait_s:
            return _refuse_haste("Too many wrong keys were tried: wait before the next.", "too_many_keys", check.wait_s)
        return self._check_caller(scope, check.grant) if check.grant else _refuse_unknown(scope, has_key=True)

    def _check_caller(self, scope: Scope, caller: Caller) -> Response | None:
        """Whether a caller may do what is asked, here."""
        set_caller(scope, caller)
        role, own = required_role(scope["method"], scope["path"]), caller.role_in(self._collection)
        if scope["path"] in _SHARED_PATHS or is_allowed(caller, role, self._collection):
            return None
        if _is_browser(scope):
            return _send_to_sign_in(scope, "no_access")
        whose = "Whoever signed in so" if isinstance(caller, Person) else "This key"
        if own is None:
            message = f"{whose} may not use the collection {self._collection!r}."
        else:
            message = f"{whose} may {own}; for this, one of the role {role} is needed."
        return _refusal(403, message, "permission_error", "not_allowed")

    def _check_length(self, scope: Scope) -> Response | None:
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) <= self._max_body_bytes:
            return None
        return _refusal(413, describe_excess(self._max_body_bytes), "invalid_request_error", "body_too_large")

    def _check_rate(self, scope: Scope, authorization: list[bytes]) -> Response | None:
        # Where no key is needed, a header that anybody may make up is nobody's name.
        named = self._guard.keys and authorization
        caller = sha256(authorization[0]).hexdigest() if named else _address(scope)
        wait = self._rates.retry_after(caller)
        return _refuse_haste("Too many requests: wait a little.", "rate_limited", wait) if wait else None

    def _refuse_overload(self) -> Response:
        message = (
            f"Dalil is answering {self._limiter.limit} questions, as many as it may at once. Ask again in a moment."
        )
        return _refusal(503, message, "service_unavailable_error", "overloaded", {"Retry-After": "1"})


def owner_of(scope: Scope) -> str:
    """Whose a request is that was let in: the same for the same key, which it does not tell; empty where none is
    needed."""
    return str(scope.get(_OWNER, ""))


def name_of(scope: Scope) -> str:
    """By which the audit log calls whom a request comes from."""
    caller = caller_of(scope)
    return caller.name if caller else _ANYONE


def _cookie(scope: Scope, name: str) -> bytes:
    """What the browser keeps under a name; empty when there is not exactly one."""
    cookies = next((value for header, value in scope["headers"] if header == b"cookie"), b"")
    parts = [part.strip().partition(b"=") for part in cookies.split(b";")]
    values = [value for key, _, value in parts if key == name.encode()]
    return values[0] if len(values) == 1 else b""


def _address(scope: Scope) -> str:
    return str((scope.get("client") or ("",))[0])


def _bearer_key(header: bytes) -> bytes:
    scheme, _, key = header.partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _refuse_unknown(scope: Scope, notice: str = "", has_key: bool = False) -> Response:
    """A reader is sent to the page that asks for a key or to sign in, a program is told."""
    if _is_browser(scope):
        return _send_to_sign_in(scope, notice)
    message = "That key is not known." if has_key else "A key is needed: send it as `Authorization: Bearer KEY`."
    return _refusal(401, message, "authentication_error", "invalid_api_key", {"WWW-Authenticate": "Bearer"})


def _send_to_sign_in(scope: Scope, notice: str) -> Response:
    return RedirectResponse(f"{path_prefix(scope)}/login" + (f"?notice={notice}" if notice else ""), 303)


def _refuse_haste(message: str, code: str, wait_s: float) -> Response:
    return _refusal(429, message, "rate_limit_error", code, {"Retry-After": str(math.ceil(wait_s))})


def _is_browser(scope: Scope) -> bool:
    """Whether a browser asks for a page."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] == "GET" and b"text/html" in accept


def _refusal(status: int, message: str, kind: str, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(error_body(message, kind, code), status, headers=headers)
