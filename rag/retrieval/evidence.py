"""The vectors of the sentences of hits, begun to be read from a server as soon as it is known which are needed."""

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from rag.errors import StoreError
from rag.store import SentenceVectors, Store

_MAX_CHUNKS = 512
"""Kept for later questions: about 60 kB each, 30 MB. What a chunk's id names never changes."""
_READ_TOGETHER = 16


class EvidenceReader:
    """Reads sentence vectors; from a server ahead of time, and keeps those of the last hits.

    Parameters
    ----------
    store : Store
        That has them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading: OrderedDict[str, Future[dict[str, SentenceVectors]]] = OrderedDict()
        self._lock = Lock()
        self._executor = ThreadPoolExecutor(_READ_TOGETHER, thread_name_prefix="evidence")

    def begin(self, chunk_ids: Sequence[str]) -> None:
        """Begin to read those of chunks, where the store is another machine; what is in memory is read when needed."""
        if not self._store.is_remote:
            return
        with self._lock:
            missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in self._reading]
            if missing:
                read = self._executor.submit(self._store.sentence_vectors, missing)
                self._reading |= dict.fromkeys(missing, read)
            while len(self._reading) > _MAX_CHUNKS:
                self._reading.popitem(last=False)

    def read(self, chunk_ids: Sequence[str]) -> dict[str, SentenceVectors]:
        """Those of chunks by id; unknown ids are left out.

        Raises
        ------
        StoreError
            When they cannot be read.
        """
        self.begin(chunk_ids)
        with self._lock:
            reading = {chunk_id: self._reading[chunk_id] for chunk_id in chunk_ids if chunk_id in self._reading}
        found: dict[str, SentenceVectors] = {}
        for chunk_id, read in reading.items():
            with suppress(StoreError):  # of another question: it is asked for again
                if vectors := read.result().get(chunk_id):
                    found[chunk_id] = vectors
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in found]
        self._forget(missing)
        return found | (self._store.sentence_vectors(missing) if missing else {})

    def _forget(self, chunk_ids: Sequence[str]) -> None:
        with self._lock:
            for chunk_id in chunk_ids:
                self._reading.pop(chunk_id, None)
