"""Articles are replaced while questions about them are asked: `python -m eval.faults.replacing --seconds 60`.

Nobody may see an error, miss an article that had a revision at every moment, or be answered from two revisions of one.
Prints one JSON object, with the first examples of what went wrong; the exit code is 1 when anything did.
"""

import argparse
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from eval.bench.serving import OpenService, open_service
from eval.datasets import read_articles
from rag.types import Article

_ASKERS = 2
_TIMEOUT_S = 60.0
_MAX_EXAMPLES = 5
_ARTICLE = "lighthouse"
_QUESTIONS = ("متى بُنيت منارة الزعفران؟", "من بنى منارة الزعفران؟", "كم يبلغ ارتفاع منارة الزعفران؟")
_TEXT = (
    "بُنيت منارة الزعفران سنة {year} على يد البنّاء {builder}، ويبلغ ارتفاع منارة الزعفران {height} مترًا. "
    "وتقع منارة الزعفران على رأس صخري يشرف على البحر، وقد رُمّمت مرات عدة بعد العواصف.\n"
)
_REVISIONS = (
    _TEXT.format(year=1823, builder="سالم", height=31),
    _TEXT.format(year=1911, builder="جابر", height=58),
)
"""The same article twice, in other words: whatever one of them answers is not in the other."""
_MARKS = (("1823", "سالم", "31"), ("1911", "جابر", "58"))


def measure_replacing(
    seconds: float, folder: Path, articles: Path, start: OpenService = open_service
) -> dict[str, Any]:
    """Counts of questions, replacements and what went wrong.

    Parameters
    ----------
    seconds : float
        For how long.
    folder : Path
        Empty, for the index.
    articles : Path
        Folder of articles that are there as well.
    start : callable
        Starts a service.
    """
    with start(folder) as (url, _), httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        for article in read_articles(articles, max_chars=100_000):
            _store(client, article.id, _to_markdown(article))
        _store(client, _ARTICLE, _REVISIONS[0])
        with _replace_steadily(url) as replacements, ThreadPoolExecutor(_ASKERS) as askers:
            asked = askers.map(_ask_steadily, itertools.repeat(url, _ASKERS), itertools.repeat(seconds))
            problems = [problem for of_one in asked for problem in of_one]
    wrong = [problem for problem in problems if problem]
    kinds = {kind: sum(problem.startswith(kind) for problem in wrong) for kind in ("error", "refused", "both")}
    return {
        "questions": len(problems),
        "replacements": len(replacements),
        **kinds,
        "examples": wrong[:_MAX_EXAMPLES],
    }


def _to_markdown(article: Article) -> str:
    return f"# {article.title}\n\n{article.text}"


def _store(client: httpx.Client, name: str, text: str) -> None:
    sent = client.post("/v1/articles", params={"name": name}, content=text.encode(), headers=_MARKDOWN)
    sent.raise_for_status()


_MARKDOWN = {"Content-Type": "text/markdown"}


@contextmanager
def _replace_steadily(url: str) -> Iterator[list[float]]:
    """Replaces the article by its other revision again and again while the block runs; gives when it did."""
    done: list[float] = []
    end = threading.Event()

    def replace() -> None:
        with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
            for text in itertools.cycle(reversed(_REVISIONS)):
                if end.is_set():
                    return
                _store(client, _ARTICLE, text)
                done.append(time.monotonic())

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        yield done
    finally:
        end.set()
        thread.join()


def _ask_steadily(url: str, seconds: float) -> list[str]:
    """What was wrong with each answer; empty where nothing was."""
    until = time.monotonic() + seconds
    problems: list[str] = []
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        for question in itertools.cycle(_QUESTIONS):
            if time.monotonic() > until:
                return problems
            try:
                problems.append(_find_problem(client.post("/v1/ask", json={"question": question})))
            except httpx.TransportError as error:
                problems.append(f"error: {error}")
    return problems


def _find_problem(response: httpx.Response) -> str:
    if response.status_code != httpx.codes.OK:
        return f"error {response.status_code}: {response.text[:200]}"
    answer = response.json()
    if answer["refused"] or all(citation["article_id"] != _ARTICLE for citation in answer["citations"]):
        return f"refused: {answer['text'][:200]}"
    quotes = " ".join(citation["quote"] for citation in answer["citations"])
    seen = [any(mark in quotes for mark in marks) for marks in _MARKS]
    return f"both: {quotes[:400]}" if all(seen) else ""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure_replacing(options.seconds, Path(temporary), options.articles)
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return int(bool(found["examples"]))


if __name__ == "__main__":
    sys.exit(main())
