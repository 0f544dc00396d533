"""Make the index say what the files say, in one pass, or say what that would do.

The same input twice changes nothing, an edited article replaces its chunks, and articles are written whole, so a run
that was killed is finished by the next one.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path

from ingest.fetched import FetchedDocument
from ingest.indexer import Indexer, IndexResult
from ingest.known_files import FoundItem, KnownFiles, read_marked_page
from ingest.object_stores import StoredObject
from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.progress import ProgressTracker, Report
from ingest.reader_pool import FileReader, ReaderPool, ReadTask
from ingest.readers import UPLOAD_ORIGIN, Listing, ReadFailure, list_files
from rag.store import Store

Document = FetchedDocument | StoredObject | ReadFailure
"""What is not found by a path."""
_MAX_SHARE_REMOVED = 0.2
"""Of the articles of an index: more is asked for, since it is seldom meant, as when a disk is not there."""


class Sync:
    """Files on one side, the index on the other.

    Parameters
    ----------
    store : Store
        The index.
    indexer : Indexer
        Writes to it.
    max_chars : int
        Longest article.
    excluded : sequence of Path
        Folders that are not read: that of the index itself.
    pool : FileReader, optional
        Reads the files; unset: processes of this machine.
    ocr : OcrOptions
        Whether scans are read.
    """

    def __init__(
        self,
        store: Store,
        indexer: Indexer,
        max_chars: int,
        excluded: Sequence[Path] = (),
        pool: FileReader | None = None,
        ocr: OcrOptions = NO_OCR,
    ) -> None:
        self._store, self._indexer, self._max_chars, self._excluded = store, indexer, max_chars, excluded
        self._pool, self._ocr = pool or ReaderPool(), ocr

    def ingest(
        self,
        paths: Sequence[Path],
        report: Report,
        documents: Sequence[Document] = (),
        remove_missing: bool = False,
        confirm: Callable[[Sequence[str], int], None] = lambda article_ids, total: None,
    ) -> IndexResult:
        """Read files and put what is new or changed into the index, in one pass: reading runs beside embedding.

        Parameters
        ----------
        paths : sequence of Path
            Files and folders.
        report : callable
            Told how far it is.
        documents : sequence of Document
            What was fetched from the web, and what is to be read from object stores.
        remove_missing : bool
            As that of `plan`; they are removed when all is written.
        confirm : callable
            Given their ids and the number of articles where more than a fifth of these is to be removed: raises where
            that is not meant, and none is removed then.

        Raises
        ------
        InputError
            When there is nothing to read.
        StoreError, EmbeddingError
            What was finished before is kept, and the next run goes on from there.
        """
        listing = self._list(paths, documents)
        self._indexer.delete_orphans()
        self._indexer.delete_orphaned_originals()
        total = self._store.count_articles()
        tracker = ProgressTracker([file for file, _ in listing.files], report)
        found = tracker.watch(self._read(listing, documents))
        result = _with_listing(self._indexer.index(found, note_written=tracker.note_written), listing)
        missing = self._find_missing(result, listing) if remove_missing else []
        if len(missing) > _MAX_SHARE_REMOVED * total:
            confirm(missing, total)
        self._indexer.remove(missing)
        result.removed.extend(missing)
        return result

    def plan(
        self,
        paths: Sequence[Path],
        remove_missing: bool = False,
        documents: Sequence[Document] = (),
        report: Report = lambda progress: None,
    ) -> IndexResult:
        """Compare files and index, writing nothing.

        Parameters
        ----------
        paths : sequence of Path
            Files and folders.
        remove_missing : bool
            Whether stored articles are to be removed whose files lay below what is named and are not there any more.
            A file that cannot be read today, or a folder or link that cannot be looked into, loses no article.
            Nor are those of the web removed, which no file gives.
        documents : sequence of Document
            What was fetched from the web, and what is to be read from object stores.
        report : callable
            Told how far the reading is.

        Raises
        ------
        InputError
            When there is nothing to read, so that a mistyped folder removes nothing.
        """
        listing = self._list(paths, documents)
        tracker = ProgressTracker([file for file, _ in listing.files], report)
        result = _with_listing(self._indexer.plan(tracker.watch(self._read(listing, documents))), listing)
        if remove_missing:
            result.removed.extend(self._find_missing(result, listing))
        return result

    def _list(self, paths: Sequence[Path], documents: Sequence[Document]) -> Listing:
        """The files; none where the web alone is named."""
        return list_files(paths, self._excluded, self._ocr) if paths or not documents else Listing()

    def _read(self, listing: Listing, documents: Sequence[Document]) -> Iterator[FoundItem]:
        known = KnownFiles(self._store, self._max_chars, self._ocr, self._indexer.has_original)
        files = (known.find(*file) or ReadTask(*file, self._max_chars, self._ocr) for file in listing.files)
        yield from self._pool.read(files)
        objects = [document for document in documents if isinstance(document, StoredObject)]
        yield from self._pool.read_objects(
            known.find_page(one.as_known()) or one if one.is_known else one for one in objects
        )
        for document in documents:
            if isinstance(document, StoredObject):
                continue
            if isinstance(document, ReadFailure):
                yield document
            elif page := known.find_page(document):
                yield page
            else:
                yield from read_marked_page(document, self._max_chars, self._ocr)

    def _find_missing(self, plan: IndexResult, listing: Listing) -> list[str]:
        """Ids of stored articles of which no file is left below what was named."""
        given = {*plan.added, *plan.changed, *plan.unchanged}
        failed = [path for failure in plan.failed for path in (failure.path, failure.path.rpartition(":")[0])]
        left_out = [*failed, *(skip.path for skip in plan.skipped)]
        kept = {place for path in left_out if path for place in (Path(path).absolute(), Path(path).resolve())}
        places = {*listing.places}
        return [
            key
            for key, stored in self._store.summarize_articles().items()
            if key not in given
            and not stored.source.startswith(UPLOAD_ORIGIN)
            and _is_below(stored.source, places)
            and not _is_below(stored.source, kept)
        ]


def _with_listing(result: IndexResult, listing: Listing) -> IndexResult:
    """The result with what was not read of the paths."""
    result.failed[:0] = listing.failed
    result.skipped.extend(listing.skipped)
    return result


def _is_below(source: str, places: Set[Path]) -> bool:
    """Whether a file is one of these, or lies in one."""
    path = Path(source)
    return path in places or not places.isdisjoint(path.parents)
