"""A Qdrant server or cluster, by URL."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any
from uuid import UUID

from qdrant_client import QdrantClient, models

from rag.embedding.bm25 import SparseVector
from rag.errors import IndexMismatchError, StoreError
from rag.store.engine import Collection, Payload, Point, Rebuild, ScoredPoint, VectorQuery, Weighing
from rag.store.fingerprint import IndexConfig
from rag.store.lease import Lease
from rag.store.search import keep_found
from rag.store.server_config import (
    SERVER_SHARDING,
    SMALL,
    Sharding,
    Storage,
    collection_options,
    find_differences,
    payload_schemas,
)
from rag.store.server_connection import connect_client, connect_reader, create_collection, mapped_errors
from rag.store.server_reading import ReadRequests
from rag.store.server_requests import (
    TERMS,
    VECTOR_TEXTS,
    has_term,
    has_vector,
    inflate_text,
    read_vectors,
    to_scoring_requests,
)
from rag.store.server_versions import COLLECTIONS, FollowedVersion, ServerVersions, Version
from rag.store.server_writing import WriteRequests
from rag.store.term_statistics import TermStatistics

_POINTS_PER_PAGE = 1000


class ServerEngine:
    """Two collections of a server.

    Parameters
    ----------
    client : QdrantClient
        Closed with the engine.
    prefix : str
        First part of the collections' names, which keeps several indexes apart on one server.
    url : str
        Where the server is, for messages.
    key : str, optional
        Of the server, to keep it out of messages.
    sharding : Sharding
        Of the collections, where they are created.
    storage : Storage
        Of the chunks, where they are created.
    version : Version, optional
        Of the index; unset: the current one, also when that is another one later.
    reader : QdrantClient, optional
        Asked, by gRPC, for what is read; closed with the engine.

    Attributes
    ----------
    versions : ServerVersions
        Of the index.
    """

    floor = None
    is_remote = True

    def __init__(
        self,
        client: QdrantClient,
        prefix: str,
        url: str,
        key: str | None = None,
        sharding: Sharding = SERVER_SHARDING,
        storage: Storage = SMALL,
        version: Version | None = None,
        reader: QdrantClient | None = None,
    ) -> None:
        self._client, self._key, self._sharding, self._storage = client, key, sharding, storage
        self._url, self._prefix = url, prefix
        self.versions = ServerVersions(client, prefix, url, key)
        self._followed = FollowedVersion(self.versions, version)
        self._name = self._followed.collection
        self._reads = ReadRequests(client, reader, self._followed, self._adopt_version, url, key)
        self._terms = TermStatistics(self)
        self._leases = f"{prefix}_leases"
        lease = Lease(client, self._leases)
        self._writes = WriteRequests(client, self._followed, self._reads, lease, url, key)
        self._shards = 1
        self._vector_sizes: Mapping[str, int] = {}

    @classmethod
    def connect(
        cls,
        urls: str,
        key: str | None,
        ca_file: str | None,
        prefix: str,
        sharding: Sharding = SERVER_SHARDING,
        timeout_s: float = 5,
        storage: Storage = SMALL,
        version: Version | None = None,
        grpc_port: int | None = None,
    ) -> "ServerEngine":
        """A connection to a server; nothing is sent before `open`.

        Parameters
        ----------
        urls, key, ca_file, timeout_s
            As those of `connect_client`.
        prefix, sharding, storage, version
            As those of the class.
        grpc_port : int, optional
            Of the gRPC of the first node, for what is read.
        """
        client = connect_client(urls, key, ca_file, timeout_s)
        reader = connect_reader(urls, key, grpc_port, timeout_s) if grpc_port else None
        return cls(client, prefix, urls, key, sharding, storage, version, reader)

    def open(self, config: IndexConfig, reads_articles: bool = False) -> None:
        sizes = config.vector_sizes
        with self._mapped_errors():
            self._followed.open(config)
            leases = collection_options("articles", {}, self._sharding._replace(shards=1))
            create_collection(self._client, self._leases, leases)
            for collection in COLLECTIONS:
                name = self._name(collection)
                options = collection_options(collection, sizes, self._sharding, self._storage)
                made = create_collection(self._client, name, options)
                self._create_payload_indexes(collection, made.payload_schema)
        self._shards, self._vector_sizes = made.config.params.shard_number or 1, sizes
        differences = find_differences(made.config.params, sizes)  # of the chunks, the last
        if differences and not reads_articles:
            self.close()
            raise IndexMismatchError(
                f"The collection {self._name('chunks')} on {self._url} is no index as it is set now: "
                f"{'; '.join(differences)}. Set the embedding model it was made with, or another DALIL_QDRANT_PREFIX. "
                "`dalil export` of the Dalil that made it and `dalil import` bring its articles along."
            )

    def check_space(self, points: Sequence[Point]) -> None:
        """A server looks after its own disk."""

    def upsert(self, collection: Collection, points: Sequence[Point]) -> None:
        if points:
            self._writes.upsert(collection, points)
            self._forget_terms(collection)

    def set_payload(self, collection: Collection, fields: Mapping[str, Payload]) -> None:
        self._writes.set_payload(collection, fields)

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        if ids:
            self._writes.delete(collection, ids)
            self._forget_terms(collection)

    def delete_unchanged(self, chunks: Sequence[Point]) -> None:
        self._writes.delete_unchanged(chunks)
        self._forget_terms("chunks")

    def find_other_writers(self) -> int | None:
        return self._writes.find_others()

    def retrieve(
        self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = (), unread: Sequence[str] = ()
    ) -> list[Point]:
        if vectors and set(vectors) <= VECTOR_TEXTS.keys():
            return self._retrieve_texts(ids, vectors)
        left_out = [*unread, TERMS, *VECTOR_TEXTS.values()]
        payload = models.PayloadSelectorExclude(exclude=left_out)
        found = self._reads.read(
            lambda client: client.retrieve(self._name(collection), list(ids), payload, list(vectors) or False)
        )
        return [
            Point(str(point.id), inflate_text(point.payload or {}), _named_vectors(point.vector)) for point in found
        ]

    def _retrieve_texts(self, ids: Sequence[str], vectors: Sequence[str]) -> list[Point]:
        """Chunks with the vectors that their payload has as texts; of those that an earlier Dalil wrote, as vectors."""
        fields = models.PayloadSelectorExclude(exclude=[TERMS])
        found = self._reads.read(lambda client: client.retrieve(self._name("chunks"), list(ids), fields, False))
        payloads = {str(point.id): point.payload or {} for point in found}
        texts = {one: read_vectors(payload, self._vector_sizes) for one, payload in payloads.items()}
        earlier = [one for one, text in texts.items() if not text]
        others = (
            self._reads.read(lambda client: client.retrieve(self._name("chunks"), earlier, False, list(vectors)))
            if earlier
            else []
        )
        texts |= {str(point.id): _named_vectors(point.vector) for point in others}
        return [Point(one, payload, texts[one]) for one, payload in payloads.items()]

    def scroll(self, collection: Collection, fields: Sequence[str]) -> Iterator[Point]:
        offset = None
        while True:
            points, offset = self._scroll(collection, fields, _POINTS_PER_PAGE, offset=offset)
            yield from points
            if offset is None:
                return

    def newest(self, collection: Collection, fields: Sequence[str], limit: int) -> list[Point]:
        order = models.OrderBy(key="stored_at", direction=models.Direction.DESC)
        return self._scroll(collection, fields, limit, order_by=order)[0]

    def count(self, collection: Collection, exact: bool = True) -> int:
        return self._reads.read(lambda client: client.count(self._name(collection), exact=exact)).count

    def count_whole_chunks(self) -> int:
        return self.count("chunks", exact=False)

    def count_all(self) -> int:
        """For `TermStatistics`."""
        return self.count("chunks", exact=False)

    def count_with_terms(self, exact: bool) -> int:
        """For `TermStatistics`."""
        return self._count_chunks(has_vector("lexical"), exact)

    def count_with_term(self, term: int, exact: bool) -> int:
        """For `TermStatistics`."""
        return self._count_chunks(has_term(term), exact)

    def count_values(self, collection: Collection, field: str, limit: int) -> dict[str, int]:
        found = self._reads.read(lambda client: client.facet(self._name(collection), field, limit=limit, exact=True))
        return {str(hit.value): hit.count for hit in found.hits}

    def begin_weighing(self, terms: SparseVector) -> Weighing:
        if self._followed.is_due():  # beside the question: what it finds counts for the next ones
            threading.Thread(target=self._reads.look_quietly, name="version", daemon=True).start()
        return self._terms.begin(terms)

    def find_and_score(
        self, finders: Sequence[VectorQuery], vectors: Mapping[str, Any], fields: tuple[str, ...]
    ) -> dict[str, list[ScoredPoint]]:
        answers = self._reads.read(
            lambda client: client.query_batch_points(
                self._name("chunks"), to_scoring_requests(finders, vectors, fields, self._shards)
            )
        )
        scored = {
            name: [ScoredPoint(one.id, UUID(str(one.id)).int, one.score, one.payload or {}) for one in answer.points]
            for name, answer in zip(vectors, answers, strict=True)
        }
        return keep_found(scored, finders)

    def flush(self) -> None:
        """A server does so by itself."""

    def optimize(self) -> None:
        """A server optimizes by itself."""

    def find_rebuild(self) -> Rebuild | None:
        with self._mapped_errors():
            self._reads.look()
            building = self.versions.find_next()
            if building is None:
                return None
            names = (version.collection(self._prefix, "articles") for version in (building, self._followed.version))
            articles, of_articles = (self._client.count(name, exact=False).count for name in names)
        return Rebuild(building.name, articles, of_articles)

    @property
    def is_outdated(self) -> bool:
        """Whether a former version is read, since the current one is made for other queries."""
        return self._followed.is_outdated

    def close(self) -> None:
        self._terms.close()
        with suppress(StoreError):  # a lease that stays ends by itself
            self._writes.end()
        self._reads.close()
        self._client.close()

    def _scroll(
        self, collection: Collection, fields: Sequence[str], limit: int, **options: Any
    ) -> tuple[list[Point], Any]:
        points, offset = self._reads.read(
            lambda client: client.scroll(
                self._name(collection), limit=limit, with_payload=list(fields), with_vectors=False, **options
            )
        )
        return [Point(str(point.id), point.payload or {}) for point in points], offset

    def _create_payload_indexes(self, collection: Collection, indexed: Mapping[str, Any]) -> None:
        for field, schema in payload_schemas(collection).items():
            if field not in indexed:
                self._client.create_payload_index(self._name(collection), field, schema)

    def _count_chunks(self, condition: models.Filter, exact: bool) -> int:
        return self._reads.read(lambda client: client.count(self._name("chunks"), condition, exact=exact)).count

    def _forget_terms(self, collection: Collection) -> None:
        if collection == "chunks":
            self._terms.forget()

    def _adopt_version(self) -> None:
        """Another version is read from now on."""
        self._shards = self._client.get_collection(self._name("chunks")).config.params.shard_number or 1
        self._terms.forget()

    def _mapped_errors(self) -> AbstractContextManager[None]:
        return mapped_errors(self._url, self._key)


def _named_vectors(vectors: Any) -> dict[str, Any]:
    return vectors if isinstance(vectors, dict) else {}
