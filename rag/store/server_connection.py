"""A client of a Qdrant server: how it is made, how its failures are told, and how collections are created."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from rag.secrets import hide_secrets
from rag.store.server_errors import SERVER_FAILURES, to_store_error
from rag.store.server_transport import ServerTransport, split_urls

_NO_SHARDS_YET = b"0 of 0 read operations failed"
"""What a server says of a collection that another process has just created."""
_MAX_RECONNECT_MS = 10_000
"""A port that does not answer is tried again after that; until then it refuses at once, and HTTP is asked."""
_CREATION_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def connect_client(urls: str, key: str | None, ca_file: str | None, timeout_s: float = 5) -> QdrantClient:
    """A client of a server; nothing is sent yet.

    Parameters
    ----------
    urls : str
        `https` for TLS; of several nodes of a cluster, parted by commas.
    key : str or None
        Of the server.
    ca_file : str or None
        Certificate authority of the server, when it is not one that the system knows.
    timeout_s : float
        Longest wait for an answer to what writes nothing.
    """
    nodes = split_urls(urls)
    transport = ServerTransport(nodes, ca_file, timeout_s)
    return QdrantClient(url=nodes[0], api_key=key, check_compatibility=False, transport=transport)


def connect_reader(urls: str, key: str | None, grpc_port: int, timeout_s: float) -> QdrantClient:
    """A client that reads by gRPC from the first of a server's nodes; nothing is sent yet.

    Parameters
    ----------
    urls : str
        As those of `connect_client`. For TLS, `GRPC_DEFAULT_SSL_ROOTS_FILE_PATH` names an authority of one's own.
    key : str or None
        Of the server.
    grpc_port : int
        Of the node's gRPC.
    timeout_s : float
        Longest wait for an answer.
    """
    url = split_urls(urls)[0]
    return QdrantClient(
        url=url,
        api_key=key,
        prefer_grpc=True,
        grpc_port=grpc_port,
        # A connection that does not come about is given up before the question is, so that HTTP is asked.
        grpc_options={
            "grpc.max_reconnect_backoff_ms": _MAX_RECONNECT_MS,
            "grpc.min_reconnect_backoff_ms": int(500 * timeout_s),
        },
        timeout=math.ceil(timeout_s),
        check_compatibility=False,
    )


@contextmanager
def mapped_errors(url: str, key: str | None = None) -> Iterator[None]:
    """Turn the failures of a server into errors of ours.

    Parameters
    ----------
    url : str
        Where the server is, for messages.
    key : str, optional
        Of the server, to keep it out of messages.
    """
    try:
        yield
    except SERVER_FAILURES as error:
        mapped = to_store_error(error, url)
        raise type(mapped)(hide_secrets(str(mapped), [key])) from error


def create_collection(client: QdrantClient, name: str, options: dict[str, Any]) -> models.CollectionInfo:
    """Create a collection where it is missing, which another process may do at the same time, and describe it."""
    if not client.collection_exists(name):
        try:
            client.create_collection(name, **options)
        except UnexpectedResponse as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise
    for pause in _CREATION_PAUSES_S:
        try:
            return client.get_collection(name)
        except UnexpectedResponse as error:
            if _NO_SHARDS_YET not in error.content:
                raise
            time.sleep(pause)
    return client.get_collection(name)
