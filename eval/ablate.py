"""What each representation of the chunks is worth, and what it costs."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from eval.datasets import Dataset, Question
from eval.measures import average_scores, score_questions
from eval.run import QuestionResult, open_temporary_assistant
from ingest.indexer import Progress
from rag.answering.assistant import Assistant
from rag.embedding import BUNDLED
from rag.embedding.bm25 import lexical_vector
from rag.language.document import Document
from rag.language.normalize import normalize_for_embedding
from rag.retrieval.calibration import load_calibration
from rag.settings import Settings
from rag.store import REPRESENTATIONS
from rag.types import Hit, Language

_TOP_K = 100
"""More hits than there are candidates."""
_MEASURES = ("nDCG@10", "R@1", "R@10")
_TIMED_QUESTIONS, _WEIGHED_QUESTIONS = 100, 20
_BYTES_PER_FLOAT, _BYTES_PER_TERM = 4, 8

HitScorer = Callable[[Language, Hit], float]
"""From the language of a question and a hit to what ranks the hit."""


def measure_representations(settings: Settings, dataset: Dataset, progress: Progress) -> dict[str, Any]:
    """Measure the ranking by each representation alone, by all but it, and by the fusion of all.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    dataset : Dataset
        With questions in one or several languages.
    progress : callable
        Called after every batch that is indexed.

    Returns
    -------
    dict
        `rows`: the measures by language of the questions and by representations (`views`); `cost`: what each
        representation takes, in bytes a chunk and milliseconds a question.
    """
    with open_temporary_assistant(settings, dataset.articles, progress) as assistant:
        found = [(question, assistant.search(question.text, _TOP_K).hits) for question in dataset.questions]
        cost = _measure_cost(assistant, dataset.questions)
    rows = []
    for language in sorted({question.language for question in dataset.questions}):
        of_language = [(question, hits) for question, hits in found if question.language == language]
        rows += [
            {"language": language, "views": name} | _measure_ranking(of_language, score)
            for name, score in _hit_scorers()
        ]
    return {"rows": rows, "cost": cost}


def _hit_scorers() -> Iterator[tuple[str, HitScorer]]:
    for name in REPRESENTATIONS:
        yield f"{name} alone", _score_by_one(name)
    for name in REPRESENTATIONS:
        yield f"all but {name}", _score_without(name)
    yield "all", _score_without(None)


def _score_by_one(representation: str) -> HitScorer:
    return lambda query_language, hit: float(asdict(hit.scores)[representation])


def _score_without(representation: str | None) -> HitScorer:
    """The fused score of a hit whose score in one representation is taken for 0."""
    pairs = load_calibration().pairs

    def score(query_language: Language, hit: Hit) -> float:
        scores = hit.scores if representation is None else replace(hit.scores, **{representation: 0.0})
        return pairs[query_language, hit.language].fusion.fuse(scores)

    return score


def _measure_ranking(found: Sequence[tuple[Question, Sequence[Hit]]], score: HitScorer) -> dict[str, float]:
    results = []
    for question, hits in found:
        ranked = sorted(hits, key=lambda hit: -score(question.language, hit))
        articles = dict.fromkeys(hit.article.id for hit in ranked)
        results.append(QuestionResult(replace(question, answers=()), tuple((key, 0.0) for key in articles)))
    means = average_scores(score_questions(results))
    return {name: means[name] for name in _MEASURES}


def _measure_cost(assistant: Assistant, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    """Bytes of a chunk in each representation, and the median time to make a question's vectors."""
    texts = [normalize_for_embedding(question.text) for question in questions[:_TIMED_QUESTIONS]]
    hits = [hit for text in texts[:_WEIGHED_QUESTIONS] for hit in assistant.search(text).hits]
    vectors = assistant.store.sentence_vectors([hit.chunk_id for hit in hits]).values()
    tokens = statistics.fmean(sum(map(len, chunk.tokens)) for chunk in vectors)
    sentences = statistics.fmean(len(chunk.sentences) for chunk in vectors)
    terms = statistics.fmean(len(lexical_vector(Document(hit.text)).indices) for hit in hits)
    sentence_ms = _median_ms(lambda text: assistant.encoder.embed_sentences([text]), texts)
    return {
        "dense and tokens": {
            "bytes a chunk": round(_BYTES_PER_FLOAT * BUNDLED.dimension + tokens * BUNDLED.token_dimension),
            "ms a question": _median_ms(assistant.encoder.embed_query, texts) - sentence_ms,
        },
        "sentence": {"bytes a chunk": round(sentences * BUNDLED.sentence_dimension), "ms a question": sentence_ms},
        "lexical": {
            "bytes a chunk": round(_BYTES_PER_TERM * terms),
            "ms a question": _median_ms(lambda text: lexical_vector(Document(text)), texts),
        },
    }


def _median_ms(call: Callable[[str], object], texts: Sequence[str]) -> float:
    times = []
    for text in texts:
        started = time.perf_counter()
        call(text)
        times.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(times), 2)
