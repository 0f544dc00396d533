"""What a reader is given and gives: the source of articles, an article or a failure."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from io import BufferedReader
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ingest.readers.metadata import clean_id, clean_line, read_date, read_topic, read_url
from rag.errors import ReadError
from rag.language.controls import replace_controls
from rag.language.document import Document
from rag.types import Article, Language

MAX_TITLE_CHARS = 300
_MAX_FIRST_LINE_CHARS = 100
_MAX_BYTES_PER_CHAR = 4
"""Of UTF-8: a larger file is too long whatever it holds."""


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """A file, or a line of one, that could not become an article.

    Attributes
    ----------
    path : str
        Of the file, with `:` and the number of the line.
    reason : str
        For the person who wrote it.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where content comes from.

    Attributes
    ----------
    origin : str
        Kept with each article as its source.
    name : str
        Id of an article that has none of its own.
    path : str
        What failures are named by.
    max_chars : int
        Longest article.
    """

    origin: str
    name: str
    path: str
    max_chars: int

    def line(self, number: int) -> "Source":
        """The same for one line, numbered from 1."""
        return replace(self, name=f"{self.name}:{number}", path=f"{self.path}:{number}")

    def failure(self, reason: str) -> ReadFailure:
        """A failure of this source."""
        return ReadFailure(self.path, reason)


Reader = Callable[[BufferedReader, Source], Iterator[Article | ReadFailure]]
"""Reads the articles of a file or an upload; raises ReadError when the whole of it cannot be read."""


class ArticleFields(BaseModel):
    """What a writer may say of an article, in front matter or in a JSON object. Other keys are the writer's own.

    A `url`, `date` or `topic` that cannot be kept is None, so that it loses no article.
    """

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True, coerce_numbers_to_str=True)

    id: str | None = Field(default=None, min_length=1, max_length=200)
    title: str | None = Field(default=None, max_length=MAX_TITLE_CHARS)
    language: Language | None = None
    url: Annotated[str | None, BeforeValidator(read_url)] = None
    date: Annotated[str | None, BeforeValidator(read_date)] = None
    topic: Annotated[str | None, BeforeValidator(read_topic)] = None


def make_article(fields: ArticleFields, content: str, source: Source, heading: str | None = None) -> Article:
    """An article of what was read.

    Parameters
    ----------
    fields : ArticleFields
        What its writer said of it.
    content : str
        Its words.
    source : Source
        Where they come from.
    heading : str, optional
        Its title, where the fields have none.

    Raises
    ------
    ReadError
        When there are no words, or too many, or the id is none.
    """
    text = replace_controls(content).strip()
    if not any(char.isalnum() for char in text):
        raise ReadError("It holds no words.")
    if len(text) > source.max_chars:
        raise ReadError(
            f"It is too long: {len(text):,} characters, at most {source.max_chars:,} (DALIL_MAX_ARTICLE_CHARS)."
        )
    title = clean_line(fields.title or "") or clean_line(heading or "") or _first_line(text)
    kept: dict[str, Any] = {
        "title": title,
        "text": text,
        "language": fields.language or Document(text).language,
        "url": fields.url,
        "date": fields.date,
        "topic": fields.topic,
    }
    return Article(id=clean_id(fields.id or source.name), revision=_hash_content(kept), source=source.origin, **kept)


def validate_fields(model: type[ArticleFields], values: Any) -> Any:
    """Values as fields of an article; raises ReadError, which names the first field that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ReadError(_describe_problem(error)) from None
    except ValueError:  # Python writes out no integer of thousands of digits
        raise ReadError("It holds an endless number.") from None


def read_limited(stream: BufferedReader, source: Source) -> bytes:
    """The content of a stream; raises ReadError, without reading it, when it is too large for one article."""
    size = stream.seek(0, 2)
    stream.seek(0)
    if size > _MAX_BYTES_PER_CHAR * source.max_chars:
        raise ReadError(
            f"It is too large ({size / 1e6:.0f} MB) for one article of at most {source.max_chars:,} characters "
            "(DALIL_MAX_ARTICLE_CHARS). Cut it into articles, for instance as JSON lines."
        )
    return stream.read()


def _hash_content(kept: dict[str, Any]) -> str:
    """Hash of all that is kept of an article but its id and source, 24 hexadecimal digits."""
    return blake2b(json.dumps(kept, ensure_ascii=False, sort_keys=True).encode(), digest_size=12).hexdigest()


def _describe_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"It lacks {name!r}."
    return f"{name or 'It'}: {problem['msg']}."


def _first_line(text: str) -> str:
    """The first line that can be seen, cut at a word."""
    line = next(filter(None, map(clean_line, text.split("\n"))), "")
    if len(line) <= _MAX_FIRST_LINE_CHARS:
        return line
    return line[:_MAX_FIRST_LINE_CHARS].rsplit(" ", 1)[0] + "…"
