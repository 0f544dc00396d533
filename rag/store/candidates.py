"""What a search found, before the best of it become hits."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, overload
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rag.types import Language, Signals, Span

Payload = dict[str, Any]
VIEWS = tuple(view.name for view in fields(Signals))


@dataclass(frozen=True, slots=True)
class Scores:
    """The payloads of the points that were found, by id, and what each view scored for each. An id is a UUID's number:
    hashing a UUID or writing it out costs more than a score."""

    views: dict[str, dict[int, float]]
    payloads: dict[int, Payload]

    def column(self, view: str) -> NDArray[np.float64]:
        """What a view scored, in the order of the payloads; nan where it has nothing to score."""
        found = self.views.get(view, {})
        return np.array([found.get(key, np.nan) for key in self.payloads])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that some view found, with every view's raw score; `lexical` is a BM25 sum here."""

    id: str
    article_id: str
    revision: str
    language: Language
    span: Span
    sentences: tuple[Span, ...]
    signals: Signals


class Candidates(Sequence[Candidate]):
    """Candidates by number, made when one is looked at: all are ranked, few become hits.

    `signals` (candidates, views) has the raw scores in the order of the fields of `Signals`, `languages` the chunks',
    `keys` what brings candidates of one score into an order.
    """

    def __init__(self, payloads: dict[int, Payload], signals: NDArray[np.float64]) -> None:
        self.keys, self.signals = list(payloads), signals
        self._payloads = list(payloads.values())
        self.languages: list[Language] = [payload["language"] for payload in self._payloads]

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, at: int) -> Candidate: ...

    @overload
    def __getitem__(self, at: slice) -> list[Candidate]: ...

    def __getitem__(self, at: int | slice) -> Candidate | list[Candidate]:
        if isinstance(at, slice):
            return [self[one] for one in range(len(self))[at]]
        payload = self._payloads[at]
        return Candidate(
            id=str(UUID(int=self.keys[at])),
            article_id=payload["article_id"],
            revision=payload["revision"],
            language=payload["language"],
            span=Span(*payload["span"]),
            sentences=_pairs(payload["sentences"]),
            signals=Signals(*self.signals[at].tolist()),
        )


def flat(spans: Sequence[Span]) -> list[int]:
    """Spans as one list of their ends, which is read in half the time of a list of lists."""
    return [end for span in spans for end in span]


def _pairs(ends: Sequence[int]) -> tuple[Span, ...]:
    return tuple(map(Span, ends[::2], ends[1::2]))
