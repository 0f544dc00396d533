"""An ingest on the workers of a Ray cluster: they read files, split, embed and write whole articles to a server.

What is written and what is not is decided in one place, as without Ray; a worker writes an article's chunks and then
the article, which commits them. A batch whose worker was lost is written again by another: an article's points have the
same ids whoever writes them.
"""

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Self

from ingest.embedding import embed_articles
from ingest.known_files import FoundItem, KnownFile, read_marked_file
from ingest.object_stores import StoredObject
from ingest.reader_pool import ReadTask
from ingest.readers import ReadFailure
from ingest.readers.files import printable_path
from ingest.reasons import reason
from rag.embedding import embedding_spec, open_encoder
from rag.errors import InputError, StoreError
from rag.settings import Settings
from rag.store import IndexConfig, open_store
from rag.types import Article

if TYPE_CHECKING:
    from rag.store.server_versions import Version

_BATCHES_PER_WORKER, _READ_PER_WORKER = 2, 4
"""Sent ahead, so that none waits: the memory of the cluster bounds them."""
_READ_ATTEMPTS = 3
"""Of a file whose worker is lost, which the file itself may be to blame for."""
_SHARE_OF_CORE = 0.5
"""Of a reader and of a writer: while one waits for a disk or a server the other computes."""


class _Writer:
    """Runs in a worker's process, with an encoder and a connection of its own."""

    def __init__(self, settings: Settings, version: "Version | None") -> None:
        self._encoder, self._chunk_tokens = open_encoder(settings), settings.chunk_tokens
        config = IndexConfig.of(embedding_spec(settings), settings.chunk_tokens)
        self._store = open_store(settings, config, version=version)

    def write(self, articles: Sequence[Article]) -> int:
        """Embed and write articles, each whole."""
        for article, chunks in embed_articles(articles, self._chunk_tokens, self._encoder):
            self._store.write(article, chunks)
        return os.getpid()

    def close(self) -> None:
        self._store.close()


def _read(task: ReadTask | StoredObject) -> list[FoundItem]:
    """What a worker finds in a file that it can reach: on a disk that all share, or in an object store."""
    return list(task.read() if isinstance(task, StoredObject) else read_marked_file(*task))


class RayWorkers:
    """The workers of the cluster that `RAY_ADDRESS` names, or of one that is started here with a worker for each core.

    Parameters
    ----------
    settings : Settings
        Of a Qdrant server, which all workers reach.
    version : Version, optional
        Of the index; unset: the current one.

    Raises
    ------
    InputError
        When Ray is not installed, or the index is a folder, which one process owns.
    """

    def __init__(self, settings: Settings, version: "Version | None" = None) -> None:
        if not settings.qdrant_url:
            raise InputError("--workers ray needs a Qdrant server that all workers reach: set DALIL_QDRANT_URL.")
        try:
            import ray
        except ImportError as error:
            raise InputError("--workers ray needs Ray: pip install 'dalil[ray]'.") from error
        self._ray: Any = ray
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            ray.init(
                address=os.environ.get("RAY_ADDRESS") or "local",
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
            )
        self._count = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        # A worker is given a thread for its core, and no key of another service but those that it needs.
        self._settings = settings.model_copy(update={"threads": settings.threads or 1})
        self._version = version
        # Ray tells of a lost worker on standard output, where a program reads the result.
        self._redirection = redirect_stdout(sys.stderr)
        self._writers: list[Any] = []

    def __enter__(self) -> Self:
        self._redirection.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._redirection.__exit__(None, None, None)

    def read(self, tasks: Iterable[ReadTask | StoredObject | KnownFile]) -> Iterator[FoundItem]:
        """What is found in files, in their order, as `ReaderPool.read` gives it."""
        # Ray starts a task again whose worker was lost.
        read = self._ray.remote(num_cpus=_SHARE_OF_CORE, max_retries=_READ_ATTEMPTS - 1)(_read)
        ahead: deque[tuple[ReadTask | StoredObject | KnownFile, Any]] = deque()
        for task in tasks:
            ahead.append((task, None if isinstance(task, KnownFile) else read.remote(task)))
            if len(ahead) >= _READ_PER_WORKER * self._count:
                yield from self._take(*ahead.popleft())
        while ahead:
            yield from self._take(*ahead.popleft())

    def read_objects(self, objects: Iterable[StoredObject | KnownFile]) -> Iterator[FoundItem]:
        """What is found in documents of object stores, in their order."""
        yield from self.read(objects)

    def write(self, batches: Iterable[Sequence[Article]]) -> Iterator[list[Article]]:
        """Embed and write batches; gives each when it is written.

        Raises
        ------
        StoreError, EmbeddingError
            When a worker cannot, whose batch is not known to be written.
        """
        pending: dict[Any, list[Article]] = {}
        load: dict[Any, int] = {}
        for batch in batches:
            writer = self._choose_writer(load)
            pending[task := writer.write.remote(batch)] = list(batch)
            load[task] = self._writers.index(writer)
            if len(pending) >= _BATCHES_PER_WORKER * self._count:
                yield self._wait(pending, load)
        while pending:
            yield self._wait(pending, load)

    def close(self) -> None:
        """End the writers, and the cluster where it was started here."""
        for writer in self._writers:
            try:
                self._ray.get(writer.close.remote())
            except self._ray.exceptions.RayError:  # it is lost: its lease ends by itself
                continue
            self._ray.kill(writer)
        self._writers.clear()
        if self._is_ours:
            self._ray.shutdown()

    def _take(self, task: ReadTask | StoredObject | KnownFile, reading: Any) -> Iterator[FoundItem]:
        if isinstance(task, KnownFile):
            yield task
            return
        try:
            yield from self._ray.get(reading)
        except self._ray.exceptions.WorkerCrashedError:
            path = task.address if isinstance(task, StoredObject) else printable_path(task.file)
            yield ReadFailure(path, reason("reader_crash"))

    def _choose_writer(self, load: dict[Any, int]) -> Any:
        """One that has least to do; one more is started while there are cores."""
        counts = [list(load.values()).count(at) for at in range(len(self._writers))]
        if len(self._writers) < self._count and 0 not in counts:
            # A writer that is lost is started again, and given again what it had not finished.
            options = {"num_cpus": _SHARE_OF_CORE, "max_restarts": -1, "max_task_retries": -1}
            self._writers.append(self._ray.remote(**options)(_Writer).remote(self._settings, self._version))
            return self._writers[-1]
        return self._writers[counts.index(min(counts))]

    def _wait(self, pending: dict[Any, list[Article]], load: dict[Any, int]) -> list[Article]:
        [done], _ = self._ray.wait(list(pending), num_returns=1)
        try:
            self._ray.get(done)
        except self._ray.exceptions.RayActorError as error:
            raise StoreError(
                f"A worker of the Ray cluster was lost, and no other could be started: {error}."
            ) from error
        load.pop(done)
        return pending.pop(done)
