"""The file that an article was read from, to be kept with it."""

from hashlib import blake2b

PDF_SUFFIX = ".pdf"
"""Of what has pages; a picture is kept as a PDF of its own."""


class OriginalFile(str):
    """The hash of a file that an article was read from, 40 hexadecimal digits, with the content of the file, which a
    reader gives on.

    Parameters
    ----------
    content : bytes
        Of the whole file.
    words : bytes
        Where the words stand that OCR read on its pages, as JSON; empty where there are none.
    suffix : str
        By which the reader of the file is found.
    """

    content: bytes
    words: bytes
    suffix: str

    def __new__(cls, content: bytes, words: bytes = b"", suffix: str = PDF_SUFFIX) -> "OriginalFile":
        """The hash, with the content beside it."""
        original = super().__new__(cls, blake2b(content + words, digest_size=20).hexdigest())
        original.content, original.words, original.suffix = content, words, suffix
        return original

    def __reduce__(self) -> tuple[type["OriginalFile"], tuple[bytes, bytes, str]]:
        return OriginalFile, (self.content, self.words, self.suffix)
