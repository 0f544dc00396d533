"""Text to a sparse vector for lexical matching; one function for passages and queries.

Weights are the term-frequency half of BM25; the inverse document frequency is applied by Qdrant (`Modifier.IDF`). The
average length is a constant, because a vector must not depend on what else is in the collection.
"""

from collections import Counter, deque
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from rag.language.document import Document
from rag.language.phonetics import phonetic_keys
from rag.language.terms import Term

BM25_VERSION = 3
"""Part of the index fingerprint: raise it whenever `lexical_vector` gives other vectors."""

_K1, _B = 1.2, 0.75  # BM25's usual values; nothing on the development data preferred others
_AVERAGE_STEMS = 120
"""Stems of a chunk of the default size, average over the development data."""


class SparseVector(NamedTuple):
    """Ids of index terms, ascending and unique, with their weights."""

    indices: list[int]
    values: list[float]


@lru_cache(maxsize=65536)
def term_id(index_term: str) -> int:
    """A 32-bit id of an index term: among 300,000 of them about ten pairs share one (n^2 / 2^33)."""
    return int.from_bytes(blake2b(index_term.encode("utf-8", "replace"), digest_size=4).digest(), "big")


def index_terms(document: Document) -> list[tuple[Term, tuple[str, ...]]]:
    """The content terms of a text, each with what it is matched by.

    Returns
    -------
    list of (Term, tuple of str)
        A term's stems and, for what may be a name, what matches it across scripts: `~` before consonant skeletons, `@`
        before the canonical names of the gazetteer.
    """
    found, names = [], deque(document.names)
    for term in document.content_terms:
        while names and names[0].span.end <= term.span.start:
            names.popleft()
        canonical = names[0].canonical_names if names and names[0].span.start <= term.span.start else ()
        sounds = (f"~{skeleton}" for skeleton in phonetic_keys(term, document.text))
        found.append((term, (*term.stems, *sounds, *(f"@{name}" for name in canonical))))
    return found


def lexical_vector(document: Document) -> SparseVector:
    """BM25 weights of the index terms of a text; empty for a text without content words."""
    terms = index_terms(document)
    length = sum(len(term.stems) for term, _ in terms)
    norm = _K1 * (1 - _B + _B * length / _AVERAGE_STEMS)
    counts = Counter(term_id(key) for _, keys in terms for key in keys)
    weights = {key: count * (_K1 + 1) / (count + norm) for key, count in counts.items()}
    indices = sorted(weights)
    return SparseVector(indices, [weights[index] for index in indices])
