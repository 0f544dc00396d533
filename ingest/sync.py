"""Make the index say what the files say: plan, then apply.

The same input twice changes nothing, an edited article replaces its chunks, and articles are written whole, so a run
that was killed is finished by the next one.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.indexer import Indexer, IndexResult, Progress
from ingest.readers import UPLOAD_ORIGIN, ReadResult, find_files, read_file
from rag.store import Store


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
    """

    def __init__(self, store: Store, indexer: Indexer, max_chars: int, excluded: Sequence[Path] = ()) -> None:
        self._store, self._indexer, self._max_chars, self._excluded = store, indexer, max_chars, excluded

    def plan(self, paths: Sequence[Path], remove_missing: bool = False) -> IndexResult:
        """Compare files and index, writing nothing.

        Parameters
        ----------
        paths : sequence of Path
            Files and folders.
        remove_missing : bool
            Whether stored articles that no file gave are to be removed, except uploads, which never came from one, and
            those of files that failed to read: a file that cannot be read today does not lose its article.

        Raises
        ------
        InputError
            When there is nothing to read, so that a mistyped folder removes nothing.
        """
        result = self._indexer.plan(self._read(paths))
        if remove_missing:
            result.removed.extend(self._find_missing(result))
        return result

    def apply(self, plan: IndexResult, paths: Sequence[Path], progress: Progress) -> None:
        """Carry out a plan.

        Raises
        ------
        StoreError, EmbeddingError
            What was finished before is kept, and the next run goes on from there.
        """
        self._store.delete_orphans()
        if plan.to_write:
            progress(0, plan.to_write)
            self._indexer.index(self._read(paths), progress, plan.to_write)
        self._indexer.remove(plan.removed)

    def _read(self, paths: Sequence[Path]) -> Iterator[ReadResult]:
        for file, root in find_files(paths, self._excluded):
            yield from read_file(file, root, self._max_chars)

    def _find_missing(self, plan: IndexResult) -> list[str]:
        """Ids of stored articles that no file gave."""
        given = {*plan.added, *plan.changed, *plan.unchanged}
        failed_paths = {path for failure in plan.failed for path in (failure.path, failure.path.rpartition(":")[0])}
        unreadable = {str(Path(path).resolve()) for path in failed_paths if path}
        missing = {key: stored.source for key, stored in self._store.summarize_articles().items() if key not in given}
        return [
            key for key, source in missing.items() if source not in unreadable and not source.startswith(UPLOAD_ORIGIN)
        ]
