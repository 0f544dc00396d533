"""What every embedder is."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

BUNDLED = ("multilingual-e5-small", 384)
"""Name and dimension of the bundled model, known without loading it."""


class Embedder(BaseEmbedding):
    """Texts to unit vectors. Subclasses give the two operations; the llama-index interface follows from them.

    `model_name` and `dimension` say which vectors these are; both are part of the pipeline fingerprint.
    """

    dimension: int

    @abstractmethod
    def passages(self, texts: Sequence[str]) -> Matrix:
        """Vectors of passages: float32 of shape (len(texts), dimension), each of length 1."""

    @abstractmethod
    def queries(self, texts: Sequence[str]) -> Matrix:
        """Vectors of questions, shaped like those of `passages`."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(x) for x in self.queries([query])[0]]

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(x) for x in self.passages([text])[0]]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.passages(texts)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
