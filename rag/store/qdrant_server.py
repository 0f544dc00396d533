"""A Qdrant server or cluster, by URL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from rag.errors import PipelineError, StoreError
from rag.store.base import CANDIDATE_FIELDS, Collection, QueryVectors, Record
from rag.store.candidates import Scores

_PAGE = 1000
_TIMEOUT_S = 30


class ServerEngine:
    """Two collections of a server; `prefix` keeps several indexes apart on one server."""

    def __init__(self, client: QdrantClient, prefix: str, where: str) -> None:
        self._client = client
        self._names: dict[Collection, str] = {"articles": f"{prefix}_articles", "chunks": f"{prefix}_chunks"}
        self._where = where

    @classmethod
    def connect(cls, url: str, key: str | None, ca_file: str | None, prefix: str) -> "ServerEngine":
        """A connection to `url`; nothing is sent before `open`."""
        verify: dict[str, Any] = {"verify": ca_file} if ca_file else {}
        client = QdrantClient(url=url, api_key=key, timeout=_TIMEOUT_S, check_compatibility=False, **verify)
        return cls(client, prefix, url)

    def open(self, sizes: Mapping[str, int]) -> None:
        with self._mapped():
            if not self._client.collection_exists(self._names["articles"]):
                self._client.create_collection(self._names["articles"], vectors_config={})
            if not self._client.collection_exists(self._names["chunks"]):
                self._create_chunks(sizes)
            chunks = self._client.get_collection(self._names["chunks"])
            vectors = chunks.config.params.vectors
            if "article_id" not in chunks.payload_schema:
                # A server may refuse to filter by a field without one.
                self._client.create_payload_index(self._names["chunks"], "article_id", models.PayloadSchemaType.KEYWORD)
        stored = {name: vector.size for name, vector in vectors.items()} if isinstance(vectors, dict) else None
        if stored != dict(sizes):
            self.close()
            raise PipelineError(
                f"The collection {self._names['chunks']} on {self._where} holds vectors of lengths {stored}, "
                f"not {dict(sizes)}. Set the embedding model it was made with, or another "
                "DALIL_QDRANT_PREFIX."
            )

    def upsert(self, collection: Collection, points: Sequence[Record]) -> None:
        found = [
            models.PointStruct(id=point.id, vector=_vectors(point.vectors), payload=point.payload) for point in points
        ]
        if found:
            with self._mapped():
                self._client.upsert(self._names[collection], found, wait=True)

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        if ids:
            with self._mapped():
                self._client.delete(self._names[collection], models.PointIdsList(points=list(ids)), wait=True)

    def retrieve(self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = ()) -> list[Record]:
        with self._mapped():
            found = self._client.retrieve(self._names[collection], list(ids), with_vectors=list(vectors) or False)
        return [Record(str(point.id), point.payload or {}, _named(point.vector)) for point in found]

    def scroll(self, collection: Collection, fields: Sequence[str]) -> Iterator[Record]:
        offset = None
        while True:
            with self._mapped():
                points, offset = self._client.scroll(
                    self._names[collection], limit=_PAGE, offset=offset, with_payload=list(fields), with_vectors=False
                )
            yield from (Record(str(point.id), point.payload or {}) for point in points)
            if offset is None:
                return

    def count(self, collection: Collection) -> int:
        with self._mapped():
            return self._client.count(self._names[collection], exact=True).count

    def search(self, query: QueryVectors, dense: int, lexical: int, articles: Sequence[str] | None = None) -> Scores:
        encoded = query.encoded
        views: dict[str, Any] = {
            "dense": encoded.dense.tolist(),
            "tokens": encoded.tokens.tolist(),
            "sentence": [encoded.sentence.tolist()],
        }
        of_these = None if articles is None else _of(articles)
        prefetches = (
            [models.Prefetch(query=views["dense"], using="dense", limit=dense, filter=of_these)] if dense else []
        )
        if query.lexical.indices:
            sparse = models.SparseVector(indices=query.lexical.indices, values=query.lexical.values)
            views["lexical"] = sparse
            if lexical:
                prefetches.append(models.Prefetch(query=sparse, using="lexical", limit=lexical, filter=of_these))
        if not prefetches:
            return Scores({}, {})  # nothing to look for; without a prefetch Qdrant would search every chunk
        requests = [
            models.QueryRequest(
                query=view,
                using=name,
                prefetch=prefetches,
                limit=dense + lexical,
                with_payload=list(CANDIDATE_FIELDS) if name == "dense" else False,
            )
            for name, view in views.items()
        ]
        with self._mapped():
            lists = [answer.points for answer in self._client.query_batch_points(self._names["chunks"], requests)]
        scores = {
            view: {_number(point): point.score for point in points} for view, points in zip(views, lists, strict=True)
        }
        return Scores(scores, {_number(point): point.payload or {} for point in lists[0]})

    def settle(self) -> None:
        """A server optimises by itself."""

    def close(self) -> None:
        self._client.close()

    def _create_chunks(self, sizes: Mapping[str, int]) -> None:
        # The multivectors only re-score what the others found; the lengths of a question's tokens are their weights.
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
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except (ApiException, QdrantException, OSError, ValueError, AssertionError) as error:
            raise StoreError(
                f"The Qdrant server at {self._where} did not do what was asked: {error}. "
                "Look at DALIL_QDRANT_URL and DALIL_QDRANT_API_KEY, and whether the server runs."
            ) from error


def _number(point: models.ScoredPoint) -> int:
    return UUID(str(point.id)).int


def _of(articles: Sequence[str]) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="article_id", match=models.MatchAny(any=list(articles)))])


def _vectors(vectors: dict[str, Any]) -> dict[str, Any]:
    lexical = vectors.get("lexical")
    named = {name: vector for name, vector in vectors.items() if name != "lexical"}
    if lexical and lexical.indices:
        named["lexical"] = models.SparseVector(indices=lexical.indices, values=lexical.values)
    return named


def _named(vectors: Any) -> dict[str, Any]:
    return vectors if isinstance(vectors, dict) else {}
