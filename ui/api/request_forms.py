"""Requests in forms that clients use beside the documented one."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_API_PATHS = ("/v1/", "/health", "/ready", "/metrics", "/openapi.json", "/docs")
_ARTICLES = "/v1/articles/"
"""An id behind it may end in a slash."""
OPENAI_PATHS = frozenset(("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings"))
"""Routes of OpenAI's API that answer or embed."""
_FORM_TYPES = (b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/octet-stream")
"""What is sent with JSON where nobody has named its type: nothing, or what the client's library takes for granted."""


class RequestFormsMiddleware:
    """ASGI middleware around the routes and their guard: a HEAD is a GET without its body, a slash behind a path under
    /v1 is left out, and the bodies of OpenAI's routes are JSON also where their type is not said.

    A page of another site could send such bodies without asking first; `OriginMiddleware` refuses it whatever their
    type.

    Parameters
    ----------
    app : ASGIApp
        The site.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in its usual form."""
        if scope["type"] != "http" or not scope["path"].startswith(_API_PATHS):
            await self._app(scope, receive, send)
            return
        usual = {**scope, "path": _strip_slash(scope["path"])}
        if usual["path"] in OPENAI_PATHS:
            usual["headers"] = _as_json(scope["headers"])
        if scope["method"] == "HEAD":
            usual["method"] = "GET"
        try:
            await self._app(usual, receive, _without_body(send) if scope["method"] == "HEAD" else send)
        finally:
            if "route" in usual:
                scope["route"] = usual["route"]  # for the log of requests


def _strip_slash(path: str) -> str:
    is_id = path.startswith(_ARTICLES) and path != _ARTICLES
    stripped = path.rstrip("/")
    return stripped if stripped.startswith("/v1/") and not is_id else path


def _as_json(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    if kind.split(b";")[0].strip().lower() not in _FORM_TYPES:
        return headers
    others = [(name, value) for name, value in headers if name != b"content-type"]
    return [*others, (b"content-type", b"application/json")]


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
