"""E-mail (.eml): who wrote, and the words of the message. Attachments are named."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from io import BufferedReader

from ingest.readers.base import ReadResult, Source, make_article, read_limited
from ingest.readers.decoding import decode_text
from ingest.readers.html_text import extract_words, parse_html
from ingest.readers.metadata import clean_line, read_fields
from ingest.readers.package import map_failures
from ingest.readers.sections import choose_words
from ingest.reasons import reason
from rag.errors import ReadError

_BYTES_PER_CHAR = 16
"""Of attachments and markup for each character that an article may have."""
_HEADERS = ("from", "subject", "date", "to")
_FROM, _ATTACHED = ("من", "From"), ("مرفق", "Attached")


def read_email(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a message, whose title is its subject; raises ReadError."""
    content = read_limited(stream, source, _BYTES_PER_CHAR)
    with map_failures("kind_email"):
        message = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
        if not any(name in message for name in _HEADERS):
            raise ReadError(reason("no_email"))
        text = _read_body(message)
        subject, sender = clean_line(str(message["subject"] or "")), clean_line(str(message["from"] or ""))
        names = [clean_line(part.get_filename() or "") for part in message.iter_attachments()]
        date = message["date"].datetime.date().isoformat() if message["date"] and message["date"].datetime else None
    words = f"{subject}\n{text}"
    lines = [f"{choose_words(words, *_FROM)}: {sender}"] if sender else []
    attached = [f"{choose_words(words, *_ATTACHED)}: {name}" for name in names if name]
    fields = read_fields({"title": subject, "date": date})
    yield from make_article(fields, "\n\n".join([*lines, text.strip(), *attached]), source)


def _read_body(message: EmailMessage) -> str:
    """The plain words where there are some, else those of the HTML; empty where there is neither."""
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        content = part.get_payload(decode=True) if part is not None else None
        if part is None or not isinstance(content, bytes) or not content.strip():
            continue
        text, _ = decode_text(content, part.get_content_charset())
        return extract_words(parse_html(text)) if kind == "html" else text
    return ""
