"""The index: articles and their chunks in two Qdrant collections, whatever runs Qdrant.

An article's point is written after its chunks and is the commit: chunks of a revision that no article point names are
invisible, and are deleted by the next ingest. A kill at any moment therefore leaves every article whole or absent.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress

from rag.embedding.bm25 import SparseVector
from rag.errors import IndexDamagedError, IndexMismatchError, NotFoundError, StoreError
from rag.store.candidates import Candidates
from rag.store.engine import Counts, Engine, Rebuild, Weighing
from rag.store.fingerprint import IndexConfig
from rag.store.integrity import REMOVED_TOGETHER, Damage, Integrity, read_summaries
from rag.store.points import (
    SUMMARY_FIELDS,
    UNREAD_FIELDS,
    ArticleSummary,
    EmbeddedChunk,
    FileMark,
    SentenceVectors,
    article_point,
    article_point_id,
    chunk_point,
    chunk_point_ids,
    read_article,
    read_sentence_vectors,
    read_summary,
)
from rag.store.search import SearchQuery, find_candidates
from rag.types import NO_FILTERS, Article, Filters

_MAX_FLOATS_PER_WRITE = 400_000
"""Vectors of one request: about 5 MB as JSON, well under a Qdrant server's 32 MB."""
_ARTICLES_PER_READ, _ARTICLES_PER_BATCH = 256, 16
"""Of a request, whose answer may be one list; of what is held in memory where all are read."""
_MAX_TOPICS = 1000


class Store:
    """Articles and chunks of one index. Safe to use from several threads as far as the engine is.

    Parameters
    ----------
    engine : Engine
        Runs the index; closed with the store.
    config : IndexConfig
        What the index holds.
    accepts_damage : bool
        Whether to open an index that has lost articles, to read what is left. Nothing may be written to it.
    accepts_other_config : bool
        Whether to open an index made with another configuration, to read its articles. Nothing may be written to it.

    Raises
    ------
    IndexMismatchError
        When the index was made with another configuration.
    IndexDamagedError
        When it holds less than was put into it.
    StoreError
        When it cannot be opened.
    """

    def __init__(
        self, engine: Engine, config: IndexConfig, accepts_damage: bool = False, accepts_other_config: bool = False
    ) -> None:
        self._engine = engine
        self.config = config
        self._clock = _UniqueClock()
        self._integrity = Integrity(engine)
        self._changing = threading.RLock()
        engine.open(config, accepts_other_config)
        try:
            if not accepts_other_config:
                self._check_config()
            with suppress(IndexDamagedError) if accepts_damage else nullcontext():
                self._integrity.load()
        except StoreError:
            engine.close()
            raise

    def close(self) -> None:
        """Release the index; the store is not used again."""
        with self._changing, suppress(StoreError):  # what is not confirmed is when the index is opened next
            self._integrity.confirm()
        self._engine.close()

    # Writing

    def write(self, article: Article, chunks: Sequence[EmbeddedChunk]) -> None:
        """Put an article in the index in place of any earlier revision: whole, or (killed) not at all.

        Raises
        ------
        StorageFullError
            When there is no room for all of it; nothing has been written.
        """
        points = [chunk_point(article, chunk) for chunk in chunks]
        floats = max((chunk.passage.tokens.size + chunk.sentences.size for chunk in chunks), default=0) + 1
        step = max(1, _MAX_FLOATS_PER_WRITE // floats)
        committed = article_point(article, [chunk.chunk for chunk in chunks], self.config, self._clock.now())
        self._engine.check_space([*points, committed])
        with self._changing:
            for at in range(0, len(points), step):
                self._engine.upsert("chunks", points[at : at + step])
            earlier, current = self._chunk_ids([article.id]), {point.id for point in points}
            self._integrity.begin_change(0, max(0, len(earlier) - len(current)))
            self._engine.upsert("articles", [committed])
            self._engine.delete("chunks", [chunk_id for chunk_id in earlier if chunk_id not in current])

    def date_articles(self, stored_at: Mapping[str, int]) -> None:
        """Have articles, given by id, count as written when they were first, in nanoseconds since 1970."""
        with self._changing:
            self._engine.set_payload(
                "articles", {article_point_id(one): {"stored_at": when} for one, when in stored_at.items()}
            )

    def mark_articles(self, marks: Mapping[str, FileMark]) -> None:
        """Keep with articles, given by id, what tells whether their files have changed; unknown ids are no error."""
        with self._changing:
            self._engine.set_payload(
                "articles", {article_point_id(article_id): {"mark": list(mark)} for article_id, mark in marks.items()}
            )

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out of the index, a few at a time; unknown ids are no error."""
        for at in range(0, len(article_ids), REMOVED_TOGETHER):
            with self._changing:
                group = article_ids[at : at + REMOVED_TOGETHER]
                chunk_ids = self._chunk_ids(group)
                self._integrity.begin_change(len(group), len(chunk_ids))
                self._engine.delete("articles", [article_point_id(article_id) for article_id in group])
                self._engine.delete("chunks", chunk_ids)

    def delete_orphans(self) -> int:
        """Delete the chunks that a killed ingest left behind, and none that another process may be about to commit;
        returns how many. Free when there are none.

        Raises
        ------
        IndexDamagedError
            When they are of more articles than one leaves behind; they are kept.
        """
        with self._changing:
            orphans = self._integrity.find_orphans()
            self._engine.delete_unchanged(orphans)
        return len(orphans)

    def flush(self) -> None:
        """Make what was written outlive the machine; `optimize` does so, too."""
        with self._changing:
            self._integrity.confirm()

    def optimize(self) -> None:
        """After many writes: make searches fast again."""
        with self._changing:
            self._engine.optimize()
            self._integrity.confirm()

    # Damage

    def find_incomplete(self) -> set[str]:
        """Ids of articles with fewer chunks than they were written with (damage). Free when the counts agree."""
        return self._integrity.find_incomplete()

    def count_exactly(self) -> Counts:
        """Numbers of articles, and of chunks with all their vectors; slower than the two counts apart."""
        return self._integrity.count_present()

    def find_damage(self) -> Damage | None:
        """What the index lacks, by counts alone."""
        damage = self._integrity.find_damage()
        if damage is None:
            return None
        with self._changing:  # it may have been a change between two counts
            return self._integrity.find_damage()

    def check_integrity(self) -> None:
        """Compare counts, at about a millisecond. Free where other processes write to the index, which they change.

        Raises
        ------
        IndexDamagedError
            When the index holds less than was put into it.
        """
        damage = self.find_damage() if self._engine.floor is not None else None
        if damage is not None:
            raise IndexDamagedError(damage.message)

    # Reading

    def count_chunks(self) -> int:
        """Number of chunks, asked of the engine now: another process may write to the same index.

        Raises
        ------
        StoreError
            When the engine cannot answer.
        """
        return self._engine.count("chunks", exact=False)

    def count_articles(self) -> int:
        """Number of articles."""
        return self._engine.count("articles", exact=False)

    def count_topics(self) -> dict[str, int]:
        """The topics of articles, each with the number of its articles, most frequent first."""
        counts = self._engine.count_values("articles", "topic", _MAX_TOPICS)
        # Qdrant Edge goes on naming values whose points were all deleted.
        return {topic: count for topic, count in counts.items() if count}

    def count_health(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """What the texts of the articles were judged to be, each state with the number of its articles, and the ids of
        those that are not `ok`. Reads the whole list. Articles of earlier versions are not counted."""
        counts: Counter[str] = Counter()
        ids: dict[str, list[str]] = {}
        for point in self._engine.scroll("articles", ["id", "health"]):
            if state := point.payload.get("health"):
                counts[state] += 1
                if state != "ok":
                    ids.setdefault(state, []).append(point.payload["id"])
        return dict(counts.most_common()), {state: sorted(of_state) for state, of_state in ids.items()}

    def list_articles(self, limit: int, offset: int = 0) -> list[ArticleSummary]:
        """A page of the articles without their texts, the last written first."""
        points = self._engine.newest("articles", SUMMARY_FIELDS, offset + limit)
        return [read_summary(point.payload) for point in points[offset:]]

    def summarize_articles(self) -> dict[str, ArticleSummary]:
        """Every article without its text, by id. Reads the whole list: for an ingest, not for a request."""
        return read_summaries(self._engine)

    def get_article(self, article_id: str) -> Article:
        """One article.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        found = self.get_articles([article_id])
        if not found:
            raise NotFoundError(f"There is no article with the id {article_id!r}.")
        return found[article_id]

    def get_articles(self, article_ids: Iterable[str]) -> dict[str, Article]:
        """Articles by id, the unknown ones left out."""
        point_ids = [article_point_id(article_id) for article_id in dict.fromkeys(article_ids)]
        batches = (point_ids[at : at + _ARTICLES_PER_READ] for at in range(0, len(point_ids), _ARTICLES_PER_READ))
        points = (point for batch in batches for point in self._engine.retrieve("articles", batch, (), UNREAD_FIELDS))
        return {point.payload["id"]: read_article(point.payload) for point in points}

    def read_articles(self) -> Iterator[Article]:
        """Every article, the one written first first, each whole; without those that are removed meanwhile."""
        points = sorted(self._engine.scroll("articles", ["id", "stored_at"]), key=lambda one: one.payload["stored_at"])
        ids = [point.payload["id"] for point in points]
        for at in range(0, len(ids), _ARTICLES_PER_BATCH):
            batch = ids[at : at + _ARTICLES_PER_BATCH]
            articles = self.get_articles(batch)
            yield from (articles[article_id] for article_id in batch if article_id in articles)

    def list_configs(self) -> dict[str, str]:
        """The configurations that its articles were written with, as `str` of `IndexConfig` has them, by fingerprint;
        empty for those of an earlier Dalil. Reads the whole list."""
        points = self._engine.scroll("articles", ["fingerprint", "config"])
        return {point.payload.get("fingerprint", ""): point.payload.get("config") or "" for point in points}

    def find_rebuild(self) -> Rebuild | None:
        """Another version that is built beside the index, or was begun to be; None where there is none."""
        return self._engine.find_rebuild()

    @property
    def is_outdated(self) -> bool:
        """Whether another version, made for other queries, took the place of this index, which goes on as long as its
        collections are there."""
        return self._engine.is_outdated

    @property
    def is_remote(self) -> bool:
        """Whether each call is a round trip to another machine, so that several are better begun at once."""
        return self._engine.is_remote

    def begin_weighing(self, terms: SparseVector) -> Weighing:
        """Begin to read what weighs the terms of a query, for `SearchQuery.weighing`: the index is asked meanwhile.

        Parameters
        ----------
        terms : SparseVector
            As `lexical_vector` makes it.
        """
        return self._engine.begin_weighing(terms)

    def find_candidates(
        self, query: SearchQuery, dense: int, lexical: int, filters: Filters = NO_FILTERS
    ) -> Candidates:
        """The best chunks by two representations, each scored by all of them.

        Parameters
        ----------
        query : SearchQuery
            What to look for.
        dense, lexical : int
            Chunks that these representations find; with 0, what that one finds is left out.
        filters : Filters
            Which articles may be searched.

        Returns
        -------
        Candidates
            They may include chunks of a revision that is not committed: compare with `get_articles`.
        """
        return find_candidates(self._engine, query, {"dense": dense, "lexical": lexical}, filters)

    def sentence_vectors(self, chunk_ids: Sequence[str]) -> dict[str, SentenceVectors]:
        """The vectors of chunks' sentences, by chunk id; unknown ids are left out."""
        points = self._engine.retrieve("chunks", chunk_ids, ["tokens", "sentence"])
        return {point.id: read_sentence_vectors(point) for point in points}

    def _chunk_ids(self, article_ids: Sequence[str]) -> list[str]:
        points = self._engine.retrieve("articles", [article_point_id(article_id) for article_id in article_ids])
        return [chunk_id for point in points for chunk_id in chunk_point_ids(point.payload)]

    def _check_config(self) -> None:
        for point in self._engine.scroll("articles", ["fingerprint", "config"]):
            if point.payload.get("fingerprint") != self.config.fingerprint:
                made_with = point.payload.get("config") or "that of an earlier Dalil"
                raise IndexMismatchError(
                    f"The index was made with another configuration ({made_with}) than the one set now "
                    f"({self.config}). Set those settings again, or build it again with these: `dalil reindex`."
                )
            return


class _UniqueClock:
    """Nanoseconds since 1970, never the same twice."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return self._last
