"""`dalil mcp`: the tools of the Model Context Protocol over standard input and output."""

import argparse
from typing import Any

from rag.errors import InputError
from rag.settings import Settings
from ui.cli.console import OK, add_command


def add_mcp_command(commands: Any) -> None:
    """Add the command to those of `dalil`."""
    about = "Serve the tools of the Model Context Protocol over standard input and output."
    command = add_command(commands, "mcp", _serve_tools, about)
    command.add_argument("--server", metavar="URL", help="serve those of a running `dalil serve`, which owns its index")


def _serve_tools(options: argparse.Namespace, settings: Settings) -> int:
    from ui.mcp.http import has_mcp

    if not has_mcp():
        raise InputError("The protocol's SDK is not installed: pip install 'dalil[mcp]'.")
    if options.server:
        return _forward(options.server, settings)
    from rag.answering.assistant import Assistant
    from ui.api import AnswerService
    from ui.mcp.stdio import run_stdio

    with Assistant.from_settings(settings) as assistant:
        run_stdio(AnswerService(assistant))
    return OK


def _forward(url: str, settings: Settings) -> int:
    from ui.cli.client import ServiceClient
    from ui.mcp.stdio import forward_stdio

    key = next(iter(settings.accepted_keys), None)
    with ServiceClient(url, key) as client:
        client.check()
    forward_stdio(url, key)
    return OK
