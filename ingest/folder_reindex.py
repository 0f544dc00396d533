"""An index folder built again with other settings, within the folder, and put in the place of the former one.

The folder is one process's. What takes long, splitting and embedding, can be done while a service answers from it: from
the articles that the service gives out. What has changed since is brought over once the service has ended.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, nullcontext
from dataclasses import replace

from ingest.carrying import ArticleCarrier
from ingest.indexer import ArticleWriter, Indexer, Progress
from ingest.reindex import EMPTY, OpenWriter, ReindexResult
from rag.embedding import Encoder, embedding_spec
from rag.errors import IndexMismatchError, InputError, StoreLockedError
from rag.settings import Settings
from rag.store import ArticleSummary, IndexConfig, Store, open_store
from rag.store.folder_rebuild import FolderRebuild
from rag.types import Article

_NAME = "rebuild"


class FolderReindex:
    """Builds another version of an index folder, and puts it in the place of the former one.

    Parameters
    ----------
    settings : Settings
        Of the folder, and of the index as it is to be.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
        self._rebuild = FolderRebuild(settings.data_dir)

    def close(self) -> None:
        """Nothing is held between the calls."""

    def run(
        self,
        open_encoder: Callable[[], Encoder],
        progress: Progress,
        is_forced: bool = False,
        open_writer: OpenWriter = lambda version: nullcontext(),
    ) -> ReindexResult:
        """Build it, or go on where that was stopped; put it in place.

        Parameters
        ----------
        open_encoder, progress
            As those of `Indexer`.
        is_forced : bool
            Whether to build it although it is made with these settings.
        open_writer : callable
            Gives what embeds and writes, in place of this process; that of other machines refuses a folder.

        Raises
        ------
        InputError
            When the index is empty, or another one with other settings was begun and is not finished.
        StoreLockedError
            When a process holds the folder.
        StoreError
            When it cannot be read or written. Unless the last step is done the former version is as it was.
        """
        with closing(self._open_source()) as source:
            made_with = source.list_configs()
            if not made_with:
                raise InputError(EMPTY)
            if made_with.keys() == {self._config.fingerprint} and not is_forced:
                kept = (_NAME,) if self._rebuild.has_begun else ()
                return ReindexResult(self._config.fingerprint, kept=kept)
            with closing(self._open_target()) as target:
                _adopt(source, target)
                carrier = ArticleCarrier(source, target)
                with open_writer(None) as writer:
                    carrier.carry_all(self._indexer(target, open_encoder, writer), progress)
                target.optimize()
            self._rebuild.decide()
        # Whoever opens it next puts it in place.
        open_store(self._settings, self._config).close()
        return ReindexResult(self._config.fingerprint, carrier.written, tuple(one for one in made_with if one))

    def prepare(
        self, articles: Iterable[Article], open_encoder: Callable[[], Encoder], progress: Progress, total: int = 0
    ) -> int:
        """Build it from articles that a service gives out of the folder that it holds; `run` then needs to write only
        what has changed since. Goes on where that was stopped.

        Parameters
        ----------
        articles : iterable of Article
            Read as they are written.
        open_encoder, progress
            As those of `Indexer`.
        total : int
            Of the articles, as far as known.

        Returns
        -------
        int
            How many articles it has.

        Raises
        ------
        InputError
            When another one with other settings was begun and is not finished.
        StoreLockedError
            When another process builds one.
        """
        with closing(self._open_target()) as target:
            present, incomplete = target.summarize_articles(), target.find_incomplete()
            missing = (one for one in articles if one.id in incomplete or not _has_text(present, one))
            self._indexer(target, open_encoder).write(missing, progress, max(0, total - len(present)))
            return target.count_articles()

    def drop_others(self) -> tuple[str, ...]:
        """Remove one that was begun and is not finished; gives its name.

        Raises
        ------
        StoreLockedError
            When a process builds it.
        """
        return (_NAME,) if self._rebuild.drop() else ()

    def _open_source(self) -> Store:
        try:
            return open_store(self._settings, self._config, accepts_other_config=True)
        except StoreLockedError as error:
            raise StoreLockedError(
                f"{error} To build the index while a service answers from it: `dalil reindex --server URL`."
            ) from None

    def _open_target(self) -> Store:
        within = self._settings.model_copy(update={"data_dir": self._rebuild.path})
        try:
            target = open_store(within, self._config)
        except IndexMismatchError:
            raise InputError(
                "An index with other settings was begun and is not finished. Go on with those settings, or remove it "
                "by `dalil reindex --drop`."
            ) from None
        target.delete_orphans()
        return target

    def _indexer(
        self, target: Store, open_encoder: Callable[[], Encoder], writer: ArticleWriter | None = None
    ) -> Indexer:
        return Indexer(target, open_encoder, self._settings.chunk_tokens, writer=writer)


def _adopt(source: Store, target: Store) -> None:
    """Give the articles of `target` that are as those of `source` the time and the mark that they have there, by which
    they are seen not to have changed."""
    there, here = source.summarize_articles(), target.summarize_articles()
    same = [one for key, one in there.items() if key in here and _is_same(one, here[key])]
    target.mark_articles({one.id: one.mark for one in same if one.mark is not None})
    target.date_articles({one.id: one.stored_at for one in same if one.stored_at is not None})


def _is_same(one: ArticleSummary, other: ArticleSummary) -> bool:
    """Whether two versions of an article differ in nothing but how they were split."""
    return replace(one, chunks=other.chunks) == other and (one.chars, one.health) == (other.chars, other.health)


def _has_text(present: Mapping[str, ArticleSummary], article: Article) -> bool:
    """Whether an earlier call has written an article; whether it is the same otherwise, `run` sees to."""
    return article.id in present and present[article.id].revision == article.revision
