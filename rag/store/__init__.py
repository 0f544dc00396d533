"""The index: Qdrant Edge in a folder by default, a Qdrant server by URL."""

from typing import TYPE_CHECKING

from rag.settings import Settings
from rag.store.base import Store
from rag.store.candidates import REPRESENTATIONS, Candidate, Candidates
from rag.store.engine import Counts, Engine, Rebuild
from rag.store.fingerprint import IndexConfig
from rag.store.points import ArticleSummary, EmbeddedChunk, FileMark, SentenceVectors
from rag.store.search import SearchQuery

if TYPE_CHECKING:
    from rag.store.qdrant_server import ServerEngine
    from rag.store.server_versions import Version

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
    "Rebuild",
    "SearchQuery",
    "SentenceVectors",
    "Store",
    "connect_server",
    "open_store",
]


def open_store(
    settings: Settings,
    config: IndexConfig,
    accepts_damage: bool = False,
    accepts_other_config: bool = False,
    version: "Version | None" = None,
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
    version : Version, optional
        Of an index on a server; unset: the current one.

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
        return Store(connect_server(settings, version), config, accepts_damage, accepts_other_config)
    from rag.store.qdrant_edge import EdgeEngine

    return Store(EdgeEngine(settings.data_dir), config, accepts_damage, accepts_other_config)


def connect_server(settings: Settings, version: "Version | None" = None) -> "ServerEngine":
    """The engine of an index on the server that `settings` name; nothing is sent yet.

    Parameters
    ----------
    settings : Settings
        With the URL of a server.
    version : Version, optional
        Of the index; unset: the current one.
    """
    from rag.store.qdrant_server import ServerEngine
    from rag.store.server_config import Sharding, Storage

    return ServerEngine.connect(
        str(settings.qdrant_url),
        settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None,
        str(settings.qdrant_ca_file) if settings.qdrant_ca_file else None,
        settings.qdrant_prefix,
        Sharding(settings.qdrant_shards, settings.qdrant_replicas, settings.qdrant_write_consistency),
        settings.qdrant_timeout_s,
        Storage.of(settings.qdrant_size == "large", settings.qdrant_quantization, dict(settings.qdrant_options or {})),
        version,
        settings.qdrant_grpc_port,
    )
