"""Several knowledge bases in one service: each has an index and an API of its own beneath `/v1/collections/NAME/`.

What a route can reach is its own index, so nothing that it is asked for can lead to another collection's.
"""

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.settings import DEFAULT_COLLECTION
from ui.api.grants import caller_of
from ui.api.schemas import CollectionInfo, CollectionList
from ui.api.service import AnswerService

_PATH = re.compile(r"/v1/collections/([^/]+)/(?:v1/)?(.+)", re.DOTALL)
"""With `v1` once more, for clients that put it behind the address that they are given."""
_RAW_PATH = re.compile(rb"/v1/collections/[^/]+/(?:v1/)?(.+)", re.DOTALL)


class CollectionMiddleware:
    """ASGI middleware around the API: gives a collection's requests to its own.

    Parameters
    ----------
    app : ASGIApp
        The API of the default collection, which also tells of unknown ones.
    sites : mapping of str to ASGIApp
        The APIs of the others.
    """

    def __init__(self, app: ASGIApp, sites: Mapping[str, ASGIApp]) -> None:
        self._app, self._sites = app, {DEFAULT_COLLECTION: app, **sites}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        site = self._sites.get(found[1]) if found else None
        if found is None or site is None:
            await self._app(scope, receive, send)
            return
        raw = _RAW_PATH.fullmatch(scope.get("raw_path") or b"")
        raw_path = b"/v1/" + raw[1] if raw else None
        await site({**scope, "path": f"/v1/{found[2]}", "raw_path": raw_path}, receive, send)


def build_collection_routes(service: AnswerService) -> APIRouter:
    """The routes over a service."""
    router = APIRouter(tags=["articles"])

    @router.get("/v1/collections", summary="List the collections")
    def list_collections(request: Request) -> CollectionList:
        """The collections that the key of the request may read, with the number of their articles. The routes of each
        are beneath `/v1/collections/NAME/`; those of `default` are also without it."""
        caller = caller_of(request.scope)
        services = {service.collection: service} | service.collections
        reached = {name: one for name, one in services.items() if caller is None or caller.role_in(name)}
        counts = {name: one.assistant.store.count_articles() for name, one in reached.items()}
        return CollectionList(data=[CollectionInfo(name=name, articles=count) for name, count in counts.items()])

    return router
