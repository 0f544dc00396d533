"""Sets with known answers: SQuAD files, BEIR folders, and the gold set of the sample articles; OMoS: `eval.omos`."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ingest.readers import find_files, read_file
from rag.errors import InputError
from rag.language.document import Document
from rag.types import Article, Language

QuestionKind = Literal["answerable", "unanswerable", "variant", "dialect"]

GOLD_QUESTIONS = Path(__file__).parent / "gold" / "questions.jsonl"
_PARAGRAPH_BREAK = "\n\n"


class GoldAnswer(NamedTuple):
    """The words of an answer.

    Attributes
    ----------
    text : str
        As the article has them.
    start : int
        Where they begin in the article, in code points.
    """

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what is known of its answer.

    Attributes
    ----------
    id : str
        Unique in its set.
    text : str
        As it is asked.
    language : Language
        Of the question.
    kind : QuestionKind
        Whether an article answers it, or how it is worded.
    relevant : mapping of str to int
        Grade of each article that answers it; empty when none does.
    answers : tuple of GoldAnswer
        Any of them is right.
    distance : str or None
        Of an unanswerable question: `far` (a subject that no article is on), `near` (another thing of an article's
        field), `inside` (a detail that the article on the subject does not give).
    page : str or None
        The one article that it is asked of; None: of all.
    renderings : tuple of str
        The answers in the question's own language, where that is not the articles'.
    asks_passage : bool
        Whether its answers are whole sentences, any part of which answers; else they are as short as can be.
    """

    id: str
    text: str
    language: Language
    kind: QuestionKind = "answerable"
    relevant: Mapping[str, int] = field(default_factory=dict)
    answers: tuple[GoldAnswer, ...] = ()
    distance: str | None = None
    page: str | None = None
    renderings: tuple[str, ...] = ()
    asks_passage: bool = False

    @property
    def article_id(self) -> str | None:
        """The article that answers best."""
        return max(self.relevant, key=self.relevant.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Articles to index, and questions to ask of them.

    Attributes
    ----------
    articles : iterable of Article
        May be read only as they are needed; can be iterated more than once.
    questions : list of Question
        Each id once.
    """

    articles: Iterable[Article]
    questions: list[Question]


def read_articles(folder: Path, max_chars: int) -> list[Article]:
    """The articles of a folder; files that cannot be read are left out.

    Parameters
    ----------
    folder : Path
        Of files in any format that Dalil reads.
    max_chars : int
        Longest article.
    """
    found = (item for file, root in find_files([folder]) for item in read_file(file, root, max_chars))
    return [item for item in found if isinstance(item, Article)]


# SQuAD


def read_squad(corpus: Path, questions: Path | None = None, join: bool = False) -> Dataset:
    """Read a SQuAD-format file. A paragraph, article or question id that repeats is left out.

    Parameters
    ----------
    corpus : Path
        The file; each of its paragraphs is an article.
    questions : Path, optional
        Another file of that format, whose questions are asked instead: in another language, or fewer, matched by id.
        Answers stay those of `corpus`; those of this file are their renderings.
    join : bool
        Whether all paragraphs of an article are one article.

    Raises
    ------
    InputError
        When a file is not of the format, or no question matches.
    """
    articles: dict[str, Article] = {}
    known: dict[str, Question] = {}
    for paragraphs in _read_squad_entries(corpus):
        for article, found in _read_entry(paragraphs, join):
            articles.setdefault(article.id, article)
            for question in found:
                known.setdefault(question.id, question)
    chosen = list(known.values()) if questions is None else list(_match_questions(questions, known))
    if not chosen:
        raise InputError(f"No question of {questions or corpus} belongs to a paragraph of {corpus}.")
    return Dataset(list(articles.values()), chosen)


def read_unanswerable(questions: Path) -> list[Question]:
    """The questions of a SQuAD-format file, as ones whose articles are not in the index; raises InputError."""
    rows = (row for paragraphs in _read_squad_entries(questions) for row in _question_rows(paragraphs))
    texts = {str(row["id"]): str(row["question"]) for row in rows}
    return [
        Question(f"unanswerable {key}", text, Document(text).language, "unanswerable", distance="far")
        for key, text in texts.items()
    ]


def make_text_article(text: str) -> Article:
    """A text as an article without a title, whose id is a hash of its words."""
    key = blake2b(text.encode(), digest_size=12).hexdigest()
    return Article(key, "", text, Document(text).language, key, "squad")


def _read_squad_entries(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The paragraphs of each article of a file."""
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


def _read_entry(paragraphs: list[dict[str, Any]], join: bool) -> Iterator[tuple[Article, list[Question]]]:
    """Each paragraph's article, the same for all when they are joined, with the paragraph's questions."""
    texts = [paragraph["context"].encode("utf-8", "replace").decode() for paragraph in paragraphs]
    joined = make_text_article(_PARAGRAPH_BREAK.join(texts)) if join else None
    start = 0
    for paragraph, text in zip(paragraphs, texts, strict=True):
        article = joined or make_text_article(text)
        yield article, list(_read_questions(paragraph, article.id, start if join else 0))
        start += len(text) + len(_PARAGRAPH_BREAK)


def _question_rows(paragraphs: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (row for paragraph in paragraphs for row in paragraph.get("qas", ()))


def _read_questions(paragraph: dict[str, Any], article_id: str, paragraph_start: int) -> Iterator[Question]:
    for row in _question_rows([paragraph]):
        answers = (
            GoldAnswer(str(answer["text"]), paragraph_start + int(answer.get("answer_start", 0)))
            for answer in row.get("answers", ())
        )
        text = str(row["question"])
        yield Question(
            id=str(row["id"]),
            text=text,
            language=Document(text).language,
            relevant={article_id: 1},
            answers=tuple(dict.fromkeys(answers)),
        )


def _match_questions(questions: Path, known: dict[str, Question]) -> Iterator[Question]:
    """The known questions in the words of another file; takes them out of `known`."""
    for paragraphs in _read_squad_entries(questions):
        for row in _question_rows(paragraphs):
            original = known.pop(str(row["id"]), None)
            if original is not None:
                text = str(row["question"])
                renderings = dict.fromkeys(str(answer["text"]) for answer in row.get("answers", ()))
                yield replace(original, text=text, language=Document(text).language, renderings=tuple(renderings))


# BEIR


def read_beir(folder: Path) -> Dataset:
    """Read a BEIR folder: `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`, else all of `qrels/*.tsv`.

    Queries without a judgement are left out. The corpus is read as it is indexed.

    Raises
    ------
    InputError
        When a file is missing or not of the format.
    """
    judgements = _read_judgements(folder)
    texts = {str(row["_id"]): str(row["text"]) for row in read_json_lines(folder / "queries.jsonl", "_id", "text")}
    questions = [
        Question(key, texts[key], Document(texts[key]).language, "answerable", relevant)
        for key, relevant in judgements.items()
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
        for row in read_json_lines(self._path, "_id", "text"):
            key, text = str(row["_id"]), str(row["text"])
            if key not in seen and text.strip():
                seen.add(key)
                yield Article(key, str(row.get("title") or ""), text, Document(text).language, key, "beir")


def _read_judgements(folder: Path) -> dict[str, dict[str, int]]:
    """The positive grades of articles, by query and article."""
    test_file = folder / "qrels" / "test.tsv"
    files = [test_file] if test_file.exists() else sorted((folder / "qrels").glob("*.tsv"))
    judgements: dict[str, dict[str, int]] = {}
    for query, article, grade in (row[:3] for file in files for row in _read_tsv(file)):
        if int(grade) > 0:
            judgements.setdefault(query, {})[article] = int(grade)
    if not judgements:
        raise InputError(f"{folder} is no BEIR folder: it has no judgement in qrels/*.tsv.")
    return judgements


def read_json_lines(path: Path, *required: str) -> Iterator[dict[str, Any]]:
    """The objects of a file, each of which has all that is `required`; raises InputError."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line) if line.strip() else None
                if row is not None and not (isinstance(row, dict) and all(name in row for name in required)):
                    raise InputError(f"{path}:{number} lacks one of {', '.join(required)}.")
                if row is not None:
                    yield row
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON lines in UTF-8: {error}.") from None


def _read_tsv(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines, delimiter="\t"):
                if len(row) >= 3 and row[2].lstrip("-").isdigit():  # the first line may name the columns
                    yield row
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None


# The gold set


def read_gold_set(path: Path = GOLD_QUESTIONS) -> list[Question]:
    """The questions about the sample articles; raises InputError."""
    return [
        Question(
            id=row["id"],
            text=row["question"],
            language=row["language"],
            kind=row["kind"],
            relevant={row["article"]: 1} if row.get("article") else {},
            answers=tuple(_locate_answer(answer, row["evidence"], row["start"]) for answer in row.get("answers", ())),
            distance=row.get("distance"),
        )
        for row in read_json_lines(path, "id", "question", "language", "kind")
    ]


def _locate_answer(answer: str, evidence: str, evidence_start: int) -> GoldAnswer:
    return GoldAnswer(answer, evidence_start + max(0, evidence.find(answer)))
