"""What shapes an index, so that one made otherwise is never mixed in."""

from dataclasses import asdict, dataclass
from hashlib import blake2b

from rag.embedding.bm25 import LEXICAL_VERSION
from rag.language.text import FOLDING_VERSION

SPLITTER_VERSION = 2
"""Raise it whenever `ingest/split.py` cuts or embeds chunks otherwise."""

ENCODER_VERSION = 4
"""Raise it whenever the bundled models, the layer and projection of the token view, or the form in which the index
keeps chunks and their vectors, change."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that decides which vectors and offsets an index holds."""

    embedder: str
    dimension: int
    token_dimension: int
    sentence_dimension: int
    chunk_tokens: int
    encoder: int = ENCODER_VERSION
    splitter: int = SPLITTER_VERSION
    lexical: int = LEXICAL_VERSION
    folding: int = FOLDING_VERSION

    @property
    def sizes(self) -> dict[str, int]:
        """Length of the vectors of each view."""
        return {"dense": self.dimension, "tokens": self.token_dimension, "sentence": self.sentence_dimension}

    @property
    def fingerprint(self) -> str:
        """A hash of all fields."""
        return blake2b(repr(sorted(asdict(self).items())).encode(), digest_size=8).hexdigest()

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())
