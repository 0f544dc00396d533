"""Adding one file in a thread of its own, so that the page can say how far it is."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple

from ingest.indexer import IndexResult
from ingest.progress import count_pages
from rag.types import Article

NoteWritten = Callable[[Sequence[Article]], None]
"""Given the articles of every batch once they are written."""


class Written(NamedTuple):
    """What was written of a file so far: numbers of articles and of their pages."""

    articles: int
    pages: int


def watch_adding(add: Callable[[NoteWritten], IndexResult]) -> Iterator[Written | IndexResult]:
    """How far the adding of a file is, after every batch, and at last what became of it.

    Parameters
    ----------
    add : callable
        Adds the file, and calls what it is given after every batch.
    """
    batches: SimpleQueue[Sequence[Article] | None] = SimpleQueue()
    with ThreadPoolExecutor(1, thread_name_prefix="adding") as executor:
        result = executor.submit(add, batches.put)
        result.add_done_callback(lambda _: batches.put(None))
        articles = pages = 0
        while (batch := batches.get()) is not None:
            articles, pages = articles + len(batch), pages + count_pages(batch)
            yield Written(articles, pages)
        yield result.result()
