"""Files that say what they said when their articles were read: told by a hash of their bytes, and not read again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b, file_digest
from importlib.metadata import PackageNotFoundError, version
from os import stat_result
from pathlib import Path

import rag.language
from ingest.fetched import FetchedDocument, Validators, read_document
from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers import ReadFailure, ReadResult, ReadWarning, file_source, read_file
from ingest.reasons import code_of
from rag.store import ArticleSummary, FileMark, Store
from rag.types import Article

_DIGEST_BYTES = 16
_LIBRARIES = (
    "charset-normalizer",
    "defusedxml",
    "hijridate",
    "lxml",
    "mammoth",
    "markdown-it-py",
    "mdit-py-plugins",
    "openpyxl",
    "playa-pdf",
    "pypdfium2",
    "python-pptx",
    "pyyaml",
    "qalam",
    "resiliparse",
)
"""What reads files: another version may read the same bytes otherwise."""
_CODE = (*(Path(__file__).parent / name for name in ("readers", "pdf", "ocr")), Path(rag.language.__file__).parent)
"""What makes articles of what these give."""


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The end of a file all of whose articles were read without a failure, or a warning but that OCR read them.

    Attributes
    ----------
    source : str
        As that of its articles.
    digest : str
        Of the file.
    count : int
        Of its articles.
    """

    source: str
    digest: str
    count: int


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that says what it said when its articles were read.

    Attributes
    ----------
    source : str
        As that of its articles.
    ids : tuple of str
        Of its articles, in the order of the file.
    read : callable
        Reads it all the same: another file of the same run may have taken an id of it.
    """

    source: str
    ids: tuple[str, ...]
    read: "Callable[[], Iterator[FoundItem]]" = field(compare=False)


FoundItem = ReadResult | FileEnd | KnownFile
"""One of the things that are found in files."""


class KnownFiles:
    """The files whose articles the index holds.

    Parameters
    ----------
    store : Store
        The index.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read.
    is_whole : callable
        Whether all that belongs to an article is there, its original too.
    """

    def __init__(
        self,
        store: Store,
        max_chars: int,
        ocr: OcrOptions = NO_OCR,
        is_whole: Callable[[ArticleSummary], bool] = lambda _: True,
    ) -> None:
        self._max_chars, self._ocr, self._is_whole = max_chars, ocr, is_whole
        self._incomplete = store.find_incomplete()
        self._by_source: dict[str, list[ArticleSummary]] = {}
        for one in store.summarize_articles().values():
            self._by_source.setdefault(one.source, []).append(one)

    def find(self, file: Path, root: Path) -> KnownFile | None:
        """A file as it is known; None where it is to be read: it is new, or changed, or not all of it is there."""
        source = file_source(file)
        marks = self._find_marks(source)
        if not marks or {mark.digest for mark in marks.values()} != {hash_file(file, self._max_chars)}:
            return None
        ids = tuple(sorted(marks, key=lambda one: marks[one].number))
        return KnownFile(source, ids, lambda: read_marked_file(file, root, self._max_chars, self._ocr))

    def find_page(self, document: FetchedDocument) -> KnownFile | None:
        """A document of the web as it is known; None where it was sent, or is known no more."""
        marks = self._find_marks(document.address)
        if document.known is not None or not marks:
            return None
        ids = tuple(sorted(marks, key=lambda one: marks[one].number))
        return KnownFile(document.address, ids, lambda: read_document(document, self._max_chars, self._ocr))

    def list_pages(self) -> dict[str, Validators]:
        """What the documents of the web and of object stores that are known are told by, by address."""
        begin = _begin_of_pages(self._max_chars)
        found = {}
        for source in (one for one in self._by_source if "://" in one):
            digests = {mark.digest for mark in self._find_marks(source).values()}
            if len(digests) == 1 and (digest := digests.pop()).startswith(begin):
                found[source] = Validators(*digest.removeprefix(begin).split("\n"))
        return found

    def _find_marks(self, source: str) -> dict[str, FileMark]:
        """The marks of a source's articles by id; none unless they are all there and as they were read."""
        articles = self._by_source.get(source, ())
        marks = {
            one.id: one.mark
            for one in articles
            if one.mark is not None and one.mark.revision == one.revision and one.id not in self._incomplete
        }
        is_whole = len(marks) == len(articles) and all(mark.total == len(marks) for mark in marks.values())
        return marks if is_whole and all(map(self._is_whole, articles)) else {}


def hash_file(file: Path, max_chars: int) -> str:
    """A hash of a file's bytes and of how they are read, 32 hexadecimal digits; empty where it cannot be read."""
    try:
        with file.open("rb") as stream:
            return file_digest(
                stream, lambda: blake2b(_describe_reading(max_chars), digest_size=_DIGEST_BYTES)
            ).hexdigest()
    except OSError:
        return ""


def read_marked_file(file: Path, root: Path, max_chars: int, ocr: OcrOptions = NO_OCR) -> Iterator[FoundItem]:
    """The articles of a file, and its end where it is to be known again.

    Parameters
    ----------
    file : Path
        Of any kind.
    root : Path
        The folder that its id counts from.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read. It is no part of the hash: a file whose scans were read is known however it is asked for
        again, so that they are neither read twice nor lost; one whose scans were not gives a warning, and no mark.
    """
    digest, before = hash_file(file, max_chars), _look_at(file)
    for item in _with_end(read_file(file, root, max_chars, ocr), file_source(file), digest):
        # What is written to while it is read has the hash of neither text.
        if not isinstance(item, FileEnd) or before == _look_at(file):
            yield item


def read_marked_page(document: FetchedDocument, max_chars: int, ocr: OcrOptions = NO_OCR) -> Iterator[FoundItem]:
    """The articles of a document of the web, and its end where it is to be known again: where its server says what its
    version is called."""
    digest = _begin_of_pages(max_chars) + "\n".join(document.validators) if any(document.validators) else ""
    yield from _with_end(read_document(document, max_chars, ocr), document.address, digest)


def _with_end(items: Iterable[ReadResult], source: str, digest: str) -> Iterator[FoundItem]:
    count, is_clean = 0, bool(digest)
    for item in items:
        count += isinstance(item, Article)
        is_clean = is_clean and not _is_problem(item)
        yield item
    if is_clean:
        yield FileEnd(source, digest, count)


def _begin_of_pages(max_chars: int) -> str:
    """How the marks of documents of the web begin: with a hash of how they are read."""
    return f"web {_describe_reading(max_chars).hex()[: 2 * _DIGEST_BYTES]} "


def _is_problem(item: ReadResult) -> bool:
    """Whether this is to be told again whenever its file is read: all but that OCR read it."""
    return isinstance(item, ReadFailure) or (isinstance(item, ReadWarning) and code_of(item.reason) != "ocr_read")


class PendingMarks:
    """The marks of articles that were read and are not all written yet."""

    def __init__(self) -> None:
        self._marks: dict[str, FileMark] = {}
        self._unwritten: set[str] = set()
        self._of_file: list[Article] = []

    def add(self, article: Article, is_written: bool) -> None:
        """Note an article that was read, and whether the index has it as it is."""
        if self._of_file and self._of_file[-1].source != article.source:
            self._of_file.clear()
        self._of_file.append(article)
        if not is_written:
            self._unwritten.add(article.id)

    def end_file(self, end: FileEnd) -> None:
        """Mark the articles of a file, where all of them are in the index by this file."""
        articles = [one for one in self._of_file if one.source == end.source]
        self._of_file.clear()
        if len(articles) == end.count:
            marks = (FileMark(end.digest, one.revision, at, end.count) for at, one in enumerate(articles))
            self._marks |= dict(zip((one.id for one in articles), marks, strict=True))

    def take(self, written: Iterable[Article]) -> dict[str, FileMark]:
        """The marks that can be kept by id, once these articles were written; each is given once."""
        self._unwritten.difference_update(one.id for one in written)
        ready = {one: mark for one, mark in self._marks.items() if one not in self._unwritten}
        for one in ready:
            del self._marks[one]
        return ready


def _look_at(file: Path) -> tuple[int, int, int] | None:
    try:
        found: stat_result = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


@cache
def _describe_reading(max_chars: int) -> bytes:
    """Hash of all that decides, beside a file's bytes, what is read from them."""
    digest = blake2b(str(max_chars).encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {_version_of(name)}\n".encode())
    for folder in _CODE:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
