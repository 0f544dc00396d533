"""The index: Qdrant Edge in a folder by default, a Qdrant server by URL."""

from rag.settings import Settings
from rag.store.base import EmbeddedChunk, Engine, Evidence, Head, QueryVectors, Store
from rag.store.candidates import VIEWS, Candidate, Candidates
from rag.store.fingerprint import Pipeline

__all__ = [
    "VIEWS",
    "Candidate",
    "Candidates",
    "EmbeddedChunk",
    "Engine",
    "Evidence",
    "Head",
    "QueryVectors",
    "Store",
    "open_store",
]


def open_store(settings: Settings, pipeline: Pipeline) -> Store:
    """The store that `settings` name; raises StoreError, StoreLockedError or PipelineError."""
    if settings.qdrant_url:
        from rag.store.qdrant_server import ServerEngine

        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        authority = str(settings.qdrant_ca_file) if settings.qdrant_ca_file else None
        return Store(ServerEngine.connect(settings.qdrant_url, key, authority, settings.qdrant_prefix), pipeline)
    from rag.store.qdrant_edge import EdgeEngine

    return Store(EdgeEngine(settings.data_dir), pipeline)
