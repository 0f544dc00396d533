"""Ask a set's questions and measure what comes back. Every question counts: a failure scores 0."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ir_measures
from ir_measures import RR, R, nDCG

from eval.datasets import Dataset, Question
from ingest.sync import embed
from rag.assistant import Assistant
from rag.errors import QuestionError
from rag.settings import Settings
from rag.types import Answer, Article, Hit

MEASURES = (nDCG @ 10, R @ 1, R @ 3, R @ 10, RR @ 10)
_CHUNKS_PER_QUESTION = 30
"""Enough for ten articles when long ones are split."""
_ARTICLES_PER_BATCH = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Measures by name over `questions` questions, and seconds spent on asking them."""

    measures: dict[str, float]
    questions: int
    documents: int
    seconds: float


@contextmanager
def temporary(settings: Settings, articles: Sequence[Article], progress: Progress) -> Iterator[Assistant]:
    """An assistant over `articles` in a store of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dalil-eval-"))
    try:
        with Assistant.from_settings(settings.model_copy(update={"data_dir": folder, "qdrant_url": None})) as assistant:
            index(assistant, articles, progress)
            yield assistant
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def index(assistant: Assistant, articles: Sequence[Article], progress: Progress) -> None:
    """Put articles in the assistant's store."""
    for at in range(0, len(articles), _ARTICLES_PER_BATCH):
        batch = articles[at : at + _ARTICLES_PER_BATCH]
        for article, chunks in embed(batch, assistant.settings.chunk_tokens, assistant.encoder):
            assistant.store.write(article, chunks)
        progress(at + len(batch), len(articles))
    assistant.store.settle()


def retrieval(settings: Settings, dataset: Dataset, progress: Progress) -> Retrieval:
    """Index a set in a temporary store and measure how its articles are ranked."""
    with temporary(settings, dataset.articles, progress) as assistant:
        started = time.perf_counter()
        ranked = {question.id: ranking(assistant, question) for question in dataset.questions}
        seconds = time.perf_counter() - started
    measures = measured(dataset.questions, ranked)
    return Retrieval(measures, len(dataset.questions), len(dataset.articles), round(seconds, 2))


def ranking(assistant: Assistant, question: Question) -> list[str]:
    """Article ids for a question, best first; none for a question that cannot be asked."""
    try:
        hits = assistant.search(question.text, _CHUNKS_PER_QUESTION).hits
    except QuestionError:
        return []
    return articles_of(hits)


def articles_of(hits: Iterable[Hit]) -> list[str]:
    """Articles of hits, each at its best hit."""
    return list(dict.fromkeys(hit.article.id for hit in hits))


def measured(questions: Sequence[Question], ranked: dict[str, list[str]]) -> dict[str, float]:
    """trec_eval's measures over the questions that have an article."""
    qrels = [ir_measures.Qrel(asked.id, asked.article_id, 1) for asked in questions if asked.article_id]
    run = [
        ir_measures.ScoredDoc(key, article, 1.0 / (1 + rank))
        for key, articles in ranked.items()
        for rank, article in enumerate(articles)
    ]
    values = ir_measures.calc_aggregate(MEASURES, qrels, run) if run else {}
    return {str(measure): round(float(values.get(measure, 0.0)), 4) for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class Answered:
    """A gold question with what was found and what was answered."""

    question: Question
    ranked: list[str]
    probability: float
    answer: Answer


def answered(assistant: Assistant, questions: Sequence[Question]) -> list[Answered]:
    """Ask every question and keep all that came back."""
    return [
        Answered(
            question,
            ranking(assistant, question),
            assistant.search(question.text).probability,
            assistant.ask(question.text),
        )
        for question in questions
    ]


def false_citations(assistant: Assistant, results: Iterable[Answered]) -> int:
    """Citations whose quote is not exactly what their article holds there."""
    return sum(
        assistant.store.article(citation.article_id).text[citation.start : citation.end] != citation.quote
        for result in results
        for citation in result.answer.citations
    )


def summary(results: Sequence[Answered]) -> dict[str, float]:
    """What the gold set must show, for the results of one language and kind."""
    answerable = [result for result in results if result.question.article_id]
    unanswerable = [result for result in results if not result.question.article_id]
    shown = {
        "right article in the first 3": _share(
            result.question.article_id in result.ranked[:3] for result in answerable
        ),
        "right article first": _share(result.question.article_id in result.ranked[:1] for result in answerable),
        "false refusals": _share(result.answer.refused for result in answerable),
        "gold answer quoted": _share(_quoted(result) for result in answerable),
        "answer in the question's language": _share(
            result.answer.language == result.question.language for result in results
        ),
    }
    for distance in ("far", "near", "inside"):
        asked = [result.answer.refused for result in unanswerable if result.question.distance == distance]
        if asked:
            shown[f"refused, {distance}"] = _share(asked)
    return shown


def _quoted(result: Answered) -> bool:
    return any(answer in citation.quote for answer in result.question.answers for citation in result.answer.citations)


def _share(values: Iterable[bool]) -> float:
    return round(statistics.fmean(values or [False]), 4)
