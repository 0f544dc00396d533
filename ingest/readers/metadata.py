"""What a writer says of an article, made fit to be kept: an odd field is left out, so that it loses no article."""

import unicodedata
from datetime import date
from typing import Any

from rag.addresses import web_address
from rag.errors import ReadError
from rag.language.controls import remove_directions, replace_controls

_MAX_URL_CHARS = 2_000
_MAX_DATE_CHARS = 40
_MAX_TOPIC_CHARS = 200
"""What a filter may name."""
_DROPPED_STEPS = (".", "..")


def clean_line(text: str) -> str:
    """A text as one line: composed (NFC), without control characters, white space as single spaces, and nothing that
    turns the text beside it."""
    return " ".join(unicodedata.normalize("NFC", remove_directions(replace_controls(text))).split())


def clean_id(text: str) -> str:
    """An id that a path can carry: control characters and line ends are spaces, none of them at the ends.

    Its characters stay as they are otherwise, so that an id of an earlier version is the same.

    Raises
    ------
    ReadError
        When nothing is left, or when a client would take a step of it out of the path.
    """
    cleaned = remove_directions(replace_controls(text)).replace("\n", " ").replace("\t", " ").strip()
    if not cleaned:
        raise ReadError("Its id holds no character that can be shown. Give it another one.")
    if not {*_DROPPED_STEPS}.isdisjoint(cleaned.split("/")):
        raise ReadError(f"Its id {cleaned!r} holds a step '.' or '..', which addresses drop. Give it another one.")
    return cleaned


def read_url(value: Any) -> str | None:
    """An address of the web; None for anything else."""
    return web_address(_read_line(value, _MAX_URL_CHARS).replace(" ", "%20"))


def read_date(value: Any) -> str | None:
    """A date as its writer gave it, one of YAML's as ISO; None where it is none."""
    return _read_line(value.isoformat() if isinstance(value, date) else value, _MAX_DATE_CHARS) or None


def read_topic(value: Any) -> str | None:
    """A topic; None where it is none."""
    return _read_line(value, _MAX_TOPIC_CHARS) or None


def _read_line(value: Any, max_chars: int) -> str:
    """A value as one line; empty where it is no text and no number, or too long."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        line = clean_line(str(value)) if isinstance(value, str) or is_number else ""
    except ValueError:  # Python writes out no integer of thousands of digits
        return ""
    return line if len(line) <= max_chars else ""
