"""Vectors from any OpenAI-compatible `/v1/embeddings`."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import openai

from rag.embedding.base import Embedder, Matrix
from rag.errors import EmbeddingError
from rag.secrets import hide_secrets

_MAX_INPUTS_PER_REQUEST = 256
_MAX_CHARS_PER_REQUEST = 200_000
"""OpenAI takes 2,048 inputs and 300,000 tokens a request; smaller ones lose less when one fails."""
_TIMEOUT_S = 60
_RETRIES = 2


class EndpointEmbedder(Embedder):
    """A model behind a base URL. Nothing is sent before a vector or the dimension is asked for.

    Parameters
    ----------
    base_url : str
        Up to and with `/v1`.
    model : str
        To ask the endpoint for.
    key : str, optional
        Sent as a bearer token.
    query_prefix, passage_prefix : str
        Put before each text, for models that were trained with them.
    """

    def __init__(
        self, base_url: str, model: str, key: str | None = None, query_prefix: str = "", passage_prefix: str = ""
    ) -> None:
        self.model_name, self.passage_prefix = model, passage_prefix
        self._base_url, self._query_prefix = base_url, query_prefix
        self._key = key
        self._client = openai.OpenAI(base_url=base_url, api_key=key or "none", timeout=_TIMEOUT_S, max_retries=_RETRIES)

    @cached_property
    def dimension(self) -> int:
        """Length of a vector, asked of the endpoint the first time."""
        return int(self._request(["dimension"]).shape[1])

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed(self.passage_prefix, texts)

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed(self._query_prefix, texts)

    def _embed(self, prefix: str, texts: Sequence[str]) -> Matrix:
        # An empty input is refused by many servers; a space is not.
        inputs = [prefix + (text.encode("utf-8", "replace").decode() or " ") for text in texts]
        parts = [self._request(batch) for batch in _batches(inputs)]
        for part in parts:
            if part.shape[1] != self.dimension:
                raise EmbeddingError(f"{self._base_url} gave vectors of length {part.shape[1]} after {self.dimension}.")
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    def _request(self, texts: list[str]) -> Matrix:
        """Unit vectors of `texts` in their order; raises EmbeddingError for anything else."""
        try:
            response = self._client.embeddings.create(model=self.model_name, input=texts, encoding_format="float")
            rows = {item.index: item.embedding for item in response.data}
            vectors = np.array([rows[at] for at in range(len(texts))], np.float32)
        except openai.OpenAIError as error:
            reason = hide_secrets(str(error), [self._key])
            raise EmbeddingError(
                f"The embedding endpoint {self._base_url} failed for model {self.model_name!r}: {reason}. "
                "Look at DALIL_EMBEDDING_BASE_URL, DALIL_EMBEDDING_MODEL and DALIL_EMBEDDING_API_KEY."
            ) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EmbeddingError(
                f"The embedding endpoint {self._base_url} gave no vector for some of the texts."
            ) from error
        norms = np.linalg.norm(vectors, axis=-1, keepdims=True) if vectors.ndim == 2 else np.zeros(1)
        if not np.isfinite(vectors).all() or not (norms > 0).all():
            raise EmbeddingError(
                f"The embedding endpoint {self._base_url} gave a vector that is empty or not a number."
            )
        return np.asarray(vectors / norms, np.float32)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == _MAX_INPUTS_PER_REQUEST or size + len(text) > _MAX_CHARS_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
