"""What a search found, before the best of it become hits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import overload
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rag.store.engine import Payload
from rag.types import Language, Scores, Span

REPRESENTATIONS = tuple(item.name for item in fields(Scores))
"""Names of the representations, in the order of the fields of `Scores`."""

CANDIDATE_FIELDS = ("article_id", "revision", "language", "span", "sentences")
"""Payload of a chunk that a search gives back."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that was found.

    Attributes
    ----------
    id : str
        Of its point.
    article_id, revision : str
        Of its article; the revision may not be the committed one.
    language : Language
        Of the chunk.
    span : Span
        In offsets of the article.
    sentences : tuple of Span
        In offsets of the article.
    scores : Scores
        Of each representation; `lexical` is a BM25 sum here.
    """

    id: str
    article_id: str
    revision: str
    language: Language
    span: Span
    sentences: tuple[Span, ...]
    scores: Scores


class Candidates(Sequence[Candidate]):
    """Candidates by number, made when one is looked at: all are ranked, few become hits.

    Parameters
    ----------
    payloads : mapping of int to dict
        The payload of each chunk, by the number of its id.
    scores : array of float
        (candidates, representations), in the order of `payloads` and of `REPRESENTATIONS`.
    chunk_count : int
        Chunks of the index that was searched.

    Attributes
    ----------
    keys : list of int
        Brings candidates of one score into an order.
    scores : array of float
        As given.
    chunk_count : int
        As given.
    languages : list of Language
        Of each chunk.
    articles : list of str
        Id of the article of each chunk.
    """

    def __init__(self, payloads: Mapping[int, Payload], scores: NDArray[np.float64], chunk_count: int) -> None:
        self.keys, self.scores, self.chunk_count = list(payloads), scores, chunk_count
        self._payloads = list(payloads.values())
        self.languages: list[Language] = [payload["language"] for payload in self._payloads]
        self.articles: list[str] = [payload["article_id"] for payload in self._payloads]

    @classmethod
    def none(cls, chunk_count: int) -> "Candidates":
        """No candidate of so many chunks."""
        return cls({}, np.zeros((0, len(REPRESENTATIONS))), chunk_count)

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
            sentences=unflatten_spans(payload["sentences"]),
            scores=Scores(*self.scores[at].tolist()),
        )


def flatten_spans(spans: Sequence[Span]) -> list[int]:
    """Spans as one list of their ends, which is read in half the time of a list of lists."""
    return [end for span in spans for end in span]


def unflatten_spans(ends: Sequence[int]) -> tuple[Span, ...]:
    """The spans of `flatten_spans`."""
    return tuple(map(Span, ends[::2], ends[1::2]))
