"""How rare terms are in a whole collection of a Qdrant server, and query vectors weighted by that.

Qdrant's own `Modifier.IDF` counts in each shard by itself, and counts deleted points until they are vacuumed. Here each
chunk names its terms in its payload, and the server counts the chunks of a term over all shards: scores are then the
same however many shards and replicas there are. The formula is that of Qdrant, which the folder's index uses.
"""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from rag.embedding.bm25 import SparseVector

_COUNTED_EXACTLY = 100_000
"""Chunks of a collection up to which those of a term are counted one by one. Beyond that Qdrant's estimate, the length
of the term's list in the payload index, is near enough, and takes no longer the more chunks there are."""
_MAX_AGE_S = 60.0
"""Of what was counted while the number of chunks stays the same, as it does where others replace articles."""
_COUNTED_TOGETHER = 8
_MAX_TERMS = 100_000


class TermCounter(Protocol):
    """Counts chunks over all shards."""

    def count_all(self) -> int:
        """All chunks, as far as the server knows without looking."""

    def count_with_terms(self, exact: bool) -> int:
        """Those that have any term."""

    def count_with_term(self, term: int, exact: bool) -> int:
        """Those that have a term, given by its id; called from several threads."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """What was counted while `all_chunks` stayed the same; `frequencies` grows."""

    all_chunks: int
    with_terms: int
    until: float
    frequencies: dict[int, int] = field(default_factory=dict)


class TermStatistics:
    """Counts terms when they are asked for, and keeps what was counted until the number of chunks changes.

    Parameters
    ----------
    counter : TermCounter
        Asked for the number of chunks once for each query, and for terms that are not known.
    """

    def __init__(self, counter: TermCounter) -> None:
        self._counter = counter
        self._counts = _Counts(-1, 0, 0.0)
        self._executor = ThreadPoolExecutor(_COUNTED_TOGETHER, thread_name_prefix="terms")

    def weigh(self, query: SparseVector, is_repeated: bool = False) -> SparseVector:
        """A query's vector with each weight times the rarity of its term, which the scores of chunks then have.

        Parameters
        ----------
        query : SparseVector
            As `lexical_vector` makes it.
        is_repeated : bool
            Whether it scores what it has just found: by the same counts, of which none is asked for again.
        """
        counts = self._counts
        if not is_repeated or not counts.frequencies.keys() >= set(query.indices):
            counts = self._count(query.indices)
        rarities = [_rarity(counts.with_terms, counts.frequencies[term]) for term in query.indices]
        return SparseVector(
            query.indices, [weight * rarity for weight, rarity in zip(query.values, rarities, strict=True)]
        )

    def forget(self) -> None:
        """What was counted is no longer so: chunks were written or removed here."""
        self._counts = _Counts(-1, 0, 0.0)

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(wait=False)

    def _count(self, terms: Sequence[int]) -> _Counts:
        counts, chunks = self._counts, self._counter.count_all()
        is_exact = chunks <= _COUNTED_EXACTLY
        if chunks != counts.all_chunks or time.monotonic() > counts.until or len(counts.frequencies) > _MAX_TERMS:
            counts = _Counts(chunks, self._counter.count_with_terms(is_exact), time.monotonic() + _MAX_AGE_S)
            self._counts = counts
        unknown = [term for term in terms if term not in counts.frequencies]
        counted = self._executor.map(lambda term: self._counter.count_with_term(term, is_exact), unknown)
        counts.frequencies.update(zip(unknown, counted, strict=True))
        return counts


def _rarity(chunks: int, with_term: int) -> float:
    """The inverse document frequency of Okapi BM25, as Qdrant has it."""
    with_term = min(with_term, chunks)
    return math.log(1 + (chunks - with_term + 0.5) / (with_term + 0.5))
