"""An index on a Qdrant server into a folder of snapshots, and from there into an empty index."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from rag.errors import IndexMismatchError, InputError, StoreError
from rag.settings import Settings
from rag.store import Counts, IndexConfig, Store, connect_server, open_store
from rag.store.server_snapshots import Manifest, SnapshotClient
from rag.store.server_versions import COLLECTIONS

_CHUNKS_FIRST = tuple(reversed(COLLECTIONS))
"""An article is committed by its own point: where a restoration is stopped before the articles, the index is empty."""


class _State(NamedTuple):
    """By which it is seen whether an index has changed."""

    counts: Counts
    newest: tuple[int | None, ...]


def save_snapshots(settings: Settings, config: IndexConfig, folder: Path) -> Manifest:
    """Save the index on the server that `settings` name into a new folder.

    Raises
    ------
    InputError
        When the folder holds something, or the index is a folder itself.
    StoreError
        When the index was written to meanwhile, or a node cannot be reached.
    """
    _check_settings(settings)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: snapshots need a folder of their own.")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        closing(open_store(settings, config, accepts_other_config=True)) as store,
        closing(_open_client(settings)) as client,
        closing(connect_server(settings)) as engine,
    ):
        before, version = _read_state(store), engine.versions.find_current()
        made_with = store.list_configs()
        if len(made_with) != 1:
            raise InputError("The index is empty." if not made_with else "The index is of several configurations.")
        shards = {
            collection: client.save(version.collection(settings.qdrant_prefix, collection), folder, collection)
            for collection in COLLECTIONS
        }
        if _read_state(store) != before:
            raise StoreError("The index was written to while its snapshots were made. Make them again, elsewhere.")
        [(fingerprint, described)] = made_with.items()
        manifest = Manifest(
            qdrant=client.read_version(),
            fingerprint=fingerprint,
            config=described,
            articles=before.counts.articles,
            chunks=before.counts.chunks,
            shards=shards,
        )
    manifest.write(folder)
    return manifest


def restore_snapshots(settings: Settings, config: IndexConfig, folder: Path) -> Manifest:
    """Restore a folder of snapshots into the index on the server that `settings` name, which is empty.

    Raises
    ------
    InputError
        When the folder holds no whole snapshots, or the index is not empty or a folder.
    IndexMismatchError
        When the snapshots are of an index with another configuration.
    StoreError
        When the server cannot do it; run it again.
    """
    _check_settings(settings)
    manifest = Manifest.read(folder)
    if manifest.fingerprint != config.fingerprint:
        raise IndexMismatchError(
            f"The snapshots are of an index with another configuration ({manifest.config}) than the one set now "
            f"({config}). Set those settings, restore, and then `dalil reindex` with the new ones."
        )
    sharded = settings.model_copy(update={"qdrant_shards": len(manifest.shards["chunks"])})
    with closing(_open_client(settings)) as client, closing(connect_server(sharded)) as engine:
        version = engine.versions.find_current()
        engine.versions.remove_empty(version)
        engine.open(config)
        for collection in _CHUNKS_FIRST:
            name = version.collection(settings.qdrant_prefix, collection)
            client.restore(name, folder, manifest.shards[collection])
    with closing(open_store(settings, config)) as store:
        counts = store.count_exactly()
    if counts != (manifest.articles, manifest.chunks):
        raise StoreError(
            f"{counts.articles} of {manifest.articles} articles and {counts.chunks} of {manifest.chunks} chunks are "
            "there. Look whether all nodes run and are of the version that made the snapshots "
            f"({manifest.qdrant}); restore into another DALIL_QDRANT_PREFIX."
        )
    return manifest


def _check_settings(settings: Settings) -> None:
    if not settings.qdrant_url:
        raise InputError(
            "Snapshots are of a Qdrant server (DALIL_QDRANT_URL). The index of a folder is copied with it, while "
            "nothing runs; `dalil export` writes its articles to one file."
        )


def _open_client(settings: Settings) -> SnapshotClient:
    key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
    authority = str(settings.qdrant_ca_file) if settings.qdrant_ca_file else None
    return SnapshotClient(str(settings.qdrant_url), key, authority)


def _read_state(store: Store) -> _State:
    return _State(store.count_exactly(), tuple(one.stored_at for one in store.list_articles(1)))
