"""What may be asked over HTTP. Unknown fields are refused, so that a typo is not silently ignored."""

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rag.types import Filters, Language, SearchMode, Turn


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Message(_Request):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str = Field(max_length=20_000)

    def turn(self) -> Turn:
        """The same as the core knows it."""
        return Turn(self.role, self.text)


_ISO_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")


def _iso(text: str) -> str:
    try:
        if _ISO_DATE.fullmatch(text):
            date.fromisoformat(text + "-01-01"[len(text) - 4 :])
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no date: write a day (2024-05-31), a month (2024-05) or a year (2024)")


_Date = Annotated[str, AfterValidator(_iso)]
_Names = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=1000)]


class ArticleFilters(_Request):
    """Which articles may be searched: those that fit every filter given. `languages` are those of articles; dates are
    inclusive, and an article without a date fits no range."""

    articles: _Names = []
    topics: _Names = []
    languages: list[Language] = Field(default=[], max_length=2)
    date_from: _Date | None = None
    date_to: _Date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.date_from, self.date_to
        if first and last and first[: len(last)] > last:
            raise ValueError(f"date_from ({first}) lies after date_to ({last})")
        return self

    def chosen(self) -> Filters:
        """The same as the core knows it."""
        names = tuple(self.articles), tuple(self.topics), tuple(self.languages)
        return Filters(*names, self.date_from, self.date_to)


class AskRequest(_Request):
    """A question to be answered."""

    question: str
    language: Literal["auto", "ar", "en"] = "auto"
    history: list[Message] = Field(default=[], max_length=50)
    top_k: int | None = Field(None, ge=1, le=50)
    mode: Literal["auto", "extractive", "generate"] = "auto"
    filters: ArticleFilters = ArticleFilters()
    stream: bool = False


class SearchRequest(_Request):
    """A query to find passages for."""

    query: str
    top_k: int | None = Field(None, ge=1, le=50)
    mode: SearchMode = "hybrid"
    explain: bool = False
    filters: ArticleFilters = ArticleFilters()


def answer_in(language: Literal["auto", "ar", "en"]) -> Language | None:
    """The language to answer in; None: the question's own."""
    return None if language == "auto" else language
