"""Pages of the documents that articles were read from: as pictures, and where words of the article stand on them.

Both are made in child processes, as documents are read, a few at a time, and remembered as far as some memory reaches.
"""

import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ingest.originals import Originals
from ingest.pdf.child import StepError, run_step
from ingest.pdf.marks import Letter, Mark, find_marks
from ingest.reasons import reason
from rag.errors import BusyError, InputError, NotFoundError, ReadError
from rag.language.direction import direction
from rag.types import Article, Page, Span

MIN_WIDTH, MAX_WIDTH, DEFAULT_WIDTH = 100, 2000, 1000
"""Of a picture, in pixels."""
MAX_PAGES = 10
"""That words may stand on which are looked for: a citation stands on one or two."""
_SECONDS = 50.0
"""As a file has to be read."""
_AT_ONCE, _MAX_WAIT_S = 2, 20.0
"""Pages that are made at once, and how long another one waits for its turn."""
_CACHE_BYTES = 64_000_000
"""Of pictures and letters that are remembered: some 300 pages."""


_WAYS = ("words", "glyphs", "chars")


class PageMarks(NamedTuple):
    """Where words stand on a page: no marks where they are not found on it. `ratio` is its height by its width."""

    page: Page
    ratio: float
    marks: list[Mark]


class PageImages:
    """Pages of articles whose documents are kept. Safe to use from several threads.

    Parameters
    ----------
    originals : Originals
        The documents.
    """

    def __init__(self, originals: Originals) -> None:
        self._originals = originals
        self._cache = _Cache(_CACHE_BYTES)
        self._places = threading.Semaphore(_AT_ONCE)

    def has_pages(self, article: Article) -> bool:
        """Whether the pages of an article can be shown."""
        return article.pages is not None and self._originals.find(article.original) is not None

    def find_document(self, article: Article) -> Path:
        """The document that an article was.

        Raises
        ------
        NotFoundError
            When it is not kept here.
        """
        path = self._originals.find(article.original)
        if path is None:
            raise NotFoundError(f"No document of {article.id!r} is kept here.")
        return path

    def draw(self, article: Article, number: int, width: int = DEFAULT_WIDTH) -> bytes:
        """A page as PNG.

        Parameters
        ----------
        article : Article
            Read from a PDF.
        number : int
            Of the page, from 1.
        width : int
            In pixels, from `MIN_WIDTH` to `MAX_WIDTH`.

        Raises
        ------
        NotFoundError
            When its document is not kept here, or has no such page.
        ReadError
            When the page cannot be drawn, or not in the time and memory that it has.
        BusyError
            When too many wait for theirs.
        """
        path = self._find(article, number)
        return self._cache.get((article.original, number, width), lambda: self._draw(path, number, width))

    def find_marks(self, article: Article, span: Span) -> list[PageMarks]:
        """Where words of an article stand, for each page that they stand on.

        Parameters
        ----------
        article : Article
            Read from a PDF.
        span : Span
            The words, in code points of its text.

        Raises
        ------
        NotFoundError, ReadError, BusyError
            As `draw`.
        InputError
            When they stand on more than `MAX_PAGES`.
        """
        parts = list(split_pages(article, span))
        if len(parts) > MAX_PAGES:
            raise InputError(f"They stand on {len(parts)} pages: ask for words on {MAX_PAGES} at most.")
        return [self._find_on_page(article, *part) for part in parts]

    def _find_on_page(self, article: Article, page: Page, of_page: Span, words: Span) -> PageMarks:
        path = self._find(article, page.number)
        key = (article.original, page.number)
        found = json.loads(self._cache.get(key, lambda: self._read_letters(article, path, page.number)))
        return PageMarks(page, found["height"] / found["width"], choose_marks(article, of_page, words, found))

    def _find(self, article: Article, number: int) -> Path:
        path = self._originals.find(article.original)
        if article.pages is None or path is None:
            raise NotFoundError(f"The pages of {article.id!r} cannot be shown: no document of it is kept here.")
        if not 1 <= number <= len(article.pages.starts):
            raise NotFoundError(f"There is no page {number} of {article.id!r}: it has {len(article.pages.starts)}.")
        return path

    def _draw(self, path: Path, number: int, width: int) -> bytes:
        with self._turn(), tempfile.TemporaryDirectory(prefix="dalil-page-") as folder:
            picture = Path(folder, "page.png")
            _run("draw", path, number=number, width=width, picture=str(picture))
            return picture.read_bytes()

    def _read_letters(self, article: Article, path: Path, number: int) -> bytes:
        with self._turn():
            (found,) = _run("letters", path, pages=[number])
        found["words"] = list(_split_words(self._originals.find_words(article.original, number)))
        return json.dumps(found).encode()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(timeout=_MAX_WAIT_S):
            raise BusyError("Too many pages are being drawn. Try again in a moment.")
        try:
            yield
        finally:
            self._places.release()


class _Cache:
    """What was made last, up to a number of bytes; the one not asked for for longest goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._values: OrderedDict[Any, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._bytes += len(value)
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._values.popitem(last=False)[1])
        return value


def _run(step: str, path: Path, **values: Any) -> Any:
    try:
        return run_step(step, {"path": str(path), **values}, _SECONDS)
    except StepError:
        raise ReadError(reason("page_too_slow")) from None


def choose_marks(article: Article, of_page: Span, words: Span, letters: Mapping[str, Any]) -> list[Mark]:
    """Marks over words of a page by the words that OCR read there, by its glyphs or, where these do not do, by PDFium's
    characters, which lack more.

    Parameters
    ----------
    article : Article
        Read from a PDF.
    of_page, words : Span
        What the page has of its text, and the words, in code points of it.
    letters : mapping
        As `ingest.pdf.page_letters` gives those of the page, and `words`, those that OCR read.
    """
    text, within = article.text[slice(*of_page)], Span(words.start - of_page.start, words.end - of_page.start)
    tries = (find_marks(text, within, [Letter(*letter) for letter in letters[way]]) for way in _WAYS)
    return next(filter(None, tries), [])


def _split_words(words: Sequence[tuple[str, float, float, float, float]]) -> Iterator[Letter]:
    """The letters of words, each with its share of the width of its word, and a space behind each word."""
    for text, left, top, width, height in words:
        share = width / len(text)
        is_rtl = direction(text) == "rtl"
        for at, char in enumerate(text):
            yield Letter(char, left + share * (len(text) - 1 - at if is_rtl else at), top, share, height)
        yield Letter(" ", 0.0, 0.0, 0.0, 0.0)


def split_pages(article: Article, span: Span) -> Iterator[tuple[Page, Span, Span]]:
    """Each page that words stand on, with what it has of the text, and what of the words."""
    starts: Sequence[int] = article.pages.starts if article.pages else ()
    for at, start in enumerate(starts):
        of_page = Span(start, starts[at + 1] if at + 1 < len(starts) else len(article.text))
        words = Span(max(span.start, of_page.start), min(span.end, of_page.end))
        page = article.find_page(words.start)
        if page and words.start < words.end:
            yield page, of_page, words
