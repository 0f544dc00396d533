"""The whole site: the API, the tools of MCP, the page in every language around the same service, signing in; and
serving it."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware

from ingest.indexer import IndexResult
from ingest.ocr.options import OcrOptions
from ingest.sync import Sync
from rag.answering.assistant import Assistant
from rag.errors import DalilError, InputError
from rag.language.languages import LANGUAGES
from rag.settings import Settings
from rag.types import Article
from ui.api import AnswerService, Tracing, caller_of, create_app, open_tracing
from ui.api.connections import TimedProtocol
from ui.api.path_prefix import ForwardedMiddleware
from ui.api.request_log import log_requests_to
from ui.local_servers import describe_local_servers
from ui.mcp.http import has_mcp, mount_mcp
from ui.page.assets import STATIC_FOLDER, open_packed_files
from ui.page.collections import find_entrance
from ui.page.event_guard import EventGuardMiddleware
from ui.page.fonts import FONTS, add_font_routes, read_woff2
from ui.page.installable import add_app_routes
from ui.page.missing import MissingPageMiddleware
from ui.page.shell import GZIP_LEVEL, PageMiddleware, preferred_language
from ui.page.sign_in import add_sign_in_routes
from ui.page.uploads import UploadFolder, remove_abandoned_uploads
from ui.watching import check_watchable, describe_pass, open_watcher, refuse_removal

if TYPE_CHECKING:
    from ui.page.welcome import FirstScreen

_log = logging.getLogger(__name__)

_LLM_GRACE_S, _SHUTDOWN_S = 1.0, 4
"""After a signal: how long answers may still wait for a model, and how long anything may take."""


def create_site(service: AnswerService, tracing: Tracing | None = None) -> FastAPI:
    """The API with the page beside it.

    Parameters
    ----------
    service : AnswerService
        Shared by both; stays the caller's to close.
    tracing : Tracing, optional
        Takes the spans of requests.
    """
    # Gradio reads these as it is imported: it tells nobody anything, and uploads lie in a folder of their own.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    remove_abandoned_uploads()
    uploads = UploadFolder()
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.files)
    app = create_app(service, tracing)
    app.state.uploads = uploads
    if has_mcp():
        mount_mcp(app, service)
    add_sign_in_routes(app, service)
    _add_page(app, service, uploads.files)
    for name, site in app.state.sites.items():
        _add_page(site, service.collections[name], uploads.files)
        _run_beside(app, site)
    app.add_middleware(MissingPageMiddleware)
    return app


def _run_beside(app: FastAPI, site: FastAPI) -> None:
    """Have another site, which gets requests alone, begin and end with the app."""
    begin_app = app.router.lifespan_context

    @asynccontextmanager
    async def begin_both(app: FastAPI) -> AsyncIterator[Any]:
        async with begin_app(app) as state, site.router.lifespan_context(site):
            yield state

    app.router.lifespan_context = begin_both


def _add_page(app: FastAPI, service: AnswerService, uploads: Path) -> None:
    """The page of one collection, in every language, and what it is made of."""
    # Imported here: Gradio takes seconds, and no other command needs it.
    import gradio

    from ui.page.blocks import build_page
    from ui.page.events import changes_articles
    from ui.page.welcome import FirstScreen

    _mount_static_files(app)
    _add_entrance(app, service)
    first_screen = FirstScreen(service.assistant)
    app.state.first_screen = first_screen
    removed: dict[str, Article] = {}
    options: dict[str, Any] = {
        "footer_links": [],
        "show_error": False,
        "allowed_paths": [],
        "ssr_mode": False,
        "run_history": False,
        "max_file_size": service.assistant.settings.max_body_bytes,
    }
    for language in LANGUAGES:
        theme = gradio.themes.Base(primary_hue="teal", font=["Plex Arabic", "system-ui"], font_mono=["monospace"]).set(
            body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300"
        )
        page = build_page(service, first_screen, uploads, removed, language)
        writing = frozenset(number for number, event in page.fns.items() if changes_articles(event.fn))
        guard = Middleware(
            EventGuardMiddleware, events=frozenset(page.fns), writing=writing, collection=service.collection
        )
        app = gradio.mount_gradio_app(
            app, page, path=f"/{language}", theme=theme, app_kwargs={"middleware": [guard]}, **options
        )
    files = open_packed_files(Path(gradio.__file__).parent / "templates" / "frontend" / "assets")
    app.add_middleware(PageMiddleware, files=files, first_screen=first_screen, service=service)


def _mount_static_files(app: FastAPI) -> None:
    add_app_routes(app)
    add_font_routes(app)
    app.mount("/page", GZipMiddleware(StaticFiles(directory=STATIC_FOLDER), compresslevel=GZIP_LEVEL))


def _add_entrance(app: FastAPI, service: AnswerService) -> None:
    @app.get("/", include_in_schema=False)
    def redirect_to_page(request: Request) -> Response:
        language, caller = preferred_language(request.headers, request.cookies), caller_of(request.scope)
        address = find_entrance(service, caller, language)
        return RedirectResponse(address, 307) if address else RedirectResponse("login?notice=no_access", 303)

    for language in LANGUAGES:
        app.add_api_route(f"/{language}", lambda to=language: RedirectResponse(f"{to}/"), include_in_schema=False)


class SiteServer(uvicorn.Server):
    """Says where it is once it answers, and gets ready what the first reader would wait for; at its end lets nobody
    wait for a model for long."""

    def __init__(self, config: uvicorn.Config, service: AnswerService, warm: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._warming = threading.Thread(target=warm, name="warming")

    def finish(self) -> None:
        """Wait till nothing reads the index any more."""
        if self._warming.ident:
            self._warming.join()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open, after a little time."""
        grace = threading.Timer(_LLM_GRACE_S, self._service.expire_deadlines)
        grace.start()
        try:
            await super().shutdown(sockets)
        finally:
            grace.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then to warm up."""
        await super().startup(sockets)
        if self.started:
            print(f"Dalil answers at http://{self.config.host}:{self.config.port}  (Ctrl-C ends it)", flush=True)
            self._warming.start()


def _warm(first_screens: Sequence["FirstScreen"]) -> None:
    """Get the first screens ready; what goes wrong is said to who asks for one."""
    for name in FONTS:
        read_woff2(name)
    for first_screen in first_screens:
        try:
            first_screen.warm()
        except DalilError as error:
            _log.warning("A first screen is not ready yet: %s", error)


def open_listener(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises
    ------
    InputError
        When the address is taken.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise InputError(
            f"Nothing can listen on {host}:{port} ({error.strerror}). Choose another with --port, or end what holds it."
        ) from None
    # Connections take this over. asyncio sets it on sockets of its own making alone; without it an event of a stream
    # is held back until the one before is acknowledged, 40 ms on Linux.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def configure_server(site: Any, settings: Settings) -> uvicorn.Config:
    """How a site is served: who says which address a request comes from, and how long everything may take.

    Parameters
    ----------
    site : ASGIApp
        The whole of it.
    settings : Settings
        As `load_settings` gives them.
    """
    return uvicorn.Config(
        ForwardedMiddleware(site, settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=_SHUTDOWN_S,
        http=TimedProtocol,
        ws="none",
        proxy_headers=False,  # `ForwardedMiddleware` reads them
    )


@contextmanager
def _watching(service: AnswerService, folders: Sequence[Path]) -> Iterator[None]:
    """Keep the index in step with folders, in a thread of its own."""
    settings, store = service.assistant.settings, service.assistant.store
    ocr = OcrOptions.of(settings.ocr, settings.tesseract, is_asked=False)
    sync = Sync(store, service.indexer, settings.max_article_chars, [settings.data_dir], ocr=ocr)

    def run_pass() -> IndexResult:
        return sync.ingest(folders, lambda progress: None, remove_missing=True, confirm=refuse_removal)

    watcher, stop = open_watcher(folders, settings, run_pass, _tell_pass), threading.Event()
    thread = threading.Thread(target=watcher.run, args=(stop,), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_SHUTDOWN_S)


def _tell_pass(result: IndexResult) -> None:
    for failure in result.failed:
        print(f"dalil: not ingested: {failure.path}: {failure.reason}", file=sys.stderr)
    print(f"Watched folders: {describe_pass(result)}", file=sys.stderr, flush=True)


def serve(settings: Settings, watched: Sequence[Path] = ()) -> None:
    """Serve the API and the page until Ctrl-C or SIGTERM.

    Each request is one line of JSON on standard error.

    Parameters
    ----------
    settings : Settings
        As `load_settings` gives them.
    watched : sequence of Path
        Folders that the index is kept in step with meanwhile.

    Raises
    ------
    InputError
        When the address is taken, or what is watched is no folder.
    StoreError, EmbeddingError
        When the index or the models cannot be opened.
    """
    if watched:
        check_watchable(watched)  # before models and Gradio, which take seconds
    log_requests_to(sys.stderr)
    listener = open_listener(settings.host, settings.port)
    # Several people ask at once, beside whatever else runs here: four at a time are answered as fast by a thread each
    # as by two (9.8 and 11.0 readings a second), and where both cores are busy one thread reads in 147 ms, two in 165.
    settings = settings.model_copy(update={"threads": settings.threads or 1})
    hint = describe_local_servers() if settings.llm_name is None else None
    if hint:
        print(hint, file=sys.stderr)
    with ExitStack() as stack:
        stack.enter_context(listener)
        stack.enter_context(_without_figures())
        tracing = stack.enter_context(open_tracing() or nullcontext())
        assistant = stack.enter_context(Assistant.from_settings(settings))
        service = stack.enter_context(closing(AnswerService(assistant)))
        _run_site(service, tracing, watched, listener)


@contextmanager
def _without_figures() -> Iterator[None]:
    """Spare Gradio's first event the import of matplotlib, which keeps everybody waiting for 0.4 s of a processor where
    it happens to be installed: Gradio does without it, and nothing here draws figures."""
    modules: dict[str, Any] = sys.modules
    is_imported = modules.setdefault("matplotlib", None) is not None
    try:
        yield
    finally:
        if not is_imported:
            del modules["matplotlib"]


def _run_site(
    service: AnswerService, tracing: Tracing | None, watched: Sequence[Path], listener: socket.socket
) -> None:
    """Serve a service on a socket until a signal."""
    for one in (service, *service.collections.values()):
        one.indexer.delete_orphaned_originals()
    site = create_site(service, tracing)
    config = configure_server(site, service.assistant.settings)
    watch = _watching(service, watched) if watched else nullcontext()
    # uvicorn raises the signal again when it has ended: as an exception, so that the index is closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    first_screens = [one.state.first_screen for one in (site, *site.state.sites.values())]
    server = SiteServer(config, service, partial(_warm, first_screens))
    try:
        with watch:
            server.run([listener])
    except KeyboardInterrupt:
        print("Dalil has ended.", file=sys.stderr)
    finally:
        server.finish()
