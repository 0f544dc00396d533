"""Where the time of an ingest goes: `python -m eval.bench.ingesting FOLDER`.

Ingests FOLDER into an empty index as `dalil ingest` does, then once more, when nothing has changed. Prints one JSON
object: seconds, chunks a second, and the share of the main thread's time that it waited for readers.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ingest.indexer import Indexer
from ingest.known_files import FoundItem, KnownFile
from ingest.reader_pool import ReaderPool, ReadTask
from ingest.sync import Sync
from rag.embedding import embedding_spec, open_encoder
from rag.settings import load_settings
from rag.store import IndexConfig, open_store


class _TimedPool(ReaderPool):
    """Counts the seconds that are waited for what readers find."""

    waited = 0.0

    def read(self, files: Iterable[ReadTask | KnownFile]) -> Iterator[FoundItem]:
        found = super().read(files)
        while True:
            begun = time.perf_counter()
            item = next(found, None)
            self.waited += time.perf_counter() - begun
            if item is None:
                return
            yield item


def measure_ingest(folder: Path, index: Path) -> dict[str, Any]:
    """All figures.

    Parameters
    ----------
    folder : Path
        Of files.
    index : Path
        Empty, for the index.
    """
    settings = load_settings(data_dir=index)
    store = open_store(settings, IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))
    encoder = open_encoder(settings)
    pool = _TimedPool()
    sync = Sync(store, Indexer(store, lambda: encoder, settings.chunk_tokens), settings.max_article_chars, pool=pool)
    try:
        begun, used = time.perf_counter(), _processor_seconds()
        result = sync.ingest([folder], lambda progress: None)
        seconds, used = time.perf_counter() - begun, _processor_seconds() - used
        waited, counts = pool.waited, store.count_exactly()
        begun = time.perf_counter()
        again = sync.ingest([folder], lambda progress: None)
        return {
            "articles": counts.articles,
            "failed": len(result.failed),
            "chunks": counts.chunks,
            "ingest_s": round(seconds, 1),
            "processor_s": round(used, 1),
            "chunks_per_s": round(counts.chunks / seconds, 1),
            "waited_for_readers_share": round(waited / seconds, 3),
            "unchanged_s": round(time.perf_counter() - begun, 2),
            "unchanged": len(again.unchanged),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    finally:
        store.close()


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    temporary = Path(tempfile.mkdtemp(prefix="dalil-bench-"))
    try:
        print(json.dumps(measure_ingest(options.folder, temporary), indent=2))
    finally:
        shutil.rmtree(temporary)


if __name__ == "__main__":
    main()
