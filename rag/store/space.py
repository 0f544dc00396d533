"""Whether there is room for what is to be written to an index folder.

Edge writes through memory maps of sparse files. Where the file system has no block left for a page of such a map, the
kernel ends the process (SIGBUS) in place of giving an error, so room is looked for before anything is written.
"""

import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rag.embedding.bm25 import SparseVector
from rag.errors import StorageFullError
from rag.store.engine import Point

FreeSpace = Callable[[Path], int]
"""Bytes that may still be written to the file system of a folder."""

FULL_REMEDY = "Free some space there, or move the folder to a larger disk and set DALIL_DATA_DIR. What it holds stays."
_GROWTH = 2
"""Bytes on disk for each byte of a point, in the log and in the segment: 1.1 for articles as they are, 1.9 for a text
without repetitions, 1.7 for chunks of three words (docs/explanation/decisions.md has the measurements)."""
_BYTES_PER_FLOAT, _BYTES_PER_TERM = 4, 8
_WRITE_RESERVE = 64_000_000
"""Left free by every write: room for the next part of the log (32 MB), for removing articles, and for what other
programs write between this look and the write."""
_SMALL_RESERVE = 4_000_000
"""Opening an index takes 0.1 MB, removing 300 articles 0.2 MB, flushing 0.1 MB."""
_BYTES_PER_ID = 64
"""Of a point that is removed: its id in the log, and a bit in each part of its segment."""
_OPTIMIZING_FACTOR = 2
"""Edge refuses to rewrite segments unless twice their size is free."""
_STAT_BLOCK = 512


def measure_free_space(folder: Path) -> int:
    """Bytes that this user may still write to the file system of a folder."""
    return shutil.disk_usage(folder).free


class DiskSpace:
    """The room for an index in the file system of its folder.

    Parameters
    ----------
    folder : Path
        Of the index; it exists.
    measure : FreeSpace
        Tells how much is free.
    """

    def __init__(self, folder: Path, measure: FreeSpace = measure_free_space) -> None:
        self._folder, self._measure = folder, measure

    def check_opening(self, is_new: bool) -> None:
        """Raise StorageFullError when an index cannot be opened, or made."""
        self._require(_WRITE_RESERVE if is_new else _SMALL_RESERVE)
        if self._fills_holes():
            files = _stat_files(self._folder.glob("*/segments"))
            self._require(_SMALL_RESERVE + sum(max(0, file.st_size - _allocated_bytes(file)) for file in files))

    def check_upsert(self, points: Sequence[Point]) -> None:
        """Raise StorageFullError when there is no room for points."""
        self._require(_GROWTH * sum(map(measure_point, points)) + _WRITE_RESERVE)

    def check_removal(self, number: int) -> None:
        """Raise StorageFullError when so many points cannot be removed, which takes a little room first."""
        self._require(_BYTES_PER_ID * number + _SMALL_RESERVE)

    def check_flushing(self) -> None:
        """Raise StorageFullError when what was written cannot be made durable."""
        self._require(_SMALL_RESERVE)

    def check_optimizing(self, shard: Path) -> None:
        """Raise StorageFullError when the segments in the folder of a shard cannot be rewritten."""
        self._require(_SMALL_RESERVE)
        files, fills_holes = _stat_files([shard / "segments"]), self._fills_holes()
        sizes = (file.st_size if fills_holes else _allocated_bytes(file) for file in files)
        self._require(_SMALL_RESERVE + _OPTIMIZING_FACTOR * sum(sizes))

    def _fills_holes(self) -> bool:
        """Whether reading a hole of a mapped file takes room, as on tmpfs."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            file.truncate(mmap.PAGESIZE)
            with mmap.mmap(file.fileno(), 0) as pages:
                pages.read(1)
            return _allocated_bytes(os.fstat(file.fileno())) > 0

    def _require(self, needed: int) -> None:
        free = self._measure(self._folder)
        if free < needed:
            raise StorageFullError(
                f"The disk of the index folder {self._folder} is nearly full: {_format_bytes(free)} are free, "
                f"{_format_bytes(needed)} are needed. {FULL_REMEDY}"
            )


def measure_point(point: Point) -> int:
    """Bytes that a point holds, before Edge compresses or repeats any."""
    payload = json.dumps(point.payload, ensure_ascii=False).encode("utf-8", "replace")
    return len(payload) + sum(map(_measure_vector, point.vectors.values()))


def _measure_vector(vector: list[float] | list[list[float]] | SparseVector) -> int:
    if isinstance(vector, SparseVector):
        return _BYTES_PER_TERM * len(vector.indices)
    floats = sum(len(row) if isinstance(row, list) else 1 for row in vector)
    return _BYTES_PER_FLOAT * floats


def _stat_files(folders: Iterable[Path]) -> Iterator[os.stat_result]:
    """Of all files below folders."""
    for path in (path for folder in folders for path in folder.rglob("*")):
        with suppress(FileNotFoundError):  # Edge renames some while it writes
            yield path.stat()


def _allocated_bytes(file: os.stat_result) -> int:
    """Bytes that a file takes on disk: most files of an index are sparse."""
    return _STAT_BLOCK * file.st_blocks


def _format_bytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
