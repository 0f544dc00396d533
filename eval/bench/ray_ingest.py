"""What a Ray cluster is worth: `DALIL_QDRANT_URL=... python -m eval.bench.ray_ingest FOLDER`.

Ingests FOLDER into an empty index of that server twice: by one process, as `dalil ingest` does, and by the workers of a
Ray cluster, as `dalil ingest --workers ray` does: the one that `RAY_ADDRESS` names, or one that is started here with
`--cores` workers. Prints one JSON object: seconds and chunks a second of both, and how many times as fast the cluster
is. The start of the cluster and of its encoders is told apart: it is paid once.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

from qdrant_client import QdrantClient

from ingest.indexer import Indexer
from ingest.ray_workers import RayWorkers
from ingest.sync import Sync
from rag.embedding import embedding_spec, open_encoder
from rag.settings import Settings, load_settings
from rag.store import IndexConfig, Store, open_store


def measure_ray_ingest(settings: Settings, folder: Path, cores: int) -> dict[str, object]:
    """All figures.

    Parameters
    ----------
    settings : Settings
        Of a server.
    folder : Path
        Of articles.
    cores : int
        Workers of a cluster that is started here.
    """
    alone = _measure(settings, folder, is_on_ray=False)
    begun = time.perf_counter()
    with _started_cluster(cores):
        started = time.perf_counter() - begun
        on_ray = _measure(settings, folder, is_on_ray=True)
    ratio = on_ray["chunks_per_s"] / alone["chunks_per_s"]
    figures: dict[str, object] = {"one_process": alone, "ray": on_ray, "ray_start_s": round(started, 1)}
    return figures | {"ratio": round(ratio, 2), "cores": cores, "machine_cores": os.cpu_count()}


@contextmanager
def _started_cluster(cores: int) -> Iterator[None]:
    import ray

    address = os.environ.get("RAY_ADDRESS")
    cpus = None if address else cores
    ray.init(address=address or "local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def _measure(settings: Settings, folder: Path, is_on_ray: bool) -> dict[str, float]:
    own = settings.model_copy(update={"qdrant_prefix": f"bench_{uuid4().hex[:8]}", "keep_originals": False})
    try:
        with closing(open_store(own, IndexConfig.of(embedding_spec(own), own.chunk_tokens))) as store:
            return _time_ingest(own, store, folder, is_on_ray)
    finally:
        client = QdrantClient(url=str(own.qdrant_url).split(",")[0], check_compatibility=False)
        for name in ("articles", "chunks", "leases"):
            client.delete_collection(f"{own.qdrant_prefix}_{name}")
        client.close()


def _time_ingest(settings: Settings, store: Store, folder: Path, is_on_ray: bool) -> dict[str, float]:
    begun = time.perf_counter()
    with RayWorkers(settings) if is_on_ray else nullcontext() as workers:
        encoder = None if is_on_ray else open_encoder(settings)
        indexer = Indexer(store, lambda: encoder or open_encoder(settings), settings.chunk_tokens, writer=workers)
        result = Sync(store, indexer, settings.max_article_chars, pool=workers).ingest([folder], lambda progress: None)
    seconds, counts = time.perf_counter() - begun, store.count_exactly()
    if result.failed or store.find_incomplete():
        raise SystemExit(f"It went wrong: {result.failed or store.find_incomplete()}")
    return {
        "articles": counts.articles,
        "chunks": counts.chunks,
        "seconds": round(seconds, 1),
        "chunks_per_s": round(counts.chunks / seconds, 2),
    }


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", type=int, default=2, help="workers of a cluster that is started here")
    options = parser.parse_args()
    settings = load_settings()
    if not settings.qdrant_url:
        sys.exit("Set DALIL_QDRANT_URL: `python -m tests.qdrant_stand_in` starts a stand-in for a server.")
    print(json.dumps(measure_ray_ingest(settings, options.folder, options.cores), indent=1))


if __name__ == "__main__":
    main()
