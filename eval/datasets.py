"""Sets with known answers: SQuAD files and BEIR folders from anywhere, and the gold set of the sample collection."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rag.errors import InputError
from rag.language.text import language
from rag.types import Article, Language

Kind = Literal["answerable", "unanswerable", "variant", "dialect"]

GOLD = Path(__file__).parent / "gold" / "questions.jsonl"


class GoldAnswer(NamedTuple):
    """The words of an answer, and where they begin in the article that holds them."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the articles that answer it and how well (none: no article does), and the words that do."""

    id: str
    text: str
    language: Language
    kind: Kind = "answerable"
    relevant: Mapping[str, int] = field(default_factory=dict)
    answers: tuple[GoldAnswer, ...] = ()
    distance: str | None = None
    """Of an unanswerable question: `far` (a subject no article is on), `near` (another thing of an article's field),
    `inside` (a detail that the article on the subject does not give)."""

    @property
    def article_id(self) -> str | None:
        """The article that answers best."""
        return max(self.relevant, key=self.relevant.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Articles to index, read as they are needed, and questions to ask of them."""

    articles: Iterable[Article]
    questions: list[Question]


# SQuAD


def squad(corpus: Path, questions: Path | None = None, join: bool = False) -> Dataset:
    """A SQuAD-format file, each paragraph an article, or with `join` all paragraphs of an article one article.

    The same paragraph, article or question id met again is passed over. `questions` is another file of that format
    whose questions are asked instead: in another language, or fewer, matched by id; answers stay those of `corpus`.
    Raises InputError when a file is not of the format, or no question matches.
    """
    articles: dict[str, Article] = {}
    known: dict[str, Question] = {}
    for entry in _entries(corpus):
        paragraphs = [paragraph["context"].encode("utf-8", "replace").decode() for paragraph in entry]
        joined = text_article("\n\n".join(paragraphs)) if join else None
        at = 0
        for paragraph, text in zip(entry, paragraphs, strict=True):
            article = joined or text_article(text)
            articles.setdefault(article.id, article)
            for found in _questions(paragraph, article.id, at if join else 0):
                known.setdefault(found.id, found)
            at += len(text) + 2
    asked = list(known.values()) if questions is None else list(_matched(questions, known))
    if not asked:
        raise InputError(f"No question of {questions or corpus} belongs to a paragraph of {corpus}.")
    return Dataset(list(articles.values()), asked)


def unanswerable(questions: Path) -> list[Question]:
    """The questions of a SQuAD-format file, as ones whose articles are not in the index."""
    rows = (row for entry in _entries(questions) for paragraph in entry for row in paragraph.get("qas", ()))
    asked = {str(row["id"]): str(row["question"]) for row in rows}
    return [
        Question(f"unanswerable {key}", text, language(text), "unanswerable", distance="far")
        for key, text in asked.items()
    ]


def text_article(text: str) -> Article:
    """A text as an article, with an id made of its words."""
    key = blake2b(text.encode(), digest_size=12).hexdigest()
    return Article(key, "", text, language(text), key, "squad")


def _entries(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The paragraphs of each article."""
    try:
        data = json.loads(path.read_text("utf-8"))
        for article in data["data"]:
            paragraphs = article["paragraphs"]
            if not all(isinstance(paragraph["context"], str) for paragraph in paragraphs):
                raise TypeError("a context is no text")
            yield paragraphs
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not of the SQuAD format (data, paragraphs, context, qas): {error}.") from None


def _questions(paragraph: dict[str, Any], article_id: str, before: int) -> Iterator[Question]:
    for row in paragraph.get("qas", ()):
        answers = (
            GoldAnswer(str(answer["text"]), before + int(answer.get("answer_start", 0)))
            for answer in row.get("answers", ())
        )
        text = str(row["question"])
        relevant = {article_id: 1}
        yield Question(str(row["id"]), text, language(text), "answerable", relevant, tuple(dict.fromkeys(answers)))


def _matched(questions: Path, known: dict[str, Question]) -> Iterator[Question]:
    for entry in _entries(questions):
        for row in (row for paragraph in entry for row in paragraph.get("qas", ())):
            origin = known.pop(str(row["id"]), None)
            if origin is not None:
                text = str(row["question"])
                yield replace(origin, text=text, language=language(text))


# BEIR


def beir(folder: Path) -> Dataset:
    """A BEIR folder: corpus.jsonl, which is read as it is indexed, queries.jsonl, and qrels/test.tsv, else all qrels.

    Queries without a judgement are left out. Raises InputError when a file lacks or is not of the format.
    """
    relevant: dict[str, dict[str, int]] = {}
    judged_for_test = folder / "qrels" / "test.tsv"
    files = [judged_for_test] if judged_for_test.exists() else sorted((folder / "qrels").glob("*.tsv"))
    for file in files:
        for row in _tsv(file):
            if int(row[2]) > 0:
                relevant.setdefault(row[0], {})[row[1]] = int(row[2])
    if not relevant:
        raise InputError(f"{folder} is no BEIR folder: it has no judgement in qrels/*.tsv.")
    texts = {str(row["_id"]): str(row["text"]) for row in _json_lines(folder / "queries.jsonl", "_id", "text")}
    questions = [
        Question(key, texts[key], language(texts[key]), "answerable", judged)
        for key, judged in relevant.items()
        if key in texts
    ]
    if not questions:
        raise InputError(f"No query of {folder} has a judgement.")
    return Dataset(_BeirCorpus(folder / "corpus.jsonl"), questions)


class _BeirCorpus:
    """The articles of corpus.jsonl, each id once, read anew by each iteration."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Article]:
        seen = set()
        for row in _json_lines(self._path, "_id", "text"):
            key, text = str(row["_id"]), str(row["text"])
            if key not in seen and text.strip():
                seen.add(key)
                yield Article(key, str(row.get("title") or ""), text, language(text), key, "beir")


def _json_lines(path: Path, *wanted: str) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line) if line.strip() else None
                if row is not None and not (isinstance(row, dict) and all(name in row for name in wanted)):
                    raise InputError(f"{path}:{number} lacks one of {', '.join(wanted)}.")
                if row is not None:
                    yield row
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON lines in UTF-8: {error}.") from None


def _tsv(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines, delimiter="\t"):
                if len(row) >= 3 and row[2].lstrip("-").isdigit():  # the first line may name the columns
                    yield row
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None


# The gold set


def gold(path: Path = GOLD) -> list[Question]:
    """The gold set: questions about the sample collection in `articles/`."""
    return [
        Question(
            id=row["id"],
            text=row["question"],
            language=row["language"],
            kind=row["kind"],
            relevant={row["article"]: 1} if row.get("article") else {},
            answers=tuple(_within(answer, row["evidence"], row["start"]) for answer in row.get("answers", ())),
            distance=row.get("distance"),
        )
        for row in _json_lines(path, "id", "question", "language", "kind")
    ]


def _within(answer: str, evidence: str, start: int) -> GoldAnswer:
    return GoldAnswer(answer, start + max(0, evidence.find(answer)))
