"""How a Qdrant server keeps articles and chunks: vectors, shards, payload indexes; and whether a collection is so."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from qdrant_client import models

from rag.store.engine import (
    DELETED_THRESHOLD,
    INTEGER_FIELDS,
    KEYWORD_FIELDS,
    VACUUM_MIN_VECTORS,
    WRITTEN_AT,
    Collection,
)
from rag.store.server_requests import TERMS

_DATATYPES = {"dense": models.Datatype.FLOAT32, "tokens": models.Datatype.UINT8, "sentence": models.Datatype.UINT8}
_DISTANCES = {"dense": models.Distance.COSINE, "tokens": models.Distance.DOT, "sentence": models.Distance.DOT}
_MAX_SIM = models.MultiVectorComparator.MAX_SIM


class Sharding(NamedTuple):
    """How a cluster spreads a collection over its nodes, decided when it is created; None: as the server has it.

    Attributes
    ----------
    shards : int or None
        Parts of the collection. A server makes as many as it has nodes.
    replicas : int or None
        Copies of each shard, on different nodes.
    write_consistency : int or None
        Copies that must have taken a write before it counts as done.
    """

    shards: int | None = None
    replicas: int | None = None
    write_consistency: int | None = None


SERVER_SHARDING = Sharding()
"""As the server has it."""


def collection_options(
    collection: Collection, sizes: Mapping[str, int], sharding: Sharding = SERVER_SHARDING
) -> dict[str, Any]:
    """What a collection is created with, by the length of the vectors of each representation."""
    spread = {
        "shard_number": sharding.shards,
        "replication_factor": sharding.replicas,
        "write_consistency_factor": sharding.write_consistency,
    }
    if collection == "articles":
        return spread | {"vectors_config": {}}
    return spread | {
        "vectors_config": {name: _vector_params(name, size) for name, size in sizes.items()},
        # Without a modifier: that one counts terms in each shard alone, so `TermStatistics` weighs queries.
        "sparse_vectors_config": {"lexical": models.SparseVectorParams()},
        "optimizers_config": models.OptimizersConfigDiff(
            deleted_threshold=DELETED_THRESHOLD, vacuum_min_vector_number=VACUUM_MIN_VECTORS
        ),
    }


def _vector_params(representation: str, size: int) -> models.VectorParams:
    distance = _DISTANCES[representation]
    if representation == "dense":
        return models.VectorParams(size=size, distance=distance)
    # The multivectors only re-score what the others found; the lengths of a query's tokens are their weights.
    return models.VectorParams(
        size=size,
        distance=distance,
        datatype=_DATATYPES[representation],
        multivector_config=models.MultiVectorConfig(comparator=_MAX_SIM),
        hnsw_config=models.HnswConfigDiff(m=0),
        on_disk=True,
    )


def payload_schemas(collection: Collection) -> dict[str, Any]:
    """The index of each payload field: a server may refuse to filter by a field without one."""
    schemas: dict[str, Any] = dict.fromkeys(KEYWORD_FIELDS[collection], models.PayloadSchemaType.KEYWORD)
    schemas |= dict.fromkeys(INTEGER_FIELDS[collection], models.PayloadSchemaType.INTEGER)
    if collection == "chunks":
        # About 150 terms a chunk, which are counted and compared with nothing: their index may stay on disk.
        schemas[TERMS] = models.IntegerIndexParams(
            type=models.IntegerIndexType.INTEGER, lookup=True, range=False, on_disk=True
        )
        schemas[WRITTEN_AT] = models.IntegerIndexParams(
            type=models.IntegerIndexType.INTEGER, lookup=False, range=True, on_disk=True
        )
    return schemas


def find_differences(found: models.CollectionParams, sizes: Mapping[str, int]) -> list[str]:
    """What keeps a collection from being one of chunks, each for a message; empty where it is one."""
    vectors = found.vectors if isinstance(found.vectors, dict) else {}
    sparse = found.sparse_vectors or {}
    lengths = {name: vector.size for name, vector in vectors.items()}
    differences = [] if lengths == dict(sizes) else [f"it holds vectors of lengths {lengths}, not {dict(sizes)}"]
    for name in sizes.keys() & vectors.keys():
        differences += [f"its {name} vectors {difference}" for difference in _vector_differences(name, vectors[name])]
    if "lexical" not in sparse:
        differences.append("it has no lexical vectors")
    elif sparse["lexical"].modifier not in (None, models.Modifier.NONE):
        differences.append("its lexical vectors have a modifier, as an earlier Dalil made them")
    return sorted(differences)


def _vector_differences(name: str, found: models.VectorParams) -> Iterator[str]:
    if found.distance != _DISTANCES[name]:
        yield f"are compared by {found.distance.value}, not {_DISTANCES[name].value}"
    datatype = found.datatype or models.Datatype.FLOAT32
    if datatype != _DATATYPES[name]:
        yield f"are of datatype {datatype.value}, not {_DATATYPES[name].value}"
    comparator = found.multivector_config.comparator if found.multivector_config else None
    if comparator != (None if name == "dense" else _MAX_SIM):
        yield "are multivectors" if name == "dense" else "are no multivectors compared by max_sim"
