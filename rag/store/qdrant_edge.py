"""Qdrant Edge: the index in a folder, in this process, with a write-ahead log."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from filelock import FileLock, Timeout

from rag.errors import PipelineError, StoreError, StoreLockedError
from rag.store.base import CANDIDATE_FIELDS, Collection, QueryVectors, Record
from rag.store.candidates import Scores

_LOCK_WAIT_S = 3
"""Long enough for another `dalil ask` to end, short enough to be told about a `dalil serve`."""
_PAGE = 1000


class EdgeEngine:
    """Two Edge shards in `folder`, and a lock that names its holder: one process owns an index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock", timeout=_LOCK_WAIT_S, thread_local=False)
        self._shards: dict[Collection, Any] = {}

    def open(self, sizes: Mapping[str, int]) -> None:
        self._take_lock()
        try:
            with _mapped(self._folder):
                self._shards["articles"] = _shard(self._folder / "articles", _articles_config())
            self._check_vectors(sizes)
            with _mapped(self._folder):
                self._shards["chunks"] = _shard(self._folder / "chunks", _chunks_config(sizes))
                _index_articles(self._shards["chunks"])
        except StoreError:
            self.close()
            raise

    def upsert(self, collection: Collection, points: Sequence[Record]) -> None:
        with _mapped(self._folder):
            found = [edge.Point(point.id, _vectors(point.vectors), point.payload) for point in points]
            if found:
                self._shards[collection].update(edge.UpdateOperation.upsert_points(found))

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        if ids:
            with _mapped(self._folder):
                self._shards[collection].update(edge.UpdateOperation.delete_points(list(ids)))

    def retrieve(self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = ()) -> list[Record]:
        with _mapped(self._folder):
            found = self._shards[collection].retrieve(list(ids), True, list(vectors) or False)
        return [Record(str(point.id), point.payload or {}, point.vector or {}) for point in found]

    def scroll(self, collection: Collection, fields: Sequence[str]) -> Iterator[Record]:
        offset = None
        while True:
            with _mapped(self._folder):
                request = edge.ScrollRequest(offset=offset, limit=_PAGE, with_payload=list(fields))
                points, offset = self._shards[collection].scroll(request)
            yield from (Record(str(point.id), point.payload or {}) for point in points)
            if offset is None:
                return

    def count(self, collection: Collection) -> int:
        with _mapped(self._folder):
            return int(self._shards[collection].count(edge.CountRequest()))

    def search(self, query: QueryVectors, dense: int, lexical: int, articles: Sequence[str] | None = None) -> Scores:
        encoded = query.encoded
        views = {
            "dense": edge.Query.Nearest(encoded.dense.tolist(), "dense"),
            "tokens": edge.Query.Nearest(encoded.tokens.tolist(), "tokens"),
            "sentence": edge.Query.Nearest([encoded.sentence.tolist()], "sentence"),
        }
        of_these = None if articles is None else _of(articles)
        finders = [edge.QueryRequest(dense, query=views["dense"], filter=of_these)] if dense else []
        if query.lexical.indices:
            views["lexical"] = edge.Query.Nearest(edge.SparseVector(*query.lexical), "lexical")
            if lexical:
                finders.append(edge.QueryRequest(lexical, query=views["lexical"], filter=of_these))
        with _mapped(self._folder):
            # In process a second call costs nothing, and prefetches would be run anew for each view.
            found = self._query(finders)
            among = edge.Filter(must=[edge.HasIdCondition({point.id for points in found for point in points})])
            wanted = {name: list(CANDIDATE_FIELDS) if name == "dense" else False for name in views}
            lists = self._query(
                [
                    edge.QueryRequest(dense + lexical, query=view, filter=among, with_payload=wanted[name])
                    for name, view in views.items()
                ]
            )
        scores = {
            view: {point.id.int: point.score for point in points} for view, points in zip(views, lists, strict=True)
        }
        return Scores(scores, {point.id.int: point.payload for point in lists[0]})

    def _query(self, requests: list[edge.QueryRequest]) -> Any:
        return self._shards["chunks"].query_batch(edge.QueryBatchRequest(requests))

    def settle(self) -> None:
        with _mapped(self._folder):
            for shard in self._shards.values():
                shard.optimize()
                shard.flush()

    def close(self) -> None:
        for shard in self._shards.values():
            shard.close()
        self._shards.clear()
        self._lock.release()

    def _take_lock(self) -> None:
        holder = self._folder / "holder.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            holder.write_text(json.dumps(_this_process()), "utf-8")
        except Timeout:
            raise StoreLockedError(_locked_message(self._folder, holder)) from None
        except OSError as error:
            raise StoreError(
                f"The index folder {self._folder} cannot be written ({error.strerror}). "
                "Give this user the right to write there, or set DALIL_DATA_DIR to another folder."
            ) from error

    def _check_vectors(self, sizes: Mapping[str, int]) -> None:
        vectors = self._stored_vectors()
        stored = {name: int(vector["size"]) for name, vector in vectors.items()}
        if stored and stored != dict(sizes):
            raise PipelineError(
                f"The index in {self._folder} holds vectors of other lengths ({stored}) than {dict(sizes)}. "
                "Set the embedding model it was made with, or ingest into another DALIL_DATA_DIR."
            )
        if vectors and vectors["tokens"].get("datatype") != "uint8":
            raise PipelineError(
                f"The index in {self._folder} was made by an earlier Dalil, which kept its vectors otherwise. "
                "Ingest your articles again, into another DALIL_DATA_DIR or after you have moved that folder away."
            )

    def _stored_vectors(self) -> dict[str, dict[str, Any]]:
        """How the index on disk keeps the vectors of each view; empty when there is none yet."""
        config = self._folder / "chunks" / "edge_config.json"
        if not config.exists():
            return {}
        with _mapped(self._folder):
            vectors: dict[str, dict[str, Any]] = json.loads(config.read_text("utf-8"))["vectors"]
            return vectors


def _shard(path: Path, config: edge.EdgeConfig) -> Any:
    path.mkdir(exist_ok=True)
    if (path / "edge_config.json").exists():
        return edge.EdgeShard.load(str(path), config)
    return edge.EdgeShard.create(str(path), config)


def _index_articles(chunks: Any) -> None:
    """Without this a search within some articles reads the payload of every chunk: 50 ms for 10,000, not 1."""
    if "article_id" not in chunks.info().payload_schema:
        chunks.update(edge.UpdateOperation.create_field_index("article_id", edge.PayloadSchemaType.Keyword))


def _articles_config() -> edge.EdgeConfig:
    # Articles are fetched by id only; Edge wants some vector to be declared.
    return edge.EdgeConfig(sparse_vectors={"unused": edge.EdgeSparseVectorParams()})


def _chunks_config(sizes: Mapping[str, int]) -> edge.EdgeConfig:
    # The multivectors only re-score what the others found; the lengths of a question's tokens are their weights.
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
        # Edge counts deleted chunks in the document frequencies until a vacuum: let `settle` vacuum at the first ones.
        optimizers=edge.EdgeOptimizersConfig(deleted_threshold=0.01, vacuum_min_vector_number=1),
    )


def _of(articles: Sequence[str]) -> edge.Filter:
    return edge.Filter(must=[edge.FieldCondition("article_id", match=edge.MatchAny(list(articles)))])


def _vectors(vectors: dict[str, Any]) -> dict[str, Any]:
    lexical = vectors.get("lexical")
    named = {name: vector for name, vector in vectors.items() if name != "lexical"}
    return named | ({"lexical": edge.SparseVector(*lexical)} if lexical and lexical.indices else {})


def _this_process() -> dict[str, Any]:
    command = " ".join(["dalil", *sys.argv[1:]])
    return {"pid": os.getpid(), "command": command, "since": datetime.now().isoformat(timespec="seconds")}


def _locked_message(folder: Path, holder: Path) -> str:
    try:
        who = json.loads(holder.read_text("utf-8"))
        by = f"`{who['command']}` (process {who['pid']}, since {who['since']})"
    except (OSError, ValueError, KeyError):
        by = "another process"
    return (
        f"The index folder {folder} is in use by {by}. End that command first, or where it is "
        "`dalil serve`, ask through its page or its API and send articles with `dalil ingest --server URL`, "
        "or set DALIL_DATA_DIR to another folder."
    )


@contextmanager
def _mapped(folder: Path) -> Iterator[None]:
    """Edge raises bare `Exception` (from a Rust panic, a BaseException): the one place that turns them into ours."""
    try:
        yield
    except (StoreError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise StoreError(
            f"The index in {folder} cannot be used: {error}. Your articles are not touched by this: if it does not "
            "pass, move that folder away and ingest them again."
        ) from error
