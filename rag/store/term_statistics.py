"""How rare terms are in a whole collection of a Qdrant server, and query vectors weighted by that.

Qdrant's own `Modifier.IDF` counts in each shard by itself, and counts deleted points until they are vacuumed. Here each
chunk names its terms in its payload, and the server counts the chunks of a term over all shards: scores are then the
same however many shards and replicas there are. The formula is that of Qdrant, which the folder's index uses.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from rag.embedding.bm25 import SparseVector
from rag.store.engine import WeighedTerms, Weighing

_COUNTED_EXACTLY = 100_000
"""Chunks of a collection up to which those of a term are counted one by one. Beyond that Qdrant's estimate, the length
of the term's list in the payload index, is near enough, and takes no longer the more chunks there are."""
_MAX_AGE_S = 60.0
"""Of what was counted while the number of chunks stays the same, as it does where others replace articles."""
_COUNTED_TOGETHER, _WEIGHED_TOGETHER = 24, 32
"""Counts of a question with its words, and questions."""
_MAX_TERMS = 100_000


class TermCounter(Protocol):
    """Counts chunks over all shards."""

    def count_all(self) -> int:
        """All chunks, as far as the server knows without looking."""

    def count_with_terms(self, exact: bool) -> int:
        """Those that have any term; called from several threads, as are the others."""

    def count_with_term(self, term: int, exact: bool) -> int:
        """Those that have a term, given by its id."""


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
        # Two pools: what weighs waits for what counts.
        self._counting = ThreadPoolExecutor(_COUNTED_TOGETHER, thread_name_prefix="terms")
        self._weighing = ThreadPoolExecutor(_WEIGHED_TOGETHER, thread_name_prefix="weights")

    def begin(self, query: SparseVector) -> Weighing:
        """Begin to weigh a query."""
        counts = self._counts
        is_known = counts.all_chunks >= 0 and counts.frequencies.keys() >= set(query.indices)
        expected = _weigh(query, counts) if is_known else None
        return Weighing(expected, self._weighing.submit(self.weigh, query).result)

    def weigh(self, query: SparseVector) -> WeighedTerms:
        """A query's vector with each weight times the rarity of its term, which the scores of chunks then have.

        Parameters
        ----------
        query : SparseVector
            As `lexical_vector` makes it.
        """
        return _weigh(query, self._count(query.indices))

    def forget(self) -> None:
        """What was counted is no longer so: chunks were written or removed here."""
        self._counts = _Counts(-1, 0, 0.0)

    def close(self) -> None:
        """End the threads."""
        self._weighing.shutdown(wait=False)
        self._counting.shutdown(wait=False)

    def _count(self, terms: Sequence[int]) -> _Counts:
        """What is known and holds, with what is missing for these terms; one round trip unless all is to be counted
        anew since the number of chunks has changed."""
        counts = self._counts
        is_old = time.monotonic() > counts.until or len(counts.frequencies) > _MAX_TERMS
        chunks = self._counting.submit(self._counter.count_all)
        if is_old:
            return self._count_anew(terms, chunks.result, counts.all_chunks <= _COUNTED_EXACTLY)
        unknown = [term for term in terms if term not in counts.frequencies]
        frequencies = self._count_terms(unknown, counts.all_chunks <= _COUNTED_EXACTLY)
        counted = chunks.result()
        if counted != counts.all_chunks:
            return self._count_anew(terms, lambda: counted, counted <= _COUNTED_EXACTLY)
        counts.frequencies.update(zip(unknown, frequencies, strict=True))
        return counts

    def _count_anew(self, terms: Sequence[int], count_all: Callable[[], int], is_exact: bool) -> _Counts:
        with_terms = self._counting.submit(self._counter.count_with_terms, is_exact)
        frequencies = self._count_terms(terms, is_exact)
        counts = _Counts(count_all(), with_terms.result(), time.monotonic() + _MAX_AGE_S)
        counts.frequencies.update(zip(terms, frequencies, strict=True))
        self._counts = counts
        return counts

    def _count_terms(self, terms: Sequence[int], is_exact: bool) -> Iterator[int]:
        return self._counting.map(lambda term: self._counter.count_with_term(term, is_exact), terms)


def _weigh(query: SparseVector, counts: _Counts) -> WeighedTerms:
    rarities = [_rarity(counts.with_terms, counts.frequencies[term]) for term in query.indices]
    weights = [weight * rarity for weight, rarity in zip(query.values, rarities, strict=True)]
    return WeighedTerms(SparseVector(query.indices, weights), counts.all_chunks)


def _rarity(chunks: int, with_term: int) -> float:
    """The inverse document frequency of Okapi BM25, as Qdrant has it."""
    with_term = min(with_term, chunks)
    return math.log(1 + (chunks - with_term + 0.5) / (with_term + 0.5))
