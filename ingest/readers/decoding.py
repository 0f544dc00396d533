"""Bytes to text: UTF-8, or UTF-16 with a byte order mark."""

import codecs

from rag.errors import ReadError
from rag.language.detect import count_letters
from rag.language.languages import DEFAULT_LANGUAGE

UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LEGACY_ENCODING, _LEGACY_NAME = "cp1256", "Windows-1256"
_MIN_ARABIC_SHARE = 0.6
"""Of letters, from which bytes look like text in the legacy encoding."""


def decode_text(content: bytes) -> str:
    """Text of bytes; raises ReadError, which says what they look like."""
    if not content.strip():
        raise ReadError("It is empty.")
    if content.startswith(UTF_16_MARKS):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise ReadError("It begins like UTF-16 but is not. Save it as UTF-8.") from None
    if b"\0" in content:
        raise ReadError("It is not text: it holds NUL bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        guess = f"; it looks like {_LEGACY_NAME}" if _looks_like_legacy_arabic(content) else ""
        raise ReadError(f"It is not UTF-8 (byte {error.start + 1}){guess}. Save it as UTF-8.") from None


def _looks_like_legacy_arabic(content: bytes) -> bool:
    """Whether the bytes are Arabic in the legacy encoding, which the writer can then convert."""
    text = content.decode(_LEGACY_ENCODING, "replace")
    letters = sum(char.isalpha() for char in text)
    return letters > 0 and count_letters(text)[DEFAULT_LANGUAGE] > _MIN_ARABIC_SHARE * letters
