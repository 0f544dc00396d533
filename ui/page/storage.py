"""Conversations as the browser keeps them: validated when they come back, whichever version of Dalil wrote them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.types import Answer

SCHEMA_VERSION = 1
"""Raise it whenever the shape of a conversation changes, and teach `_migrate` the one before."""


TERM_SEPARATOR = "، "
"""Between the words that were searched, in `Turn.looked_for`."""


class _Stored(BaseModel):
    # What another version of Dalil wrote beside these fields is kept.
    model_config = ConfigDict(extra="allow")


class RightPassage(_Stored):
    """What a reader says an answer should have cited, in code points of the article's text."""

    article_id: str
    start: int
    end: int


class ExplainedHit(_Stored):
    """A passage with why it was found: the score of each representation, and the forms that match the question."""

    title: str
    article_id: str
    start: int
    end: int
    signals: dict[str, float]
    matched: dict[str, list[str]]


class Explanation(_Stored):
    """Why an answer's passages were found."""

    probability: float
    hits: list[ExplainedHit]


class Turn(_Stored):
    """A question with what came of it.

    `asked_at` is ISO in UTC, empty where an earlier version kept it. `nearest` has ids and titles of articles beside a
    refusal, `looked_for` the words that were searched, and `subject` what was talked of before, with which it was
    searched as well. `topics`, `only_articles` (ids and titles) and `dates` (of
    articles, the first and the last day) are what alone was searched. `answer_json` is an answer that this version
    cannot read.
    """

    question: str
    asked_at: str = ""
    answer: Answer | None = None
    answer_json: dict[str, Any] | None = None
    nearest: list[tuple[str, str]] = []
    looked_for: str = ""
    subject: str = ""
    topics: list[str] = []
    only_articles: list[tuple[str, str]] = []
    dates: tuple[str, str] = ("", "")
    why: Explanation | None = None
    error: str | None = None
    stopped: bool = False
    rated: Literal["up", "down"] | None = None
    reason: str | None = None
    right_passage: RightPassage | None = None


class Conversation(_Stored):
    """Turns under a name, which is empty until the reader gives one."""

    schema_version: int = SCHEMA_VERSION
    id: str = Field(default_factory=lambda: uuid4().hex)
    name: str = ""
    turns: list[Turn] = []

    def with_turn(self, index: int, turn: Turn) -> "Conversation":
        """The same with another turn at `index`."""
        return self.model_copy(update={"turns": [*self.turns[:index], turn, *self.turns[index + 1 :]]})

    def find_answer(self, answer_id: str) -> int | None:
        """The index of the turn with that answer; None when it has none."""
        matches = (at for at, turn in enumerate(self.turns) if turn.answer and turn.answer.id == answer_id)
        return next(matches, None)

    def to_json(self) -> dict[str, Any]:
        """As the browser keeps it."""
        return self.model_dump(mode="json", exclude_defaults=True) | {
            "schema_version": self.schema_version,
            "id": self.id,
        }


def read_conversation(data: Mapping[str, Any] | None) -> Conversation:
    """A conversation that the browser kept; an answer of it that cannot be read is set aside, nothing is lost."""
    migrated = _migrate(data or {})
    turns = [_read_turn(turn) for turn in migrated.pop("turns", [])]
    return Conversation(**migrated, turns=turns)


def read_conversations(data: Sequence[Mapping[str, Any]] | None) -> list[Conversation]:
    """All conversations that the browser kept."""
    return [read_conversation(one) for one in data or ()]


def _migrate(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data in the shape of this version."""
    migrated = dict(data)
    if "schema_version" not in migrated:  # before conversations had a version
        migrated["turns"] = [_rename_right(turn) for turn in migrated.get("turns", [])]
    migrated["schema_version"] = max(SCHEMA_VERSION, migrated.get("schema_version", 0))
    return migrated


def _rename_right(turn: Mapping[str, Any]) -> dict[str, Any]:
    renamed = dict(turn)
    if "right" in renamed:
        renamed["right_passage"] = renamed.pop("right")
    return renamed


def _read_turn(data: Mapping[str, Any]) -> Turn:
    try:
        return Turn.model_validate(data)
    except ValidationError:
        return Turn(question=str(data.get("question", "")), answer_json=dict(data))
