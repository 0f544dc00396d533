"""Bytes of a page, a table or a message to text, whatever encoding they are in and say that they are in.

Old Arabic pages often name no encoding, or a Latin one. Each candidate is tried, and the one in which the text has most
function words is taken: in a wrong one it has none.
"""

import codecs

from resiliparse.parse.encoding import detect_encoding

from rag.errors import ReadError
from rag.language.detect import count_function_words
from rag.language.normalize import fold_text

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = ("utf-8", "cp1256", "iso-8859-6")
"""The encodings that Arabic pages are in, the likeliest first."""
_SAMPLE_CHARS = 50_000


def decode_any(content: bytes, declared: str | None = None) -> str:
    """Text of bytes.

    Parameters
    ----------
    content : bytes
        Bytes that are damaged in their encoding become U+FFFD.
    declared : str, optional
        The encoding that is named beside the content; one named in the HTML itself is found.

    Raises
    ------
    ReadError
        When it is empty or no text.
    """
    if not content.strip():
        raise ReadError("It is empty.")
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace").removeprefix("\ufeff")
    if b"\0" in content:
        raise ReadError("It is not text: it holds NUL bytes.")
    try:
        return content.decode()  # what is UTF-8 by accident is no text of people
    except UnicodeDecodeError:
        candidates = [declared, detect_encoding(content, from_html_meta=True), detect_encoding(content), *_OTHERS]
        texts = [content.decode(name, "replace") for name in dict.fromkeys(filter(_is_known, candidates)) if name]
        return max(texts, key=_count_known_words)


def _is_known(encoding: str | None) -> bool:
    """Whether it is the name of an encoding of text."""
    try:
        return bool(encoding) and codecs.lookup(encoding or "")._is_text_encoding
    except (LookupError, ValueError):
        return False


def _count_known_words(text: str) -> int:
    return sum(count_function_words(fold_text(text[:_SAMPLE_CHARS]).split()).values())
