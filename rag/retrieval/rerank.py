"""Reranking: the passages that a search found, put in order by a model that reads each beside the question."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rag.errors import RerankError
from rag.secrets import hide_secrets
from rag.settings import Settings

_TIMEOUT_S = 10.0
_MAX_TEXTS = 32
"""In a request to Text Embeddings Inference, as it is started by default."""


class Reranker(Protocol):
    """Scores passages for a question."""

    def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """The relevance of each passage, on any scale, greatest best.

        Raises
        ------
        RerankError
            When the passages cannot be scored; the order of the search then stands.
        """


class EndpointReranker:
    """A model behind `<base URL>/rerank`.

    Parameters
    ----------
    base_url : str
        What stands before `/rerank`: `https://api.jina.ai/v1`, `https://api.cohere.com/v2`, `http://127.0.0.1:8080`.
    model : str, optional
        To ask the endpoint for, in the request that Cohere, Jina, Voyage, vLLM and llama.cpp share. Without one, the
        request is that of Text Embeddings Inference, which serves a single model.
    key : str, optional
        Sent as a bearer token.
    """

    def __init__(self, base_url: str, model: str | None = None, key: str | None = None) -> None:
        import httpx  # here: it takes 80 ms, which nobody needs who has no reranker

        self._url, self._model = f"{base_url.rstrip('/')}/rerank", model
        self._key = key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=_TIMEOUT_S, headers=headers)

    def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """The relevance of each passage; raises RerankError."""
        size = len(passages) if self._model else _MAX_TEXTS
        batches = (passages[start : start + size] for start in range(0, len(passages), size or 1))
        return [score for batch in batches for score in self._score(question, batch)]

    def _score(self, question: str, passages: Sequence[str]) -> list[float]:
        from httpx import HTTPError

        if self._model:
            body: dict[str, object] = {"model": self._model, "query": question, "documents": list(passages)}
        else:
            body = {"query": question, "texts": list(passages), "raw_scores": True, "truncate": True}
        try:
            response = self._client.post(self._url, json=body)
            response.raise_for_status()
            scores = {int(row["index"]): _score_of(row) for row in _rows_of(response.json())}
            if not all(map(math.isfinite, scores.values())):
                raise ValueError("a score that is no number cannot be ordered")
            return [scores[at] for at in range(len(passages))]
        except HTTPError as error:
            reason = hide_secrets(str(error), [self._key])
            raise RerankError(f"The reranking endpoint {self._url} failed: {reason}.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise RerankError(f"The reranking endpoint {self._url} gave no score for some passages.") from error


def _rows_of(reply: Any) -> list[dict[str, Any]]:
    """The results of a reply: `results` (Cohere and most others), `data` (Voyage), or all of it (Text Embeddings
    Inference)."""
    if isinstance(reply, list):
        return reply
    rows: list[dict[str, Any]] = reply["results"] if "results" in reply else reply["data"]
    return rows


def _score_of(row: Mapping[str, Any]) -> float:
    return float(row["relevance_score"] if "relevance_score" in row else row["score"])


def open_reranker(settings: Settings) -> Reranker | None:
    """The reranker that `settings` name; None when they name none."""
    if not settings.rerank_base_url:
        return None
    key = settings.rerank_api_key.get_secret_value() if settings.rerank_api_key else None
    return EndpointReranker(settings.rerank_base_url, settings.rerank_model, key)
