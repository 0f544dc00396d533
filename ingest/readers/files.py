"""Files and folders into articles."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.readers.base import ReadResult, Source
from ingest.readers.formats import SUFFIXES, format_of_file, read_stream
from rag.errors import InputError


def find_files(paths: Sequence[Path], excluded: Sequence[Path] = ()) -> list[tuple[Path, Path]]:
    """Every readable file under `paths`.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders.
    excluded : sequence of Path
        Folders that are not entered: the index keeps JSON of its own in one.

    Returns
    -------
    list of (Path, Path)
        Each file once, with the folder that its id counts from, in order of name. Hidden files and folders are left
        out, unless they are named.

    Raises
    ------
    InputError
        When a path does not exist, a folder cannot be entered, or there is no file of a known kind.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        if path.is_file():
            found.setdefault(path, path.parent)
        for file in _files_below(path, excluded) if path.is_dir() else ():
            found.setdefault(file, path)
    if not found:
        patterns = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
        raise InputError(
            f"{' '.join(map(str, paths))}: there is nothing to read here (Dalil reads {patterns}). Nothing was changed."
        )
    return list(found.items())


def read_file(file: Path, root: Path, max_chars: int) -> Iterator[ReadResult]:
    """The articles of one file, each a success or a failure of its own.

    Parameters
    ----------
    file : Path
        Of any kind.
    root : Path
        The folder that its id counts from.
    max_chars : int
        Longest article.
    """
    source = Source(file_source(file), file_id(file, root), _printable(file), max_chars)
    known = format_of_file(file)
    if known is None:
        kind = file.suffix or "files without a suffix"
        yield source.failure(f"Dalil does not read {kind}; it reads {', '.join(SUFFIXES)}.")
        return
    try:
        with file.open("rb") as stream:
            yield from read_stream(stream, known, source)
    except OSError as error:
        yield source.failure(f"It cannot be read: {error.strerror}.")


def file_id(file: Path, root: Path) -> str:
    """The id of a file's article: its path under `root` without the suffix."""
    return _printable(file.relative_to(root).with_suffix(""))


def file_source(file: Path) -> str:
    """Where a file's articles are from: the file itself, by whichever links it is reached."""
    return _printable(file.resolve())


def _printable(path: Path) -> str:
    """The path as text that can be stored and shown, also where its name is no Unicode."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _files_below(folder: Path, excluded: Sequence[Path]) -> list[Path]:
    """Readable files under a folder in order of name. A folder that cannot be entered is an error, since its articles
    would otherwise look removed."""
    found: list[Path] = []
    closed = {path.resolve() for path in excluded}
    for place, folders, names in os.walk(folder, onerror=_refuse_unreadable_folder):
        is_open = {name: not name.startswith(".") and Path(place, name).resolve() not in closed for name in folders}
        folders[:] = [name for name in folders if is_open[name]]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
    return sorted(found)


def _refuse_unreadable_folder(error: OSError) -> None:
    raise InputError(f"The folder {error.filename} cannot be entered ({error.strerror}). Nothing was changed.")
