"""Qdrant Edge: the index in a folder, in this process, with a write-ahead log."""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from filelock import FileLock, Timeout

from rag.embedding.bm25 import SparseVector
from rag.errors import IndexMismatchError, StorageFullError, StoreError, StoreLockedError
from rag.store.edge_config import articles_config, chunks_config, create_payload_indexes
from rag.store.engine import Collection, Payload, Point, Rebuild, ScoredPoint, VectorQuery, WeighedTerms, Weighing
from rag.store.filters import ChunkFilter
from rag.store.fingerprint import IndexConfig
from rag.store.floor import FloorFile
from rag.store.folder_rebuild import FolderRebuild
from rag.store.space import FULL_REMEDY, DiskSpace, FreeSpace, measure_free_space

_log = logging.getLogger(__name__)

_LOCK_WAIT_S = 3
"""Long enough for another `dalil ask` to end, short enough to be told about a `dalil serve`."""
_POINTS_PER_PAGE = 1000
_MAX_SEARCHES = 3
"""When what was found is deleted before it is scored."""
_FULL_DISK = ("No space left on device", "Not enough space available")
"""What the system and Edge say where a write, or an optimization, finds too little room."""


class EdgeEngine:
    """Two Edge shards in a folder, and a lock that names its holder: one process owns an index.

    Parameters
    ----------
    folder : Path
        Made when it is opened, if it is missing.
    free_space : FreeSpace
        Tells how many bytes may still be written there.
    """

    is_remote = False
    is_outdated = False

    def __init__(self, folder: Path, free_space: FreeSpace = measure_free_space) -> None:
        self._folder = folder
        self.floor = FloorFile(folder)
        self._space = DiskSpace(folder, free_space)
        self._lock = FileLock(folder / "lock", timeout=_LOCK_WAIT_S, thread_local=False)
        self._shards: dict[Collection, Any] = {}
        self._vector_names: tuple[str, ...] = ()

    def open(self, config: IndexConfig, reads_articles: bool = False) -> None:
        vector_sizes = config.vector_sizes
        try:
            self._take_lock()
            self._open_shard("articles", articles_config())
            stored = self._read_vector_config()
            if reads_articles and stored:
                self._vector_names = tuple(stored)
                self._open_shard("chunks")
            else:
                self._vector_names = tuple(vector_sizes)
                self._check_vectors(stored, vector_sizes)
                self._open_shard("chunks", chunks_config(vector_sizes))
        except StoreError:
            self.close()
            raise

    def check_space(self, points: Sequence[Point]) -> None:
        with _mapped_errors(self._folder):
            try:
                self._space.check_upsert(points)
            except StorageFullError:
                self.flush()  # the log gives back what it no longer needs
                self._space.check_upsert(points)

    def upsert(self, collection: Collection, points: Sequence[Point]) -> None:
        self.check_space(points)
        with _mapped_errors(self._folder):
            found = [edge.Point(point.id, _to_edge_vectors(point.vectors), point.payload) for point in points]
            if found:
                self._shards[collection].update(edge.UpdateOperation.upsert_points(found))

    def set_payload(self, collection: Collection, fields: Mapping[str, Payload]) -> None:
        self.check_space([Point(one, payload) for one, payload in fields.items()])
        with _mapped_errors(self._folder):
            for one, payload in fields.items():
                named = edge.Filter(must=[edge.HasIdCondition({UUID(one)})])  # an unknown id alone would be an error
                self._shards[collection].update(edge.UpdateOperation.set_payload_by_filter(named, payload))

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        if ids:
            with _mapped_errors(self._folder):
                self._space.check_removal(len(ids))
                self._shards[collection].update(edge.UpdateOperation.delete_points(list(ids)))

    def delete_unchanged(self, chunks: Sequence[Point]) -> None:
        self.delete("chunks", [chunk.id for chunk in chunks])

    def find_other_writers(self) -> int | None:
        return None  # the lock keeps them out

    def retrieve(
        self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = (), unread: Sequence[str] = ()
    ) -> list[Point]:
        with _mapped_errors(self._folder):
            found = self._shards[collection].retrieve(list(ids), True, list(vectors) or False)
        return [Point(str(point.id), point.payload or {}, point.vector or {}) for point in found]

    def scroll(self, collection: Collection, fields: Sequence[str]) -> Iterator[Point]:
        offset = None
        while True:
            points, offset = self._scroll(collection, fields, _POINTS_PER_PAGE, offset=offset)
            yield from points
            if offset is None:
                return

    def newest(self, collection: Collection, fields: Sequence[str], limit: int) -> list[Point]:
        order = edge.OrderBy("stored_at", edge.Direction.Desc)
        return self._scroll(collection, fields, limit, order_by=order)[0]

    def count(self, collection: Collection, exact: bool = True) -> int:
        with _mapped_errors(self._folder):
            return int(self._shards[collection].count(edge.CountRequest(exact)))

    def count_whole_chunks(self) -> int:
        # A segment that lost the file of its vectors opens, and has the points without them.
        has_all = edge.Filter(must=[edge.HasVectorCondition(name) for name in self._vector_names])
        with _mapped_errors(self._folder):
            return int(self._shards["chunks"].count(edge.CountRequest(True, has_all)))

    def count_values(self, collection: Collection, field: str, limit: int) -> dict[str, int]:
        with _mapped_errors(self._folder):
            found = self._shards[collection].facet(edge.FacetRequest(field, limit, True))
        return {str(hit.value): hit.count for hit in found.hits}

    def begin_weighing(self, terms: SparseVector) -> Weighing:
        # Edge knows by itself how rare they are.
        return Weighing(None, lambda: WeighedTerms(terms, self.count("chunks", exact=False)))

    def find_and_score(
        self, finders: Sequence[VectorQuery], vectors: Mapping[str, Any], fields: tuple[str, ...]
    ) -> dict[str, list[ScoredPoint]]:
        for _ in range(_MAX_SEARCHES):
            ids = list(dict.fromkeys(point.id for points in self._query(finders) for point in points))
            if not ids:
                return {}
            scorers = [
                VectorQuery(name, vector, len(ids), ids=ids, fields=fields if name == "dense" else ())
                for name, vector in vectors.items()
            ]
            found = dict(zip(vectors, self._query(scorers), strict=True))
            if len(found["dense"]) == len(ids):  # else some were deleted between the two
                break
        return found

    def _query(self, queries: Sequence[VectorQuery]) -> list[list[ScoredPoint]]:
        with _mapped_errors(self._folder):
            requests = edge.QueryBatchRequest([_to_edge_request(query) for query in queries])
            found = self._shards["chunks"].query_batch(requests)
        return [
            [ScoredPoint(point.id, point.id.int, point.score, point.payload or {}) for point in points]
            for points in found
        ]

    def flush(self) -> None:
        with _mapped_errors(self._folder):
            self._space.check_flushing()
            for shard in self._shards.values():
                shard.flush()  # shortens the log, too

    def optimize(self) -> None:
        for collection, shard in self._shards.items():
            with _logged_if_full(f"The {collection} of the index were not optimized."), _mapped_errors(self._folder):
                self._space.check_optimizing(self._folder / collection)
                shard.optimize()

    def find_rebuild(self) -> Rebuild | None:
        return None  # the lock keeps others out

    def close(self) -> None:
        for shard in self._shards.values():
            shard.close()
        self._shards.clear()
        self._lock.release()

    def _scroll(
        self, collection: Collection, fields: Sequence[str], limit: int, **options: Any
    ) -> tuple[list[Point], Any]:
        with _mapped_errors(self._folder):
            request = edge.ScrollRequest(limit=limit, with_payload=list(fields), **options)
            points, offset = self._shards[collection].scroll(request)
        return [Point(str(point.id), point.payload or {}) for point in points], offset

    def _open_shard(self, collection: Collection, config: edge.EdgeConfig | None = None) -> None:
        """Open a shard, or make it; without a configuration it is opened as it is, whatever vectors it holds."""
        path = self._folder / collection
        with _mapped_errors(self._folder):
            path.mkdir(exist_ok=True)
            if config is None or (path / "edge_config.json").exists():
                shard = edge.EdgeShard.load(str(path), config)
            else:
                shard = edge.EdgeShard.create(str(path), config)
            self._shards[collection] = shard
            if config is not None:
                create_payload_indexes(shard, collection)

    def _take_lock(self) -> None:
        holder = self._folder / "holder.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            FolderRebuild(self._folder).finish()  # which gives room back
            self._space.check_opening(is_new=not (self._folder / "chunks").exists())
            holder.write_text(json.dumps(_describe_process()), "utf-8")
        except Timeout:
            raise StoreLockedError(_locked_message(self._folder, holder)) from None
        except OSError as error:
            raise StoreError(
                f"The index folder {self._folder} cannot be written ({error.strerror}). "
                "Give this user the right to write there, or set DALIL_DATA_DIR to another folder."
            ) from error

    def _check_vectors(self, vectors: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, int]) -> None:
        stored = {name: int(vector["size"]) for name, vector in vectors.items()}
        if stored and stored != dict(sizes):
            raise IndexMismatchError(
                f"The index in {self._folder} holds vectors of other lengths ({stored}) than {dict(sizes)}. "
                "Set the embedding model it was made with, or build it again with these settings: `dalil reindex`."
            )
        if vectors and vectors["tokens"].get("datatype") != "uint8":
            raise IndexMismatchError(
                f"The index in {self._folder} was made by an earlier Dalil, which kept its vectors otherwise. "
                "Build it again from its articles: `dalil reindex`."
            )

    def _read_vector_config(self) -> dict[str, dict[str, Any]]:
        """How the index on disk keeps the vectors of each representation; empty when there is none yet."""
        config = self._folder / "chunks" / "edge_config.json"
        if not config.exists():
            return {}
        with _mapped_errors(self._folder):
            vectors: dict[str, dict[str, Any]] = json.loads(config.read_text("utf-8"))["vectors"]
            return vectors


def _to_edge_request(query: VectorQuery) -> edge.QueryRequest:
    vector = edge.SparseVector(*query.vector) if isinstance(query.vector, SparseVector) else query.vector
    conditions: list[Any] = [edge.HasIdCondition(set(query.ids))] if query.ids is not None else []
    conditions += _to_edge_conditions(query.filter) if query.filter else []
    return edge.QueryRequest(
        query.limit,
        query=edge.Query.Nearest(vector, query.representation),
        filter=edge.Filter(must=conditions) if conditions else None,
        with_payload=list(query.fields) or False,
    )


def _to_edge_conditions(condition: ChunkFilter) -> list[Any]:
    return [
        *(
            edge.FieldCondition(field, match=edge.MatchAny(list(values)))
            for field, values in condition.keywords.items()
        ),
        *(edge.FieldCondition(field, range=edge.RangeFloat(gte=value)) for field, value in condition.minima.items()),
        *(edge.FieldCondition(field, range=edge.RangeFloat(lte=value)) for field, value in condition.maxima.items()),
    ]


def _to_edge_vectors(vectors: dict[str, Any]) -> dict[str, Any]:
    lexical = vectors.get("lexical")
    named = {name: vector for name, vector in vectors.items() if name != "lexical"}
    return named | ({"lexical": edge.SparseVector(*lexical)} if lexical and lexical.indices else {})


def _describe_process() -> dict[str, Any]:
    command = " ".join(["dalil", *sys.argv[1:]])
    return {"pid": os.getpid(), "command": command, "since": datetime.now().isoformat(timespec="seconds")}


def _locked_message(folder: Path, holder: Path) -> str:
    try:
        process = json.loads(holder.read_text("utf-8"))
        by = f"`{process['command']}` (process {process['pid']}, since {process['since']})"
    except (OSError, ValueError, KeyError):
        by = "another process"
    return (
        f"The index folder {folder} is in use by {by}. End that command first, or where it is "
        "`dalil serve`, ask through its page or its API and send articles with `dalil ingest --server URL`, "
        "or set DALIL_DATA_DIR to another folder."
    )


@contextmanager
def _logged_if_full(message: str) -> Iterator[None]:
    """What can be left for later is no failure when there is no room for it now."""
    try:
        yield
    except StorageFullError as error:
        _log.warning("%s %s", message, error)


@contextmanager
def _mapped_errors(folder: Path) -> Iterator[None]:
    """Edge raises bare `Exception` (from a Rust panic, a BaseException): the one place that turns them into ours."""
    try:
        yield
    except (StoreError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if any(words in str(error) for words in _FULL_DISK):
            raise StorageFullError(f"The disk of the index folder {folder} is full: {error}. {FULL_REMEDY}") from error
        raise StoreError(
            f"The index in {folder} cannot be used: {error}. Your articles are not touched by this: if it does not "
            "pass, move that folder away and ingest them again."
        ) from error
