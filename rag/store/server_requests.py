"""Points, queries and conditions as a Qdrant server is sent them."""

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qdrant_client import models

from rag.embedding.bm25 import SparseVector
from rag.store.engine import WRITTEN_AT, Payload, Point, VectorQuery
from rag.store.filters import ChunkFilter
from rag.store.vector_text import decode_vectors, encode_vectors

TERMS = "terms"
"""Payload of a chunk: the ids of its terms, by which they are counted."""
VECTOR_TEXTS = {"tokens": "tokens_text", "sentence": "sentence_text"}
"""Payload of a chunk: its vectors of 8 bits by representation, once more, as they are read for an answer."""

_MAX_REQUEST_BYTES = 30_000_000
"""A server that was not told otherwise takes 32 MiB."""
_EXACT_SCORES = models.SearchParams(quantization=models.QuantizationSearchParams(ignore=True))
_EXACT_CHOICE = models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True, oversampling=2.0))
"""Where dense vectors are quantized: scores are of the vectors themselves, and twice as many are found as are kept by
them. Where they are not, this changes nothing."""
_LONG_TEXT_BYTES = 8_000_000
_DEFLATED = "text_deflated"
"""Payload of an article whose text would not go into a request: 20 million Arabic letters are 37 MB, and 7 to 10 MB
compressed."""


def to_server_point(point: Point, written_at: int) -> models.PointStruct:
    """A point; a chunk, which has vectors, with its time and the terms of its lexical vector in its payload."""
    if not point.vectors:
        return models.PointStruct(id=point.id, vector={}, payload=_deflate_text(point.payload))
    lexical: SparseVector = point.vectors["lexical"]
    vectors = point.vectors | {"lexical": _to_server_sparse(lexical)}
    texts = {field: encode_vectors(vectors[name]) for name, field in VECTOR_TEXTS.items()}
    payload = point.payload | texts | {WRITTEN_AT: written_at, TERMS: lexical.indices}
    if not lexical.indices:
        del vectors["lexical"], payload[TERMS]
    return models.PointStruct(id=point.id, vector=vectors, payload=payload)


def _deflate_text(payload: Payload) -> Payload:
    text = str(payload.get("text", "")).encode("utf-8", "surrogatepass")
    if len(text) <= _LONG_TEXT_BYTES:
        return payload
    return payload | {"text": "", _DEFLATED: base64.b64encode(zlib.compress(text)).decode()}


def inflate_text(payload: Payload) -> Payload:
    """The payload of an article as it was given to `to_server_point`."""
    if _DEFLATED not in payload:
        return payload
    text = zlib.decompress(base64.b64decode(payload[_DEFLATED])).decode("utf-8", "surrogatepass")
    return {name: value for name, value in payload.items() if name != _DEFLATED} | {"text": text}


def split_points(points: Sequence[models.PointStruct]) -> Iterator[list[models.PointStruct]]:
    """Points in groups that a request may hold, in order; one that is larger than a request is a group of its own."""
    group: list[models.PointStruct] = []
    size = 0
    for point in points:
        bytes_of_point = len(point.model_dump_json().encode())
        if group and size + bytes_of_point > _MAX_REQUEST_BYTES:
            yield group
            group, size = [], 0
        group.append(point)
        size += bytes_of_point
    if group:
        yield group


def to_scoring_requests(
    finders: Sequence[VectorQuery], vectors: Mapping[str, Any], fields: Sequence[str], shards: int
) -> list[models.QueryRequest]:
    """For each representation one that scores all that the finders find.

    Each shard finds and scores by itself, and what they found is merged: the limit lets all of it through, since some
    of the chunks that are the best of all by one representation are the worst by another.
    """
    prefetches = [_to_prefetch(finder) for finder in finders]
    limit = shards * sum(finder.limit for finder in finders)
    return [
        models.QueryRequest(
            prefetch=prefetches,
            query=_to_server_vector(vector),
            using=name,
            limit=limit,
            with_payload=list(fields) if name == "dense" else False,
            params=_EXACT_SCORES if name == "dense" else None,
        )
        for name, vector in vectors.items()
    ]


def _to_prefetch(finder: VectorQuery) -> models.Prefetch:
    conditions: list[Any] = _to_server_conditions(finder.filter) if finder.filter else []
    return models.Prefetch(
        query=_to_server_vector(finder.vector),
        using=finder.representation,
        limit=finder.limit,
        filter=models.Filter(must=conditions) if conditions else None,
        params=_EXACT_CHOICE if finder.representation == "dense" else None,
    )


def _to_server_conditions(condition: ChunkFilter) -> list[models.FieldCondition]:
    matches = {field: models.MatchAny(any=list(values)) for field, values in condition.keywords.items()}
    minima = {field: models.Range(gte=value) for field, value in condition.minima.items()}
    maxima = {field: models.Range(lte=value) for field, value in condition.maxima.items()}
    return [
        *(models.FieldCondition(key=field, match=match) for field, match in matches.items()),
        *(models.FieldCondition(key=field, range=bound) for field, bound in (minima | maxima).items()),
    ]


def _to_server_vector(vector: Any) -> Any:
    return _to_server_sparse(vector) if isinstance(vector, SparseVector) else vector


def read_vectors(payload: Payload, sizes: Mapping[str, int]) -> dict[str, Any]:
    """The vectors of 8 bits of a chunk from its payload; empty where an earlier Dalil wrote it."""
    if not payload.keys() >= set(VECTOR_TEXTS.values()):
        return {}
    return {name: decode_vectors(payload[field], sizes[name]) for name, field in VECTOR_TEXTS.items()}


def _to_server_sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=vector.indices, values=vector.values)


def has_term(term: int) -> models.Filter:
    """The chunks that have a term."""
    return models.Filter(must=[models.FieldCondition(key=TERMS, match=models.MatchValue(value=term))])


def has_vector(representation: str) -> models.Filter:
    """The chunks that have a vector of a representation."""
    return models.Filter(must=[models.HasVectorCondition(has_vector=representation)])


def is_unchanged(chunks: Sequence[Point]) -> models.Filter:
    """Chunks that were not written again after the last of these."""
    last = max(chunk.payload.get(WRITTEN_AT, 0) for chunk in chunks)
    named = models.HasIdCondition(has_id=[chunk.id for chunk in chunks])
    newer = models.FieldCondition(key=WRITTEN_AT, range=models.Range(gt=last))
    return models.Filter(must=[named], must_not=[newer])
