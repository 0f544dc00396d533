"""Archives: all articles of an index with all that is kept of them, to be put into any index again.

JSON lines: a header, each article a line, the oldest first, and an end with their number, so that an archive that was
cut off is not taken for a smaller one. A file of them is compressed with gzip; over HTTP they come as they are.
"""

import gzip
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from ingest.archive_lines import (
    ARCHIVE_VERSION,
    OPTIONAL_FIELDS,
    ArchiveArticle,
    ArchiveEnd,
    ArchiveHeader,
)
from rag.errors import InputError, ReadError
from rag.types import Article

STANDARD_STREAM = "-"
"""In place of a file's name: standard output or input."""
_GZIP_MARK = b"\x1f\x8b"
_MAX_BYTES_PER_CHAR, _OTHER_FIELDS_BYTES = 12, 100_000
"""Bytes of one character in JSON at most, and room for the fields beside the text."""
_TOO_LONG = "holds an article of more than {max_chars:,} characters in line {number}: raise DALIL_MAX_ARTICLE_CHARS."


# Writing


def format_archive(articles: Iterable[Article]) -> Iterator[str]:
    """The lines of an archive, each with its line end."""
    yield _format_line(ArchiveHeader(dalil=version("dalil")).model_dump())
    number = 0
    for article in articles:
        fields = asdict(article)
        yield _format_line({name: value for name, value in fields.items() if value or name not in OPTIONAL_FIELDS})
        number += 1
    yield _format_line({"articles": number})


def write_archive(articles: Iterable[Article], name: str) -> int:
    """Write an archive, compressed; a file takes the place of an earlier one only when it is whole.

    Parameters
    ----------
    articles : iterable of Article
        Read as they are written.
    name : str
        Of the file, or `-` for standard output.

    Returns
    -------
    int
        Number of articles.

    Raises
    ------
    InputError
        When the file cannot be written; an earlier one is left as it is.
    """
    if name == STANDARD_STREAM:
        return _compress(articles, sys.stdout.buffer)
    path = Path(name)
    temporary = path.with_name(f"{path.name}.part")
    try:
        with temporary.open("wb") as file:
            number = _compress(articles, file)
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{name} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return number


def _compress(articles: Iterable[Article], file: IO[bytes]) -> int:
    number = -2  # the header and the end are no articles
    # Without name and time, so that the same articles are the same bytes.
    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed:
        for line in format_archive(articles):
            compressed.write(line.encode())
            number += 1
    file.flush()
    return number


def _format_line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False) + "\n"


# Reading


class Archive:
    """An archive that is read from its start as often as it is iterated over.

    Parameters
    ----------
    stream : BufferedReader
        Of JSON lines, compressed or not; can be rewound.
    name : str
        What errors call it.
    max_chars : int
        Longest article.
    """

    def __init__(self, stream: BufferedReader, name: str, max_chars: int) -> None:
        self._stream, self._name, self._max_chars = stream, name, max_chars

    def count(self) -> int:
        """Number of articles, after reading all of it; raises ReadError when it is cut off, or no archive."""
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Article]:
        self._stream.seek(0)
        is_compressed = self._stream.peek(len(_GZIP_MARK)).startswith(_GZIP_MARK)
        lines: Any = gzip.GzipFile(fileobj=self._stream) if is_compressed else self._stream
        try:
            yield from parse_archive(_limit_lines(lines, self._max_chars), self._max_chars)
        except ReadError as error:
            raise ReadError(f"{self._name} {error}") from None
        except EOFError:
            raise ReadError(f"{self._name} is cut off.") from None
        except (zlib.error, OSError) as error:
            raise ReadError(f"{self._name} cannot be read: {error}.") from error


@contextmanager
def open_archive(name: str, max_chars: int) -> Iterator[Archive]:
    """Open an archive.

    Parameters
    ----------
    name : str
        Of the file, or `-` for standard input, which is kept in a temporary file, since it is read twice.
    max_chars : int
        Longest article.

    Raises
    ------
    InputError
        When there is no such file.
    """
    try:
        stream = _open_rewindable(name)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.") from error
    with stream:
        yield Archive(stream, "Standard input" if name == STANDARD_STREAM else name, max_chars)


def _open_rewindable(name: str) -> BufferedReader:
    if name != STANDARD_STREAM:
        return Path(name).open("rb")
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked for it closes it
    shutil.copyfileobj(sys.stdin.buffer, copy)
    return BufferedReader(copy.detach())


def parse_archive(lines: Iterable[bytes], max_chars: int) -> Iterator[Article]:
    """The articles of the lines of an archive.

    Parameters
    ----------
    lines : iterable of bytes
        From the header to the end.
    max_chars : int
        Longest article.

    Raises
    ------
    ReadError
        At the line that is wrong, or at last where the end is missing. Its message goes on after the archive's name.
    """
    numbered = enumerate(lines, 1)
    _check_header(next(numbered, (1, b""))[1])
    articles = 0
    for number, line in numbered:
        fields = _parse_object(line, number)
        if fields.keys() == ArchiveEnd.model_fields.keys():
            _check_end(fields, articles, numbered)
            return
        yield _parse_article(line, number, max_chars)
        articles += 1
    raise ReadError(f"is cut off: its end is missing behind {articles:,} articles.")


def _check_header(line: bytes) -> None:
    try:
        header = ArchiveHeader.model_validate_json(line)
    except ValidationError:
        raise ReadError("is no archive that `dalil export` wrote: its first line does not say so.") from None
    if header.version > ARCHIVE_VERSION:
        raise ReadError(
            f"was written by Dalil {header.dalil} in version {header.version} of the format, and this Dalil reads "
            f"{ARCHIVE_VERSION} at most: update it."
        )


def _check_end(fields: dict[str, Any], articles: int, rest: Iterator[tuple[int, bytes]]) -> None:
    if fields["articles"] != articles:
        raise ReadError(f"is not whole: {articles:,} articles stand in it, and its end says {fields['articles']}.")
    if any(line.strip() for _, line in rest):
        raise ReadError("goes on behind its end.")


def _parse_object(line: bytes, number: int) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        return fields
    problem = "is damaged" if line.endswith(b"\n") else "is cut off"
    raise ReadError(f"{problem} in line {number}.")


def _parse_article(line: bytes, number: int, max_chars: int) -> Article:
    try:
        # From JSON, which unlike Python's strings holds no half of a character.
        article = Article(**dict(ArchiveArticle.model_validate_json(line)))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "it"
        raise ReadError(f"holds no article in line {number}: {place}: {problem['msg']}.") from None
    if len(article.text) > max_chars:
        raise ReadError(_TOO_LONG.format(number=number, max_chars=max_chars))
    return article


def _limit_lines(stream: IO[bytes], max_chars: int) -> Iterator[bytes]:
    """The lines of a stream, of which none is read that is longer than any article's."""
    max_bytes = _MAX_BYTES_PER_CHAR * max_chars + _OTHER_FIELDS_BYTES
    for number, line in enumerate(iter(lambda: stream.readline(max_bytes), b""), 1):
        if len(line) == max_bytes:
            raise ReadError(_TOO_LONG.format(number=number, max_chars=max_chars))
        yield line
