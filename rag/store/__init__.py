"""The index: Qdrant Edge in a folder by default, a Qdrant server by URL."""

from rag.settings import Settings
from rag.store.base import Store
from rag.store.candidates import REPRESENTATIONS, Candidate, Candidates
from rag.store.engine import Counts, Engine
from rag.store.fingerprint import IndexConfig
from rag.store.points import ArticleSummary, EmbeddedChunk, FileMark, SentenceVectors
from rag.store.search import SearchQuery

__all__ = [
    "REPRESENTATIONS",
    "ArticleSummary",
    "Candidate",
    "Candidates",
    "Counts",
    "EmbeddedChunk",
    "Engine",
    "FileMark",
    "IndexConfig",
    "SearchQuery",
    "SentenceVectors",
    "Store",
    "open_store",
]


def open_store(
    settings: Settings, config: IndexConfig, accepts_damage: bool = False, accepts_other_config: bool = False
) -> Store:
    """Open the store that `settings` name.

    Parameters
    ----------
    settings : Settings
        A server's URL, or a folder.
    config : IndexConfig
        What the index is to hold.
    accepts_damage : bool
        Whether to open an index that has lost articles, to read what is left.
    accepts_other_config : bool
        Whether to open an index made with another configuration, to read its articles.

    Raises
    ------
    StoreLockedError
        When another process holds the index.
    IndexMismatchError
        When it was made with another configuration.
    IndexDamagedError
        When it holds less than was put into it.
    StoreError
        When it cannot be opened or reached.
    """
    if settings.qdrant_url:
        from rag.store.qdrant_server import ServerEngine
        from rag.store.server_config import Sharding, Storage

        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        authority = str(settings.qdrant_ca_file) if settings.qdrant_ca_file else None
        sharding = Sharding(settings.qdrant_shards, settings.qdrant_replicas, settings.qdrant_write_consistency)
        is_large = settings.qdrant_size == "large"
        storage = Storage.of(is_large, settings.qdrant_quantization, dict(settings.qdrant_options or {}))
        server = ServerEngine.connect(
            settings.qdrant_url, key, authority, settings.qdrant_prefix, sharding, settings.qdrant_timeout_s, storage
        )
        return Store(server, config, accepts_damage, accepts_other_config)
    from rag.store.qdrant_edge import EdgeEngine

    return Store(EdgeEngine(settings.data_dir), config, accepts_damage, accepts_other_config)
