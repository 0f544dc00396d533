"""A collection as a Qdrant server keeps it: in shards that know nothing of each other, each a shard of Qdrant Edge.

A request goes to every shard, and their answers are merged. A shard cuts its list to the limit, rescores what its own
prefetches found, and computes the rarity of terms from its own points, just as those of a server do.
"""

import json
from collections import Counter
from collections.abc import Iterable
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as edge

Json = dict[str, Any]

DEFAULT_OPTIMIZERS = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000}
"""Those of a server that was not told otherwise."""
_ALL = 100_000
_SCHEMA = {"keyword": edge.PayloadSchemaType.Keyword, "integer": edge.PayloadSchemaType.Integer}
_DISTANCES = {"Cosine": edge.Distance.Cosine, "Dot": edge.Distance.Dot}
_DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}


class ShardedCollection:
    """A collection of several shards.

    Parameters
    ----------
    folder : Path
        Of its shards.
    config : dict
        As a request to create it has it.
    shard_number : int
        Where `config` has none.
    """

    def __init__(self, folder: Path, config: Json, shard_number: int) -> None:
        self.config = config
        self.payload_schema: Json = {}
        number = config.get("shard_number") or shard_number
        self.shards = [edge.EdgeShard.create(str(_make(folder / str(at))), _to_config(config)) for at in range(number)]

    def close(self) -> None:
        for shard in self.shards:
            shard.close()

    # Writing

    def create_index(self, field: str, schema: Any) -> None:
        kind = schema if isinstance(schema, str) else schema["type"]
        self.payload_schema[field] = {"data_type": kind, "points": 0}
        for shard in self.shards:
            shard.update(edge.UpdateOperation.create_field_index(field, _SCHEMA[kind]))

    def upsert(self, points: list[Json]) -> None:
        for shard, group in self._by_shard(points, lambda point: point["id"]):
            made = [edge.Point(one["id"], _to_vectors(one.get("vector")), one.get("payload") or {}) for one in group]
            shard.update(edge.UpdateOperation.upsert_points(made))

    def delete(self, ids: list[str]) -> None:
        for shard, group in self._by_shard(ids, lambda one: one):
            shard.update(edge.UpdateOperation.delete_points(group))

    def delete_by_filter(self, condition: Json) -> None:
        for shard in self.shards:
            shard.update(edge.UpdateOperation.delete_points_by_filter(_to_filter(condition)))

    def optimize(self) -> None:
        """What a server does by itself in the background, as far as the thresholds of the collection want it."""
        for shard in self.shards:
            shard.optimize()

    def set_payload(self, payload: Json, condition: Json) -> None:
        for shard in self.shards:
            shard.update(edge.UpdateOperation.set_payload_by_filter(_to_filter(condition), payload))

    def _by_shard(self, items: Iterable[Any], id_of: Any) -> Iterable[tuple[Any, list[Any]]]:
        groups: dict[int, list[Any]] = {}
        for item in items:
            groups.setdefault(UUID(id_of(item)).int % len(self.shards), []).append(item)
        return [(self.shards[at], group) for at, group in groups.items()]

    # Snapshots

    def save_shard(self, at: int) -> bytes:
        """A shard as a file: its points. The files of Edge would be 100 MB of holes."""
        found, _ = self.shards[at].scroll(edge.ScrollRequest(limit=_ALL, with_payload=True, with_vector=True))
        return json.dumps([_to_record(record, True) for record in found]).encode()

    def restore_shard(self, at: int, saved: bytes) -> None:
        """Put what `save_shard` gave in the place of a shard."""
        shard, points = self.shards[at], json.loads(saved)
        there, _ = shard.scroll(edge.ScrollRequest(limit=_ALL))
        shard.update(edge.UpdateOperation.delete_points([record.id for record in there]))
        made = [edge.Point(one["id"], _to_vectors(one.get("vector")), one["payload"] or {}) for one in points]
        shard.update(edge.UpdateOperation.upsert_points(made))

    # Reading

    def retrieve(self, request: Json) -> list[Json]:
        ids, with_vector = request["ids"], request.get("with_vector") or False
        found = [record for shard in self.shards for record in shard.retrieve(ids, True, with_vector)]
        return [_to_record(record, request.get("with_payload", True)) for record in found]

    def scroll(self, request: Json) -> Json:
        limit, order = request.get("limit", 10), request.get("order_by")
        options: Json = {"filter": _to_filter(request.get("filter")), "with_payload": True}
        if order:
            options["order_by"] = edge.OrderBy(order["key"], edge.Direction.Desc)
        elif request.get("offset"):
            options["offset"] = UUID(request["offset"])
        found = [shard.scroll(edge.ScrollRequest(limit=limit + 1, **options))[0] for shard in self.shards]
        key = (lambda one: -one.payload[order["key"]]) if order else (lambda one: one.id.int)
        records = list(islice(merge(*found, key=key), limit + 1))
        following = str(records[limit].id) if len(records) > limit and not order else None
        made = [_to_record(record, request.get("with_payload", True)) for record in records[:limit]]
        return {"points": made, "next_page_offset": following}

    def count(self, request: Json) -> int:
        wanted = edge.CountRequest(request.get("exact", True), _to_filter(request.get("filter")))
        return sum(shard.count(wanted) for shard in self.shards)

    def facet(self, request: Json) -> list[Json]:
        counts: Counter[Any] = Counter()
        for shard in self.shards:
            for hit in shard.facet(edge.FacetRequest(request["key"], request.get("limit", 10), True)).hits:
                counts[hit.value] += hit.count
        return [{"value": value, "count": count} for value, count in counts.most_common(request.get("limit", 10))]

    def query(self, request: Json) -> list[Json]:
        wanted = _to_query(request)
        found = [point for shard in self.shards for point in shard.query(wanted)]
        best = sorted(found, key=lambda point: -point.score)[: request["limit"]]
        selector = request.get("with_payload", False)
        return [_to_record(point, selector) | {"score": point.score, "version": 0} for point in best]


def _make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _to_config(config: Json) -> edge.EdgeConfig:
    sparse = {
        name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if params.get("modifier") == "idf" else None)
        for name, params in (config.get("sparse_vectors") or {}).items()
    }
    vectors = {name: _to_params(params) for name, params in (config.get("vectors") or {}).items()}
    optimizers = DEFAULT_OPTIMIZERS | {
        name: value
        for name, value in (config.get("optimizers_config") or {}).items()
        if name in DEFAULT_OPTIMIZERS and value is not None
    }
    return edge.EdgeConfig(
        vectors=vectors,
        sparse_vectors=sparse if sparse or vectors else {"unused": edge.EdgeSparseVectorParams()},
        optimizers=edge.EdgeOptimizersConfig(**optimizers),
    )


def _to_params(params: Json) -> edge.EdgeVectorParams:
    several = {"multivector_config": edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)}
    return edge.EdgeVectorParams(
        params["size"],
        _DISTANCES[params["distance"]],
        datatype=_DATATYPES[params.get("datatype") or "float32"],
        **(several if params.get("multivector_config") else {}),
    )


def _to_vectors(vectors: Any) -> Any:
    return {name: _to_vector(vector) for name, vector in (vectors or {}).items()}


def _to_vector(vector: Any) -> Any:
    return edge.SparseVector(vector["indices"], vector["values"]) if isinstance(vector, dict) else vector


def _to_query(request: Json) -> edge.QueryRequest:
    prefetches = request.get("prefetch") or []
    return edge.QueryRequest(
        request["limit"],
        query=_to_nearest(request),
        prefetches=[_to_prefetch(one) for one in ([prefetches] if isinstance(prefetches, dict) else prefetches)],
        filter=_to_filter(request.get("filter")),
        with_payload=True,
    )


def _to_nearest(request: Json) -> edge.Query:
    query = request["query"]
    vector = query["nearest"] if isinstance(query, dict) and "nearest" in query else query
    return edge.Query.Nearest(_to_vector(vector), request["using"])


def _to_prefetch(request: Json) -> edge.Prefetch:
    query = _to_nearest(request)
    return edge.Prefetch(request["limit"], query=query, filter=_to_filter(request.get("filter")))


def _to_filter(condition: Json | None) -> edge.Filter | None:
    if not condition:
        return None
    parts = {name: [_to_condition(one) for one in some] for name, some in condition.items() if some}
    return edge.Filter(**parts)


def _to_condition(condition: Json) -> Any:
    if "has_id" in condition:
        return edge.HasIdCondition({UUID(one) for one in condition["has_id"]})
    if "has_vector" in condition:
        return edge.HasVectorCondition(condition["has_vector"])
    match, bounds = condition.get("match"), condition.get("range")
    if match:
        wanted = edge.MatchAny(match["any"]) if "any" in match else edge.MatchValue(match["value"])
        return edge.FieldCondition(condition["key"], match=wanted)
    if bounds:
        return edge.FieldCondition(condition["key"], range=edge.RangeFloat(**bounds))
    raise NotImplementedError(f"the stand-in knows no condition {condition}")


def _to_record(record: Any, selector: Any) -> Json:
    made = {"id": str(record.id), "payload": _select(record.payload or {}, selector)}
    vectors = record.vector
    return made | ({"vector": {name: _to_json(one) for name, one in vectors.items()}} if vectors else {})


def _to_json(vector: Any) -> Any:
    is_sparse = isinstance(vector, edge.SparseVector)
    return {"indices": list(vector.indices), "values": list(vector.values)} if is_sparse else vector


def _select(payload: Json, selector: Any) -> Json | None:
    if isinstance(selector, bool) or selector is None:
        return payload if selector else None
    included = selector.get("include") if isinstance(selector, dict) else selector
    if included is not None:
        return {field: payload[field] for field in included if field in payload}
    return {field: value for field, value in payload.items() if field not in selector["exclude"]}
