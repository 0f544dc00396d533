"""Who may come in, and how many at once: keys, rates, slots, and the pace of bodies.

Where keys are set, the whole site asks for one, as a bearer token or, from the page, as the cookie that `/login` gave.

Refusals are sent at once, before a route sees the request. A slot is held until the response has ended or its reader
has gone.
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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.settings import Settings
from ui.api.errors import body as error_body

_ANSWERS = frozenset(("/v1/ask", "/v1/search", "/v1/chat/completions"))
"""Routes that take a slot: those that search, and may wait for a model."""
_RATED = ("/v1/", "/metrics")
_OPEN = ("/health", "/ready", "/login", "/page/", "/docs", "/openapi.json")
"""Paths that need no key: they hold nothing of the articles."""
COOKIE = "dalil_pass"
_PASS = f"{COOKIE}=".encode()
_BODY_S = 30.0
"""A body that takes longer to arrive is given up."""
_CALLERS = 10_000
"""Callers whose rate is remembered; the one not seen for longest goes first."""


class Keys:
    """The keys that let a request in; none: everybody may."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def hold(self, given: bytes) -> bool:
        """Whether `given` is one of them, in a time that tells nothing about any."""
        return self._known(sha256(given).digest(), self._digests)

    def hold_pass(self, given: bytes) -> bool:
        """Whether `given` is what `pass_of` gave for one of them."""
        return self._known(given, [_signed(digest).encode() for digest in self._digests])

    @staticmethod
    def pass_of(key: bytes) -> str:
        """What a browser keeps in place of `key`, which does not tell the key."""
        return _signed(sha256(key).digest())

    @staticmethod
    def _known(given: bytes, known: list[bytes]) -> bool:
        return sum(hmac.compare_digest(given, one) for one in known) > 0


class Rates:
    """A bucket of tokens for each caller: as many requests as a minute allows at once, then one by one."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, caller: str) -> float:
        """Seconds until `caller` may come again; 0 takes a token."""
        if not self._per_minute:
            return 0.0
        now = self._clock()
        left, seen = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - seen) * self._per_minute / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self._per_minute
        self._buckets[caller] = (left - 1 if wait == 0 else left, now)
        if len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)
        return wait


class Slots:
    """So many questions are answered at once, whether they come over HTTP or from the page."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._left = threading.Semaphore(count)

    def take(self) -> bool:
        """Take a slot, to be given back with `free`; False when there is none."""
        return self._left.acquire(blocking=False)

    def free(self) -> None:
        """Give a slot back."""
        self._left.release()


class Gate:
    """ASGI middleware around the whole site. Keys guard all of it but `_OPEN`; rates and slots what is under /v1."""

    def __init__(self, app: ASGIApp, settings: Settings, slots: Slots, body_s: float = _BODY_S) -> None:
        self._app, self._slots, self._body_s = app, slots, body_s
        self._keys = Keys(settings.keys)
        self._rates = Rates(settings.requests_per_minute)
        self._longest = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        answers = scope["path"] in _ANSWERS
        if answers and not self._slots.take():
            told = (
                f"Dalil is answering {self._slots.count} questions, as many as it may at once. Ask again in a moment."
            )
            busy = _refusal(503, told, "service_unavailable_error", "overloaded", {"Retry-After": "1"})
            await busy(scope, receive, send)
            return
        try:
            await self._app(scope, _Body(receive, self._longest, self._body_s), send)
        finally:
            if answers:
                self._slots.free()

    def _refused(self, scope: Scope) -> Response | None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if self._keys and not scope["path"].startswith(_OPEN) and not self._known(scope, given):
            if _is_a_reader(scope):
                return RedirectResponse("/login", 303)
            told = "A key is needed: send it as `Authorization: Bearer KEY`." if not given else "That key is not known."
            return _refusal(401, told, "authentication_error", "invalid_api_key", {"WWW-Authenticate": "Bearer"})
        if not scope["path"].startswith(_RATED):
            return None
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if length.isdigit() and int(length) > self._longest:
            return _refusal(413, _too_large(self._longest), "invalid_request_error", "body_too_large")
        # Where no key is needed, a header that anybody may make up is nobody's name.
        caller = sha256(given[0]).hexdigest() if self._keys and given else str((scope.get("client") or ("",))[0])
        wait = self._rates.wait_for(caller)
        if wait:
            later = {"Retry-After": str(math.ceil(wait))}
            return _refusal(429, "Too many requests: wait a little.", "rate_limit_error", "rate_limited", later)
        return None

    def _known(self, scope: Scope, given: list[bytes]) -> bool:
        if given:
            return len(given) == 1 and self._keys.hold(_bearer(given[0]))
        cookies = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
        passes = [found[len(_PASS) :] for part in cookies.split(b";") if (found := part.strip()).startswith(_PASS)]
        return len(passes) == 1 and self._keys.hold_pass(passes[0])


def _signed(digest: bytes) -> str:
    return hmac.new(digest, b"dalil page", sha256).hexdigest()


def _is_a_reader(scope: Scope) -> bool:
    """Whether a browser asks for a page, which is shown where to sign in."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return scope["method"] == "GET" and b"text/html" in accepted


def _bearer(header: bytes) -> bytes:
    scheme, _, key = header.partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _too_large(longest: int) -> str:
    return f"The body is too large: at most {longest:,} bytes."


def _refusal(status: int, told: str, kind: str, code: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(error_body(told, kind, code), status, headers=headers)


class _Body:
    """Counts a body as it arrives, whatever its length was said to be, and gives it so much time. FastAPI's own limit
    answers in plain text."""

    def __init__(self, receive: Receive, longest: int, seconds: float) -> None:
        self._receive, self._left, self._longest, self._whole = receive, longest, longest, False
        self._seconds, self._until = seconds, time.monotonic() + seconds

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, f"The body took longer than {self._seconds:.0f} seconds to arrive.") from None
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, _too_large(self._longest))
        return message
