"""Ingests that are killed: `python -m tests.killed_ingest INDEX ARTICLES`.

Each line of standard input is one round, `start 0.4` or `embedded 0.01`: a child process ingests, and gets SIGKILL that
many seconds after its start, or after its articles were embedded and writing begins. The line printed for each round is
`killed`, `finished` or `failed`.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.embedding import embed_articles
from ingest.indexer import Indexer
from ingest.sync import Sync
from rag.embedding import Matrix
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, article

CONFIG = IndexConfig("words", 64, 64, 64, 64)


class AnnouncingEncoder(WordEncoder):
    """Calls `announce` when it has embedded the sentences, which is the last step before an article is written."""

    def __init__(self, announce: Callable[[], object]) -> None:
        self._announce = announce

    def embed_sentences(self, texts: Sequence[str]) -> Matrix:
        vectors = super().embed_sentences(texts)
        self._announce()
        return vectors


def ingest(index: Path, articles: Path, announce: Callable[[], object] = lambda: None) -> None:
    """Bring the index up to date, as `dalil ingest --sync` does."""
    store = Store(EdgeEngine(index), CONFIG)
    indexer = Indexer(store, lambda: AnnouncingEncoder(announce), CONFIG.chunk_tokens)
    sync = Sync(store, indexer, 10_000)
    sync.ingest([articles], lambda progress: None, remove_missing=True)
    store.close()


def kill_ingest(index: Path, articles: Path, since: str, delay: float) -> str:
    """One round, in a child process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ingest(index, articles, lambda: os.write(writing, b"."))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    if since == "embedded":
        os.read(reading, 1)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return "failed" if os.waitstatus_to_exitcode(status) else "finished"


if __name__ == "__main__":
    # What is slow to load is loaded before the children are forked.
    list(embed_articles([article("جملة واحدة.")], CONFIG.chunk_tokens, WordEncoder()))
    for line in sys.stdin:
        moment, seconds = line.split()
        print(kill_ingest(Path(sys.argv[1]), Path(sys.argv[2]), moment, float(seconds)), flush=True)
