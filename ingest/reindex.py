"""An index on a server built again beside itself, with other settings, while questions go on.

The articles are those of the index: no file is read. What is written to the former version meanwhile is carried over
before the two change places, and once more after that: whatever was committed before the switch is there. Whoever
commits something after it learns that it has to do so again (`ServerEngine`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.indexer import ArticleWriter, Indexer, Progress
from rag.embedding import Encoder, embedding_spec
from rag.errors import InputError
from rag.settings import Settings
from rag.store import ArticleSummary, IndexConfig, Store, connect_server, open_store
from rag.types import Article

if TYPE_CHECKING:
    from rag.store.server_versions import Version

_GRACE_S = 20.0
"""Between the switch and the removal of the former version: twice as long as a service takes to notice."""
_MAX_PASSES = 10
_ARTICLES_PER_READ = 16

Summaries = Mapping[str, ArticleSummary]
OpenWriter = Callable[["Version"], AbstractContextManager[ArticleWriter | None]]


@dataclass(frozen=True, slots=True)
class ReindexResult:
    """What became of the index.

    Attributes
    ----------
    version : str
        Name of the version that answers now.
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
    """Builds another version of an index, and puts it in the place of the current one.

    Parameters
    ----------
    settings : Settings
        Of a Qdrant server, and of the index as it is to be.
    grace_s : float
        Between the switch and the removal of the former version.

    Raises
    ------
    InputError
        When the index is a folder.
    """

    def __init__(self, settings: Settings, grace_s: float = _GRACE_S) -> None:
        if not settings.qdrant_url:
            raise InputError(
                "A folder is one process's, so it cannot be built again while questions go on: `dalil export FILE`, "
                "move the folder away, `dalil import FILE`. With DALIL_QDRANT_URL, this command does so on a server."
            )
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
                raise InputError("The index is empty: `dalil ingest` makes it, with the settings that are set.")
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
            carrier = _Carrier(source, target)
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


class _Carrier:
    """Brings articles from one version to another, each with the time and the mark of its file.

    Attributes
    ----------
    written : int
        Articles that it has written.
    """

    def __init__(self, source: Store, target: Store) -> None:
        self._source, self._target, self.written = source, target, 0
        self._before: Summaries = {}

    def carry_all(self, indexer: Indexer, progress: Progress) -> None:
        """Make the target have what the source has, again and again until nothing is written to it meanwhile."""
        for _ in range(_MAX_PASSES):
            there, here = self._source.summarize_articles(), self._target.summarize_articles()
            incomplete = self._target.find_incomplete()
            missing = [key for key, one in there.items() if key in incomplete or _time_of(here, key) != one.stored_at]
            gone = [key for key in here if key not in there]
            self._target.remove(gone)
            self._before = there
            if not missing and not gone:
                return
            self._carry(indexer, missing, progress)

    def carry_late(self, indexer: Indexer) -> None:
        """After the switch: bring what was written to the source since it was read last, up to the switch. Whoever
        writes to it after that learns that it has to do so again."""
        there, here = self._source.summarize_articles(), self._target.summarize_articles()
        late = [key for key, one in there.items() if _time_of(self._before, key) != one.stored_at]
        gone = [key for key in self._before if key not in there]
        # What others have written to the target since is newer.
        is_ours = {key: _time_of(here, key) == _time_of(self._before, key) for key in (*late, *gone)}
        self._target.remove([key for key in gone if is_ours[key]])
        self._before = there
        self._carry(indexer, [key for key in late if is_ours[key]], lambda done, total: None)

    def _carry(self, indexer: Indexer, keys: Sequence[str], progress: Progress) -> None:
        ordered = sorted(keys, key=lambda key: self._before[key].stored_at or 0)
        indexer.write(self._read(ordered), progress, len(ordered), self._note_written)

    def _read(self, keys: Sequence[str]) -> Iterator[Article]:
        for at in range(0, len(keys), _ARTICLES_PER_READ):
            group = keys[at : at + _ARTICLES_PER_READ]
            found = self._source.get_articles(group)
            yield from (found[key] for key in group if key in found)

    def _note_written(self, articles: Sequence[Article]) -> None:
        self.written += len(articles)
        summaries = [self._before[article.id] for article in articles]
        self._target.mark_articles({one.id: one.mark for one in summaries if one.mark is not None})
        self._target.date_articles({one.id: one.stored_at for one in summaries if one.stored_at is not None})


def _time_of(summaries: Summaries, key: str) -> int | None:
    return summaries[key].stored_at if key in summaries else None
