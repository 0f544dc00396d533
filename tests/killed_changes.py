"""Changes of an index whose process is killed: `python -m tests.killed_changes INDEX`.

Each line of standard input is one round, `random SEED SECONDS` or `step CHANGE NUMBER`: a child process changes the
index, and gets SIGKILL so many seconds after it has opened it, or in one change at its step of that number. The line
printed for each round is `killed`, `finished` or `failed`.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.embedding import embed_articles
from ingest.indexer import Indexer
from rag.store import Store
from rag.store.qdrant_edge import EdgeEngine
from rag.types import Article
from tests.doubles import WordEncoder, article
from tests.killed_ingest import CONFIG

_STEPS = ("upsert", "delete", "flush", "optimize")


def make(name: str, lines: int, edition: int = 0) -> Article:
    """An article of about so many chunks."""
    text = "\n".join(
        f"في الطبعة {edition} من {name} سطر رقم {line} عن مدينة بين جبلين ونهر." * 3 for line in range(lines)
    )
    return article(text, name)


class Dying:
    """Passes on what is called, and kills the process before and after the step of a number, counted over all of them.

    Parameters
    ----------
    inner : object
        An engine, or its floor.
    steps : tuple of str
        Its methods that change the index.
    count_step : callable
        Called before and after each of them.
    """

    def __init__(self, inner: Any, steps: tuple[str, ...], count_step: Callable[[], None]) -> None:
        self._inner, self._steps, self._count_step = inner, steps, count_step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "floor":
            return Dying(found, ("write",), self._count_step)
        return self._step(found) if name in self._steps else found

    def _step(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._count_step()
            result = method(*arguments)
            self._count_step()
            return result

        return call


CHANGES: dict[str, Callable[[Indexer], object]] = {
    "add": lambda indexer: indexer.index([make("new", 4)]),
    "shrink": lambda indexer: indexer.index([make("a1", 2, 1)]),
    "grow": lambda indexer: indexer.index([make("a1", 9, 1)]),
    "edit": lambda indexer: indexer.index([make("a1", 5, 1)]),
    "remove": lambda indexer: indexer.remove([f"a{at}" for at in range(11)]),
}


def change_at_random(index: Path, seed: int, announce: Callable[[], object]) -> None:
    """Add, replace and remove until the end of the process."""
    chance = random.Random(seed)
    indexer = Indexer(Store(EdgeEngine(index), CONFIG), WordEncoder, CONFIG.chunk_tokens)
    announce()
    for edition in range(200):
        names = chance.sample([f"r{at}" for at in range(30)], chance.randrange(1, 12))
        if chance.random() < 0.6:
            indexer.index([make(name, chance.randrange(1, 8), 1000 * seed + edition) for name in names])
        else:
            indexer.remove(names)


def change_by_steps(index: Path, change: str, number: int) -> None:
    """Make one change, and die at its step of a number."""
    left = [number]

    def count_step() -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = Store(EdgeEngine(index), CONFIG)
    dying: Any = Dying(store._engine, _STEPS, count_step)
    store._engine = store._integrity._engine = dying
    CHANGES[change](Indexer(store, WordEncoder, CONFIG.chunk_tokens))
    store.close()


def run_round(index: Path, kind: str, what: str, when: str) -> str:
    """One round, in a child process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if kind == "step":
                change_by_steps(index, what, int(when))
            else:
                change_at_random(index, int(what), lambda: os.write(writing, b"."))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    if kind == "random":
        os.read(reading, 1)
        time.sleep(float(when))
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
        print(run_round(Path(sys.argv[1]), *line.split()), flush=True)
