"""The protocol over HTTP, at `/mcp` of the site: guarded by the site's keys, rates and names like all of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ui.api import AnswerService

PATH = "/mcp"


def has_mcp() -> bool:
    """Whether the SDK of the protocol is installed."""
    return find_spec("mcp") is not None


def mount_mcp(app: FastAPI, service: AnswerService) -> None:
    """Answer the protocol at `PATH`; each request stands for itself, so that any replica can answer it.

    Parameters
    ----------
    app : FastAPI
        The site, whose lifespan the server's is put into.
    service : AnswerService
        Stays the caller's to close.
    """
    # Imported here: it is an extra.
    from mcp.server.transport_security import TransportSecuritySettings

    from ui.mcp.tools import build_server

    server = build_server(service)
    server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        max_request_body_size=service.assistant.settings.max_body_bytes,
        # The middleware of the site looks at names and origins.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    # Without a session nothing is ever sent but in answer to a POST.
    app.router.routes.append(Route(PATH, _Endpoint(server.session_manager), methods=["POST"]))
    _run_within(app, server.session_manager)


class _Endpoint:
    """A class's instance, which Starlette takes for an ASGI application and not for a function of a request."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)


def _run_within(app: FastAPI, manager: Any) -> None:
    """Have the tasks of the server begin and end with the site."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(site: FastAPI) -> AsyncIterator[Any]:
        async with inner(site) as state, manager.run():
            yield state

    app.router.lifespan_context = lifespan
