"""A Qdrant server or cluster, by URL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from rag.embedding.bm25 import SparseVector
from rag.errors import IndexMismatchError, StoreError
from rag.secrets import hide_secrets
from rag.store.engine import INTEGER_FIELDS, KEYWORD_FIELDS, Collection, Payload, Point, ScoredPoint, VectorQuery
from rag.store.filters import ChunkFilter

_POINTS_PER_PAGE = 1000
_TIMEOUT_S = 30


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
    """

    floor = None

    def __init__(self, client: QdrantClient, prefix: str, url: str, key: str | None = None) -> None:
        self._client, self._key = client, key
        self._names: dict[Collection, str] = {"articles": f"{prefix}_articles", "chunks": f"{prefix}_chunks"}
        self._url = url

    @classmethod
    def connect(cls, url: str, key: str | None, ca_file: str | None, prefix: str) -> "ServerEngine":
        """A connection to a server; nothing is sent before `open`.

        Parameters
        ----------
        url : str
            `https` for TLS.
        key : str or None
            Of the server.
        ca_file : str or None
            Certificate authority of the server, when it is not one that the system knows.
        prefix : str
            First part of the collections' names.
        """
        verify: dict[str, Any] = {"verify": ca_file} if ca_file else {}
        client = QdrantClient(url=url, api_key=key, timeout=_TIMEOUT_S, check_compatibility=False, **verify)
        return cls(client, prefix, url, key)

    def open(self, vector_sizes: Mapping[str, int]) -> None:
        with self._mapped_errors():
            if not self._client.collection_exists(self._names["articles"]):
                self._client.create_collection(self._names["articles"], vectors_config={})
            if not self._client.collection_exists(self._names["chunks"]):
                self._create_chunks(vector_sizes)
            vectors = self._client.get_collection(self._names["chunks"]).config.params.vectors
            for collection in self._names:
                self._create_payload_indexes(collection)
        stored = {name: vector.size for name, vector in vectors.items()} if isinstance(vectors, dict) else None
        if stored != dict(vector_sizes):
            self.close()
            raise IndexMismatchError(
                f"The collection {self._names['chunks']} on {self._url} holds vectors of lengths {stored}, "
                f"not {dict(vector_sizes)}. Set the embedding model it was made with, or another "
                "DALIL_QDRANT_PREFIX."
            )

    def check_space(self, points: Sequence[Point]) -> None:
        """A server looks after its own disk."""

    def upsert(self, collection: Collection, points: Sequence[Point]) -> None:
        found = [
            models.PointStruct(id=point.id, vector=_to_server_vectors(point.vectors), payload=point.payload)
            for point in points
        ]
        if found:
            with self._mapped_errors():
                self._client.upsert(self._names[collection], found, wait=True)

    def set_payload(self, collection: Collection, fields: Mapping[str, Payload]) -> None:
        operations = [
            models.SetPayloadOperation(
                set_payload=models.SetPayload(
                    payload=payload, filter=models.Filter(must=[models.HasIdCondition(has_id=[one])])
                )
            )
            for one, payload in fields.items()
        ]
        if operations:
            with self._mapped_errors():
                self._client.batch_update_points(self._names[collection], operations, wait=True)

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        if ids:
            with self._mapped_errors():
                self._client.delete(self._names[collection], models.PointIdsList(points=list(ids)), wait=True)

    def retrieve(self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = ()) -> list[Point]:
        with self._mapped_errors():
            found = self._client.retrieve(self._names[collection], list(ids), with_vectors=list(vectors) or False)
        return [Point(str(point.id), point.payload or {}, _named_vectors(point.vector)) for point in found]

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
        with self._mapped_errors():
            return self._client.count(self._names[collection], exact=exact).count

    def count_whole_chunks(self) -> int:
        return self.count("chunks", exact=False)

    def count_values(self, collection: Collection, field: str, limit: int) -> dict[str, int]:
        with self._mapped_errors():
            found = self._client.facet(self._names[collection], key=field, limit=limit, exact=True)
        return {str(hit.value): hit.count for hit in found.hits}

    def query(self, queries: Sequence[VectorQuery]) -> list[list[ScoredPoint]]:
        if not queries:
            return []
        requests = [_to_server_request(query) for query in queries]
        with self._mapped_errors():
            found = self._client.query_batch_points(self._names["chunks"], requests)
        return [
            [
                ScoredPoint(point.id, UUID(str(point.id)).int, point.score, point.payload or {})
                for point in answer.points
            ]
            for answer in found
        ]

    def flush(self) -> None:
        """A server does so by itself."""

    def optimize(self) -> None:
        """A server optimizes by itself."""

    def close(self) -> None:
        self._client.close()

    def _scroll(
        self, collection: Collection, fields: Sequence[str], limit: int, **options: Any
    ) -> tuple[list[Point], Any]:
        with self._mapped_errors():
            points, offset = self._client.scroll(
                self._names[collection], limit=limit, with_payload=list(fields), with_vectors=False, **options
            )
        return [Point(str(point.id), point.payload or {}) for point in points], offset

    def _create_payload_indexes(self, collection: Collection) -> None:
        """Index the payload fields: a server may refuse to filter by a field without one."""
        indexed = self._client.get_collection(self._names[collection]).payload_schema
        kinds = dict.fromkeys(KEYWORD_FIELDS[collection], models.PayloadSchemaType.KEYWORD)
        kinds |= dict.fromkeys(INTEGER_FIELDS[collection], models.PayloadSchemaType.INTEGER)
        for field, kind in kinds.items():
            if field not in indexed:
                self._client.create_payload_index(self._names[collection], field, kind)

    def _create_chunks(self, sizes: Mapping[str, int]) -> None:
        # The multivectors only re-score what the others found; the lengths of a query's tokens are their weights.
        rescoring: dict[str, Any] = {
            "multivector_config": models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            "hnsw_config": models.HnswConfigDiff(m=0),
            "datatype": models.Datatype.UINT8,
        }
        self._client.create_collection(
            self._names["chunks"],
            vectors_config={
                "dense": models.VectorParams(size=sizes["dense"], distance=models.Distance.COSINE),
                "tokens": models.VectorParams(size=sizes["tokens"], distance=models.Distance.DOT, **rescoring),
                "sentence": models.VectorParams(size=sizes["sentence"], distance=models.Distance.DOT, **rescoring),
            },
            sparse_vectors_config={"lexical": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except (ApiException, QdrantException, OSError, ValueError, AssertionError) as error:
            reason = hide_secrets(str(error), [self._key])
            raise StoreError(
                f"The Qdrant server at {self._url} did not do what was asked: {reason}. "
                "Look at DALIL_QDRANT_URL and DALIL_QDRANT_API_KEY, and whether the server runs."
            ) from error


def _to_server_request(query: VectorQuery) -> models.QueryRequest:
    conditions: list[Any] = [models.HasIdCondition(has_id=list(query.ids))] if query.ids is not None else []
    conditions += _to_server_conditions(query.filter) if query.filter else []
    return models.QueryRequest(
        query=_to_server_sparse(query.vector) if isinstance(query.vector, SparseVector) else query.vector,
        using=query.representation,
        limit=query.limit,
        filter=models.Filter(must=conditions) if conditions else None,
        with_payload=list(query.fields) or False,
    )


def _to_server_conditions(condition: ChunkFilter) -> list[models.FieldCondition]:
    matches = {field: models.MatchAny(any=list(values)) for field, values in condition.keywords.items()}
    minima = {field: models.Range(gte=value) for field, value in condition.minima.items()}
    maxima = {field: models.Range(lte=value) for field, value in condition.maxima.items()}
    return [
        *(models.FieldCondition(key=field, match=match) for field, match in matches.items()),
        *(models.FieldCondition(key=field, range=bound) for field, bound in (minima | maxima).items()),
    ]


def _to_server_sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=vector.indices, values=vector.values)


def _to_server_vectors(vectors: dict[str, Any]) -> dict[str, Any]:
    lexical = vectors.get("lexical")
    named = {name: vector for name, vector in vectors.items() if name != "lexical"}
    return named | ({"lexical": _to_server_sparse(lexical)} if lexical and lexical.indices else {})


def _named_vectors(vectors: Any) -> dict[str, Any]:
    return vectors if isinstance(vectors, dict) else {}
