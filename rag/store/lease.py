"""Who writes to an index on a server: each process that does holds a lease, so that what it has not committed yet is
not taken for what a killed one has left behind.

A lease has an owner, since when it has been held, and until when it is valid; it is renewed by writing. The times are
those of its owner's clock. Clocks may be apart by as much as a lease outlasts a write, a minute or two.
"""

import os
import socket
import time
from uuid import uuid4

from qdrant_client import QdrantClient, models

from rag.errors import StoreError
from rag.store.engine import Payload

_VALID_MS = 180_000
"""Far longer than an article takes from its first chunk to its commit, and short for whoever waits after a kill."""
_RENEWED_AFTER_MS = 30_000
_FORGOTTEN_AFTER_MS = 3_600_000
"""Leases that nobody ended are removed."""
_MAX_LEASES = 1000


def now_ms() -> int:
    """Milliseconds since 1970: a number that Qdrant compares exactly."""
    return time.time_ns() // 1_000_000


class Lease:
    """That of this process.

    Parameters
    ----------
    client : QdrantClient
        Of the server.
    collection : str
        Of all leases of the index.
    """

    def __init__(self, client: QdrantClient, collection: str) -> None:
        self._client, self._collection = client, collection
        self._id = str(uuid4())
        self._since = self._until = 0
        self._has_uncommitted = False

    def renew(self) -> None:
        """Hold the lease from now on; called before chunks are written."""
        now = now_ms()
        if now > self._until - _VALID_MS + _RENEWED_AFTER_MS:
            self._since = self._since if now < self._until else now
            self._until = now + _VALID_MS
            owner = f"{socket.gethostname()}:{os.getpid()}"
            payload = {"owner": owner, "since": self._since, "until": self._until}
            self._client.upsert(self._collection, [models.PointStruct(id=self._id, vector={}, payload=payload)])
        self._has_uncommitted = True

    def check(self) -> None:
        """Make sure that the lease still holds; called before chunks are committed.

        Raises
        ------
        StoreError
            When it does not, and another process may have deleted them.
        """
        has_uncommitted, self._has_uncommitted = self._has_uncommitted, False
        if has_uncommitted and now_ms() > self._until:
            raise StoreError(
                f"An article took longer than {_VALID_MS // 1000} seconds to be written to the Qdrant server, so it "
                "was left out. Look at the load of the server, then run the same command again."
            )

    def find_others(self) -> int | None:
        """Since when, in milliseconds, another process has been writing: the first of several; None without any."""
        points, _ = self._client.scroll(self._collection, limit=_MAX_LEASES, with_payload=True)
        leases: dict[str, Payload] = {str(point.id): point.payload or {} for point in points}
        now = now_ms()
        forgotten = [one for one, lease in leases.items() if lease["until"] + _FORGOTTEN_AFTER_MS < now]
        if forgotten:
            self._client.delete(self._collection, models.PointIdsList(points=list(forgotten)))
        return min(
            (lease["since"] for one, lease in leases.items() if one != self._id and lease["until"] > now), default=None
        )

    def release(self) -> None:
        """End the lease; nothing where it is not held."""
        if now_ms() < self._until:
            self._until = 0
            self._client.delete(self._collection, models.PointIdsList(points=[self._id]))
