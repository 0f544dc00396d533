"""What every embedder is."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


class Views(NamedTuple):
    """What an embedder is: its name, and the lengths of its two kinds of vector."""

    name: str
    dimension: int
    sentence_dimension: int


BUNDLED = Views("multilingual-e5-small+use-multilingual-v3", 384, 384 + 512)
"""The bundled embedder, known without loading it."""


class QuestionVectors(NamedTuple):
    """A question for the chunk view, shape (dimension,), and for the sentence view, shape (sentence_dimension,)."""

    dense: Matrix
    sentence: Matrix


class Embedder(BaseEmbedding):
    """Texts to unit vectors. Subclasses give the two operations; the llama-index interface follows from them.

    `model_name` and the dimensions say which vectors these are; all are part of the pipeline fingerprint. Sentences
    have a view of their own, which is the passage view unless a subclass knows a better one.
    """

    dimension: int

    @property
    def views(self) -> Views:
        """Name and dimensions."""
        return Views(self.model_name, self.dimension, self.dimension)

    @abstractmethod
    def passages(self, texts: Sequence[str]) -> Matrix:
        """Vectors of passages: float32 of shape (len(texts), dimension), each of length 1."""

    @abstractmethod
    def queries(self, texts: Sequence[str]) -> Matrix:
        """Vectors of questions, shaped like those of `passages`."""

    def sentences(self, texts: Sequence[str]) -> Matrix:
        """Vectors of single sentences: float32 of shape (len(texts), views.sentence_dimension), each of length 1."""
        return self.passages(texts)

    def question(self, text: str) -> QuestionVectors:
        """A question's vectors for both views."""
        vector = self.queries([text])[0]
        return QuestionVectors(vector, vector)

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(x) for x in self.queries([query])[0]]

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(x) for x in self.passages([text])[0]]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.passages(texts)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
