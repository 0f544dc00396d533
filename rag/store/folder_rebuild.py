"""Another version of an index folder: built within it while the index answers, and then put in its place.

It is built in `rebuild`. Renaming that to `rebuilt` is the one step that decides: before it the index is as it was, and
after it whoever opens the folder next moves the parts to where they belong. Each move may be stopped and made again.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import StoreError, StoreLockedError
from rag.store.floor import sync_folder

_PARTS = ("articles", "chunks", "counts.json")
"""What a folder has of an index; the rest of it (ratings, originals, conversations) stays."""


class FolderRebuild:
    """The version that is built within an index folder.

    Parameters
    ----------
    folder : Path
        Of the index that answers.

    Attributes
    ----------
    path : Path
        Of the index that is being built.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / "rebuild"
        self._decided, self._dropped = folder / "rebuilt", folder / "rebuild-dropped"

    @property
    def has_begun(self) -> bool:
        """Whether there is one that has not taken the place of the index."""
        return self.path.exists()

    def decide(self) -> None:
        """Have it take the place of the index, which is closed, and opened again, for that.

        Raises
        ------
        StoreLockedError
            When a process builds it.
        StoreError
            When the folder cannot be written.
        """
        with self._mapped_errors():
            sync_folder(self.path)
            self._move(self._decided)
            sync_folder(self._folder)

    def finish(self) -> None:
        """Put it in the place of the index, where that is decided; called while nothing of the index is open, and its
        lock is held.

        Raises
        ------
        StoreError
            When the folder cannot be written.
        """
        if not self._decided.exists():
            return
        with self._mapped_errors():
            for name in _PARTS:
                part, place = self._decided / name, self._folder / name
                if part.exists():
                    _remove(place)
                    part.rename(place)
            sync_folder(self._folder)
            _remove(self._decided)

    def drop(self) -> bool:
        """Remove it, where it was begun; gives whether it was.

        Raises
        ------
        StoreLockedError
            When a process builds it.
        """
        with self._mapped_errors():
            _remove(self._dropped)  # what was left of an earlier one
            if not self.has_begun:
                return False
            self._move(self._dropped)
            _remove(self._dropped)
        return True

    def _move(self, place: Path) -> None:
        """Rename its folder, in which nobody builds."""
        try:
            with FileLock(self.path / "lock", timeout=0):
                self.path.rename(place)
        except Timeout:
            raise StoreLockedError(f"A process builds the index in {self.path}. End it first.") from None

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"The index folder {self._folder} cannot be written ({error.strerror}).") from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
