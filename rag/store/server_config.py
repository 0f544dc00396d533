"""How a Qdrant server keeps articles and chunks: vectors, shards, payload indexes; and whether a collection is so."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel
from qdrant_client import models

from rag.errors import SettingsError
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

Quantization = Literal["none", "scalar", "binary"]
_LARGE_DELETED_THRESHOLD, _LARGE_VACUUM_MIN_VECTORS = 0.2, 1000
"""Those of Qdrant itself: rewriting a segment of gigabytes for each hundredth that is deleted would never end. Scores
do not depend on it: `TermStatistics` counts no deleted chunk."""
_OPTIONS: dict[str, type[BaseModel]] = {
    "hnsw_config": models.HnswConfigDiff,
    "optimizers_config": models.OptimizersConfigDiff,
}


class Storage(NamedTuple):
    """How the chunks of a collection are kept, decided when it is created.

    Attributes
    ----------
    is_large : bool
        Whether dense vectors, their graph and the lists of terms lie on disk, and segments are seldom rewritten.
    quantization : Quantization
        What is kept in memory of dense vectors, which then find candidates; their scores are of the vectors themselves.
    options : dict
        Other parameters of `hnsw_config` and `optimizers_config`.
    """

    is_large: bool = False
    quantization: Quantization = "none"
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)

    @classmethod
    def of(cls, is_large: bool, quantization: Quantization | None, options: dict[str, Any]) -> Self:
        """As settings have it, of which each may be unset.

        Raises
        ------
        SettingsError
            For options that Qdrant does not have.
        """
        for name, values in options.items():
            model = _OPTIONS.get(name)
            unknown = set(values) - set(model.model_fields) if model and isinstance(values, dict) else {name}
            if unknown:
                raise SettingsError(
                    f"DALIL_QDRANT_OPTIONS: {', '.join(sorted(unknown))} is none of Qdrant's parameters. It takes "
                    f"{' and '.join(_OPTIONS)}, each an object."
                )
        return cls(is_large, quantization or ("scalar" if is_large else "none"), options)


SMALL = Storage()
"""For up to about a million chunks."""


def collection_options(
    collection: Collection, sizes: Mapping[str, int], sharding: Sharding = SERVER_SHARDING, storage: Storage = SMALL
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
        "vectors_config": {name: _vector_params(name, size, storage) for name, size in sizes.items()},
        # Without a modifier: that one counts terms in each shard alone, so `TermStatistics` weighs queries.
        "sparse_vectors_config": {"lexical": _sparse_params(storage)},
        "hnsw_config": _hnsw(storage),
        "optimizers_config": _optimizers(storage),
    }


def _sparse_params(storage: Storage) -> models.SparseVectorParams:
    return models.SparseVectorParams(index=models.SparseIndexParams(on_disk=True) if storage.is_large else None)


def _hnsw(storage: Storage) -> models.HnswConfigDiff | None:
    given = ({"on_disk": True} if storage.is_large else {}) | storage.options.get("hnsw_config", {})
    return models.HnswConfigDiff(**given) if given else None


def _optimizers(storage: Storage) -> models.OptimizersConfigDiff:
    share = _LARGE_DELETED_THRESHOLD if storage.is_large else DELETED_THRESHOLD
    number = _LARGE_VACUUM_MIN_VECTORS if storage.is_large else VACUUM_MIN_VECTORS
    given = {"deleted_threshold": share, "vacuum_min_vector_number": number}
    return models.OptimizersConfigDiff(**given | storage.options.get("optimizers_config", {}))


def _quantization(storage: Storage) -> models.QuantizationConfig | None:
    if storage.quantization == "scalar":
        int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        return models.ScalarQuantization(scalar=int8)
    if storage.quantization == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None


def _vector_params(representation: str, size: int, storage: Storage) -> models.VectorParams:
    distance = _DISTANCES[representation]
    if representation == "dense":
        on_disk = storage.is_large or None
        quantization = _quantization(storage)
        return models.VectorParams(size=size, distance=distance, on_disk=on_disk, quantization_config=quantization)
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
