"""Text to vectors: the bundled models, with dense vectors by any OpenAI-compatible endpoint if one is set.

Query and passage are two operations, because the models behind them are asymmetric.
"""

from rag.embedding.base import BUNDLED, Embedder, EmbeddingSpec, Encoder, Matrix, PassageVectors, QueryVectors
from rag.settings import Settings

__all__ = [
    "BUNDLED",
    "Embedder",
    "EmbeddingSpec",
    "Encoder",
    "Matrix",
    "PassageVectors",
    "QueryVectors",
    "embedding_spec",
    "open_encoder",
]


def open_encoder(settings: Settings) -> Encoder:
    """Load the encoder that `settings` name.

    Raises
    ------
    EmbeddingError
        When the bundled model's files cannot be read or written, its device is not there, or a set endpoint does not
        answer.
    """
    from rag.embedding.bundled import BundledEncoder

    return BundledEncoder(threads=settings.threads, dense=_open_endpoint(settings), device=settings.encoder_device)


def embedding_spec(settings: Settings) -> EmbeddingSpec:
    """The shapes of that encoder's vectors, without loading a model; a set endpoint is asked for its dimension."""
    dense = _open_endpoint(settings)
    return BUNDLED if dense is None else BUNDLED.with_dense(dense)


def _open_endpoint(settings: Settings) -> Embedder | None:
    if not (settings.embedding_base_url and settings.embedding_model):
        return None
    from rag.embedding.endpoint import EndpointEmbedder

    return EndpointEmbedder(
        settings.embedding_base_url,
        settings.embedding_model,
        settings.embedding_api_key.get_secret_value() if settings.embedding_api_key else None,
        query_prefix=settings.embedding_query_prefix,
        passage_prefix=settings.embedding_passage_prefix,
    )
