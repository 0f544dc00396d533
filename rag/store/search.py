"""A search of the index: some representations find chunks, all of them score what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedding import QueryVectors
from rag.embedding.bm25 import SparseVector
from rag.store.candidates import CANDIDATE_FIELDS, REPRESENTATIONS, Candidates
from rag.store.engine import Engine, Payload, ScoredPoint, VectorQuery
from rag.store.filters import ChunkFilter
from rag.store.quantization import quantize_query
from rag.types import Filters

_MAX_SEARCHES = 3
"""When what was found is deleted before it is scored."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query in every representation.

    Attributes
    ----------
    vectors : QueryVectors
        As the encoder gives them.
    lexical : SparseVector
        Of its index terms.
    """

    vectors: QueryVectors
    lexical: SparseVector


def find_candidates(engine: Engine, query: SearchQuery, limits: Mapping[str, int], filters: Filters) -> Candidates:
    """The best chunks by some representations, each scored by all of them; two round trips.

    Parameters
    ----------
    engine : Engine
        Holds the chunks.
    query : SearchQuery
        What to look for.
    limits : mapping of str to int
        Chunks that each representation finds; with 0, what it finds is left out.
    filters : Filters
        Which articles may be searched.
    """
    tokens = quantize_query(query.vectors.tokens)
    sentence = quantize_query(query.vectors.sentence[None])
    vectors: dict[str, Any] = {
        "dense": query.vectors.dense.tolist(),
        "tokens": tokens.vectors.tolist(),
        "sentence": sentence.vectors.tolist(),
    }
    if query.lexical.indices:
        vectors["lexical"] = query.lexical
    condition = ChunkFilter.of(filters)
    finders = [
        VectorQuery(name, vectors[name], limit, condition)
        for name, limit in limits.items()
        if limit and name in vectors
    ]
    found = _find_and_score(engine, finders, vectors)
    if not found:
        return Candidates.none()
    payloads = {point.key: point.payload for point in found["dense"]}
    columns = dict.fromkeys(REPRESENTATIONS, np.full(len(payloads), np.nan)) | {
        name: _column({point.key: point.score for point in points}, payloads) for name, points in found.items()
    }
    columns["tokens"] = tokens.dequantize_scores(columns["tokens"])
    columns["sentence"] = sentence.dequantize_scores(columns["sentence"])
    return Candidates(payloads, np.nan_to_num(np.stack(list(columns.values()), axis=1)))


def _find_and_score(
    engine: Engine, finders: Sequence[VectorQuery], vectors: dict[str, Any]
) -> dict[str, list[ScoredPoint]]:
    """What the finders find, scored by every representation; empty when they find nothing."""
    for _ in range(_MAX_SEARCHES):
        ids = list(dict.fromkeys(point.id for points in engine.query(finders) for point in points))
        if not ids:
            return {}
        scorers = [
            VectorQuery(name, vector, len(ids), ids=ids, fields=CANDIDATE_FIELDS if name == "dense" else ())
            for name, vector in vectors.items()
        ]
        found = dict(zip(vectors, engine.query(scorers), strict=True))
        if len(found["dense"]) == len(ids):  # else some were deleted between the two
            break
    return found


def _column(scores: dict[int, float], payloads: dict[int, Payload]) -> NDArray[np.float64]:
    """Scores in the order of the payloads; nan where a chunk has nothing to score."""
    return np.array([scores.get(key, np.nan) for key in payloads])
