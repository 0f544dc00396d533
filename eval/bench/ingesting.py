"""Where the time of an ingest goes: `python -m eval.bench.ingesting FOLDER`.

Ingests FOLDER into an empty index as `dalil ingest` does, then once more, when nothing has changed. Prints one JSON
object: seconds, chunks a second, the share of the main thread's time that it waited for readers, and the memory of this
process and of those that it started, in MB, at ten moments of the ingest. `--make N` first writes N files of several
formats into FOLDER, of two pages each.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eval.bench.mixed_files import make_mixed_files
from ingest.indexer import Indexer
from ingest.known_files import FoundItem, KnownFile
from ingest.reader_pool import ReaderPool, ReadTask
from ingest.sync import Sync
from rag.embedding import embedding_spec, open_encoder
from rag.settings import load_settings
from rag.store import IndexConfig, open_store

_SAMPLES = 10
_SECONDS_BETWEEN = 0.5


class _MemoryWatch:
    """Notes every half second what memory this process and its children hold."""

    def __init__(self) -> None:
        self._own: list[int] = []
        self._all: list[int] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def describe(self) -> dict[str, list[int]]:
        """MB at ten moments, of this process and of all."""
        return {"memory_mb": _thin(self._own), "memory_with_readers_mb": _thin(self._all)}

    def _watch(self) -> None:
        while not self._is_over.wait(_SECONDS_BETWEEN):
            sizes = _resident_sizes()
            self._own.append(sizes.get(os.getpid(), 0))
            self._all.append(sum(sizes.values()))


def _thin(values: list[int]) -> list[int]:
    return [values[at * (len(values) - 1) // (_SAMPLES - 1)] for at in range(_SAMPLES)] if values else []


def _resident_sizes() -> dict[int, int]:
    """MB of this process and of all that it started, by number, where the system has /proc."""
    parents, sizes = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pages = int((folder / "statm").read_text().split()[1])
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        sizes[int(folder.name)] = pages * resource.getpagesize() // 1_000_000
    ours = {os.getpid()}
    while more := {one for one, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {one: sizes[one] for one in ours if one in sizes}


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
        with _MemoryWatch() as memory:
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
            "most_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            **memory.describe(),
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
    parser.add_argument("--make", type=int, default=0, metavar="N", help="write N files into FOLDER first")
    options = parser.parse_args()
    if options.make:
        print(json.dumps({"files": make_mixed_files(options.folder, options.make)}), file=sys.stderr)
    temporary = Path(tempfile.mkdtemp(prefix="dalil-bench-"))
    try:
        print(json.dumps(measure_ingest(options.folder, temporary), indent=2))
    finally:
        shutil.rmtree(temporary)


if __name__ == "__main__":
    main()
