"""What an index takes of its disk as it is written to: `python -m eval.bench.space FOLDER`.

FOLDER lies on a file system that nothing else writes to: a small one that is mounted for this, so that its free space
tells what Edge took. Prints one JSON object: bytes taken for each byte that a point holds (`rag.store.space`), by kind
of article, and megabytes taken by making an index, removing, flushing and rewriting its segments.
"""

import argparse
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from eval.datasets import read_articles
from eval.run import open_indexer
from rag.answering.assistant import Assistant
from rag.settings import load_settings
from rag.store import EmbeddedChunk
from rag.store.points import article_point, chunk_point
from rag.store.space import measure_point
from rag.types import Article

_COPIES = 10
_TEXTS, _TEXT_CHARS = 100, 50_000
_LETTERS = [chr(code) for code in range(0x620, 0x64A)]
_SAMPLE_S = 0.001
Written = list[tuple[Article, list[EmbeddedChunk]]]


def measure_space(folder: Path, articles: Path) -> dict[str, Any]:
    """All figures.

    Parameters
    ----------
    folder : Path
        On a file system that nothing else writes to.
    articles : Path
        Folder of real articles.
    """
    free_at_first = _measure_free(folder)
    with Assistant.from_settings(load_settings(data_dir=folder / "index")) as assistant:
        made = free_at_first - _measure_free(folder)
        real = list(open_indexer(assistant).embed(read_articles(articles, 10**6)))
        assistant.store.write(*real[0])  # what is made at the first point is no part of the growth
        growth = {
            "articles as they are": _measure_growth(assistant, folder, _copy(real)),
            "texts without a repetition": _measure_growth(assistant, folder, _make_texts(real[0][0])),
        }
        store, ids = assistant.store, list(assistant.store.summarize_articles())[::10]
        removed = _measure_peak(folder, lambda: store.remove(ids))
        rewritten = _measure_peak(folder, store.optimize)
    figures = {"made": made, "removed": removed, "optimized": rewritten}
    return {"growth": growth} | {f"{name}_mb": round(size / 1e6, 2) for name, size in figures.items()}


def _copy(real: Written) -> Written:
    """The same articles under other ids."""
    return [
        (
            replace(article, id=f"{article.id}-{at}"),
            [replace(one, chunk=replace(one.chunk, article_id=f"{article.id}-{at}")) for one in chunks],
        )
        for at in range(_COPIES)
        for article, chunks in real
    ]


def _make_texts(article: Article) -> Written:
    """Articles without chunks whose letters are drawn one by one, so that nothing in them can be compressed far."""
    draw = random.Random(1)
    texts = ("".join(draw.choices(_LETTERS, k=_TEXT_CHARS)) for _ in range(_TEXTS))
    return [(replace(article, id=f"text-{at}", text=text), []) for at, text in enumerate(texts)]


def _measure_growth(assistant: Assistant, folder: Path, written: Written) -> float:
    """Bytes taken for each byte that the points hold."""
    store, free, held = assistant.store, _measure_free(folder), 0
    for article, chunks in written:
        points = [chunk_point(article, chunk) for chunk in chunks]
        held += sum(map(measure_point, points))
        held += measure_point(article_point(article, [chunk.chunk for chunk in chunks], store.config, 1))
        store.write(article, chunks)
    return round((free - _measure_free(folder)) / held, 2)


def _measure_peak(folder: Path, change: Callable[[], None]) -> int:
    """The most bytes taken at any moment of a change."""
    free, least, done = _measure_free(folder), [10**15], Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_S):
            least[0] = min(least[0], shutil.disk_usage(folder).free)

    sampling = Thread(target=sample)
    sampling.start()
    change()
    done.set()
    sampling.join()
    return free - min(least[0], _measure_free(folder))


def _measure_free(folder: Path) -> int:
    os.sync()  # a file system places what was written only then
    return shutil.disk_usage(folder).free


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    print(json.dumps(measure_space(options.folder, options.articles), indent=2))
