"""What a writer says of an article, made fit to be kept: an odd field is left out, so that it loses no article."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from hashlib import blake2b
from typing import Any, NamedTuple

from ingest.reasons import Reason, reason
from rag.addresses import web_address
from rag.errors import ReadError
from rag.language.controls import remove_directions, replace_controls
from rag.language.languages import find_language
from rag.types import MAX_ID_CHARS, Language

MAX_TITLE_CHARS = 300
_MAX_URL_CHARS = 2_000
_MAX_DATE_CHARS = 40
_MAX_TOPIC_CHARS = 200
"""What a filter may name."""
_DROPPED_STEPS = (".", "..")
_DIGEST_BYTES = 6
"""Of a name that is too long for an id: 281 million million of them."""


class DerivedId(str):
    """The id of an article whose writer gave it none: the name of its source, and of the line. It gives way to another
    where it is taken."""

    __slots__ = ()


class _Value(NamedTuple):
    """What is kept of a value, and what of it could not be; empty where all was."""

    kept: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ArticleFields:
    """What a writer says of an article, in front matter or in a JSON object.

    Attributes
    ----------
    id, title, language, url, date, topic : str or None
        None where it is absent or could not be kept.
    problems : tuple of str
        What could not be kept as it was written, a sentence each.
    """

    id: str | None = None
    title: str | None = None
    language: Language | None = None
    url: str | None = None
    date: str | None = None
    topic: str | None = None
    problems: tuple[str, ...] = ()


def read_fields(values: Mapping[str, Any]) -> ArticleFields:
    """The fields of an article; other keys are the writer's own."""
    read = {name: _read_value(_FIELDS[name], values.get(name)) for name in _FIELDS}
    kept: dict[str, Any] = {name: value.kept for name, value in read.items()}
    return ArticleFields(
        **kept,
        problems=tuple(
            reason("field", field=name, problem=value.problem) for name, value in read.items() if value.problem
        ),
    )


def clean_line(text: str) -> str:
    """A text as one line: composed (NFC), without control characters, white space as single spaces, and nothing that
    turns the text beside it."""
    return " ".join(unicodedata.normalize("NFC", remove_directions(replace_controls(text))).split())


def clean_id(text: str) -> str:
    """The name of a source as an id that a path can carry: control characters and line ends are spaces, none of them
    at the ends.

    Its characters stay as they are otherwise, so that an id of an earlier version is the same.

    Raises
    ------
    ReadError
        When nothing is left, or when a client would take a step of it out of the path.
    """
    value = _read_id(text)
    if value.kept is None:
        raise ReadError(reason("bad_id", id=text[:MAX_ID_CHARS], problem=value.problem))
    return value.kept


def shorten_id(text: str) -> str:
    """An id that is no longer than ids may be; what is cut off is told apart by its hash."""
    if len(text) <= MAX_ID_CHARS:
        return text
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{text[: MAX_ID_CHARS - len(digest) - 1]}~{digest}"


def _read_value(read: Callable[[str], _Value], value: Any) -> _Value:
    """A value as its field reads it; an empty one is absent, and of a list the first is taken."""
    if isinstance(value, list) and value and not isinstance(value[0], list):
        first = _read_value(read, value[0])
        is_mended = len(value) > 1 and not first.problem
        return _Value(first.kept, reason("first_kept", count=len(value))) if is_mended else first
    if value is None or value == [] or value == {}:
        return _Value(None)
    try:
        text = _write_out(value)
    except ValueError as error:
        return _leave_out(error.args[0])
    return read(text) if text.strip() else _Value(None)


def _write_out(value: Any) -> str:
    """A text, number or date as text; raises ValueError, which says what it is."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(reason("no_value"))
    try:
        return str(value)
    except ValueError:  # Python writes out no integer of thousands of digits
        raise ValueError(reason("endless_number")) from None


def _leave_out(problem: Reason) -> _Value:
    return _Value(None, reason("left_out", problem=problem))


def _read_id(text: str) -> _Value:
    cleaned = remove_directions(replace_controls(text)).replace("\n", " ").replace("\t", " ").strip()
    if not cleaned:
        return _leave_out(reason("id_invisible"))
    if not {*_DROPPED_STEPS}.isdisjoint(cleaned.split("/")):
        return _leave_out(reason("id_steps"))
    return _Value(cleaned)


def _read_given_id(text: str) -> _Value:
    return (
        _read_id(text)
        if len(text.strip()) <= MAX_ID_CHARS
        else _leave_out(reason("value_too_long", limit=MAX_ID_CHARS))
    )


def _read_up_to(max_chars: int) -> Callable[[str], _Value]:
    def read(text: str) -> _Value:
        line = clean_line(text)
        if not line:
            return _Value(None)
        return _Value(line) if len(line) <= max_chars else _leave_out(reason("value_too_long", limit=max_chars))

    return read


def _read_title(text: str) -> _Value:
    line = clean_line(text)
    if len(line) <= MAX_TITLE_CHARS:
        return _Value(line or None)
    cut = line[: MAX_TITLE_CHARS - 1].rsplit(" ", 1)[0] + "…"
    return _Value(cut, reason("title_cut", limit=MAX_TITLE_CHARS))


def _read_language(text: str) -> _Value:
    name = clean_line(text)
    language = find_language(name)
    return _Value(language) if language else _leave_out(reason("unknown_language", name=name[:40]))


def _read_url(text: str) -> _Value:
    line = clean_line(text)
    address = web_address(line.replace(" ", "%20")) if len(line) <= _MAX_URL_CHARS else None
    return _Value(address) if address else _leave_out(reason("no_address"))


_FIELDS: dict[str, Callable[[str], _Value]] = {
    "id": _read_given_id,
    "title": _read_title,
    "language": _read_language,
    "url": _read_url,
    "date": _read_up_to(_MAX_DATE_CHARS),
    "topic": _read_up_to(_MAX_TOPIC_CHARS),
}
FIELD_NAMES = frozenset(_FIELDS)
