"""Make the index say what the files say: plan, then apply.

The same input twice changes nothing, an edited article replaces its chunks, and articles are written whole, so
a run that was killed is finished by the next one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ingest.chunker import split
from ingest.readers import UPLOADED, Failure, files, read
from rag.embedding import Encoder
from rag.embedding.bm25 import lexical_vector
from rag.language.text import plain
from rag.store import EmbeddedChunk, Head, Store
from rag.types import Article

_BATCH_CHARS = 60_000
"""Text embedded together: enough for batches of like length, little enough that a kill loses seconds of work."""

Progress = Callable[[int, int], None]
"""Called with (articles done, articles to do)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync would do. Article ids, in order of reading; `unchanged` ones are not touched."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


class Sync:
    """Files on one side, the index on the other."""

    def __init__(self, store: Store, chunk_tokens: int, longest: int) -> None:
        self._store, self._chunk_tokens, self._longest = store, chunk_tokens, longest

    def plan(self, paths: Sequence[Path], remove_missing: bool = False) -> Plan:
        """Compare files and index, writing nothing.

        With `remove_missing`, stored articles that no file gave are to be removed, except uploads, which never came
        from one, and those of files that failed to read: a file that cannot be read today does not lose its article.
        Raises InputError when there is nothing to read, so that a mistyped folder removes nothing.
        """
        plan = Plan()
        heads = self._store.heads()
        damaged = self._store.incomplete()
        seen: dict[str, str] = {}
        for found in self._read(paths):
            if isinstance(found, Failure):
                plan.failed.append(found)
            elif found.id in seen:
                reason = f"Its id {found.id!r} is already taken by {seen[found.id]}. Give one of them another id."
                plan.failed.append(Failure(found.source, reason))
            else:
                seen[found.id] = found.source
                _group(plan, found, heads.get(found.id), damaged).append(found.id)
        if remove_missing:
            named = {path for failure in plan.failed for path in (failure.path, failure.path.rpartition(":")[0])}
            broken = {str(Path(path).resolve()) for path in named if path}
            missing = {key: head.source for key, head in heads.items() if key not in seen}
            plan.removed.extend(
                key for key, source in missing.items() if source not in broken and not source.startswith(UPLOADED)
            )
        return plan

    def apply(self, plan: Plan, paths: Sequence[Path], encoder: Callable[[], Encoder], progress: Progress) -> None:
        """Carry out a plan. `encoder` is called only when there is something to embed."""
        self._store.sweep()
        todo = set(plan.added) | set(plan.changed)
        total, done = len(todo), 0
        if todo:
            model = encoder()
            progress(0, total)
            for batch in _batches(self._wanted(paths, todo)):
                for article, chunks in embed(batch, self._chunk_tokens, model):
                    self._store.write(article, chunks)
                done += len(batch)
                progress(done, total)
        self._store.remove(plan.removed)
        if todo or plan.removed:
            self._store.settle()

    def _read(self, paths: Sequence[Path]) -> Iterator[Article | Failure]:
        for file, root in files(paths):
            yield from read(file, root, self._longest)

    def _wanted(self, paths: Sequence[Path], todo: set[str]) -> Iterator[Article]:
        left = set(todo)
        for found in self._read(paths):
            if isinstance(found, Article) and found.id in left:
                left.discard(found.id)
                yield found


def embed(
    articles: Sequence[Article], chunk_tokens: int, encoder: Encoder
) -> Iterator[tuple[Article, list[EmbeddedChunk]]]:
    """Each article with its chunks in every view, embedded in one pass so that texts of like length share a batch.

    The title goes before a chunk in every view but that of sentences, since a later chunk seldom names what it is
    about (measured on the gold set: docs/overview.md).
    """
    pairs = [(article, chunk) for article in articles for chunk in split(article, chunk_tokens)]
    parts = [[article.title, *(article.text[slice(*span)] for span in chunk.sentences)] for article, chunk in pairs]
    clean = [[plain(part) for part in of_chunk] for of_chunk in parts]
    passages = encoder.passages(clean)
    sentences = iter(encoder.sentences([part for of_chunk in clean for part in of_chunk[1:]]))
    embedded: dict[str, list[EmbeddedChunk]] = {article.id: [] for article in articles}
    for (article, chunk), vectors in zip(pairs, passages, strict=True):
        lexical = lexical_vector(f"{article.title}\n{chunk.text}")
        rows = np.array([next(sentences) for _ in chunk.sentences], np.float32)
        embedded[article.id].append(EmbeddedChunk(chunk, vectors, rows, lexical))
    for article in articles:
        yield article, embedded[article.id]


def _group(plan: Plan, article: Article, head: Head | None, damaged: set[str]) -> list[str]:
    if head is None:
        return plan.added
    same = (head.revision, head.source) == (article.revision, article.source) and article.id not in damaged
    return plan.unchanged if same else plan.changed


def _batches(articles: Iterator[Article]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    size = 0
    for article in articles:
        batch.append(article)
        size += len(article.text)
        if size >= _BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
