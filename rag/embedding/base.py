"""What embedders and encoders are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


class Views(NamedTuple):
    """The embedder of the dense view, and the lengths of the vectors of each view."""

    name: str
    dimension: int
    token_dimension: int
    sentence_dimension: int

    def of(self, dense: "Embedder") -> "Views":
        """These views with another embedder's dense one."""
        return self._replace(name=dense.model_name, dimension=dense.dimension)


BUNDLED = Views("multilingual-e5-small-8bit", 384, 64, 512)
"""The bundled models, known without loading them."""


class PassageVectors(NamedTuple):
    """A passage: one vector of shape (dimension,), and those of its telling tokens, (tokens, token_dimension), each of
    length 1.

    `counts[i]` of them belong to part i of the passage, in order; parts beyond the model's room have none.
    """

    dense: Matrix
    tokens: Matrix
    counts: tuple[int, ...]


class QuestionVectors(NamedTuple):
    """A question: dense (dimension,), tokens (tokens, token_dimension), sentence (sentence_dimension,).

    The length of a token's vector is its weight; weights sum to 1, so that the sum of each token's best match in a
    passage is their weighted mean cosine (late interaction, Khattab and Zaharia 2020).
    """

    dense: Matrix
    tokens: Matrix
    sentence: Matrix


class Embedder(ABC):
    """Texts to unit vectors. `model_name` and `dimension` say which; both are part of the pipeline fingerprint."""

    model_name: str
    dimension: int

    @abstractmethod
    def passages(self, texts: Sequence[str]) -> Matrix:
        """Vectors of passages: float32 of shape (len(texts), dimension), each of length 1."""

    @abstractmethod
    def queries(self, texts: Sequence[str]) -> Matrix:
        """Vectors of questions, shaped like those of `passages`."""


class Encoder(ABC):
    """Every view of passages and questions. Safe to use from several threads."""

    views: Views

    @abstractmethod
    def passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Passages, each as its parts in order: its title (may be empty), then its sentences."""

    @abstractmethod
    def sentences(self, texts: Sequence[str]) -> Matrix:
        """Sentences as questions and statements are compared with them: (len(texts), sentence_dimension), unit rows."""

    @abstractmethod
    def question(self, text: str) -> QuestionVectors:
        """A question in every view."""
