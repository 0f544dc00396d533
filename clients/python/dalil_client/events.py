"""The events of a streamed answer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dalil_client.calls import ApiError
from dalil_client.models import Answer, Citation, SearchHit


@dataclass(frozen=True, slots=True)
class Meta:
    """First of all: the language of the answer, and the probability that the passages hold one."""

    language: str
    probability: float


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages that were found."""

    hits: tuple[SearchHit, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """Text of the answer, as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation, when the text is there."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Final:
    """At last the whole answer, which counts: what came before may have been put right."""

    answer: Answer


Event = Meta | Sources | Token | Cited | Final


class EventParser:
    """Server-sent events from the parts of a stream, as the service writes them: a line feed ends a line, and nothing
    else that Unicode calls a line's end, since an article may hold it."""

    def __init__(self) -> None:
        self._waiting, self._name, self._data = "", "", ""

    def take(self, part: str) -> Iterator[Event]:
        """The events that a part ends; raises ApiError for one that is an error."""
        *lines, self._waiting = (self._waiting + part).split("\n")
        for line in lines:
            if line.startswith("event:"):
                self._name = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                self._data += line.removeprefix("data:")
            elif not line and self._data:
                event = _to_event(self._name, json.loads(self._data))
                self._name, self._data = "", ""
                if event is not None:
                    yield event


def _to_event(name: str, data: Any) -> Event | None:
    match name:
        case "meta":
            return Meta(data["language"], data["probability"])
        case "sources":
            return Sources(tuple(map(SearchHit.model_validate, data)))
        case "token":
            return Token(data["text"])
        case "citation":
            return Cited(Citation.model_validate(data))
        case "final":
            return Final(Answer.model_validate(data))
        case "error":
            raise ApiError(data["error"]["message"], 0, data["error"]["code"])
    return None  # `done`, and what later versions may add
