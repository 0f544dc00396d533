"""OMoS's format (Kleinle et al. 2024): pages of public authorities, one sentence a line, and the lines that answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any

from eval.datasets import Dataset, GoldAnswer, Question, read_json_lines
from rag.errors import InputError
from rag.language.document import Document
from rag.types import Article

_LINE_BREAK = "\n"


def read_omos(pages: Path, questions: Path | None = None, within_page: bool = False) -> Dataset:
    """Read a file of OMoS's format; each of its pages is an article, whose title is its first line.

    A row has `id`, `page`, `question`, `lines` (the page) and `answers`: the numbers of the lines that answer, from 0.
    A question without any is one that its page does not answer: it has the distance `inside`. Of a page that several
    rows have, the first row's lines are indexed.

    Parameters
    ----------
    pages : Path
        The file.
    questions : Path, optional
        Another file of that format, whose questions are asked instead, matched by id: in another language, or fewer.
        Answers stay those of `pages`.
    within_page : bool
        Whether each question is asked of its page alone; else of all pages, among which another may answer it.

    Raises
    ------
    InputError
        When a file is not of the format, or no question matches.
    """
    articles: dict[str, Article] = {}
    known: dict[str, Question] = {}
    for row in _read_rows(pages):
        article = articles.setdefault(row["page"], _make_page(row["page"], row["lines"]))
        known.setdefault(str(row["id"]), _make_question(row, article, within_page))
    chosen = list(known.values()) if questions is None else _match_questions(questions, known)
    if not chosen:
        raise InputError(f"No question of {questions or pages} belongs to a page of {pages}.")
    return Dataset(list(articles.values()), chosen)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    rows = list(read_json_lines(path, "id", "page", "question", "answers", "lines"))
    for row in rows:
        lines, answers = row["lines"], row["answers"]
        is_page = (
            isinstance(row["page"], str) and isinstance(lines, list) and all(isinstance(one, str) for one in lines)
        )
        if not is_page or not isinstance(answers, list) or not all(at in range(len(lines)) for at in answers):
            raise InputError(
                f"{path} is not of OMoS's format (lines, and the numbers of those that answer): {row['id']}."
            )
    return rows


def _make_page(key: str, lines: Sequence[str]) -> Article:
    text = _LINE_BREAK.join(lines)
    revision = blake2b(text.encode(), digest_size=12).hexdigest()
    return Article(key, lines[0] if lines else "", text, Document(text).language, revision, "omos")


def _make_question(row: Mapping[str, Any], article: Article, within_page: bool) -> Question:
    lines = article.text.split(_LINE_BREAK)
    starts = list(accumulate((len(line) + len(_LINE_BREAK) for line in lines), initial=0))
    answers = tuple(GoldAnswer(lines[at], starts[at]) for at in row["answers"])
    return Question(
        id=str(row["id"]),
        text=row["question"],
        language=Document(row["question"]).language,
        kind="answerable" if answers else "unanswerable",
        relevant={article.id: 1} if answers else {},
        answers=answers,
        distance=None if answers else "inside",
        page=article.id if within_page else None,
        asks_passage=True,
    )


def _match_questions(questions: Path, known: Mapping[str, Question]) -> list[Question]:
    texts = {str(row["id"]): str(row["question"]) for row in read_json_lines(questions, "id", "question")}
    return [
        replace(known[key], text=text, language=Document(text).language) for key, text in texts.items() if key in known
    ]
