"""Documents that are ZIP archives: opened within limits, and their failures in the words of people."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from ingest.reasons import reason
from rag.errors import ReadError

_MAX_UNPACKED_BYTES = 25_000_000
"""Of what is written small: Word takes 3 s of a processor for each MB of XML, and an article of the longest that is
taken by default has some ten."""
_SMALL_RATIO = 2
"""Pictures and sounds shrink less: they are bounded by the file's own size."""
_MAX_PARTS = 20_000
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
"""What a document of before 2007 begins with, and one with a password."""
_ENCRYPTED_PART = "EncryptedPackage".encode("utf-16-le")
"""The name of the part that holds a document with a password."""
_MAX_SEARCHED_BYTES = 64_000_000
_ENCRYPTED = 1
"""The flag of a part."""
_BROKEN = (
    BadZipFile,
    zlib.error,
    struct.error,
    ExpatError,
    SyntaxError,  # XML that the others' parsers cannot read
    LookupError,
    ValueError,
    AttributeError,
    TypeError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,  # a kind of compression
    EOFError,
    OSError,  # also a part that is missing
    AssertionError,
)
"""What the libraries raise for parts that are missing, cut off or made to be odd."""


@contextmanager
def open_package(stream: BufferedReader, kind: str, *others: type[Exception]) -> Iterator[ZipFile]:
    """Open a document, and say what goes wrong while it is read.

    Parameters
    ----------
    stream : BufferedReader
        Of the whole document.
    kind : str
        What it should be: the code of its name among the reasons.
    *others : type
        Exceptions of the library that reads it.

    Raises
    ------
    ReadError
        When it is no such document, has a password, is damaged, or unpacks to far more than its size.
    """
    with map_failures(kind, *others):
        if stream.peek(4)[:4] == _OLD_OFFICE:
            has_password = _ENCRYPTED_PART in stream.read(_MAX_SEARCHED_BYTES)
            raise ReadError(reason("password_kind" if has_password else "old_office", kind=reason(kind)))
        size = stream.seek(0, 2)
        stream.seek(0)
        with ZipFile(stream) as package:
            _refuse_bombs(package, size)
            yield package


@contextmanager
def map_failures(kind: str, *others: type[Exception]) -> Iterator[None]:
    """Have what a library raises as a ReadError; `kind` and `others` as in `open_package`."""
    kinds: tuple[type[Exception], ...] = (*_BROKEN, *others)
    try:
        yield
    except ReadError:
        raise
    except kinds as error:
        raise ReadError(reason("damaged", kind=reason(kind))) from error


def _refuse_bombs(package: ZipFile, size: int) -> None:
    parts = package.infolist()
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise ReadError(reason("password"))
    unpacked = sum(part.file_size for part in parts if part.file_size > _SMALL_RATIO * part.compress_size)
    packed = sum(part.compress_size for part in parts)
    if unpacked > _MAX_UNPACKED_BYTES or packed > size or len(parts) > _MAX_PARTS:
        limits = {"limit": _MAX_UNPACKED_BYTES / 1e6, "most": _MAX_PARTS}
        raise ReadError(reason("bomb", size=unpacked / 1e6, parts=len(parts), **limits))
