"""The protocol over standard input and output, as desktop clients start it: over the index, or for a running
service."""

from importlib.metadata import version
from typing import Any

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from rag.errors import StoreError
from ui.api import AnswerService
from ui.mcp.http import PATH
from ui.mcp.tools import NAME, TITLE, build_server

_TIMEOUT = httpx2.Timeout(30.0, read=300.0)
"""Seconds: an answer may wait for a model, see `DALIL_LLM_TIMEOUT_S`."""


def run_stdio(service: AnswerService) -> None:
    """Serve the tools over a service until standard input ends."""
    anyio.run(build_server(service).run_stdio_async)


def forward_stdio(url: str, key: str | None) -> None:
    """Serve the tools of a running `dalil serve` until standard input ends.

    Parameters
    ----------
    url : str
        Of the service.
    key : str or None
        That lets a request in.

    Raises
    ------
    StoreError
        When the service does not speak the protocol.
    """
    address = url.rstrip("/") + PATH
    try:
        anyio.run(_forward, address, key)
    except (MCPError, ExceptionGroup) as error:
        if isinstance(error, ExceptionGroup) and error.split(MCPError)[1]:
            raise
        raise StoreError(f"What answers at {address} does not speak MCP: the service needs dalil[mcp].") from error


async def _forward(address: str, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=_TIMEOUT) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):

        async def list_tools(context: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
            return await client.list_tools(cursor=params.cursor if params else None)

        async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
            return await client.call_tool(params.name, params.arguments)

        server: Server[Any] = Server(
            NAME,
            title=TITLE,
            version=version("dalil"),
            instructions=client.instructions,
            on_list_tools=list_tools,
            on_call_tool=call_tool,
        )
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
