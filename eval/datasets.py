"""Sets with known answers: SQuAD files from anywhere, and the gold set of the sample collection."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from rag.errors import InputError
from rag.text import language
from rag.types import Article, Language

Kind = Literal["answerable", "unanswerable", "variant", "dialect"]

GOLD = Path(__file__).parent / "gold" / "questions.jsonl"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the article that answers it (None: no article does) and its answers' words."""

    id: str
    text: str
    language: Language
    kind: Kind
    article_id: str | None
    answers: tuple[str, ...]
    distance: str | None = None
    """Of an unanswerable question: `far` (a subject no article is on), `near` (another thing of an article's field),
    `inside` (a detail that the article on the subject does not give)."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Articles to index and questions to ask of them."""

    articles: list[Article]
    questions: list[Question]


def squad(corpus: Path, questions: Path | None = None) -> Dataset:
    """A SQuAD-format file, each paragraph an article; the same paragraph twice is one article.

    `questions` is another file of that format whose questions are asked instead: in another language, or fewer,
    matched by id; answers stay those of `corpus`. Raises InputError when a file is not of the format, or no
    question matches.
    """
    articles: dict[str, Article] = {}
    known: dict[str, Question] = {}
    for paragraph in _paragraphs(corpus):
        article = paragraph_article(paragraph["context"])
        articles.setdefault(article.id, article)
        for found in _questions(paragraph, article.id):
            known.setdefault(found.id, found)
    asked = list(known.values())
    if questions is not None:
        asked = []
        for paragraph in _paragraphs(questions):
            for entry in paragraph.get("qas", ()):
                origin = known.get(str(entry["id"]))
                if origin is not None:
                    asked.append(_asked(origin, str(entry["question"])))
    if not asked:
        raise InputError(f"No question of {questions or corpus} belongs to a paragraph of {corpus}.")
    return Dataset(list(articles.values()), asked)


def gold(path: Path = GOLD) -> list[Question]:
    """The gold set: questions about the sample collection in `articles/`."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Question(
            id=row["id"],
            text=row["question"],
            language=row["language"],
            kind=row["kind"],
            article_id=row.get("article"),
            answers=tuple(row.get("answers", ())),
            distance=row.get("distance"),
        )
        for row in rows
    ]


def _paragraphs(path: Path) -> Iterator[dict[str, Any]]:
    try:
        data = json.loads(path.read_text("utf-8"))
        for article in data["data"]:
            for paragraph in article["paragraphs"]:
                if not isinstance(paragraph["context"], str):
                    raise TypeError("a context is no text")
                yield paragraph
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not of the SQuAD format (data, paragraphs, context, qas): {error}.") from None


def _questions(paragraph: dict[str, Any], article_id: str) -> Iterable[Question]:
    for entry in paragraph.get("qas", ()):
        answers = tuple(dict.fromkeys(str(answer["text"]) for answer in entry.get("answers", ())))
        text = str(entry["question"])
        yield Question(str(entry["id"]), text, language(text), "answerable", article_id, answers)


def _asked(origin: Question, text: str) -> Question:
    return Question(origin.id, text, language(text), origin.kind, origin.article_id, origin.answers)


def paragraph_article(context: str) -> Article:
    """A paragraph as an article of its own, with an id made of its words."""
    key = blake2b(context.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return Article(key, "", context.encode("utf-8", "replace").decode(), language(context), key, "squad")
