"""Servers of language models on this machine, which `dalil serve` tells of and never uses unasked."""

import socket
from typing import NamedTuple

_HOST = "127.0.0.1"
_TIMEOUT_S = 0.1
"""For each: a port of loopback takes a connection at once or not at all."""


class LocalServer(NamedTuple):
    """A program that serves models.

    Attributes
    ----------
    name : str
        Of the program.
    port : int
        On which it listens where nobody has said otherwise.
    """

    name: str
    port: int


LOCAL_SERVERS = (LocalServer("Ollama", 11434), LocalServer("LM Studio", 1234), LocalServer("llama.cpp", 8080))


def describe_local_servers(servers: tuple[LocalServer, ...] = LOCAL_SERVERS) -> str | None:
    """One line on how to use the first server that listens; None where none does. Nothing is sent to it."""
    for server in servers:
        with socket.socket() as connection:
            connection.settimeout(_TIMEOUT_S)
            if connection.connect_ex((_HOST, server.port)) == 0:
                return (
                    f"Port {server.port} answers, as {server.name}'s does: to have its model write the answers, set "
                    f"DALIL_LLM_BASE_URL=http://{_HOST}:{server.port}/v1 and DALIL_LLM_MODEL."
                )
    return None
