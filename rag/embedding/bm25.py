"""Text to a sparse vector for lexical matching; one function for passages and questions.

Weights are the term-frequency half of BM25; the inverse document frequency is applied by Qdrant (`Modifier.IDF`).
The average length is a constant, because a vector must not depend on what else is in the collection.
"""

from collections import Counter, deque
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from rag.language.gazetteer import names
from rag.language.text import Term, content_terms, sounds

LEXICAL_VERSION = 3
"""Part of the pipeline fingerprint."""

_K1, _B = 1.2, 0.75  # BM25's usual values; nothing on the development data preferred others
_AVERAGE_LENGTH = 120
"""Stems of a chunk of the default size, average over the development data."""


class SparseVector(NamedTuple):
    """Term ids with their weights, ids ascending and unique."""

    indices: list[int]
    values: list[float]


@lru_cache(maxsize=65536)
def term_id(stem: str) -> int:
    """A 32-bit id of a stem: among 300,000 of them about ten pairs share one (n^2 / 2^33)."""
    return int.from_bytes(blake2b(stem.encode("utf-8", "replace"), digest_size=4).digest(), "big")


def keys(text: str) -> list[tuple[Term, tuple[str, ...]]]:
    """The content terms of `text`, each with what it is matched by: its stems and, for what may be a name, what meets
    it across scripts: the consonant skeletons, and what the gazetteer calls it."""
    found, ahead = [], deque(names(text))
    for term in content_terms(text):
        while ahead and ahead[0].span.end <= term.span.start:
            ahead.popleft()
        called = ahead[0].called if ahead and ahead[0].span.start <= term.span.start else ()
        matched = [*(f"~{sound}" for sound in sounds(term, text)), *(f"@{name}" for name in called)]
        found.append((term, (*term.stems, *matched)))
    return found


def lexical_vector(text: str) -> SparseVector:
    """BM25 term weights of `text`; empty for a text without words."""
    found = keys(text)
    length = sum(len(term.stems) for term, _ in found)
    norm = _K1 * (1 - _B + _B * length / _AVERAGE_LENGTH)
    counts = Counter(term_id(key) for _, matched in found for key in matched)
    weights = {key: count * (_K1 + 1) / (count + norm) for key, count in counts.items()}
    indices = sorted(weights)
    return SparseVector(indices, [weights[index] for index in indices])
