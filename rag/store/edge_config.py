"""How Qdrant Edge keeps articles and chunks: vectors, optimizers, payload indexes."""

from collections.abc import Mapping
from typing import Any

import qdrant_edge as edge

from rag.store.engine import DELETED_THRESHOLD, INTEGER_FIELDS, KEYWORD_FIELDS, VACUUM_MIN_VECTORS, Collection


def create_payload_indexes(shard: Any, collection: Collection) -> None:
    """Index the payload fields: without that a filtered search reads the payload of every chunk, 50 ms for 10,000, not
    1."""
    indexed = shard.info().payload_schema
    kinds = dict.fromkeys(KEYWORD_FIELDS[collection], edge.PayloadSchemaType.Keyword)
    kinds |= dict.fromkeys(INTEGER_FIELDS[collection], edge.PayloadSchemaType.Integer)
    for field, kind in kinds.items():
        if field not in indexed:
            shard.update(edge.UpdateOperation.create_field_index(field, kind))


def articles_config() -> edge.EdgeConfig:
    """The configuration of the shard of articles."""
    # Articles are fetched by id only; Edge wants some vector to be declared.
    return edge.EdgeConfig(sparse_vectors={"unused": edge.EdgeSparseVectorParams()})


def chunks_config(sizes: Mapping[str, int]) -> edge.EdgeConfig:
    """The configuration of the shard of chunks, by the length of the vectors of each representation."""
    # The multivectors only re-score what the others found; the lengths of a query's tokens are their weights.
    rescoring: dict[str, Any] = {
        "multivector_config": edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim),
        "hnsw_config": edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
        "datatype": edge.VectorStorageDatatype.Uint8,
        "on_disk": True,
    }
    # One thread: handing a search of 3 ms to others costs 0.3 ms.
    return edge.EdgeConfig(
        max_search_threads=1,
        vectors={
            "dense": edge.EdgeVectorParams(sizes["dense"], edge.Distance.Cosine),
            "tokens": edge.EdgeVectorParams(sizes["tokens"], edge.Distance.Dot, **rescoring),
            "sentence": edge.EdgeVectorParams(sizes["sentence"], edge.Distance.Dot, **rescoring),
        },
        sparse_vectors={"lexical": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        # Edge counts deleted chunks in the document frequencies until a vacuum: `optimize` vacuums at the first ones.
        optimizers=edge.EdgeOptimizersConfig(
            deleted_threshold=DELETED_THRESHOLD, vacuum_min_vector_number=VACUUM_MIN_VECTORS
        ),
    )
