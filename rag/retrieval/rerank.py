"""Reranking: the passages that a search found, put in order by a model that reads each beside the question."""

import math
from collections.abc import Sequence
from typing import Protocol

from rag.errors import RerankError
from rag.secrets import hide_secrets
from rag.settings import Settings

_TIMEOUT_S = 10.0


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
    """A model behind `<base URL>/rerank`, in the shape that Jina, Cohere and vLLM share.

    Parameters
    ----------
    base_url : str
        Up to and with the version, `https://api.jina.ai/v1`.
    model : str
        To ask the endpoint for.
    key : str, optional
        Sent as a bearer token.
    """

    def __init__(self, base_url: str, model: str, key: str | None = None) -> None:
        import httpx  # here: it takes 80 ms, which nobody needs who has no reranker

        self._url, self._model = f"{base_url.rstrip('/')}/rerank", model
        self._key = key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=_TIMEOUT_S, headers=headers)

    def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """The relevance of each passage; raises RerankError."""
        from httpx import HTTPError

        body = {"model": self._model, "query": question, "documents": list(passages), "top_n": len(passages)}
        try:
            response = self._client.post(self._url, json=body)
            response.raise_for_status()
            scores = {int(row["index"]): float(row["relevance_score"]) for row in response.json()["results"]}
            if not all(map(math.isfinite, scores.values())):
                raise ValueError("a score that is no number cannot be ordered")
            return [scores[at] for at in range(len(passages))]
        except HTTPError as error:
            reason = hide_secrets(str(error), [self._key])
            raise RerankError(f"The reranking endpoint {self._url} failed: {reason}.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise RerankError(f"The reranking endpoint {self._url} gave no score for some passages.") from error


def open_reranker(settings: Settings) -> Reranker | None:
    """The reranker that `settings` name; None when they name none."""
    if not (settings.rerank_base_url and settings.rerank_model):
        return None
    key = settings.rerank_api_key.get_secret_value() if settings.rerank_api_key else None
    return EndpointReranker(settings.rerank_base_url, settings.rerank_model, key)
