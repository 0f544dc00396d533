"""The file that an article was read from, to be kept with it."""

from hashlib import blake2b


class OriginalFile(str):
    """The hash of a file that an article was read from, 40 hexadecimal digits, with the content of the file, which a
    reader gives on.

    Parameters
    ----------
    content : bytes
        Of the whole file, a PDF.
    words : bytes
        Where the words stand that OCR read on its pages, as JSON; empty where there are none.
    """

    content: bytes
    words: bytes

    def __new__(cls, content: bytes, words: bytes = b"") -> "OriginalFile":
        """The hash, with the content beside it."""
        original = super().__new__(cls, blake2b(content + words, digest_size=20).hexdigest())
        original.content, original.words = content, words
        return original

    def __reduce__(self) -> tuple[type["OriginalFile"], tuple[bytes, bytes]]:
        return OriginalFile, (self.content, self.words)
