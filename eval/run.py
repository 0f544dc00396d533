"""Ask a set's questions and keep what comes back."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eval.datasets import Question
from ingest.sync import embed
from rag.answering.assistant import Assistant
from rag.answering.extractive import HITS_READ, best_sentences
from rag.errors import QuestionError
from rag.settings import Settings
from rag.types import Answer, Article, Hit

_DEPTH = 30
"""Chunks retrieved for a question: enough for ten articles when long ones are split."""
_ARTICLES_PER_BATCH = 64
_QUOTES = 2

Progress = Callable[[int, int], None]
"""Called with (articles done, articles to do; 0 when not known)."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came back for a question: articles and chunks with scores, best first; nothing for one that failed."""

    question: Question
    articles: tuple[tuple[str, float], ...] = ()
    holds: tuple[bool, ...] = ()
    """Of each retrieved chunk: whether it holds a whole gold answer, where the answer stands."""
    quotes: tuple[str, ...] = ()
    """The two sentences that would be quoted first."""
    probability: float = 0.0
    answer: Answer | None = None
    false_citations: int = 0


@contextmanager
def temporary(settings: Settings, articles: Iterable[Article], progress: Progress) -> Iterator[Assistant]:
    """An assistant over `articles` in a store of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dalil-eval-"))
    try:
        with Assistant.from_settings(settings.model_copy(update={"data_dir": folder, "qdrant_url": None})) as assistant:
            index(assistant, articles, progress)
            yield assistant
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def index(assistant: Assistant, articles: Iterable[Article], progress: Progress) -> None:
    """Put articles in the assistant's store, reading them as they are needed."""
    total = len(articles) if isinstance(articles, list) else 0
    done = 0
    for batch in _batches(articles):
        for article, chunks in embed(batch, assistant.settings.chunk_tokens, assistant.encoder):
            assistant.store.write(article, chunks)
        done += len(batch)
        progress(done, total)
    assistant.store.settle()


def _batches(articles: Iterable[Article]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    for article in articles:
        batch.append(article)
        if len(batch) == _ARTICLES_PER_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def ask(assistant: Assistant, questions: Sequence[Question], answers: bool) -> list[Result]:
    """Every question in turn; with `answers`, its answer is made too."""
    return [_asked(assistant, question, answers) for question in questions]


def _asked(assistant: Assistant, question: Question, answers: bool) -> Result:
    try:
        found = assistant.search(question.text, _DEPTH)
        answer = assistant.ask(question.text) if answers else None
    except QuestionError:
        return Result(question)
    evidence = assistant.store.evidence([hit.chunk_id for hit in found.hits[:HITS_READ]])
    best = best_sentences(found, evidence)[:_QUOTES]
    return Result(
        question,
        tuple(_articles(found.hits)),
        tuple(_holds(hit, question) for hit in found.hits),
        tuple(sentence.hit.article.text[slice(*sentence.span)] for sentence in best),
        found.probability,
        answer,
        _false_citations(assistant, answer),
    )


def _articles(hits: Iterable[Hit]) -> Iterator[tuple[str, float]]:
    """Articles of hits, each at its best hit."""
    seen = set()
    for hit in hits:
        if hit.article.id not in seen:
            seen.add(hit.article.id)
            yield hit.article.id, hit.score


def _holds(hit: Hit, question: Question) -> bool:
    return hit.article.id in question.relevant and any(
        hit.start <= answer.start and answer.start + len(answer.text) <= hit.end for answer in question.answers
    )


def _false_citations(assistant: Assistant, answer: Answer | None) -> int:
    """Citations whose quote is not exactly what their article holds there."""
    return sum(
        assistant.store.article(citation.article_id).text[citation.start : citation.end] != citation.quote
        for citation in (answer.citations if answer else ())
    )


def timed(assistant: Assistant, questions: Sequence[Question], answers: bool) -> tuple[list[Result], float]:
    """`ask`, with the seconds it took."""
    started = time.perf_counter()
    results = ask(assistant, questions, answers)
    return results, round(time.perf_counter() - started, 2)
