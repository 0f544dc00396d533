"""An index on a server built again beside itself, with other settings, while questions go on.

The articles are those of the index: no file is read. What is written to the former version meanwhile is carried over
before the two change places, and once more after that: whatever was committed before the switch is there. Whoever
commits something after it learns that it has to do so again (`ServerEngine`).
"""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.carrying import ArticleCarrier
from ingest.indexer import ArticleWriter, Indexer, Progress
from rag.embedding import Encoder, embedding_spec
from rag.errors import InputError
from rag.settings import Settings
from rag.store import IndexConfig, Store, connect_server, open_store

if TYPE_CHECKING:
    from rag.store.server_versions import Version

EMPTY = "The index is empty: `dalil ingest` makes it, with the settings that are set."
_GRACE_S = 20.0
"""Between the switch and the removal of the former version: twice as long as a service takes to notice."""

OpenWriter = Callable[["Version | None"], AbstractContextManager[ArticleWriter | None]]


@dataclass(frozen=True, slots=True)
class ReindexResult:
    """What became of the index.

    Attributes
    ----------
    version : str
        Name of the version that answers now; of a folder the fingerprint of its configuration.
    articles : int
        That were written to it.
    dropped, kept : tuple of str
        Former versions that were removed, and that are still there; the first has the name `first`.
    """

    version: str
    articles: int = 0
    dropped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class Reindex:
    """Builds another version of an index on a server, and puts it in the place of the current one.

    Parameters
    ----------
    settings : Settings
        Of a Qdrant server, and of the index as it is to be.
    grace_s : float
        Between the switch and the removal of the former version.
    """

    def __init__(self, settings: Settings, grace_s: float = _GRACE_S) -> None:
        self._settings, self._grace_s = settings, grace_s
        self._config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
        self._engine = connect_server(settings)
        self._versions = self._engine.versions

    def close(self) -> None:
        """Release the connection."""
        self._engine.close()

    def run(
        self,
        open_encoder: Callable[[], Encoder],
        progress: Progress,
        is_forced: bool = False,
        open_writer: OpenWriter = lambda version: nullcontext(),
    ) -> ReindexResult:
        """Build it, or go on where that was stopped; put it in place; remove the former version where every service
        can answer from the new one.

        Parameters
        ----------
        open_encoder, progress
            As those of `Indexer`.
        is_forced : bool
            Whether to build it although it is made with these settings, as for another number of shards.
        open_writer : callable
            Gives what embeds and writes to a version, in place of this process.

        Raises
        ------
        InputError
            When the index is empty, or another one with other settings was begun and is not finished.
        StoreError
            When the server cannot be used. The former version is as it was.
        """
        former = self._versions.find_current()
        source = self._open_version(former, reads_only=True)
        try:
            made_with = source.list_configs()
            if not made_with:
                raise InputError(EMPTY)
            if made_with.keys() == {self._config.fingerprint} and not is_forced:
                return ReindexResult(former.label, kept=self._list_others())
            version = self._choose_version()
            written = self._build(source, version, open_encoder, progress, open_writer)
            dropped = self._drop_former(made_with.values())
        finally:
            source.close()
        return ReindexResult(version.label, written, dropped, self._list_others())

    def drop_others(self) -> tuple[str, ...]:
        """Remove every version but the current one, also one that is not finished; gives their names."""
        others = self._find_others()
        for version in others:
            self._versions.drop(version)
        return tuple(version.label for version in others)

    def _drop_former(self, made_with: Iterable[str]) -> tuple[str, ...]:
        """Remove the version that was made with other settings, where queries are embedded alike for both."""
        if not all(map(self._config.answers_alike, made_with)):
            return ()
        time.sleep(self._grace_s)
        return self.drop_others()

    def _build(
        self,
        source: Store,
        version: "Version",
        open_encoder: Callable[[], Encoder],
        progress: Progress,
        open_writer: OpenWriter,
    ) -> int:
        target = self._open_version(version)
        try:
            self._versions.begin(version)
            target.delete_orphans()
            carrier = ArticleCarrier(source, target)
            with open_writer(version) as writer:
                indexer = Indexer(target, open_encoder, self._settings.chunk_tokens, writer=writer)
                carrier.carry_all(indexer, progress)
            self._versions.switch(version)
            carrier.carry_late(Indexer(target, open_encoder, self._settings.chunk_tokens))
            return carrier.written
        finally:
            target.close()

    def _choose_version(self) -> "Version":
        begun = self._versions.find_next()
        if begun is None:
            return self._versions.choose_next(self._config)
        if not begun.has_config(self._config):
            raise InputError(
                f"Another version with other settings ({begun.label}) was begun and is not finished. Go on with those "
                "settings, or remove it by `dalil reindex --drop`."
            )
        return begun

    def _open_version(self, version: "Version", reads_only: bool = False) -> Store:
        return open_store(self._settings, self._config, reads_only, reads_only, version)

    def _find_others(self) -> "list[Version]":
        current = self._versions.find_current()
        return [version for version in self._versions.list_all() if version != current]

    def _list_others(self) -> tuple[str, ...]:
        return tuple(version.label for version in self._find_others())
