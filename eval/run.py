"""Ask the questions of a set and keep what comes back."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eval.datasets import Question
from eval.matching import contains_words
from ingest.indexer import Indexer, Progress
from rag.answering.assistant import Assistant
from rag.errors import QuestionError
from rag.settings import Settings
from rag.types import NO_FILTERS, Answer, AnswerRequest, Article, Citation, Filters, Hit

_TOP_K = 30
"""Chunks retrieved for a question: enough for ten articles when long ones are split."""


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """What came back for a question; all empty when it could not be asked.

    Attributes
    ----------
    question : Question
        As it was asked.
    articles : tuple of (str, float)
        Ids and scores of the retrieved articles, best first.
    chunks_with_answer : tuple of bool
        Of each retrieved chunk, best first: whether a whole gold answer stands in it, in its place.
    quotes_with_answer : tuple of bool
        Of each quote that the answer shows, the first one first: whether it answers. One does that holds a whole gold
        answer, and, where the answers are whole sentences, one that lies in any part of them.
    probability : float
        That the articles hold the answer.
    answer : Answer or None
        None when answers are not measured.
    false_citations : int
        Citations whose quote is not exactly what their article has there.
    """

    question: Question
    articles: tuple[tuple[str, float], ...] = ()
    chunks_with_answer: tuple[bool, ...] = ()
    quotes_with_answer: tuple[bool, ...] = ()
    probability: float = 0.0
    answer: Answer | None = None
    false_citations: int = 0


def ignore_progress(done: int, total: int) -> None:
    """A `Progress` that shows nothing."""


@contextmanager
def open_temporary_assistant(
    settings: Settings, articles: Iterable[Article], progress: Progress = ignore_progress
) -> Iterator[Assistant]:
    """An assistant over `articles` in an index of its own, which is deleted afterwards.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    articles : iterable of Article
        Read as they are needed.
    progress : callable
        Called after every batch that is indexed.
    """
    folder = Path(tempfile.mkdtemp(prefix="dalil-eval-"))
    try:
        with Assistant.from_settings(settings.model_copy(update={"data_dir": folder, "qdrant_url": None})) as assistant:
            total = len(articles) if isinstance(articles, list) else 0
            open_indexer(assistant).index(articles, progress, total)
            yield assistant
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def open_indexer(assistant: Assistant) -> Indexer:
    """An indexer of the assistant's index."""
    return Indexer(assistant.store, lambda: assistant.encoder, assistant.settings.chunk_tokens)


def ask_questions(assistant: Assistant, questions: Iterable[Question], with_answers: bool) -> list[QuestionResult]:
    """Ask every question in turn.

    Parameters
    ----------
    assistant : Assistant
        Over the articles of the set.
    questions : iterable of Question
        The questions.
    with_answers : bool
        Whether to make the answers too, beside retrieval.
    """
    return [_ask_question(assistant, question, with_answers) for question in questions]


def _ask_question(assistant: Assistant, question: Question, with_answer: bool) -> QuestionResult:
    filters = Filters(articles=(question.page,)) if question.page else NO_FILTERS
    try:
        result = assistant.search(question.text, _TOP_K, filters)
        answer = assistant.ask(AnswerRequest(question.text, filters=filters)) if with_answer else None
    except QuestionError:
        return QuestionResult(question)
    return QuestionResult(
        question=question,
        articles=tuple(_rank_articles(result.hits)),
        chunks_with_answer=tuple(_contains_answer(hit, question) for hit in result.hits),
        quotes_with_answer=tuple(_quotes_answer(citation, question) for citation in answer.citations) if answer else (),
        probability=result.probability,
        answer=answer,
        false_citations=_count_false_citations(assistant, answer) if answer else 0,
    )


def _rank_articles(hits: Sequence[Hit]) -> Iterator[tuple[str, float]]:
    """The articles of hits, each with the score of its best hit."""
    seen = set()
    for hit in hits:
        if hit.article.id not in seen:
            seen.add(hit.article.id)
            yield hit.article.id, hit.score


def _contains_answer(hit: Hit, question: Question) -> bool:
    return hit.article.id in question.relevant and any(
        hit.start <= answer.start and answer.start + len(answer.text) <= hit.end for answer in question.answers
    )


def _quotes_answer(citation: Citation, question: Question) -> bool:
    if question.asks_passage:
        return citation.article_id in question.relevant and any(
            citation.start < answer.start + len(answer.text) and answer.start < citation.end
            for answer in question.answers
        )
    return any(contains_words(citation.quote, answer.text) for answer in question.answers)


def _count_false_citations(assistant: Assistant, answer: Answer) -> int:
    return sum(
        assistant.store.get_article(citation.article_id).text[citation.start : citation.end] != citation.quote
        for citation in answer.citations
    )
