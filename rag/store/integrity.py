"""Whether an index holds all that was put into it: by counts, which cost little, and article by article."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rag.errors import IndexDamagedError, StorageFullError
from rag.store.engine import WRITTEN_AT, Counts, Engine, Point
from rag.store.floor import Floor
from rag.store.points import SUMMARY_FIELDS, ArticleSummary, read_summary

_log = logging.getLogger(__name__)

REMOVED_TOGETHER = 8
"""Articles that are removed in one step: few, so that a process that dies in it leaves the chunks of few."""
_MAX_ORPHANED_ARTICLES = 2 * REMOVED_TOGETHER
"""A process that dies leaves chunks of the one article that it wrote, or of those that it removed together. More than
two such ends would leave are the chunks of articles that were lost."""
_MAX_CHUNK_COUNTS = 100_000
"""Different numbers of chunks that articles may have."""
_LOSS_REMEDY = (
    "`dalil export FILE` saves what is left. Move that folder away, then `dalil import` your last backup, or ingest "
    "your articles again."
)
_SERVER_REMEDY = "Restore a snapshot of its collections, or remove them and ingest your articles again."
_INCOMPLETE_REMEDY = "Their texts are whole: `dalil export FILE` and then `dalil import FILE` writes them again."


class Damage(NamedTuple):
    """What an index lacks.

    Attributes
    ----------
    present, expected : Counts
        What is there, and the least that must be.
    is_loss : bool
        Whether less is there than was kept count of: such an index is not opened.
    message : str
        What is missing and what to do, for people.
    """

    present: Counts
    expected: Counts
    is_loss: bool
    message: str


class Integrity:
    """Compares an index with what it must hold, and keeps count of that where the index is this process's alone.

    The count that is kept is a floor. It is lowered before anything is removed, and raised once what was written is
    durable: whenever the process dies, so much is there.

    Parameters
    ----------
    engine : Engine
        Open.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._floor: Floor | None = None
        self._unreadable: str | None = None
        self._incomplete = 0
        self._is_behind = False

    def load(self) -> None:
        """Read the floor, and raise it to what is there; begin one where there is none.

        Raises
        ------
        IndexDamagedError
            When less is there than the floor, or that cannot be read; it then stays as it is.
        """
        if self._engine.floor is None:
            return
        try:
            self._floor = self._engine.floor.read()
        except IndexDamagedError as error:
            self._unreadable = str(error)
        damage = self.find_damage()
        if damage is not None and damage.is_loss:
            raise IndexDamagedError(damage.message)
        if damage is not None or (self._floor is not None and (self._floor.is_copied or self._floor.incomplete)):
            self._incomplete = len(self._look_for_incomplete())
        self._is_behind = self._floor != self._raise_floor()
        self.confirm()

    # The floor

    def begin_change(self, articles: int, chunks: int) -> None:
        """Lower the floor by what the next change takes away at most."""
        self._is_behind = True
        if self._floor is not None:
            counts = self._floor.counts
            lowered = Counts(max(0, counts.articles - articles), max(0, counts.chunks - chunks))
            self._keep(Floor(lowered, self._incomplete))

    def confirm(self) -> None:
        """Make what was written durable, and raise the floor to it; where there is no room now, the next call does."""
        if not self._is_behind or self._engine.floor is None:
            return
        try:
            self._engine.flush()
            self._incomplete = len(self._look_for_incomplete()) if self._incomplete else 0
            self._keep(self._raise_floor())
            self._is_behind = False
        except StorageFullError as error:
            _log.warning("What was written is not counted yet. %s", error)

    def _raise_floor(self) -> Floor:
        """The floor as what is there allows it. Chunks that no article names are not counted: they will be deleted."""
        floor = self._floor.counts if self._floor else Counts(0, 0)
        present = self.count_present()
        chunks = max(floor.chunks, min(present.chunks, self._count_expected(present.articles)))
        return Floor(Counts(max(floor.articles, present.articles), chunks), self._incomplete)

    def _keep(self, floor: Floor) -> None:
        if self._engine.floor is not None and floor != self._floor:
            self._engine.floor.write(floor.counts, floor.incomplete)
            self._floor = floor

    # What is there

    def find_damage(self) -> Damage | None:
        """What is missing by the counts, at about a millisecond; nothing is read of the articles."""
        present = self.count_present()
        expected = self._count_expected(present.articles)
        floor = self._floor.counts if self._floor else Counts(0, 0)
        least = Counts(max(present.articles, floor.articles), max(expected, floor.chunks))
        is_loss = present.articles < floor.articles or present.chunks < floor.chunks
        if self._unreadable:
            return Damage(present, least, True, self._unreadable)
        if is_loss or present.chunks < expected or self._incomplete:
            return Damage(present, least, is_loss, self._describe(present, least, is_loss))
        return None

    def _describe(self, present: Counts, least: Counts, is_loss: bool) -> str:
        place = self._engine.floor.folder if self._engine.floor else "the Qdrant server"
        parts = [
            f"{there:,} of {number:,} {name}"
            for name, there, number in zip(Counts._fields, present, least, strict=True)
            if there < number
        ]
        parts += [f"{self._incomplete:,} articles without some of their chunks"] if self._incomplete else []
        remedy = _LOSS_REMEDY if is_loss else _INCOMPLETE_REMEDY
        return f"The index in {place} is damaged: it holds {', '.join(parts)}. {remedy}"

    def find_incomplete(self) -> set[str]:
        """Ids of articles without some of their chunks. Free where the counts agree."""
        return set() if self._has_all_chunks() and not self._incomplete else self._look_for_incomplete()

    def find_orphans(self) -> list[Point]:
        """Chunks that no article names, and no other process is about to commit. Free where the counts agree.

        Raises
        ------
        IndexDamagedError
            When they are of so many articles that these were lost.
        """
        if self._has_all_chunks():
            return []
        # Before the chunks are read, and after: whoever wrote one of them, and has not committed it, is among these.
        others = [self._engine.find_other_writers()]
        orphans = self._without_committed(self._scroll_chunks())
        orphans = self._without_committed(orphans) if orphans else []  # what was committed meanwhile
        others.append(self._engine.find_other_writers())
        since = min((one for one in others if one is not None), default=None)
        if since is not None:
            orphans = [point for point in orphans if point.payload.get(WRITTEN_AT, 0) < since]
        lost = {point.payload["article_id"] for point in orphans}
        if len(lost) > _MAX_ORPHANED_ARTICLES:
            raise IndexDamagedError(
                f"The index is damaged: {len(orphans):,} chunks are of {len(lost):,} articles that it does not name, "
                "too many for an ingest that was killed. They were not deleted. "
                f"{_LOSS_REMEDY if self._engine.floor else _SERVER_REMEDY}"
            )
        return orphans

    def _without_committed(self, chunks: Iterable[Point]) -> list[Point]:
        articles = read_summaries(self._engine)
        return [point for point in chunks if not _is_committed(point, articles)]

    def _has_all_chunks(self) -> bool:
        """Whether there are neither fewer chunks than articles were written with, nor more."""
        return self._engine.count("chunks") == self._count_expected(self._engine.count("articles"))

    def _look_for_incomplete(self) -> set[str]:
        present = Counter((point.payload["article_id"], point.payload["revision"]) for point in self._scroll_chunks())
        articles = read_summaries(self._engine)
        return {key for key, article in articles.items() if present[key, article.revision] < article.chunks}

    def count_present(self) -> Counts:
        """The articles, and the chunks that have all their vectors."""
        # Exactly: where an optimization was killed, Edge takes points for two that are in two segments.
        return Counts(self._engine.count("articles"), self._engine.count_whole_chunks())

    def _count_expected(self, articles: int) -> int:
        """The chunks that so many articles were written with."""
        by_chunks = self._engine.count_values("articles", "chunks", _MAX_CHUNK_COUNTS)
        if sum(by_chunks.values()) == articles:
            return sum(int(chunks) * number for chunks, number in by_chunks.items())
        # The index of that field is not whole: slower, and as good.
        return sum(point.payload["chunks"] for point in self._engine.scroll("articles", ["chunks"]))

    def _scroll_chunks(self) -> Iterator[Point]:
        return self._engine.scroll("chunks", ["article_id", "revision", WRITTEN_AT])


def read_summaries(engine: Engine) -> dict[str, ArticleSummary]:
    """Every article without its text, by id."""
    points = engine.scroll("articles", SUMMARY_FIELDS)
    return {point.payload["id"]: read_summary(point.payload) for point in points}


def _is_committed(chunk: Point, articles: dict[str, ArticleSummary]) -> bool:
    """Whether an article's point names the revision of a chunk."""
    article = articles.get(chunk.payload["article_id"])
    return article is not None and article.revision == chunk.payload["revision"]
