"""Ingests that are killed: `python -m tests.killed_ingest INDEX ARTICLES`.

Each line of standard input is one round, `start 0.4` or `embedded 0.01`: a child begins to ingest, and gets SIGKILL
that many seconds after it began, or after all vectors are there and writing begins. The answer to each line is
`killed`, `finished` or `failed`.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.sync import Sync, embed
from rag.embedding import Matrix
from rag.store import Store
from rag.store.fingerprint import Pipeline
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import WordEncoder, article

PIPELINE = Pipeline("words", 64, 64, 64, 64)


class Announced(WordEncoder):
    """Says when it has embedded the sentences, which come last before an article is written."""

    def __init__(self, say: Callable[[], object]) -> None:
        self._say = say

    def sentences(self, texts: Sequence[str]) -> Matrix:
        vectors = super().sentences(texts)
        self._say()
        return vectors


def ingest(index: Path, articles: Path, say: Callable[[], object] = lambda: None) -> None:
    """Bring the index up to date, as `dalil ingest --sync` does."""
    store = Store(EdgeEngine(index), PIPELINE)
    sync = Sync(store, PIPELINE.chunk_tokens, 10_000)
    plan = sync.plan([articles], remove_missing=True)
    sync.apply(plan, [articles], lambda: Announced(say), lambda done, total: None)
    store.close()


def killed(index: Path, articles: Path, since: str, delay: float) -> str:
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
    list(
        embed([article("جملة واحدة.")], 64, WordEncoder())
    )  # what is slow to load is loaded before the children are born
    for line in sys.stdin:
        moment, seconds = line.split()
        print(killed(Path(sys.argv[1]), Path(sys.argv[2]), moment, float(seconds)), flush=True)
