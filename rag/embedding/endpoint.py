"""Vectors from any OpenAI-compatible `/v1/embeddings`."""

from collections.abc import Iterator, Sequence

import numpy as np
import openai

from rag.embedding.base import Embedder, Matrix
from rag.errors import EmbeddingError

_INPUTS_PER_REQUEST = 256
_CHARS_PER_REQUEST = 200_000
"""OpenAI takes 2,048 inputs and 300,000 tokens a request; smaller ones lose less when one fails."""
_TIMEOUT_S = 60


class EndpointEmbedding(Embedder):
    """A model behind a base URL. Models of the e5 family get the prefixes they were trained with.

    The dimension is asked of the endpoint when the embedder is made.
    """

    def __init__(self, base_url: str, model: str, key: str | None = None) -> None:
        self.model_name, self._where = model, base_url
        self._client = openai.OpenAI(base_url=base_url, api_key=key or "none", timeout=_TIMEOUT_S, max_retries=2)
        self.dimension = _vectors(self._client, base_url, model, ["dimension"]).shape[1]

    def passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed("passage: ", texts)

    def queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed("query: ", texts)

    def _embed(self, prefix: str, texts: Sequence[str]) -> Matrix:
        prefix = prefix if "e5" in self.model_name.lower().replace("/", "-").split("-") else ""
        # An empty input is refused by many servers; a space is not.
        inputs = [prefix + (text.encode("utf-8", "replace").decode() or " ") for text in texts]
        parts = [_vectors(self._client, self._where, self.model_name, batch) for batch in _requests(inputs)]
        for part in parts:
            if part.shape[1] != self.dimension:
                raise EmbeddingError(f"{self._where} gave vectors of length {part.shape[1]} after {self.dimension}.")
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)


def _requests(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == _INPUTS_PER_REQUEST or size + len(text) > _CHARS_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _vectors(client: openai.OpenAI, where: str, model: str, texts: list[str]) -> Matrix:
    """Unit vectors of `texts` in their order; raises EmbeddingError for anything else."""
    try:
        answer = client.embeddings.create(model=model, input=texts, encoding_format="float")
        rows = {item.index: item.embedding for item in answer.data}
        vectors = np.array([rows[at] for at in range(len(texts))], np.float32)
    except openai.OpenAIError as error:
        raise EmbeddingError(
            f"The embedding endpoint {where} failed for model {model!r}: {error}. "
            "Look at DALIL_EMBEDDING_BASE_URL, DALIL_EMBEDDING_MODEL and DALIL_EMBEDDING_API_KEY."
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EmbeddingError(f"The embedding endpoint {where} gave no vector for some of the texts.") from error
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True) if vectors.ndim == 2 else np.zeros(1)
    if not np.isfinite(vectors).all() or not (norms > 0).all():
        raise EmbeddingError(f"The embedding endpoint {where} gave a vector that is empty or not a number.")
    return np.asarray(vectors / norms, np.float32)
