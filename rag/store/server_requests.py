"""Points, queries and conditions as a Qdrant server is sent them."""

from collections.abc import Iterator, Sequence
from typing import Any

from qdrant_client import models

from rag.embedding.bm25 import SparseVector
from rag.store.engine import WRITTEN_AT, Point, VectorQuery
from rag.store.filters import ChunkFilter

TERMS = "terms"
"""Payload of a chunk: the ids of its terms, by which they are counted."""

_MAX_REQUEST_BYTES = 30_000_000
"""A server that was not told otherwise takes 32 MiB."""


def to_server_point(point: Point, written_at: int) -> models.PointStruct:
    """A point; a chunk, which has vectors, with its time and the terms of its lexical vector in its payload."""
    if not point.vectors:
        return models.PointStruct(id=point.id, vector={}, payload=point.payload)
    lexical: SparseVector = point.vectors["lexical"]
    vectors = point.vectors | {"lexical": _to_server_sparse(lexical)}
    payload = point.payload | {WRITTEN_AT: written_at, TERMS: lexical.indices}
    if not lexical.indices:
        del vectors["lexical"], payload[TERMS]
    return models.PointStruct(id=point.id, vector=vectors, payload=payload)


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


def to_server_request(query: VectorQuery) -> models.QueryRequest:
    """A query."""
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
