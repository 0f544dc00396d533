"""The files that articles were read from, kept in a folder by the hash of their content, so that pages can be shown.

A file is written before the article that names it, whole or not at all. What a killed ingest leaves is a file that no
article names, which a later ingest removes.
"""

import json
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from errno import EDQUOT, ENOSPC
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from ingest.known_files import FoundItem, KnownFile
from ingest.readers import FORMATS, OriginalFile
from ingest.readers.original_file import PDF_SUFFIX
from rag.errors import StorageFullError, StoreError
from rag.settings import Settings
from rag.types import Article

_DIGEST = re.compile("[0-9a-f]{40}")
"""What an index or an archive may name a file by."""
_PART_SUFFIX, _WORDS_SUFFIX = ".part", ".json"
_SUFFIXES = (PDF_SUFFIX, *(one.suffixes[0] for one in FORMATS if not one.has_many))
"""Of kept files, most of which are PDF."""
_MIN_AGE_S = 3600.0
"""Of an orphan that is removed: a younger one may be of an article that is being written, or whose removal may still
be undone."""


class Originals:
    """The originals of one data directory.

    Parameters
    ----------
    folder : Path
        Made when the first is kept.
    keeps_new : bool
        Whether further ones are kept.
    """

    def __init__(self, folder: Path, keeps_new: bool = True) -> None:
        self._folder, self._keeps_new = folder, keeps_new

    @classmethod
    def from_settings(cls, settings: Settings) -> "Originals":
        """Those of the data directory that is set."""
        return cls(settings.originals_folder, settings.keep_originals)

    def find(self, digest: str | None) -> Path | None:
        """The file of that hash; None where it is not here."""
        if not digest or not _DIGEST.fullmatch(digest):
            return None
        paths = (self._folder / f"{digest}{suffix}" for suffix in _SUFFIXES)
        return next(filter(Path.is_file, paths), None)

    def find_words(self, digest: str | None, number: int) -> list[tuple[str, float, float, float, float]]:
        """The words that OCR read on a page, from 1, each with left, top, width and height in shares of the page; none
        where it read none."""
        path = self.find(digest)
        words: dict[str, Any]
        try:
            words = json.loads(path.with_suffix(_WORDS_SUFFIX).read_bytes()) if path else {}
        except (OSError, ValueError):
            return []
        return [tuple(word) for word in words.get(str(number), ())]

    def receive(self, found: Iterable[FoundItem], fresh: set[str], writes: bool = True) -> Iterator[FoundItem]:
        """What a reader found, each article with the hash of its original alone.

        Parameters
        ----------
        found : iterable of FoundItem
            In files.
        fresh : set of str
            Takes the hashes of the originals that were not here.
        writes : bool
            Whether these are written.

        Raises
        ------
        StoreError
            When one cannot be written.
        """
        for item in found:
            if isinstance(item, Article) and isinstance(item.original, OriginalFile):
                named = str(item.original)
                digest = named if self._keeps_new or self.find(named) else None
                if digest and not self.find(digest):
                    fresh.add(digest)
                    if writes:
                        self._write(item.original)
                elif writes:
                    self.hold([digest])
                yield replace(item, original=digest)
            elif isinstance(item, KnownFile):
                yield replace(item, read=partial(self._receive_known, item, fresh, writes))
            else:
                yield item

    def _receive_known(self, known: KnownFile, fresh: set[str], writes: bool) -> Iterator[FoundItem]:
        return self.receive(known.read(), fresh, writes)

    def hold(self, digests: Iterable[str | None]) -> None:
        """Let none of these be taken for an orphan for a while."""
        for path in filter(None, map(self.find, digests)):
            with suppress(OSError):
                os.utime(path)

    def remove(self, digests: Iterable[str]) -> None:
        """Remove the files of these hashes."""
        for path in filter(None, map(self.find, digests)):
            with suppress(OSError):
                path.unlink()
                path.with_suffix(_WORDS_SUFFIX).unlink(missing_ok=True)

    def delete_orphans(self, named: Collection[str | None]) -> int:
        """Remove what is not named, and what was not written to its end, unless it is young; returns how many."""
        removed = 0
        for path in self._folder.glob("*"):
            is_ours = path.suffix == _PART_SUFFIX or _DIGEST.fullmatch(path.stem)
            with suppress(OSError):
                if is_ours and path.stem not in named and time.time() - path.stat().st_mtime > _MIN_AGE_S:
                    path.unlink()
                    removed += 1
        return removed

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return not any(self._folder.glob("*"))

    def _write(self, original: OriginalFile) -> None:
        path = self._folder / f"{original}{original.suffix}"
        if original.words:
            self._write_file(path.with_suffix(_WORDS_SUFFIX), original.words)
        self._write_file(path, original.content)

    def _write_file(self, path: Path, content: bytes) -> None:
        part = path.with_name(f"{uuid4().hex}{_PART_SUFFIX}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise _to_store_error(error, self._folder) from error
        finally:
            with suppress(OSError):
                part.unlink()


def _to_store_error(error: OSError, folder: Path) -> StoreError:
    message = (
        f"The original of a document cannot be kept in {folder}: {error.strerror}. Make room there, or set "
        "DALIL_KEEP_ORIGINALS=false to do without pictures of its pages."
    )
    return StorageFullError(message) if error.errno in (ENOSPC, EDQUOT) else StoreError(message)
