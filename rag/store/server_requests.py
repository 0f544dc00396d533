"""Points, queries and conditions as a Qdrant server is sent them."""

from typing import Any

from qdrant_client import models

from rag.embedding.bm25 import SparseVector
from rag.store.engine import Point, VectorQuery
from rag.store.filters import ChunkFilter

TERMS = "terms"
"""Payload of a chunk: the ids of its terms, by which they are counted."""


def to_server_point(point: Point) -> models.PointStruct:
    """A point; a chunk with the terms of its lexical vector in its payload."""
    lexical = point.vectors.get("lexical")
    vectors = {name: vector for name, vector in point.vectors.items() if name != "lexical"}
    if lexical is None or not lexical.indices:
        return models.PointStruct(id=point.id, vector=vectors, payload=point.payload)
    vectors["lexical"] = _to_server_sparse(lexical)
    return models.PointStruct(id=point.id, vector=vectors, payload=point.payload | {TERMS: lexical.indices})


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
