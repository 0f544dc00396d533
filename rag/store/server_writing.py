"""What is written to a Qdrant server: under a lease, and to no version of the index but the current one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from qdrant_client import QdrantClient, models

from rag.store.engine import Collection, Payload, Point
from rag.store.lease import Lease, now_ms
from rag.store.server_connection import mapped_errors
from rag.store.server_reading import ReadRequests
from rag.store.server_requests import is_unchanged, split_points, to_server_point
from rag.store.server_versions import FollowedVersion

_POINTS_PER_REQUEST, _IDS_PER_REQUEST = 1000, 100_000


class WriteRequests:
    """Sends what changes an index.

    Parameters
    ----------
    client : QdrantClient
        By HTTP.
    followed : FollowedVersion
        That is written to.
    reads : ReadRequests
        Looks which version is the current one.
    lease : Lease
        Of this process.
    url : str
        Where the server is, for messages.
    key : str, optional
        Of the server, to keep it out of messages.
    """

    def __init__(
        self,
        client: QdrantClient,
        followed: FollowedVersion,
        reads: ReadRequests,
        lease: Lease,
        url: str,
        key: str | None = None,
    ) -> None:
        self._client, self._followed, self._reads, self._lease = client, followed, reads, lease
        self._url, self._key = url, key

    def upsert(self, collection: Collection, points: Sequence[Point]) -> None:
        """As `Engine.upsert`."""
        with self._writing(collection) as name:
            if collection == "chunks":
                self._lease.renew()
            else:
                self._lease.check()
            for group in split_points([to_server_point(point, now_ms()) for point in points]):
                self._client.upsert(name, group, wait=True)

    def set_payload(self, collection: Collection, fields: Mapping[str, Payload]) -> None:
        """As `Engine.set_payload`."""
        operations = [
            models.SetPayloadOperation(
                set_payload=models.SetPayload(
                    payload=payload, filter=models.Filter(must=[models.HasIdCondition(has_id=[one])])
                )
            )
            for one, payload in fields.items()
        ]
        for at in range(0, len(operations), _POINTS_PER_REQUEST):
            with self._writing(collection) as name:
                self._client.batch_update_points(name, operations[at : at + _POINTS_PER_REQUEST], wait=True)

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """As `Engine.delete`."""
        for at in range(0, len(ids), _IDS_PER_REQUEST):
            with self._writing(collection) as name:
                group = models.PointIdsList(points=list(ids[at : at + _IDS_PER_REQUEST]))
                self._client.delete(name, group, wait=True)

    def delete_unchanged(self, chunks: Sequence[Point]) -> None:
        """As `Engine.delete_unchanged`."""
        for at in range(0, len(chunks), _POINTS_PER_REQUEST):
            unchanged = models.FilterSelector(filter=is_unchanged(chunks[at : at + _POINTS_PER_REQUEST]))
            with mapped_errors(self._url, self._key):
                self._client.delete(self._followed.collection("chunks"), unchanged, wait=True)

    def find_others(self) -> int | None:
        """As `Engine.find_other_writers`."""
        with mapped_errors(self._url, self._key):
            return self._lease.find_others()

    def end(self) -> None:
        """Nothing more is written: the lease ends."""
        with mapped_errors(self._url, self._key):
            self._lease.release()

    @contextmanager
    def _writing(self, collection: Collection) -> Iterator[str]:
        """Gives the name of a collection of the current version. After a change of articles it is made sure that it
        still was that, which a rebuild may just have replaced: what was done before the switch is carried over, only
        what came after it is not."""
        with mapped_errors(self._url, self._key):
            self._followed.check_writable()
            yield self._followed.collection(collection)
            if collection == "articles" and (self._reads.look() or self._followed.is_outdated):
                self._followed.report_move()
