"""Every file under the paths that a person names, and what of them is skipped and why."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from errno import ELOOP, ENOENT
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers.base import ReadFailure, ReadSkip
from ingest.readers.files import printable_path
from ingest.readers.formats import PICTURE, SUFFIXES, can_read, describe_unread
from rag.errors import InputError

_HIDDEN = "It is hidden."
_OF_INDEX = "It is the folder of the index."
_LEADS_NOWHERE = "It is a link that leads nowhere."
_LEADS_BACK = "It is a link to a folder that it lies in."
_READ_ALREADY = "It is a link to what is read already."
_NO_FILE = "It is no file."
_PICTURE = "It is a picture."
_PICTURE_TO_ASK = "It is a picture: `dalil ingest --ocr`, or DALIL_OCR=auto, reads its words."
_MAX_NAMED = 3
"""Of what is skipped where nothing can be read."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is under some paths.

    Attributes
    ----------
    files : list of (Path, Path)
        Each file once, by however many links it is reached, with the folder that its id counts from; in order of the
        paths and of name.
    skipped : list of ReadSkip
        What is not read: hidden, linked for the second time, or of a kind that Dalil does not read.
    failed : list of ReadFailure
        Folders and links that cannot be looked into.
    places : list of Path
        What was named, and the folders that links in it lead to; resolved.
    """

    files: list[tuple[Path, Path]] = field(default_factory=list)
    skipped: list[ReadSkip] = field(default_factory=list)
    failed: list[ReadFailure] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)


def list_files(paths: Sequence[Path], excluded: Sequence[Path] = (), ocr: OcrOptions = NO_OCR) -> Listing:
    """Every readable file under `paths`.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders. Links to folders are followed, each folder is entered once. Hidden files and folders are
        left out, unless they are named.
    excluded : sequence of Path
        Folders that are not entered: the index keeps JSON of its own in one.
    ocr : OcrOptions
        Whether pictures are read; where not, those in folders are skipped.

    Raises
    ------
    InputError
        When a path does not exist, or there is no file of a known kind.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
    walk = _Walk(excluded, ocr)
    for path in paths:
        walk.add(path)
    listing = walk.finish()
    if not listing.files:
        patterns = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
        raise InputError(
            f"{' '.join(map(str, paths))}: there is nothing to read here (Dalil reads {patterns}). "
            f"Nothing was changed.{_name_some([*listing.failed, *listing.skipped])}"
        )
    return listing


def find_files(
    paths: Sequence[Path], excluded: Sequence[Path] = (), ocr: OcrOptions = NO_OCR
) -> list[tuple[Path, Path]]:
    """The files of `list_files` alone."""
    return list_files(paths, excluded, ocr).files


def _name_some(left_out: Sequence[ReadFailure | ReadSkip]) -> str:
    named = "".join(f" {one.path}: {one.reason}" for one in left_out[:_MAX_NAMED])
    more = len(left_out) - _MAX_NAMED
    return f"{named} And {more} more." if more > 0 else named


@dataclass(frozen=True, slots=True)
class _Folder:
    """One to be entered: as it is named, where it is, and the number and the folder of the path that leads to it."""

    path: Path
    real: Path
    order: int
    root: Path


class _Walk:
    """A walk through folders. Links are followed last, so that what is reached without one is called by its path."""

    def __init__(self, excluded: Sequence[Path], ocr: OcrOptions) -> None:
        self._listing, self._ocr = Listing(), ocr
        self._closed = {path.resolve() for path in excluded}
        self._entered: set[Path] = set()
        self._files: dict[Path, tuple[int, Path, Path]] = {}
        self._links: list[_Folder] = []
        self._linked_files: list[tuple[int, Path, Path]] = []
        self._paths = 0

    def add(self, path: Path) -> None:
        """Walk through what a person named."""
        real, order = path.resolve(), self._paths
        self._paths += 1
        self._listing.places.append(real)
        if path.is_dir():
            self._enter(_Folder(path, real, order, path))
        else:
            self._files.setdefault(real, (order, path, path.parent))

    def finish(self) -> Listing:
        """Follow the links; gives all that was found."""
        while self._links:
            link = self._links.pop(0)
            if link.path.parent.resolve().is_relative_to(link.real):
                self._skip(link.path, _LEADS_BACK)
            elif link.real in self._entered:
                self._skip(link.path, _READ_ALREADY)
            else:
                self._listing.places.append(link.real)
                self._enter(link)
        for order, path, root in self._linked_files:
            real = path.resolve()
            if real in self._files:
                self._skip(path, _READ_ALREADY)
            else:
                self._files[real] = (order, path, root)
        self._listing.files.extend((path, root) for _, path, root in sorted(self._files.values()))
        return self._listing

    def _enter(self, first: _Folder) -> None:
        folders = [first]
        while folders:
            folder = folders.pop()
            if folder.real in self._entered:
                continue
            self._entered.add(folder.real)
            try:
                names = sorted(os.listdir(folder.path))
            except OSError as error:
                self._fail(folder.path, f"The folder cannot be entered: {error.strerror}.")
                continue
            folders += [below for name in names for below in self._look_at(folder, name)]

    def _look_at(self, folder: _Folder, name: str) -> Iterator[_Folder]:
        """Sort in one entry of a folder; gives it where it is a folder to go on with."""
        path = folder.path / name
        if name.startswith("."):
            self._skip(path, _HIDDEN)
            return
        try:
            mode, is_link = path.stat().st_mode, path.is_symlink()
        except OSError as error:
            if error.errno in (ENOENT, ELOOP):
                self._skip(path, _LEADS_NOWHERE)
            else:
                self._fail(path, f"It cannot be read: {error.strerror}.")
            return
        if S_ISDIR(mode):
            yield from self._look_at_folder(folder, path, is_link)
        elif not S_ISREG(mode):
            self._skip(path, _NO_FILE)
        elif not can_read(path):
            self._skip(path, describe_unread(path))
        elif path.suffix.lower() in PICTURE.suffixes and not self._ocr.is_on:
            self._skip(path, _PICTURE_TO_ASK if self._ocr.can_be_asked else _PICTURE)
        elif is_link:
            self._linked_files.append((folder.order, path, folder.root))
        else:
            self._files.setdefault(folder.real / name, (folder.order, path, folder.root))

    def _look_at_folder(self, above: _Folder, path: Path, is_link: bool) -> Iterator[_Folder]:
        folder = _Folder(path, path.resolve() if is_link else above.real / path.name, above.order, above.root)
        if folder.real in self._closed:
            self._skip(path, _OF_INDEX)
        elif is_link:
            self._links.append(folder)
        else:
            yield folder

    def _skip(self, path: Path, reason: str) -> None:
        self._listing.skipped.append(ReadSkip(printable_path(path), reason))

    def _fail(self, path: Path, reason: str) -> None:
        self._listing.failed.append(ReadFailure(printable_path(path), reason))
