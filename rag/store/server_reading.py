"""What is read from a Qdrant server: by which protocol, and from which version of the index."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import grpc
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from rag.errors import StoreError
from rag.store.server_connection import mapped_errors
from rag.store.server_errors import is_missing, is_unavailable
from rag.store.server_versions import FollowedVersion

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class ReadRequests:
    """Sends what writes nothing.

    Parameters
    ----------
    client : QdrantClient
        By HTTP.
    reader : QdrantClient or None
        By gRPC, where that is set; closed with this.
    followed : FollowedVersion
        That is read.
    adopt_version : callable
        Told when that has become another one.
    url : str
        Where the server is, for messages.
    key : str, optional
        Of the server, to keep it out of messages.
    """

    def __init__(
        self,
        client: QdrantClient,
        reader: QdrantClient | None,
        followed: FollowedVersion,
        adopt_version: Callable[[], None],
        url: str,
        key: str | None = None,
    ) -> None:
        self._client, self._reader = client, reader
        self._followed, self._adopt_version = followed, adopt_version
        self._url, self._key = url, key

    def close(self) -> None:
        """Close the connection that is not the engine's."""
        if self._reader is not None:
            self._reader.close()

    def read(self, send: Callable[[QdrantClient], _Answer]) -> _Answer:
        """The answer to a request; of the current version where a former one has gone.

        Raises
        ------
        IndexMismatchError
            When it has gone, and the current one is made for other queries.
        StoreError
            When the server cannot answer.
        """
        version = self._followed.version
        with mapped_errors(self._url, self._key):
            try:
                return self._send(send)
            except (UnexpectedResponse, grpc.RpcError) as error:
                if not is_missing(error):
                    raise
                self.look()
                if self._followed.version == version:  # another thread may have looked before
                    self._followed.check_readable()
                    raise
                return self._send(send)

    def look(self) -> bool:
        """Look which version is the current one; gives whether another one is read from now on."""
        is_moved = self._followed.look()
        if is_moved:
            self._adopt_version()
        return is_moved

    def look_quietly(self) -> None:
        """The same for a thread of its own: the questions themselves say what is wrong."""
        with suppress(StoreError), mapped_errors(self._url, self._key):
            self.look()

    def _send(self, send: Callable[[QdrantClient], _Answer]) -> _Answer:
        """By gRPC where that is set and answers, else by HTTP, which also knows the other nodes of a cluster."""
        if self._reader is not None:
            try:
                return send(self._reader)
            except grpc.RpcError as error:
                if not is_unavailable(error):
                    raise
                _log.warning("Nothing answers by gRPC at %s: HTTP is asked. Look at DALIL_QDRANT_GRPC_PORT.", self._url)
        return send(self._client)
