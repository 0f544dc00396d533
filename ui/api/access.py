"""Who may come in, and how many at once: keys, rates, concurrent answers, and the pace of bodies.

Where keys are set, the whole site asks for one, as a bearer token or, from the page, as the cookie that `/login` gave.

Refusals are sent at once, before a route sees the request. A place among the concurrent answers is held until the
response has ended or its reader has gone.
"""

import asyncio
import hmac
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from rag.settings import Settings
from ui.api.errors import error_body

_ANSWER_PATHS = frozenset(("/v1/ask", "/v1/search", "/v1/chat/completions"))
"""Routes whose number is limited: those that search, and may wait for a model."""
_RATED_PREFIXES = ("/v1/", "/metrics")
_PUBLIC_PREFIXES = ("/health", "/ready", "/login", "/page/", "/docs", "/openapi.json")
"""Paths that need no key: they hold nothing of the articles."""
COOKIE = "dalil_pass"
_COOKIE_START = f"{COOKIE}=".encode()
_SESSION_MESSAGE = b"dalil page"
_BODY_TIMEOUT_S = 30.0
"""A body that takes longer to arrive is given up."""
_MAX_CALLERS = 10_000
"""Callers whose rate is remembered; the one not seen for longest goes first."""
_SECONDS_PER_MINUTE = 60


class ApiKeys:
    """The keys that let a request in; none: everybody may.

    Parameters
    ----------
    keys : tuple of str
        As the settings have them.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def verify(self, key: bytes) -> bool:
        """Whether `key` is one of them, in a time that tells nothing about any."""
        return _is_among(sha256(key).digest(), self._digests)

    def verify_session(self, token: bytes) -> bool:
        """Whether `token` is what `session_token` gave for one of them."""
        return _is_among(token, [_sign(digest).encode() for digest in self._digests])

    @staticmethod
    def session_token(key: bytes) -> str:
        """What a browser keeps in place of `key`, which does not tell the key."""
        return _sign(sha256(key).digest())


class RateLimiter:
    """A bucket of tokens for each caller: as many requests as a minute allows at once, then one by one.

    Parameters
    ----------
    per_minute : int
        Requests of one caller; 0: no limit.
    clock : callable
        Gives seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def retry_after(self, caller: str) -> float:
        """Seconds until `caller` may come again; 0 lets the request in, and counts it."""
        if not self._per_minute:
            return 0.0
        now = self._clock()
        left, seen = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - seen) * self._per_minute / _SECONDS_PER_MINUTE)
        wait = 0.0 if left >= 1 else (1 - left) * _SECONDS_PER_MINUTE / self._per_minute
        self._buckets[caller] = (left - 1 if wait == 0 else left, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class ConcurrencyLimiter:
    """So many questions are answered at once, whether they come over HTTP or from the page.

    Parameters
    ----------
    limit : int
        Answers at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = threading.Semaphore(limit)

    def acquire(self) -> bool:
        """Take a place, to be given back with `release`; False when there is none."""
        return self._free.acquire(blocking=False)

    def release(self) -> None:
        """Give a place back."""
        self._free.release()


class AccessMiddleware:
    """ASGI middleware around the whole site. Keys guard all of it but the public paths; rates and the number of answers
    guard what is under /v1.

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
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        limiter: ConcurrencyLimiter,
        body_timeout_s: float = _BODY_TIMEOUT_S,
    ) -> None:
        self._app, self._limiter, self._body_timeout_s = app, limiter, body_timeout_s
        self._keys = ApiKeys(settings.accepted_keys)
        self._rates = RateLimiter(settings.requests_per_minute)
        self._max_body_bytes = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._check(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        is_limited = scope["path"] in _ANSWER_PATHS
        if is_limited and not self._limiter.acquire():
            await self._refuse_overload()(scope, receive, send)
            return
        try:
            await self._app(scope, _LimitedBody(receive, self._max_body_bytes, self._body_timeout_s), send)
        finally:
            if is_limited:
                self._limiter.release()

    def _check(self, scope: Scope) -> Response | None:
        """The refusal of a request; None lets it in."""
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        if self._keys and not scope["path"].startswith(_PUBLIC_PREFIXES) and not self._is_known(scope, authorization):
            return _refuse_unknown(scope, has_key=bool(authorization))
        if not scope["path"].startswith(_RATED_PREFIXES):
            return None
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            return _refusal(413, _too_large(self._max_body_bytes), "invalid_request_error", "body_too_large")
        return self._check_rate(scope, authorization)

    def _check_rate(self, scope: Scope, authorization: list[bytes]) -> Response | None:
        # Where no key is needed, a header that anybody may make up is nobody's name.
        address = str((scope.get("client") or ("",))[0])
        caller = sha256(authorization[0]).hexdigest() if self._keys and authorization else address
        wait = self._rates.retry_after(caller)
        if not wait:
            return None
        headers = {"Retry-After": str(math.ceil(wait))}
        return _refusal(429, "Too many requests: wait a little.", "rate_limit_error", "rate_limited", headers)

    def _is_known(self, scope: Scope, authorization: list[bytes]) -> bool:
        if authorization:
            return len(authorization) == 1 and self._keys.verify(_bearer_key(authorization[0]))
        cookies = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
        parts = (part.strip() for part in cookies.split(b";"))
        tokens = [part[len(_COOKIE_START) :] for part in parts if part.startswith(_COOKIE_START)]
        return len(tokens) == 1 and self._keys.verify_session(tokens[0])

    def _refuse_overload(self) -> Response:
        message = (
            f"Dalil is answering {self._limiter.limit} questions, as many as it may at once. Ask again in a moment."
        )
        return _refusal(503, message, "service_unavailable_error", "overloaded", {"Retry-After": "1"})


def _is_among(value: bytes, known: list[bytes]) -> bool:
    return sum(hmac.compare_digest(value, one) for one in known) > 0


def _sign(digest: bytes) -> str:
    return hmac.new(digest, _SESSION_MESSAGE, sha256).hexdigest()


def _refuse_unknown(scope: Scope, has_key: bool) -> Response:
    """A reader is sent to the page that asks for a key, a program is told."""
    if _is_browser(scope):
        return RedirectResponse("/login", 303)
    message = "That key is not known." if has_key else "A key is needed: send it as `Authorization: Bearer KEY`."
    return _refusal(401, message, "authentication_error", "invalid_api_key", {"WWW-Authenticate": "Bearer"})


def _is_browser(scope: Scope) -> bool:
    """Whether a browser asks for a page."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] == "GET" and b"text/html" in accept


def _bearer_key(header: bytes) -> bytes:
    scheme, _, key = header.partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _too_large(max_bytes: int) -> str:
    return f"The body is too large: at most {max_bytes:,} bytes."


def _refusal(status: int, message: str, kind: str, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(error_body(message, kind, code), status, headers=headers)


class _LimitedBody:
    """Counts a body as it arrives, whatever its length was said to be, and gives it so much time. FastAPI's own limit
    answers in plain text."""

    def __init__(self, receive: Receive, max_bytes: int, timeout_s: float) -> None:
        self._receive, self._left, self._max_bytes, self._is_complete = receive, max_bytes, max_bytes, False
        self._timeout_s, self._until = timeout_s, time.monotonic() + timeout_s

    async def __call__(self) -> AsgiMessage:
        if self._is_complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, f"The body took longer than {self._timeout_s:.0f} seconds to arrive.") from None
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, _too_large(self._max_bytes))
        return message
