"""The sets that the reader learns from, and their hashes."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval.datasets import (
    GOLD_QUESTIONS,
    Dataset,
    GoldAnswer,
    Question,
    make_text_article,
    read_articles,
    read_gold_set,
    read_json_lines,
    read_squad,
)
from eval.omos import read_omos
from eval.reading.examples import WRITTEN_PREFIX, QuestionSet
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from rag.types import Article

WRITTEN_QUESTIONS = Path(__file__).with_name("written.jsonl")
"""Written for the reader, over passages of the sets and the sample articles. A line has the `set`, the `article` of it,
the question `q` and where its answer stands in the article, `start` and `end`; none of these two: the article is on the
subject and does not answer."""
_SQUAD_SETS = ("xquad", "tydi", "mlqa", "arcd")
_LABELS = ("Arabic", "English over Arabic", "English")
_SAMPLES = Path("articles")
SHORT_SET = "short"
SHORT_QUESTIONS = Path(__file__).with_name("short.jsonl")
"""Written likewise, over the sample articles and those of `SHORT_ARTICLES` and `KEPT_ASIDE` together: short questions
as people type them, several on each sentence, that an article's other sentences nearly answer."""
SHORT_ARTICLES = Path(__file__).with_name("articles")
"""Written for these questions, so that more than the sample articles are learned from; those on offices, clubs and
companies tell of invented ones."""
KEPT_ASIDE = Path(__file__).with_name("kept_aside")
"""More of them, that are judged on alone."""
_ASIDE_GROUP = "aside"
"""Of these: it is in `HELD_OUT_FOLD`."""
_MAX_ARTICLE_CHARS = 10**6


def read_sets(folder: Path) -> Iterator[QuestionSet]:
    """The sets of a folder, each of which may be missing, and the gold set over the sample articles.

    Raises
    ------
    InputError
        When a file is not of its format.
    """
    written = _read_written_questions()
    samples = _add_written_questions(
        Dataset(read_articles(_SAMPLES, _MAX_ARTICLE_CHARS), read_gold_set()), written["gold"]
    )
    yield QuestionSet("gold", samples, str, is_withheld=False)
    for name in _SQUAD_SETS:
        arabic, english = (folder / f"{name}-dev.{language}.json" for language in LANGUAGES)
        if arabic.exists():
            group = _group_by_title(arabic)
            dataset = _add_written_questions(read_squad(arabic), written[name])
            yield QuestionSet(f"{name}, {_LABELS[0]}", dataset, group.__getitem__)
            if english.exists():
                yield QuestionSet(f"{name}, {_LABELS[1]}", read_squad(arabic, english), group.__getitem__)
                own = read_squad(english)
                yield QuestionSet(f"{name}, {_LABELS[2]}", own, _group_by_title(english).__getitem__, is_withheld=False)
    arabic, english = (folder / f"omos-dev.{language}.jsonl" for language in LANGUAGES)
    if arabic.exists() and english.exists():
        pairs: list[tuple[Path, Path | None]] = [(arabic, None), (arabic, english), (english, None)]
        for label, (pages, questions) in zip(_LABELS, pairs, strict=True):
            dataset = read_omos(pages, questions, within_page=True)
            if (pages, questions) == (arabic, None):
                dataset = _add_written_questions(dataset, written["omos"])
            yield QuestionSet(f"omos, {label}", dataset, str, has_spans=False, is_withheld=pages == arabic)


def read_short_set() -> QuestionSet:
    """The short questions, which the shipped reader has not learned from."""
    rows = list(read_json_lines(SHORT_QUESTIONS, "article", "q"))
    return QuestionSet(SHORT_SET, _add_written_questions(Dataset(read_own_articles(), []), rows), group_own)


def read_own_articles() -> list[Article]:
    """The sample articles and those that were written for the reader."""
    folders = (_SAMPLES, SHORT_ARTICLES, KEPT_ASIDE)
    return [article for folder in folders for article in read_articles(folder, _MAX_ARTICLE_CHARS)]


def group_own(article_id: str) -> str:
    """The group of one of these: all that are kept aside are of one."""
    return _ASIDE_GROUP if article_id in _find_aside() else article_id


@cache
def _find_aside() -> frozenset[str]:
    return frozenset(path.stem for path in KEPT_ASIDE.iterdir())


def hash_sets(folder: Path, has_short: bool) -> dict[str, str]:
    """The hash of every file that is learned from, by name; `has_short`: the short questions too."""
    files = [*sorted(folder.glob("*-dev.*.json*")), GOLD_QUESTIONS, WRITTEN_QUESTIONS]
    files += [SHORT_QUESTIONS] if has_short else []
    return {path.name: sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def _read_written_questions() -> dict[str, list[dict[str, Any]]]:
    """The written questions, by set."""
    by_set = defaultdict(list)
    for row in read_json_lines(WRITTEN_QUESTIONS, "set", "article", "q"):
        by_set[row["set"]].append(row)
    return by_set


def _add_written_questions(dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """A set with the questions that were written over its articles; of those that a file lacks there are none."""
    articles = {article.id: article for article in dataset.articles}
    asks_page = any(question.page for question in dataset.questions)
    written = []
    for number, row in enumerate(rows):
        if (article := articles.get(row["article"])) is None:
            continue
        is_answered = row.get("start") is not None
        answers = (GoldAnswer(article.text[row["start"] : row["end"]], row["start"]),) if is_answered else ()
        written.append(
            Question(
                id=f"{WRITTEN_PREFIX}{number}",
                text=row["q"],
                language=Document(row["q"]).language,
                kind="answerable" if answers else "unanswerable",
                relevant={article.id: 1} if answers else {},
                answers=answers,
                distance=None if answers else "inside",
                page=article.id if asks_page or not answers else None,
            )
        )
    return Dataset(dataset.articles, [*dataset.questions, *written])


def _group_by_title(path: Path) -> dict[str, str]:
    """The title under which each paragraph stands, by the id of its article: those of one title go together."""
    return {
        make_text_article(paragraph["context"]).id: str(entry["title"])
        for entry in json.loads(path.read_text("utf-8"))["data"]
        for paragraph in entry["paragraphs"]
    }
