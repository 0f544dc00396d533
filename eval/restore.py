"""Whether a backup gives everything back: `python -m eval.restore`.

Ingests the sample articles, asks questions of the gold set, exports, imports into an empty index, and asks again.
Prints one JSON object: of how many articles and questions something is another than before. With `--server` a running
`dalil serve` exports, and another one imports.
"""

import argparse
import json
import math
import operator
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any, NamedTuple

from eval.bench.serving import OpenService, open_service
from eval.datasets import read_articles, read_gold_set
from eval.run import open_indexer
from ingest.archive import open_archive, write_archive
from rag.answering.assistant import Assistant
from rag.settings import Settings, load_settings
from rag.types import Answer, Article, Hit

_QUESTIONS = 200
_OF_ITS_TIME = ("id", "timings_ms")
"""What is another in each answer."""
_SCORE_TOLERANCE = 1e-6
"""Relative. Qdrant adds up the words of a lexical score in another order in each index, also where the same files are
ingested twice: what comes of it differs by 1.4e-7."""


class Contents(NamedTuple):
    """What an index holds, and what it says.

    Attributes
    ----------
    articles : list of Article
        In the order in which they were written.
    answers : list of dict
        To each question, without what is of its time.
    hits : list of tuple of Hit
        Of each question.
    """

    articles: list[Article]
    answers: list[dict[str, Any]]
    hits: list[tuple[Hit, ...]]


def measure_restore(
    models: Assistant,
    articles: Sequence[Article],
    questions: Sequence[str],
    start: OpenService | None = None,
) -> dict[str, int]:
    """Export, import, and count what has become different.

    Parameters
    ----------
    models : Assistant
        Its models and its settings are used, its index is not.
    articles : sequence of Article
        To be ingested.
    questions : sequence of str
        Asked before and after.
    start : callable, optional
        Starts the services that export and import; unset: this process does it.

    Returns
    -------
    dict
        Numbers of articles and questions, and of those that differ.
    """
    with tempfile.TemporaryDirectory() as temporary:
        first, second, file = (Path(temporary) / name for name in ("first", "second", "backup.jsonl.gz"))
        with _open_index(models, first) as assistant:
            open_indexer(assistant).index(articles)
            before = _read_contents(assistant, questions)
        for place, command in ((first, "export"), (second, "import")):
            if start:
                _call_service(start, place, command, file)
            else:
                _call_here(models, place, command, file)
        with _open_index(models, second) as assistant:
            after = _read_contents(assistant, questions)
    return {
        "articles": len(before.articles),
        "questions": len(questions),
        "different_articles": _count_differences(before.articles, after.articles, operator.eq),
        "different_answers": _count_differences(before.answers, after.answers, operator.eq),
        "different_hits": _count_differences(before.hits, after.hits, _are_same_hits),
    }


def _open_index(models: Assistant, folder: Path) -> Assistant:
    return models.over_other_index(_place_index(models.settings, folder))


def _place_index(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"data_dir": folder, "qdrant_url": None})


def _read_contents(assistant: Assistant, questions: Sequence[str]) -> Contents:
    hits = [assistant.search(question).hits for question in questions]
    answers = [_describe(assistant.ask(question)) for question in questions]
    return Contents(list(assistant.store.read_articles()), answers, hits)


def _describe(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in asdict(answer).items() if name not in _OF_ITS_TIME}


def _call_here(models: Assistant, folder: Path, command: str, file: Path) -> None:
    with _open_index(models, folder) as assistant:
        if command == "export":
            write_archive(assistant.store.read_articles(), str(file))
            return
        with open_archive(str(file), models.settings.max_article_chars) as archive:
            open_indexer(assistant).index(archive)


def _call_service(start: OpenService, folder: Path, command: str, file: Path) -> None:
    """Export or import through a service of its own, as the command line does it."""
    with start(folder) as (url, _):
        called = [sys.executable, "-m", "ui.cli", command, str(file), "--server", url]
        subprocess.run(called, stdout=subprocess.DEVNULL, check=True)


def _count_differences(before: list[Any], after: list[Any], are_same: Callable[[Any, Any], bool]) -> int:
    same = sum(map(are_same, before, after))
    return max(len(before), len(after)) - same


def _are_same_hits(before: tuple[Hit, ...], after: tuple[Hit, ...]) -> bool:
    return [_place(hit) for hit in before] == [_place(hit) for hit in after] and all(
        math.isclose(one, other, rel_tol=_SCORE_TOLERANCE)
        for pair in zip(before, after, strict=True)
        for one, other in zip(*map(_all_scores, pair), strict=True)
    )


def _place(hit: Hit) -> tuple[Article, int, int]:
    return hit.article, hit.start, hit.end


def _all_scores(hit: Hit) -> tuple[float, ...]:
    return hit.score, *astuple(hit.scores)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    parser.add_argument("--questions", type=int, default=_QUESTIONS)
    parser.add_argument("--server", action="store_true", help="export and import through running services")
    options = parser.parse_args()
    set_now = load_settings()
    found = read_articles(options.articles, set_now.max_article_chars)
    asked = [question.text for question in read_gold_set()][: options.questions]
    with (
        tempfile.TemporaryDirectory() as unused,
        Assistant.from_settings(_place_index(set_now, Path(unused))) as opened,
    ):
        counts = measure_restore(opened, found, asked, open_service if options.server else None)
    print(json.dumps(counts, indent=2))
    sys.exit(any(number for name, number in counts.items() if name.startswith("different_")))
