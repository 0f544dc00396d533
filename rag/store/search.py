"""A search of the index: some representations find chunks, all of them score what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedding import QueryVectors
from rag.embedding.bm25 import SparseVector
from rag.store.candidates import CANDIDATE_FIELDS, REPRESENTATIONS, Candidates
from rag.store.engine import Engine, Payload, ScoredPoint, VectorQuery, WeighedTerms, Weighing
from rag.store.filters import ChunkFilter
from rag.store.quantization import quantize_query
from rag.types import Filters


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query in every representation.

    Attributes
    ----------
    vectors : QueryVectors
        As the encoder gives them.
    lexical : SparseVector
        Of its index terms.
    weighing : Weighing, optional
        What `Store.begin_weighing` has begun for these terms; else that is begun when it is searched.
    """

    vectors: QueryVectors
    lexical: SparseVector
    weighing: Weighing | None = None


def find_candidates(engine: Engine, query: SearchQuery, limits: Mapping[str, int], filters: Filters) -> Candidates:
    """The best chunks by some representations, each scored by all of them.

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
    condition = ChunkFilter.of(filters)

    def search(terms: WeighedTerms) -> dict[str, list[ScoredPoint]]:
        weighed_vectors = vectors | ({"lexical": terms.vector} if terms.vector.indices else {})
        finders = [
            VectorQuery(name, weighed_vectors[name], limit, condition)
            for name, limit in limits.items()
            if limit and name in weighed_vectors
        ]
        return engine.find_and_score(finders, weighed_vectors, CANDIDATE_FIELDS) if finders else {}

    weighing = query.weighing or engine.begin_weighing(query.lexical)
    found = search(weighing.expected) if weighing.expected else {}
    terms = weighing.result()
    if terms != weighing.expected:
        found = search(terms)
    if not found:
        return Candidates.none(terms.chunks)
    payloads = {point.key: point.payload for point in found["dense"]}
    columns = dict.fromkeys(REPRESENTATIONS, np.full(len(payloads), np.nan)) | {
        name: _column({point.key: point.score for point in points}, payloads) for name, points in found.items()
    }
    columns["tokens"] = tokens.dequantize_scores(columns["tokens"])
    columns["sentence"] = sentence.dequantize_scores(columns["sentence"])
    return Candidates(payloads, np.nan_to_num(np.stack(list(columns.values()), axis=1)), terms.chunks)


def _column(scores: dict[int, float], payloads: dict[int, Payload]) -> NDArray[np.float64]:
    """Scores in the order of the payloads; nan where a chunk has nothing to score."""
    return np.array([scores.get(key, np.nan) for key in payloads])


def keep_found(
    scored: Mapping[str, Sequence[ScoredPoint]], finders: Sequence[VectorQuery]
) -> dict[str, list[ScoredPoint]]:
    """Of all that several shards found and scored, what they would have found as one: the best by each finder.

    Parameters
    ----------
    scored : mapping of str to sequence of ScoredPoint
        By representation, those of the finders and `dense` among them.
    finders : sequence of VectorQuery
        Each found as many as its limit on every shard.

    Returns
    -------
    dict of str to list of ScoredPoint
        Empty when nothing is found.
    """
    found = {
        point.key
        for finder in finders
        for point in sorted(scored[finder.representation], key=lambda one: (-one.score, one.key))[: finder.limit]
    }
    kept = {name: [point for point in points if point.key in found] for name, points in scored.items()}
    return kept if kept["dense"] else {}
