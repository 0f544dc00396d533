"""Keys stay out of what is shown and kept: an endpoint may say in its error what it was sent, and libraries log it."""

import logging
from collections.abc import Iterable
from typing import Any

_HIDDEN = "***"
_MIN_CHARS = 4
"""Of a key that is looked for: a shorter one stands in any text."""


def hide_secrets(text: str, secrets: Iterable[str | None]) -> str:
    """A text with asterisks in place of each secret in it; those that are None are none."""
    for secret in secrets:
        if secret and len(secret) >= _MIN_CHARS:
            text = text.replace(secret, _HIDDEN)
    return text


def hide_secrets_in_logs(secrets: Iterable[str]) -> None:
    """Have every record that is logged in this process, by whichever library and at whichever level, hide secrets.

    Records are changed as they are made, since handlers may be added at any time.
    """
    known, make_record = tuple(secrets), logging.getLogRecordFactory()

    def make_hiding_record(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make_record(*arguments, **named)
        message = _describe_record(record)
        hidden = hide_secrets(message, known)
        if hidden != message:
            record.msg, record.args = hidden, ()
        if record.exc_info and record.exc_info[0]:
            record.exc_text = hide_secrets(logging.Formatter().formatException(record.exc_info), known)
        return record

    logging.setLogRecordFactory(make_hiding_record)


def _describe_record(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit: logging would complain, and show them
        return f"{record.msg} {record.args}"
