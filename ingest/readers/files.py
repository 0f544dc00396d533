"""Files into articles."""

import os
from collections.abc import Iterator
from pathlib import Path

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers.base import ReadResult, Source
from ingest.readers.formats import describe_unread, format_of_file, read_stream


def read_file(file: Path, root: Path, max_chars: int, ocr: OcrOptions = NO_OCR) -> Iterator[ReadResult]:
    """The articles of one file, each a success or a failure of its own.

    Parameters
    ----------
    file : Path
        Of any kind.
    root : Path
        The folder that its id counts from.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read.
    """
    source = Source(file_source(file), file_id(file, root), printable_path(file), max_chars, ocr=ocr)
    known = format_of_file(file)
    if known is None:
        yield source.failure(describe_unread(file))
        return
    try:
        with file.open("rb") as stream:
            yield from read_stream(stream, known, source)
    except OSError as error:
        yield source.failure(f"It cannot be read: {error.strerror}.")


def file_id(file: Path, root: Path) -> str:
    """The id of a file's article: its path under `root` without the suffix."""
    return printable_path(file.relative_to(root).with_suffix(""))


def file_source(file: Path) -> str:
    """Where a file's articles are from: the file itself, by whichever links it is reached."""
    return printable_path(file.resolve())


def printable_path(path: Path) -> str:
    """The path as text that can be stored and shown, also where its name is no Unicode."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
