"""Bytes to text: Unicode in its encodings, and the older ones by what their text looks like.

Arabic in an older encoding is known by its letter pairs: charset-normalizer takes short texts in ISO-8859-6 for Thai
and most in MacArabic for Thai or Chinese. It tells Windows-1252 well; other scripts it confuses, and Dalil has no use
for them.
"""

import codecs
import re

from charset_normalizer import from_bytes

from ingest.reasons import reason
from rag.errors import ReadError
from rag.language.arabic.letter_pairs import mean_pair_bits
from rag.language.arabic.letters import BLOCK_CLASS

_MARKS = (  # that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNMARKED_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_OLD_ARABIC = ("cp1256", "iso8859_6", "mac_arabic")
"""The letters of MacArabic stand in the places of ISO-8859-6; where both read a text, that one is told."""
_OLD_LATIN = "cp1252"
_NAMES = {"cp1256": "Windows-1256", "iso8859_6": "ISO-8859-6", "mac_arabic": "MacArabic", "cp1252": "Windows-1252"}
_MAX_PAIR_BITS = 11.0
"""Of Arabic read in the right encoding: at most 10.4 in 1,080 pieces of 15 letters; Russian, Greek, Hebrew, Thai and
Chinese bytes have 12.5 and more in each of the encodings."""
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_MIN_WHOLE_PER_DAMAGED = 4
"""Characters of several bytes for each damaged one, from which bytes are damaged UTF-8: in older encodings the bytes
that would have to follow are rare marks, and hardly any character comes out whole."""
_SAMPLE_BYTES = 20_000
"""By which an older encoding is told."""
_MIN_WIDE_LETTERS = 0.6
"""Share of ASCII and Arabic letters, digits and white space in a text of a wide encoding that nothing marks."""
_WIDE_LETTER = re.compile(rf"[A-Za-z0-9\s{BLOCK_CLASS}]")


def decode_text(content: bytes, declared: str | None = None) -> tuple[str, str]:
    """Text of bytes, and the encoding in which it was read; a damaged byte is a replacement character.

    Parameters
    ----------
    content : bytes
        Of a text.
    declared : str, optional
        The encoding that is named beside or in the content. Old Arabic pages name a wrong one, so it is only taken
        where the text looks like neither Unicode nor Arabic.

    Raises
    ------
    ReadError
        When they are no text, or the encoding cannot be told.
    """
    if not content.strip():
        raise ReadError(reason("empty"))
    encoding = guess_encoding(content, declared)
    if encoding is None and b"\0" in content:
        raise ReadError(reason("no_text"))
    if encoding is None:
        raise ReadError(reason("not_utf_8", byte=_first_damaged(content) + 1))
    return content.decode(encoding, "replace").removeprefix("\ufeff"), encoding


def guess_encoding(content: bytes, declared: str | None = None) -> str | None:
    """The encoding of a text, or of its beginning; `declared` as in `decode_text`.

    Returns
    -------
    str or None
        As Python names it; "utf-8" too where a few bytes are damaged. None where none can be told.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    if b"\0" in content:
        return next((encoding for encoding in _UNMARKED_WIDE if _is_wide(content, encoding)), None)
    if _is_utf_8(content):
        return "utf-8"
    start = _first_damaged(content)
    sample = content[start if start >= _SAMPLE_BYTES else 0 :][:_SAMPLE_BYTES]
    return _guess_arabic(sample) or _find_encoding(declared) or _guess_latin(sample)


def encoding_warning(encoding: str, declared: str | None = None) -> str:
    """What to tell of a text that was read in an encoding, empty where there is nothing to tell: it is the declared
    one, or Unicode."""
    if encoding not in _NAMES or encoding == _find_encoding(declared):
        return ""
    return reason("other_encoding", encoding=_NAMES[encoding])


def _is_utf_8(content: bytes) -> bool:
    """Whether it is UTF-8 that is whole, cut at its end, or damaged here and there."""
    damaged = codecs.getincrementaldecoder("utf-8")("replace").decode(content).count("\ufffd")
    return not damaged or len(_MULTIBYTE.findall(content)) > _MIN_WHOLE_PER_DAMAGED * damaged


def _first_damaged(content: bytes) -> int:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(content)


def _is_wide(content: bytes, encoding: str) -> bool:
    """Whether bytes without a mark are text of an encoding of two or four bytes a character."""
    width = 4 if "32" in encoding else 2
    sample = content[:_SAMPLE_BYTES]
    try:
        text = sample[: len(sample) // width * width].decode(encoding)
    except UnicodeDecodeError:
        return False
    return "\0" not in text and len(_WIDE_LETTER.findall(text)) > _MIN_WIDE_LETTERS * len(text)


def _find_encoding(name: str | None) -> str | None:
    """An encoding of text by a name that people write; None where there is none of that name."""
    try:
        found = codecs.lookup(name) if name else None
    except (LookupError, ValueError):
        return None
    return found.name if found and found._is_text_encoding else None


def _guess_arabic(sample: bytes) -> str | None:
    bits = {}
    for encoding in _OLD_ARABIC:
        try:
            bits[encoding] = mean_pair_bits(sample.decode(encoding))
        except UnicodeDecodeError:
            continue
    found = {encoding: value for encoding, value in bits.items() if value is not None and value <= _MAX_PAIR_BITS}
    return min(found, key=found.__getitem__, default=None)


def _guess_latin(sample: bytes) -> str | None:
    match = from_bytes(sample, cp_isolation=[_OLD_LATIN]).best()
    return None if match is None else match.encoding
