"""The whole site: the API, the page in both languages around the same assistant, signing in; and serving it."""

import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Form, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from rag.answering.assistant import Assistant
from rag.errors import InputError
from rag.settings import Settings
from rag.types import Language
from ui.api import COOKIE, Inbox, Keys, Tracing, Work, create_app, open_tracing
from ui.page.shell import Shell, preferred

LANGUAGES: tuple[Language, ...] = ("ar", "en")
_SIGNED_IN_S = 30 * 24 * 3600


def create_site(assistant: Assistant, inbox: Inbox | None = None, tracing: Tracing | None = None) -> FastAPI:
    """The API with the page beside it."""
    # Gradio reads these as it is imported: it tells nobody anything, and uploads lie in a folder of their own.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    uploads = tempfile.TemporaryDirectory(prefix="dalil-uploads-")
    os.environ["GRADIO_TEMP_DIR"] = uploads.name
    app = create_app(assistant, inbox, tracing)
    app.state.uploads = uploads
    _static(app)
    _entrance(app, Keys(assistant.settings.keys))
    return _with_pages(app, assistant, inbox)


def _with_pages(app: FastAPI, assistant: Assistant, inbox: Inbox | None) -> FastAPI:
    # Imported here: Gradio takes seconds, and no other command needs it.
    import gradio

    from ui.page.blocks import build
    from ui.page.welcome import Examples

    examples = Examples(assistant)
    quiet: dict[str, Any] = {
        "footer_links": [],
        "show_error": False,
        "allowed_paths": [],
        "ssr_mode": False,
        "run_history": False,
        "max_file_size": assistant.settings.max_body_bytes,
    }
    for language in LANGUAGES:
        theme = gradio.themes.Base(primary_hue="teal", font=["Plex Arabic", "system-ui"], font_mono=["monospace"]).set(
            body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300"
        )
        page = build(app.state.work, inbox, examples, Path(app.state.uploads.name), language)
        app = gradio.mount_gradio_app(app, page, path=f"/{language}", theme=theme, **quiet)
    app.add_middleware(Shell)
    return app


def _static(app: FastAPI) -> None:
    import fontpkg_ibm_plex_sans_arabic as plex

    fonts, ours = Path(str(plex.__file__)).parent / "files", Path(__file__).parent / "page" / "static"
    app.mount("/page/fonts", GZipMiddleware(StaticFiles(directory=fonts), compresslevel=5))
    app.mount("/page", GZipMiddleware(StaticFiles(directory=ours), compresslevel=5))


def _entrance(app: FastAPI, keys: Keys) -> None:
    from ui.page.login import login_html

    @app.get("/", include_in_schema=False)
    def home(request: Request) -> Response:
        return RedirectResponse(f"{preferred(request.headers, request.cookies)}/", 307)

    for language in LANGUAGES:
        app.add_api_route(f"/{language}", lambda to=language: RedirectResponse(f"{to}/"), include_in_schema=False)

    @app.get("/login", include_in_schema=False)
    def ask_for_key() -> Response:
        return HTMLResponse(login_html(wrong=False))

    @app.post("/login", include_in_schema=False)
    def sign_in(request: Request, key: Annotated[str, Form(max_length=1000)]) -> Response:
        if not keys.hold(key.strip().encode()):
            return HTMLResponse(login_html(wrong=True), 401)
        response = RedirectResponse("./", 303)
        secure = request.url.scheme == "https"
        value = Keys.pass_of(key.strip().encode())
        response.set_cookie(COOKIE, value, max_age=_SIGNED_IN_S, httponly=True, samesite="strict", secure=secure)
        return response


_PATIENCE_S, _GRACE_S = 4.0, 6
"""After a signal: how long answers may still wait for a model, and how long anything may take."""


class _Server(uvicorn.Server):
    """Says where it is once it answers; at its end lets nobody wait for a model for long."""

    def __init__(self, config: uvicorn.Config, work: Work) -> None:
        super().__init__(config)
        self._work = work

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        patience = threading.Timer(_PATIENCE_S, self._work.end)
        patience.start()
        try:
            await super().shutdown(sockets)
        finally:
            patience.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Dalil answers at http://{self.config.host}:{self.config.port}  (Ctrl-C ends it)", flush=True)


def listening_on(host: str, port: int) -> socket.socket:
    """A listening socket; raises InputError when the address is taken."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise InputError(
            f"Nothing can listen on {host}:{port} ({error.strerror}). Choose another with --port, or end what holds it."
        ) from None
    # Connections take this over. asyncio sets it on sockets of its own making alone; without it an event of a stream
    # is held back until the one before is acknowledged, 40 ms on Linux.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(settings: Settings, inbox_of: Callable[[Assistant], Inbox]) -> None:
    """Serve the API and the page until Ctrl-C or SIGTERM; raises InputError when the address is taken."""
    listening = listening_on(settings.host, settings.port)
    # Several people ask at once: a thread each answers a third more of them than all cores for each in turn.
    settings = settings.model_copy(update={"threads": settings.threads or 1})
    with listening, open_tracing() or nullcontext() as tracing, Assistant.from_settings(settings) as assistant:
        site = create_site(assistant, inbox_of(assistant), tracing)
        config = uvicorn.Config(
            site,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_S,
        )
        # uvicorn raises the signal again when it has ended: as an exception, so that the index is closed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _Server(config, site.state.work).run([listening])
        except KeyboardInterrupt:
            print("Dalil has ended.", file=sys.stderr)
