"""What shapes an index, so that one made otherwise is never mixed in."""

from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Self

from rag.embedding import EmbeddingSpec
from rag.embedding.bm25 import BM25_VERSION
from rag.language.normalize import NORMALIZATION_VERSION

CHUNKER_VERSION = 2
"""Raise it whenever `ingest/chunker.py` cuts or embeds chunks otherwise."""

INDEX_VERSION = 5
"""Raise it whenever the bundled models, the layer and projection of the token vectors, or the form in which the index
keeps articles, chunks and their vectors, change."""

_OF_PASSAGES_ALONE = ("chunk_tokens", "chunker", "passage_prefix")


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """Everything that decides which vectors and offsets an index holds.

    Attributes
    ----------
    embedder : str
        Name of the model of dense vectors.
    dimension, token_dimension, sentence_dimension : int
        Length of dense, token and sentence vectors.
    chunk_tokens : int
        Largest chunk.
    passage_prefix : str
        What an endpoint's model is given before each passage.
    index, chunker, bm25, normalization : int
        Versions of the code.
    """

    embedder: str
    dimension: int
    token_dimension: int
    sentence_dimension: int
    chunk_tokens: int
    passage_prefix: str = ""
    index: int = INDEX_VERSION
    chunker: int = CHUNKER_VERSION
    bm25: int = BM25_VERSION
    normalization: int = NORMALIZATION_VERSION

    @classmethod
    def of(cls, spec: EmbeddingSpec, chunk_tokens: int) -> Self:
        """The configuration of an index with these vectors and chunks of at most so many tokens."""
        return cls(
            spec.name,
            spec.dimension,
            spec.token_dimension,
            spec.sentence_dimension,
            chunk_tokens,
            spec.passage_prefix,
        )

    @property
    def vector_sizes(self) -> dict[str, int]:
        """Length of the vectors of each representation."""
        return {"dense": self.dimension, "tokens": self.token_dimension, "sentence": self.sentence_dimension}

    @property
    def fingerprint(self) -> str:
        """A hash of all fields, 16 hexadecimal digits."""
        return _hash(asdict(self))

    @property
    def query_fingerprint(self) -> str:
        """A hash of the fields that decide how a query is put to the index, 16 hexadecimal digits."""
        return _hash({name: value for name, value in asdict(self).items() if name not in _OF_PASSAGES_ALONE})

    def answers_alike(self, described: str) -> bool:
        """Whether another configuration, as `str` has it, differs in nothing that decides on queries."""
        parts, others = (
            {one for one in text.split(", ") if not one.startswith(_OF_PASSAGES_ALONE)}
            for text in (str(self), described)
        )
        return parts == others

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items() if value != "")


def _hash(fields: dict[str, Any]) -> str:
    return blake2b(repr(sorted(fields.items())).encode(), digest_size=8).hexdigest()
