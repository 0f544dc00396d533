"""What a filter adds to a search: `python -m eval.bench.filters --chunks 10000`.

Prints one JSON object: by filter, the median milliseconds of a question's search and of the store's part in it. Each
question is searched with every filter in turn, so that a busy machine slows all of them.
"""

import statistics
from pathlib import Path

from eval.bench.speed import FIRST_YEAR, fill_index, print_figures
from eval.datasets import read_gold_set
from rag.answering.assistant import Assistant
from rag.language.languages import DEFAULT_LANGUAGE
from rag.settings import load_settings
from rag.types import Filters

_QUESTIONS = 200
_FILTERS = {
    "none": Filters(),
    "language, of all articles": Filters(languages=(DEFAULT_LANGUAGE,)),
    "topic, one of twenty": Filters(topics=("topic 7",)),
    "year, one of twenty": Filters(date_from=f"{FIRST_YEAR + 7}", date_to=f"{FIRST_YEAR + 7}"),
    "one article": Filters(articles=("bench-7",)),
}


def measure_filters(chunks: int, folder: Path, articles: Path) -> dict[str, dict[str, float]]:
    """Median milliseconds by filter.

    Parameters
    ----------
    chunks : int
        Chunks of the index.
    folder : Path
        Empty, for the index.
    articles : Path
        Folder of real articles, of whose sentences those of the index are made.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in _FILTERS}
    with Assistant.from_settings(load_settings(data_dir=folder)) as assistant:
        fill_index(assistant, articles, chunks)
        for question in [question.text for question in read_gold_set()][:_QUESTIONS]:
            for name, filters in _FILTERS.items():
                timings = assistant.search(question, filters=filters).timings_ms
                times[name].append((sum(timings.values()), timings["store"]))
    return {name: dict(zip(("search_ms", "store_ms"), _medians(rows), strict=True)) for name, rows in times.items()}


def _medians(rows: list[tuple[float, float]]) -> list[float]:
    """Of each column."""
    return [round(statistics.median(column), 1) for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    print_figures(measure_filters, __doc__)
