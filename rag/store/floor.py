"""The least that an index folder must hold, kept in it: what is lost is then noticed, and does not open as a smaller
index."""

import errno
import json
import os
from pathlib import Path
from typing import NamedTuple

from rag.errors import IndexDamagedError, StorageFullError, StoreError
from rag.store.engine import Counts
from rag.store.space import FULL_REMEDY


class Floor(NamedTuple):
    """What an index must hold.

    Attributes
    ----------
    counts : Counts
        At the least.
    incomplete : int
        Articles that were found without some of their chunks.
    is_copied : bool
        Whether it was read from a copy of the folder that it was written to: the parts of one that was made while
        articles were written are of different moments.
    """

    counts: Counts
    incomplete: int = 0
    is_copied: bool = False


class FloorFile:
    """The floor of an index folder, `counts.json`.

    Parameters
    ----------
    folder : Path
        Of the index.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "counts.json"

    def read(self) -> Floor | None:
        """The floor as it was written last; None where none was yet.

        Raises
        ------
        IndexDamagedError
            When the file cannot be read.
        """
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            counts = Counts(int(kept["articles"]), int(kept["chunks"]))
            return Floor(counts, int(kept["incomplete"]), kept["inode"] != self._path.stat().st_ino)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexDamagedError(
                f"{self._path} cannot be read ({error!r}), so that nothing tells whether the index is whole. Where you "
                "know that it is, remove that file; else move the folder away and ingest your articles again."
            ) from error

    def write(self, counts: Counts, incomplete: int) -> None:
        """Write another floor; when it returns it is on the disk.

        Raises
        ------
        StorageFullError
            When there is no room for it; the earlier one stays.
        StoreError
            When it cannot be written.
        """
        temporary = self._path.with_suffix(".tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                # A file keeps its inode when it is renamed, and gets another one when it is copied.
                inode = os.fstat(file.fileno()).st_ino
                json.dump(counts._asdict() | {"incomplete": incomplete, "inode": inode}, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
            sync_folder(self.folder)
        except OSError as error:
            kind = StorageFullError if error.errno == errno.ENOSPC else StoreError
            raise kind(f"{self._path} cannot be written ({error.strerror}). {FULL_REMEDY}") from error


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
