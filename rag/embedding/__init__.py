"""Text to vectors: the bundled models, with the dense view by any OpenAI-compatible endpoint if one is set.

Question and passage are two operations, because the models behind them are asymmetric.
"""

from rag.embedding.base import BUNDLED, Embedder, Encoder, Matrix, PassageVectors, QuestionVectors, Views
from rag.settings import Settings

__all__ = [
    "BUNDLED",
    "Embedder",
    "Encoder",
    "Matrix",
    "PassageVectors",
    "QuestionVectors",
    "Views",
    "known_views",
    "open_encoder",
]


def open_encoder(settings: Settings) -> Encoder:
    """The encoder that `settings` name; raises EmbeddingError."""
    from rag.embedding.bundled import BundledEncoder

    return BundledEncoder(threads=settings.threads, dense=_endpoint(settings))


def known_views(settings: Settings) -> Views:
    """The views of that encoder without loading a model; an endpoint is asked for its dimension."""
    dense = _endpoint(settings)
    return BUNDLED if dense is None else BUNDLED.of(dense)


def _endpoint(settings: Settings) -> Embedder | None:
    if not (settings.embedding_base_url and settings.embedding_model):
        return None
    from rag.embedding.endpoint import EndpointEmbedding

    key = settings.embedding_api_key.get_secret_value() if settings.embedding_api_key else None
    return EndpointEmbedding(settings.embedding_base_url, settings.embedding_model, key)
