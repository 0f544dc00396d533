"""What embedders and encoders are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rag.embedding.word_pieces import WordPieces

Matrix = NDArray[np.float32]


class EmbeddingSpec(NamedTuple):
    """The embedder of the dense representation, and the length of the vectors of each representation.

    Attributes
    ----------
    name : str
        Of the model that makes dense vectors.
    dimension, token_dimension, sentence_dimension : int
        Of dense, token and sentence vectors.
    passage_prefix : str
        What an endpoint's model is given before each passage.
    """

    name: str
    dimension: int
    token_dimension: int
    sentence_dimension: int
    passage_prefix: str = ""

    def with_dense(self, embedder: "Embedder") -> "EmbeddingSpec":
        """The same with another embedder's dense vectors."""
        return self._replace(
            name=embedder.model_name, dimension=embedder.dimension, passage_prefix=embedder.passage_prefix
        )


BUNDLED = EmbeddingSpec("multilingual-e5-small-8bit", 384, 64, 512)
"""The bundled models, known without loading them."""


class PassageVectors(NamedTuple):
    """The vectors of a passage.

    Attributes
    ----------
    dense : Matrix
        Of the whole passage, of shape (dimension,).
    tokens : Matrix
        Of those of its tokens that tell it from other passages, (tokens, token_dimension), each of length 1.
    counts : tuple of int
        `counts[i]` of the tokens belong to part i of the passage, in order; parts beyond the model's room have none.
    """

    dense: Matrix
    tokens: Matrix
    counts: tuple[int, ...]


class QueryVectors(NamedTuple):
    """The vectors of a query.

    Attributes
    ----------
    dense : Matrix
        Of shape (dimension,).
    tokens : Matrix
        (tokens, token_dimension). The length of a token's vector is its weight; weights sum to 1, so that the sum of
        each token's best match in a passage is their weighted mean cosine (late interaction, Khattab and Zaharia 2020).
    sentence : Matrix
        Of the query as a sentence, (sentence_dimension,).
    """

    dense: Matrix
    tokens: Matrix
    sentence: Matrix


class Embedder(ABC):
    """Texts to unit vectors.

    Attributes
    ----------
    model_name : str
        Part of the index fingerprint.
    dimension : int
        Of its vectors, part of the index fingerprint.
    passage_prefix : str
        What the model is given before each passage, part of the index fingerprint.
    """

    model_name: str
    passage_prefix: str = ""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of a vector."""

    @abstractmethod
    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Embed passages.

        Returns
        -------
        Matrix
            (len(texts), dimension), each row of length 1.

        Raises
        ------
        EmbeddingError
            When the texts cannot be turned into vectors.
        """

    @abstractmethod
    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        """Embed queries, with the shape and the errors of `embed_passages`."""


class Encoder(ABC):
    """Texts to all representations. Safe to use from several threads.

    Attributes
    ----------
    spec : EmbeddingSpec
        Which models, and the shapes of their vectors.
    pieces : WordPieces or None
        Of multilingual-e5-small, for what else is made of it; None where the encoder does not hold it.
    """

    spec: EmbeddingSpec
    pieces: "WordPieces | None" = None

    @abstractmethod
    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Embed passages, each given as its parts in order: its title (may be empty), then its sentences."""

    @abstractmethod
    def embed_sentences(self, texts: Sequence[str]) -> Matrix:
        """Embed sentences as queries and statements are compared with them: (len(texts), sentence_dimension), rows of
        length 1."""

    @abstractmethod
    def embed_query(self, text: str) -> QueryVectors:
        """Embed a query in every representation."""
