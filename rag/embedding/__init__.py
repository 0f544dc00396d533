"""Text to vectors: the bundled models, or any OpenAI-compatible endpoint.

Question and passage are two operations, because the models behind them are asymmetric. Each embedder is a
llama-index `BaseEmbedding`, so it can be handed to anything of that ecosystem.
"""

from rag.embedding.base import BUNDLED, Embedder, Matrix, QuestionVectors, Views
from rag.settings import Settings

__all__ = ["BUNDLED", "Embedder", "Matrix", "QuestionVectors", "Views", "open_embedder"]


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that `settings` name; raises EmbeddingError."""
    if settings.embedding_base_url and settings.embedding_model:
        from rag.embedding.endpoint import EndpointEmbedding

        key = settings.embedding_api_key.get_secret_value() if settings.embedding_api_key else None
        return EndpointEmbedding(settings.embedding_base_url, settings.embedding_model, key)
    from rag.embedding.bundled import BundledEmbedding

    return BundledEmbedding(threads=settings.threads)
