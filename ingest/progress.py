"""How far an ingest is: in articles, pages, files and time."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.known_files import FileEnd, FoundItem, KnownFile
from ingest.readers.files import file_source
from rag.types import Article


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far an ingest is.

    Attributes
    ----------
    articles, pages : int
        That were written; an article that has no pages counts as one page.
    files, all_files : int
        That were read, and that there are.
    file : str
        The last one of which something was read.
    seconds_left : float or None
        Until all files are read, at the rate so far; None where that cannot be said yet.
    """

    articles: int
    pages: int
    files: int
    all_files: int
    file: str
    seconds_left: float | None


Report = Callable[[IngestProgress], None]
"""Told whenever something was read or written."""


def count_pages(articles: Sequence[Article]) -> int:
    """The pages of articles; one that has none counts as one."""
    return sum(1 if article.pages is None else len(article.pages.starts) for article in articles)


class ProgressTracker:
    """Watches what is read, and what is written.

    Parameters
    ----------
    files : sequence of Path
        In the order in which they are read.
    report : callable
        Told how far it is.
    clock : callable
        Gives seconds.
    """

    def __init__(self, files: Sequence[Path], report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._files, self._report, self._clock = files, report, clock
        self._numbers = {file_source(file): number for number, file in enumerate(files)}
        self._begun = clock()
        self._articles = self._pages = self._current = self._bytes = 0
        self._is_over = False

    def watch(self, found: Iterator[FoundItem]) -> Iterator[FoundItem]:
        """The same, while it is noted how far the reading is."""
        for item in found:
            self._note(item)
            self._tell()
            yield item
        self._is_over = True
        self._tell()

    def note_written(self, articles: Sequence[Article]) -> None:
        """Note what was written."""
        self._articles += len(articles)
        self._pages += count_pages(articles)
        self._tell()

    def _note(self, item: FoundItem) -> None:
        source = item.source if isinstance(item, Article | FileEnd | KnownFile) else item.path
        number = self._numbers.get(source)
        if number is not None and number != self._current:
            self._current, self._bytes = number, 0
        if isinstance(item, Article):
            self._bytes += len(item.text.encode("utf-8", "replace"))

    def _tell(self) -> None:
        total = len(self._files)
        done = total if self._is_over else self._current
        file = str(self._files[self._current]) if self._files else ""
        self._report(IngestProgress(self._articles, self._pages, done, total, file, self._seconds_left()))

    def _seconds_left(self) -> float | None:
        if self._is_over or not self._files:
            return None
        share = (self._current + self._share_of_file()) / len(self._files)
        return (self._clock() - self._begun) * (1 - share) / share if share else None

    def _share_of_file(self) -> float:
        """How much was read of the present file, as far as the articles in it tell: a file may hold thousands."""
        try:
            size = self._files[self._current].stat().st_size
        except OSError:
            return 0.0
        return min(1.0, self._bytes / size) if size else 0.0
