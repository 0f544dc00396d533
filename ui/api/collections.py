"""Several knowledge bases in one service: each has an index, an API beneath `/v1/collections/NAME/`, and a page
beneath `/collections/NAME/` of its own.

What a route can reach is its own index, so nothing that it is asked for can lead to another collection's.
"""

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.settings import DEFAULT_COLLECTION
from ui.api.grants import Caller, caller_of
from ui.api.path_prefix import move_beneath, path_prefix
from ui.api.schemas import CollectionInfo, CollectionList
from ui.api.service import AnswerService

_PATH = re.compile(r"/v1/collections/([^/]+)/(?:v1/)?(.+)", re.DOTALL)
"""With `v1` once more, for clients that put it behind the address that they are given."""
_RAW_PATH = re.compile(rb"/v1/collections/[^/]+/(?:v1/)?(.+)", re.DOTALL)
_PAGE_PATH = re.compile(r"(/collections/([^/]+))(?:/(.*))?", re.DOTALL)
_SHARED_PATH = re.compile(r"login(?:/.*)?|logout", re.DOTALL)
"""Below a collection's page: whoever signs in does so for all."""
_BEGUN_AT = "dalil.begun_at"
"""Of the scope of a shared path."""


class CollectionMiddleware:
    """ASGI middleware around the API: gives a collection's requests to its own.

    Parameters
    ----------
    app : ASGIApp
        The site of the default collection, which also tells of unknown ones.
    sites : mapping of str to ASGIApp
        The sites of the others.
    """

    def __init__(self, app: ASGIApp, sites: Mapping[str, ASGIApp]) -> None:
        self._app, self._sites = app, {DEFAULT_COLLECTION: app, **sites}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        site = self._sites.get(found[1]) if found else None
        if scope["type"] == "http" and (of_page := _PAGE_PATH.fullmatch(scope["path"])):
            await self._pass_to_page(of_page, scope, receive, send)
            return
        if found is None or site is None:
            await self._app(scope, receive, send)
            return
        raw = _RAW_PATH.fullmatch(scope.get("raw_path") or b"")
        raw_path = b"/v1/" + raw[1] if raw else None
        await site({**scope, "path": f"/v1/{found[2]}", "raw_path": raw_path}, receive, send)

    async def _pass_to_page(self, found: re.Match[str], scope: Scope, receive: Receive, send: Send) -> None:
        prefix, name, rest = found.groups()
        site = self._sites.get(name) if name != DEFAULT_COLLECTION else None
        if site is None:
            await self._app(scope, receive, send)
        elif rest is None:
            await RedirectResponse(f"{path_prefix(scope)}{prefix}/", 307)(scope, receive, send)
        elif _SHARED_PATH.fullmatch(rest):
            shared = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), _BEGUN_AT: f"{prefix}/"}
            await self._app(shared, receive, send)
        else:
            await site(move_beneath(scope, prefix, f"/{rest}"), receive, send)


def begun_at(scope: Scope) -> str:
    """The page below which somebody signs in or out, such as `/collections/law/`; `/` of the default collection's."""
    return str(scope.get(_BEGUN_AT, "/"))


def find_reachable(service: AnswerService, caller: Caller | None) -> dict[str, AnswerService]:
    """The collections of a service that a caller may read, by name: itself and those that it holds.

    Parameters
    ----------
    service : AnswerService
        Mostly the default collection's, `AnswerService.default`.
    caller : Caller or None
        None where everybody is let in.
    """
    services = {service.collection: service} | service.collections
    return {name: one for name, one in services.items() if caller is None or caller.role_in(name)}


def build_collection_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["articles"])

    @router.get("/v1/collections", summary="List the collections")
    def list_collections(request: Request) -> CollectionList:
        """The collections that the key of the request may read, with the number of their articles. The routes of each
        are beneath `/v1/collections/NAME/`; those of `default` are also without it."""
        reached = find_reachable(service, caller_of(request.scope))
        counts = {name: one.assistant.store.count_articles() for name, one in reached.items()}
        return CollectionList(data=[CollectionInfo(name=name, articles=count) for name, count in counts.items()])

    return router
