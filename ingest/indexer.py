"""Articles into the index, whichever way they come: files, uploads, an undone removal, a set of the harness."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from ingest.duplicates import DuplicateGroups, Duplicates
from ingest.embedding import EmbeddedArticle, embed_articles
from ingest.identity import Identities
from ingest.known_files import FileEnd, FoundItem, KnownFile, PendingMarks
from ingest.originals import Originals
from ingest.readers import ReadFailure, ReadSkip, ReadWarning
from ingest.readers.metadata import MAX_TITLE_CHARS, clean_line
from rag.embedding import Encoder
from rag.errors import InputError
from rag.store import ArticleSummary, Store
from rag.types import Article

_BATCH_CHARS = 60_000
"""Text embedded together: enough for batches of like length, little enough that a kill loses seconds of work."""

Outcome = Literal["added", "changed", "unchanged"]
Progress = Callable[[int, int], None]
"""Called with (articles done, articles to do; 0 when not known)."""


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What became, or would become, of articles; ids in order of reading.

    Attributes
    ----------
    added, changed, unchanged, removed : list of str
        Ids of articles; unchanged ones are not touched.
    failed : list of ReadFailure
        What could not be read.
    warnings : list of ReadWarning
        What of these articles was read otherwise than it was written, or is another one once more.
    skipped : list of ReadSkip
        What lies under the folders that were named and is not read.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[ReadFailure] = field(default_factory=list)
    warnings: list[ReadWarning] = field(default_factory=list)
    skipped: list[ReadSkip] = field(default_factory=list)

    @property
    def to_write(self) -> int:
        """Number of articles that are new or changed."""
        return len(self.added) + len(self.changed)


def _ignore_progress(done: int, total: int) -> None:
    pass


class ArticleWriter(Protocol):
    """Embeds articles and writes them to an index, on other machines."""

    def write(self, batches: Iterable[Sequence[Article]]) -> Iterator[list[Article]]:
        """Each batch, in any order, once all of it is written."""


class Indexer:
    """Adds, replaces, removes and restores articles of one index. Safe to use from several threads: one change is made
    at a time.

    Parameters
    ----------
    store : Store
        The index; stays the caller's to close.
    open_encoder : callable
        Gives the encoder; called once, and only when there is something to embed.
    chunk_tokens : int
        Largest chunk.
    writer : ArticleWriter, optional
        Embeds and writes, in place of this process.
    originals : Originals, optional
        Keeps the files that articles were read from, and removes them with the articles; unset: none are kept.
    """

    def __init__(
        self,
        store: Store,
        open_encoder: Callable[[], Encoder],
        chunk_tokens: int,
        originals: Originals | None = None,
        writer: ArticleWriter | None = None,
    ) -> None:
        self._store, self._chunk_tokens = store, chunk_tokens
        self._originals = originals or Originals(Path(os.devnull), keeps_new=False)
        self._encoder = cache(open_encoder)
        self._writer = writer
        self._lock = threading.Lock()

    def plan(self, found: Iterable[FoundItem]) -> IndexResult:
        """What `index` would do with what a reader found, doing nothing."""
        result, doubtful = IndexResult(), set[str]()
        received = self._originals.receive(found, doubtful, writes=False)
        for _ in self._select_new(received, result, PendingMarks(), doubtful):
            pass
        return result

    def index(
        self,
        found: Iterable[FoundItem],
        progress: Progress = _ignore_progress,
        total: int = 0,
        note_written: Callable[[Sequence[Article]], None] = lambda articles: None,
    ) -> IndexResult:
        """Put articles that are new or changed into the index, each whole.

        Parameters
        ----------
        found : iterable of FoundItem
            What a reader found, read as it is needed. Which article of the index each one is, `Identities` says; one
            whose id another source has is a failure.
        progress : callable
            Told after every batch.
        total : int
            Articles to write, as far as known.
        note_written : callable
            Given the articles of every batch once they are written.

        Raises
        ------
        StoreError, EmbeddingError
            What was written before is kept.
        """
        result, marks, doubtful = IndexResult(), PendingMarks(), set[str]()

        def note(written: Sequence[Article]) -> None:
            self._store.mark_articles(marks.take(written))
            note_written(written)

        with self._lock:
            received = self._originals.receive(found, doubtful)
            self._write_all(self._select_new(received, result, marks, doubtful), progress, total, note)
            self._store.mark_articles(marks.take(()))
            self._remove_unnamed(doubtful)
        return result

    def write(
        self,
        articles: Iterable[Article],
        progress: Progress = _ignore_progress,
        total: int = 0,
        note_written: Callable[[Sequence[Article]], None] = lambda articles: None,
    ) -> None:
        """Put articles into the index as they are, each whole, whatever it has of them; parameters as those of `index`.

        Raises
        ------
        StoreError, EmbeddingError
            What was written before is kept.
        """
        with self._lock:
            self._write_all(articles, progress, total, note_written)

    def remove(self, article_ids: Sequence[str], holds_originals: bool = False) -> None:
        """Take articles out of the index.

        Parameters
        ----------
        article_ids : sequence of str
            Unknown ones are no error.
        holds_originals : bool
            Whether to leave their originals for `restore`; then call `forget_original` once that is not to be done.
        """
        if article_ids:
            with self._lock:
                originals = self._find_originals(article_ids)
                self._store.remove(article_ids)
                self._store.optimize()
                if holds_originals:
                    self._originals.hold(originals)
                else:
                    self._remove_unnamed(originals)

    def forget_original(self, original: str | None) -> None:
        """Remove an original that was left for `restore`, unless an article has it."""
        with self._lock:
            self._remove_unnamed({original} if original else set())

    def has_original(self, article: ArticleSummary) -> bool:
        """Whether the original of an article is here, where it has one."""
        return article.original is None or self._originals.find(article.original) is not None

    def delete_orphans(self) -> None:
        """Remove the chunks of articles that are not whole: not those that another thread is writing."""
        with self._lock:
            self._store.delete_orphans()

    def delete_orphaned_originals(self) -> None:
        """Remove the originals that no article has: those that a killed ingest left."""
        if not self._originals.is_empty:
            with self._lock:
                self._originals.delete_orphans(self._named_originals())

    def rename(self, article_id: str, title: str) -> Article:
        """Give an article another title, with which its chunks are embedded anew.

        Its revision stays, which is that of what was read: while the file says the same, an ingest leaves the title as
        it is. A file that has changed brings its own.

        Parameters
        ----------
        article_id : str
            Of an article of the index.
        title : str
            Of at most `MAX_TITLE_CHARS` characters; it is made one line.

        Returns
        -------
        Article
            As it is now.

        Raises
        ------
        NotFoundError
            When there is no such article.
        InputError
            For an empty title, or one that is too long.
        """
        cleaned = clean_line(title)
        if not cleaned or len(cleaned) > MAX_TITLE_CHARS:
            raise InputError(f"A title is a line of 1 to {MAX_TITLE_CHARS} characters.")
        with self._lock:
            renamed = replace(self._store.get_article(article_id), title=cleaned)
            mark = self._store.summarize_articles()[article_id].mark
            self._rewrite([renamed])
            if mark is not None:
                self._store.mark_articles({article_id: mark})
        return renamed

    def restore(self, article: Article) -> None:
        """Put an article that was removed into the index again, as it was."""
        with self._lock:
            self._rewrite([article])

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedArticle]:
        """Each article with its chunks in every representation, in one pass; writes nothing."""
        yield from embed_articles(articles, self._chunk_tokens, self._encoder())

    def _write_all(
        self,
        articles: Iterable[Article],
        progress: Progress,
        total: int,
        note_written: Callable[[Sequence[Article]], None],
    ) -> None:
        done = 0
        with ThreadPoolExecutor(1, thread_name_prefix="embedding") as executor:
            batches = _batches(articles)
            for written in self._writer.write(batches) if self._writer else self._write_ahead(batches, executor):
                note_written(written)
                done += len(written)
                progress(done, total)
            if done:
                self._store.optimize()

    def _rewrite(self, articles: Sequence[Article]) -> None:
        for embedded, chunks in self.embed(articles):
            self._store.write(embedded, chunks)
        self._store.optimize()

    def _find_originals(self, article_ids: Sequence[str]) -> set[str]:
        if self._originals.is_empty:
            return set()
        stored = self._store.summarize_articles()
        return {stored[one].original or "" for one in article_ids if one in stored}

    def _named_originals(self) -> set[str | None]:
        return {one.original for one in self._store.summarize_articles().values()}

    def _remove_unnamed(self, originals: Set[str]) -> None:
        here = set(filter(self._originals.find, originals))
        if here:
            self._originals.remove(here - self._named_originals())

    def _write_ahead(self, batches: Iterable[list[Article]], executor: Executor) -> Iterator[list[Article]]:
        """Each batch once it is written."""
        for at, batch in enumerate(self._embed_ahead(batches, executor)):
            if at:
                self._store.flush()  # what a long ingest has finished outlives a loss of power
            for article, chunks in batch:
                self._store.write(article, chunks)
            yield [article for article, _ in batch]

    def _embed_ahead(self, batches: Iterable[list[Article]], executor: Executor) -> Iterator[list[EmbeddedArticle]]:
        """Each batch with its vectors, while the next one is read and embedded beside what is done with this."""
        ahead: Future[list[EmbeddedArticle]] | None = None
        try:
            for batch in batches:
                embedded, ahead = ahead, executor.submit(lambda articles: list(self.embed(articles)), batch)
                if embedded is not None:
                    yield embedded.result()
            if ahead is not None:
                yield ahead.result()
        finally:
            if ahead is not None:
                ahead.cancel()  # where the ingest ends early, what has not begun need not be embedded

    def _select_new(
        self, found: Iterable[FoundItem], result: IndexResult, marks: PendingMarks, doubtful: set[str]
    ) -> Iterator[Article]:
        """The articles that are new or changed; notes in `result` what becomes of each, in `marks` their files, and in
        `doubtful` the originals that may have none any more."""
        stored = self._store.summarize_articles()
        incomplete = self._store.find_incomplete()
        duplicates, groups = Duplicates(stored.values()), DuplicateGroups()
        for item in Identities(stored).resolve(found):
            if isinstance(item, ReadFailure):
                result.failed.append(item)
            elif isinstance(item, ReadWarning):
                if not groups.add_copy(item):
                    result.warnings.append(item)
            elif isinstance(item, KnownFile):
                result.unchanged.extend(item.ids)
            elif isinstance(item, FileEnd):
                marks.end_file(item)
            else:
                outcome = _compare(item, stored.get(item.id), item.id in incomplete)
                if outcome == "unchanged" and item.original in doubtful and not self._originals.find(item.original):
                    outcome = "changed"  # in a plan: its file is to be written, and nothing else
                ids: list[str] = getattr(result, outcome)
                ids.append(item.id)
                marks.add(item, is_written=outcome == "unchanged")
                if outcome != "unchanged":
                    doubtful.add((stored[item.id].original if item.id in stored else None) or "")
                    original = duplicates.find(item)
                    if original is not None:
                        groups.add(item, original)
                    yield item
        result.warnings.extend(groups.describe())


def _compare(article: Article, stored: ArticleSummary | None, is_incomplete: bool) -> Outcome:
    """What writing an article would do. One that comes from another file has changed, so that a sync of that file's
    folder knows it; so has one whose pages can be shown from now on, or look otherwise."""
    if stored is None:
        return "added"
    is_same = (stored.revision, stored.source) == (article.revision, article.source) and not is_incomplete
    has_original = article.original in (None, stored.original)
    return "unchanged" if is_same and has_original else "changed"


def _batches(articles: Iterable[Article]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    size = 0
    for article in articles:
        batch.append(article)
        size += len(article.text)
        if size >= _BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
