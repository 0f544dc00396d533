"""What may be asked over HTTP. Unknown fields are refused, so that a typo is not silently ignored."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.types import Language, Turn


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Message(_Request):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str = Field(max_length=20_000)

    def turn(self) -> Turn:
        """The same as the core knows it."""
        return Turn(self.role, self.text)


class AskRequest(_Request):
    """A question to be answered."""

    question: str
    language: Literal["auto", "ar", "en"] = "auto"
    history: list[Message] = Field(default=[], max_length=50)
    top_k: int | None = Field(None, ge=1, le=50)
    mode: Literal["auto", "extractive", "generate"] = "auto"
    stream: bool = False


class SearchRequest(_Request):
    """A query to find passages for."""

    query: str
    top_k: int | None = Field(None, ge=1, le=50)
    explain: bool = False


def answer_in(language: Literal["auto", "ar", "en"]) -> Language | None:
    """The language to answer in; None: the question's own."""
    return None if language == "auto" else language
