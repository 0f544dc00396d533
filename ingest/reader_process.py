"""Reads files for another process: `python -m ingest.reader_process`, tasks in and what was found out, both pickled.

What a file does to its reader, be it that it crashes, takes all memory or never ends, befalls this process alone.
"""

import os
from collections.abc import Iterator
from multiprocessing.connection import Connection

from ingest.known_files import FoundItem, read_marked_file
from ingest.readers import ReadFailure
from rag.types import Article

_MAX_MEMORY_BYTES = 4_000_000_000
"""Address space: more than the longest article takes in any format, less than would starve the rest of a machine."""
_CHARS_PER_PART = 200_000
"""Text that is handed over together."""


def _main() -> None:
    tasks, found = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # what a library prints is no part of what was found
    _limit_memory()
    while True:
        try:
            file, root, max_chars, ocr = tasks.recv()
        except EOFError:
            return
        found.send([])  # its time counts from now: starting may take as long as reading
        try:
            for part in _parts(read_marked_file(file, root, max_chars, ocr)):
                found.send(part)
        except MemoryError:
            found.send([ReadFailure(str(file), "It takes too much memory to read: it is damaged, or far too large.")])
        found.send(None)


def _parts(items: Iterator[FoundItem]) -> Iterator[list[FoundItem]]:
    part: list[FoundItem] = []
    chars = 0
    for item in items:
        part.append(item)
        chars += len(item.text) if isinstance(item, Article) else 0
        if chars > _CHARS_PER_PART:
            yield part
            part, chars = [], 0
    yield part


def _limit_memory() -> None:
    """Where the system can: elsewhere time alone is limited."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _main()
