"""JSON: one object, or one object a line, each an article."""

import io
import json
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Annotated, Any

from pydantic import Field

from ingest.readers.base import ArticleFields, ReadFailure, Source, make_article, validate_fields
from ingest.readers.decoding import UTF_16_MARKS, decode_text
from rag.errors import ReadError
from rag.types import Article

_MAX_BYTES_PER_CHAR, _OTHER_FIELDS_BYTES = 12, 100_000
"""Bytes of one character in JSON at most (a surrogate pair, escaped), and room for the other fields of an object."""


class _ObjectFields(ArticleFields):
    text: Annotated[str, Field(strict=True)]


def read_json(stream: BufferedReader, source: Source) -> Iterator[Article | ReadFailure]:
    """The article of one JSON object, on however many lines, or the articles of one object a line."""
    content = stream.read(_max_object_bytes(source))
    stream.seek(0)
    if _is_object(content) or not _is_object(content.lstrip().partition(b"\n")[0]):
        yield _read_object(content, source)
    else:
        yield from read_json_lines(stream, source)


def read_json_lines(stream: BufferedReader, source: Source) -> Iterator[Article | ReadFailure]:
    """The articles of one JSON object a line, each a success or a failure of its own; raises ReadError when there is
    no line."""
    max_bytes = _max_object_bytes(source)
    is_empty = True
    for number, line in enumerate(_lines(stream, max_bytes), 1):
        if not line.strip():
            continue
        is_empty = False
        try:
            if len(line) >= max_bytes:
                raise ReadError(f"The line is too long for one article of at most {source.max_chars:,} characters.")
            yield _read_object(line, source.line(number))
        except ReadError as error:
            yield source.line(number).failure(str(error))
    if is_empty:
        raise ReadError("It is empty.")


def _max_object_bytes(source: Source) -> int:
    return _MAX_BYTES_PER_CHAR * source.max_chars + _OTHER_FIELDS_BYTES


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def _lines(stream: BufferedReader, max_bytes: int) -> Iterator[bytes]:
    """The lines of a stream in UTF-8, each cut at `max_bytes`, so that no line is held whole because it is huge."""
    if stream.peek(2)[:2] not in UTF_16_MARKS:
        yield from _cut_lines(lambda: stream.readline(max_bytes))
        return
    text = io.TextIOWrapper(stream, "utf-16", "replace", newline="\n")
    try:
        yield from _cut_lines(lambda: text.readline(max_bytes).encode())
    finally:
        text.detach()  # the stream is closed by whoever opened it


def _cut_lines(read_part: Callable[[], bytes]) -> Iterator[bytes]:
    """The first part of each line; the others are skipped."""
    parts = iter(read_part, b"")
    for line in parts:
        yield line
        while line and not line.endswith(b"\n"):
            line = next(parts, b"")


def _read_object(content: bytes, source: Source) -> Article:
    fields = _parse_fields(decode_text(content))
    return make_article(fields, fields.text, source)


def _parse_fields(text: str) -> _ObjectFields:
    try:
        values: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"It is not JSON: {error.msg} at character {error.pos + 1}.") from None
    except (RecursionError, ValueError):
        raise ReadError(
            "It is not JSON that anyone wrote: it is nested too deeply or holds an endless number."
        ) from None
    fields: _ObjectFields = validate_fields(_ObjectFields, values)
    return fields
