"""JSON: objects that are an article each, whether one alone, one a line, or in an array."""

import codecs
import io
import json
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Any

from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.decoding import decode_text, encoding_warning, guess_encoding
from ingest.readers.metadata import read_fields
from ingest.reasons import reason, reason_of
from rag.errors import ReadError

_MAX_BYTES_PER_CHAR, _OTHER_FIELDS_BYTES = 12, 100_000
"""Bytes of one character in JSON at most (a surrogate pair, escaped), and room for the other fields of an object."""
_SAMPLE_BYTES = 100_000
"""By which the encoding and the shape are told."""
_MAX_DIGITS = 100
"""Of an integer that is read as one: Python takes time that grows with the square of their number, and refuses many."""
_WHITE_SPACE = " \t\r\n"


def read_json(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The articles of JSON, each a success or a failure of its own.

    The shapes are told apart by the content, whichever suffix or media type it comes with: one object on however many
    lines, one object a line, or an array of objects. Articles without an id are called by the number of their line or
    of their place in the array.

    Raises
    ------
    ReadError
        When there is nothing in it.
    """
    yield from _read_shapes(stream, source, is_lines=False)


def read_json_lines(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The same, where what is broken is a line and not the whole."""
    yield from _read_shapes(stream, source, is_lines=True)


def cut_json(stream: BufferedReader, max_bytes: int) -> Iterator[bytes]:
    """JSON of many objects as several bodies of JSON lines.

    Empty lines stand in each for the objects before it, so that an article without an id is called by the number that
    it has in the whole.

    Parameters
    ----------
    stream : BufferedReader
        Of lines or of an array; can be rewound.
    max_bytes : int
        Of a body, unless one object is longer.

    Raises
    ------
    ReadError
        Where an array ends badly.
    """
    sample = stream.read(_SAMPLE_BYTES)
    size = stream.seek(0, 2)
    stream.seek(0)
    encoding = guess_encoding(sample) or "utf-8"
    text = _to_utf_8(stream, encoding)
    lines = _write_lines(text, size) if _begins_array(sample, encoding) else iter(text.readline, b"")
    body, is_empty = bytearray(), True
    for number, line in enumerate(lines):
        if not is_empty and len(body) + len(line) > max_bytes:
            yield bytes(body)
            body, is_empty = bytearray(b"\n" * number), True
        body += line
        is_empty = is_empty and not line.strip()
    if not is_empty:
        yield bytes(body)


def _write_lines(stream: BufferedReader, max_chars: int) -> Iterator[bytes]:
    """The values of an array, each a line."""
    for value in _elements(stream, max_chars):
        yield json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _read_shapes(stream: BufferedReader, source: Source, is_lines: bool) -> Iterator[ReadResult]:
    sample = stream.read(_SAMPLE_BYTES)
    stream.seek(0)
    encoding = guess_encoding(sample) or "utf-8"  # what has none is told line by line
    if encoding_warning(encoding):
        yield source.warning(encoding_warning(encoding))
    text = _to_utf_8(stream, encoding)
    if _begins_array(sample, encoding):
        yield from _read_elements(text, source)
    elif is_lines or _is_object(next(_cut_lines(lambda: text.readline(_max_object_bytes(source))), b"")):
        yield from _read_object_or_lines(text, source, is_lines)
    else:
        text.seek(0)
        yield from _read_object(text.read(_max_object_bytes(source)), source)


def _begins_array(sample: bytes, encoding: str) -> bool:
    return sample.decode(encoding, "replace").lstrip("\ufeff" + _WHITE_SPACE).startswith("[")


def _to_utf_8(stream: BufferedReader, encoding: str) -> BufferedReader:
    """The stream as one of UTF-8."""
    return stream if encoding == "utf-8" else io.BufferedReader(_Utf8Stream(stream, encoding))


class _Utf8Stream(io.RawIOBase):
    """A stream of another encoding read as UTF-8, a block at a time; whoever opened the other closes it."""

    def __init__(self, stream: BufferedReader, encoding: str) -> None:
        self._stream, self._encoding = stream, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._rest, self._ended = b"", False

    def readable(self) -> bool:
        """It can."""
        return True

    def seekable(self) -> bool:
        """To its start alone."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go back to the start."""
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("seek")
        self._rewind()
        return 0

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; gives the bytes written, 0 at the end."""
        while not self._rest and not self._ended:
            block = self._stream.read(io.DEFAULT_BUFFER_SIZE)
            self._ended = not block
            self._rest = self._decoder.decode(block, final=self._ended).encode("utf-8", "replace")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def _rewind(self) -> None:
        self._stream.seek(0)
        self._decoder = codecs.getincrementaldecoder(self._encoding)("replace")
        self._rest, self._ended = b"", False


def _read_object_or_lines(stream: BufferedReader, source: Source, is_lines: bool) -> Iterator[ReadResult]:
    stream.seek(0)
    content = stream.read(_max_object_bytes(source))
    stream.seek(0)
    is_one_line = b"\n" not in content.strip()  # in JSON lines it is the first, and keeps its number when others come
    if _is_object(content) and not (is_lines and is_one_line):
        yield from _read_object(content, source)
    else:
        yield from _read_lines(stream, source)


def _read_lines(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The articles of one object a line; raises ReadError when there is no line."""
    max_bytes = _max_object_bytes(source)
    is_empty = True
    for number, line in enumerate(_cut_lines(lambda: stream.readline(max_bytes)), 1):
        if not line.strip():
            continue
        is_empty = False
        try:
            if len(line) >= max_bytes:
                raise ReadError(reason("line_too_long", limit=source.max_chars))
            yield from _read_object(line, source.line(number))
        except ReadError as error:
            yield source.line(number).failure(reason_of(error))
    if is_empty:
        raise ReadError(reason("empty"))


def _read_elements(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The articles of an array, read as they come, so that it is never held whole."""
    number = 0
    try:
        for number, value in enumerate(_elements(stream, _max_object_bytes(source)), 1):
            try:
                yield from _make_article(value, source.line(number))
            except ReadError as error:
                yield source.line(number).failure(reason_of(error))
    except ReadError as error:  # where one ends badly, the next one's start cannot be told
        yield source.line(number + 1).failure(reason("json_cut", problem=reason_of(error)))
        return
    if not number:
        raise ReadError(reason("empty"))


def _elements(stream: BufferedReader, max_chars: int) -> Iterator[Any]:
    """The values of an array; raises ReadError where one cannot be read."""
    text = io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="")
    try:
        rest = text.read(_SAMPLE_BYTES).lstrip(_WHITE_SPACE)[1:]
        block = _SAMPLE_BYTES
        while True:
            rest = rest.lstrip(_WHITE_SPACE)
            if rest.startswith("]"):
                return
            try:
                value, end = _DECODER.raw_decode(rest)
                behind = rest[end:].lstrip(_WHITE_SPACE)
                if not behind or behind[0] not in ",]":
                    raise json.JSONDecodeError("A comma is missing", rest, end)
            except json.JSONDecodeError as error:
                more = text.read(block)
                if not more or len(rest) > max_chars:
                    raise _not_json(error) from None
                rest += more
                block = len(rest)  # doubled, so that a long element is not begun again for each small block
                continue
            except (RecursionError, ValueError):
                raise _not_written_by_anyone() from None
            yield value
            block = _SAMPLE_BYTES
            rest = behind.removeprefix(",")
    finally:
        text.detach()  # the stream is closed by whoever opened it


def _max_object_bytes(source: Source) -> int:
    return _MAX_BYTES_PER_CHAR * source.max_chars + _OTHER_FIELDS_BYTES


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(_DECODER.decode(content.decode("utf-8-sig", "replace")), dict)
    except (ValueError, RecursionError):
        return False


def _cut_lines(read_part: Callable[[], bytes]) -> Iterator[bytes]:
    """The first part of each line; the others are skipped."""
    parts = iter(read_part, b"")
    for line in parts:
        yield line
        while line and not line.endswith(b"\n"):
            line = next(parts, b"")


def _read_object(content: bytes, source: Source) -> Iterator[ReadResult]:
    text, encoding = decode_text(content)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _not_json(error) from None
    except (RecursionError, ValueError):
        raise _not_written_by_anyone() from None
    yield from _make_article(value, source, encoding_warning(encoding))


def _make_article(value: Any, source: Source, warning: str = "") -> Iterator[ReadResult]:
    if not isinstance(value, dict):
        raise ReadError(reason("json_no_object"))
    yield from make_article(read_fields(value), _read_text(value), source, warnings=filter(None, [warning]))


def _read_text(value: dict[str, Any]) -> str:
    """The words of an object; a list of texts is paragraphs."""
    text = value.get("text")
    if text is None:
        raise ReadError(reason("json_no_text"))
    paragraphs = text if isinstance(text, list) else [text]
    if not all(isinstance(paragraph, str) for paragraph in paragraphs):
        raise ReadError(reason("json_odd_text"))
    return "\n\n".join(paragraphs)


def _read_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _not_json(error: json.JSONDecodeError) -> ReadError:
    return ReadError(reason("json_broken", problem=error.msg, at=error.pos + 1))


def _not_written_by_anyone() -> ReadError:
    return ReadError(reason("json_deep"))


_DECODER = json.JSONDecoder(parse_int=_read_integer)
