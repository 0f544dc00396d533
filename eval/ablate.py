"""What each view of the chunks is worth, and what it costs."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from eval.datasets import Dataset, Question
from eval.measures import means, scores
from eval.run import Progress, Result, temporary
from rag.answering.assistant import Assistant
from rag.embedding import BUNDLED
from rag.embedding.bm25 import lexical_vector
from rag.language.text import plain
from rag.retrieval import calibration
from rag.settings import Settings
from rag.store import VIEWS
from rag.types import Hit, Language

_ALL = 100
_SHOWN = ("nDCG@10", "R@1", "R@10")


def table(settings: Settings, dataset: Dataset, progress: Progress) -> dict[str, Any]:
    """The measures by each view alone, by all but it, and by the fusion, for each language that is asked in; and what
    each view costs in bytes a chunk and in milliseconds a question."""
    with temporary(settings, dataset.articles, progress) as assistant:
        found = {question.id: (question, assistant.search(question.text, _ALL).hits) for question in dataset.questions}
        cost = _cost(assistant, dataset.questions)
    rows = []
    for language in sorted({question.language for question, _ in found.values()}):
        asked = [(question, hits) for question, hits in found.values() if question.language == language]
        rows += [{"language": language, "views": name} | _measured(asked, score) for name, score in _scorers()]
    return {"rows": rows, "cost": cost}


Scorer = Callable[[Language, Hit], float]


def _scorers() -> list[tuple[str, Scorer]]:
    fitted = calibration.load()

    def fused(left_out: str | None) -> Scorer:
        def score(asked_in: Language, hit: Hit) -> float:
            fusion = fitted.pairs[asked_in, hit.language].fusion
            kept = hit.signals if left_out is None else replace(hit.signals, **{left_out: 0.0})
            return fusion.score(kept)

        return score

    def alone(view: str) -> Scorer:
        return lambda asked_in, hit: float(asdict(hit.signals)[view])

    return [
        *((f"{view} alone", alone(view)) for view in VIEWS),
        *((f"all but {view}", fused(view)) for view in VIEWS),
        ("all", fused(None)),
    ]


def _measured(asked: Sequence[tuple[Question, Sequence[Hit]]], score: Scorer) -> dict[str, float]:
    results = []
    for question, hits in asked:
        ranked = sorted(hits, key=lambda hit: -score(question.language, hit))
        articles = dict.fromkeys(hit.article.id for hit in ranked)
        results.append(Result(replace(question, answers=()), tuple((key, 0.0) for key in articles)))
    values = means(scores(results))
    return {name: values[name] for name in _SHOWN}


def _cost(assistant: Assistant, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    """Bytes a chunk holds of each view, and the median time to make a question's vectors."""
    texts = [plain(question.text) for question in questions[:100]]
    hits = [hit for text in texts[:20] for hit in assistant.search(text).hits]
    evidence = assistant.store.evidence([hit.chunk_id for hit in hits])
    tokens = statistics.fmean(sum(map(len, one.tokens)) for one in evidence.values())
    sentences = statistics.fmean(len(one.sentences) for one in evidence.values())
    terms = statistics.fmean(len(lexical_vector(hit.text).indices) for hit in hits)
    encoder = assistant.encoder
    return {
        "dense and tokens": {
            "bytes a chunk": round(4 * BUNDLED.dimension + tokens * BUNDLED.token_dimension),
            "ms a question": _median_ms(lambda text: encoder.question(text), texts)
            - _median_ms(lambda text: encoder.sentences([text]), texts),
        },
        "sentence": {
            "bytes a chunk": round(sentences * BUNDLED.sentence_dimension),
            "ms a question": _median_ms(lambda text: encoder.sentences([text]), texts),
        },
        "lexical": {"bytes a chunk": round(8 * terms), "ms a question": _median_ms(lexical_vector, texts)},
    }


def _median_ms(what: Callable[[str], object], texts: Sequence[str]) -> float:
    times = []
    for text in texts:
        started = time.perf_counter()
        what(text)
        times.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(times), 2)
