"""What runs the index: the smallest set of calls that behaves the same on a Qdrant in a folder and on a server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from rag.embedding.bm25 import SparseVector
from rag.store.filters import ChunkFilter
from rag.store.fingerprint import IndexConfig

if TYPE_CHECKING:
    from rag.store.floor import FloorFile

Collection = Literal["articles", "chunks"]
Payload = dict[str, Any]

KEYWORD_FIELDS: dict[Collection, tuple[str, ...]] = {
    "articles": ("topic",),
    "chunks": ("article_id", "topic", "article_language"),
}
INTEGER_FIELDS: dict[Collection, tuple[str, ...]] = {
    "articles": ("stored_at", "chunks"),
    "chunks": ("first_day", "last_day"),
}
"""Payload fields with an index: those that are filtered, counted or ordered by."""

WRITTEN_AT = "written_at"
"""Payload of a chunk where several processes may write: milliseconds since 1970 by the clock of its writer."""

DELETED_THRESHOLD, VACUUM_MIN_VECTORS = 0.01, 1
"""Share and number of deleted points from which a segment is rewritten: until that Qdrant counts them in the document
frequencies of its own, and keeps their vectors."""


@dataclass(frozen=True, slots=True)
class Point:
    """A stored point.

    Attributes
    ----------
    id : str
        A UUID.
    payload : dict
        All of it, or the fields that were asked for.
    vectors : dict
        By representation, those that were asked for.
    """

    id: str
    payload: Payload
    vectors: dict[str, Any] = field(default_factory=dict)


class VectorQuery(NamedTuple):
    """The chunks nearest to a vector in one representation.

    Attributes
    ----------
    representation : str
        Name of the vectors that are compared.
    vector : list or SparseVector
        Of the query: flat, a list of rows, or sparse.
    limit : int
        Chunks at most.
    filter : ChunkFilter or None
        Restricts the chunks by their payload.
    ids : sequence or None
        Restricts them to these points, as `ScoredPoint.id` has them.
    fields : tuple of str
        Payload to give back.
    """

    representation: str
    vector: Any
    limit: int
    filter: ChunkFilter | None = None
    ids: Sequence[Any] | None = None
    fields: tuple[str, ...] = ()


class WeighedTerms(NamedTuple):
    """A query's lexical vector as it is sent to the index.

    Attributes
    ----------
    vector : SparseVector
        With the rarity of terms in its weights, where the index does not see to that by itself.
    chunks : int
        Of the index, as far as the engine knows without looking.
    """

    vector: SparseVector
    chunks: int


class Weighing(NamedTuple):
    """What weighs the terms of a query, while the index is asked for it.

    Attributes
    ----------
    expected : WeighedTerms or None
        As they were weighed for the query before, which mostly still holds; None where that is not known.
    result : callable
        Waits for what the index says.
    """

    expected: WeighedTerms | None
    result: Callable[[], WeighedTerms]


class ScoredPoint(NamedTuple):
    """A chunk that a query found.

    Attributes
    ----------
    id : object
        As the engine has it.
    key : int
        The number of its UUID: hashing a UUID or writing it out costs more than a score.
    score : float
        Of the representation that was asked.
    payload : dict
        The fields that were asked for.
    """

    id: Any
    key: int
    score: float
    payload: Payload


class Counts(NamedTuple):
    """How many articles and chunks."""

    articles: int
    chunks: int


class Rebuild(NamedTuple):
    """Another version of the index that is built beside it.

    Attributes
    ----------
    name : str
        Of the version.
    articles, of_articles : int
        That it has, and that the index has.
    """

    name: str
    articles: int
    of_articles: int


class Engine(Protocol):
    """Two collections of points, `articles` and `chunks`.

    Attributes
    ----------
    floor : FloorFile or None
        Where the least is kept that the index must hold; None where other processes write to the same index.
    """

    @property
    def floor(self) -> "FloorFile | None": ...

    def open(self, config: IndexConfig, reads_articles: bool = False) -> None:
        """Open or create the collections and the indexes of their payload fields.

        Parameters
        ----------
        config : IndexConfig
            What the index is to hold.
        reads_articles : bool
            Whether articles alone will be read, so that vectors of other lengths are let pass where that is possible.

        Raises
        ------
        IndexMismatchError
            When the vectors in the index are others.
        StoreError
            When the index cannot be opened.
        """

    def check_space(self, points: Sequence[Point]) -> None:
        """Make sure that there is room for points that are written in several calls of `upsert`.

        Raises
        ------
        StorageFullError
            When there is not; nothing has been written.
        """

    def upsert(self, collection: Collection, points: Sequence[Point]) -> None:
        """Write points; when it returns they are visible, and outlive the process.

        Raises
        ------
        StorageFullError
            When there is no room for them; none has been written.
        """

    def set_payload(self, collection: Collection, fields: Mapping[str, Payload]) -> None:
        """Set payload fields of points, given by id, and leave all else of them; unknown ids are no error."""

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """Remove points by id; unknown ids are no error."""

    def delete_unchanged(self, chunks: Sequence[Point]) -> None:
        """Remove chunks that were read by `scroll`, but those that were written again since."""

    def find_other_writers(self) -> int | None:
        """Since when other processes have been writing to the same index, as `WRITTEN_AT` has it; None without any."""

    def retrieve(
        self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = (), unread: Sequence[str] = ()
    ) -> list[Point]:
        """Points by id in any order, the unknown ones left out, with their payload, of which the fields in `unread`
        need not come."""

    def scroll(self, collection: Collection, fields: Sequence[str]) -> Iterator[Point]:
        """Every point, with these payload fields, in any order."""

    def newest(self, collection: Collection, fields: Sequence[str], limit: int) -> list[Point]:
        """The points with the greatest `stored_at`, greatest first."""

    def count(self, collection: Collection, exact: bool = True) -> int:
        """Number of points; not exact: as far as the engine knows without looking."""

    def count_whole_chunks(self) -> int:
        """Number of chunks that have all their vectors, as far as the engine can tell."""

    def count_values(self, collection: Collection, field: str, limit: int) -> dict[str, int]:
        """The most frequent values of a keyword field, each with the number of its points."""

    def begin_weighing(self, terms: SparseVector) -> Weighing:
        """Begin to read what weighs the terms of a query."""

    def find_and_score(
        self, finders: Sequence[VectorQuery], vectors: Mapping[str, Any], fields: tuple[str, ...]
    ) -> dict[str, list[ScoredPoint]]:
        """The chunks that any finder finds, scored by each representation; one round trip on a server.

        Parameters
        ----------
        finders : sequence of VectorQuery
            Of some of the representations.
        vectors : mapping of str to vector
            Of the query, by representation, `dense` among them.
        fields : tuple of str
            Payload to give back.

        Returns
        -------
        dict of str to list of ScoredPoint
            By representation; those of `dense` are all, and have the payload. Empty when nothing is found.
        """

    def flush(self) -> None:
        """Make what was written outlive the machine.

        Raises
        ------
        StorageFullError
            When there is no room to do so.
        """

    def optimize(self) -> None:
        """After many writes: make searches fast again. Where there is no room to do so, they stay as they are."""

    def find_rebuild(self) -> Rebuild | None:
        """What is built beside the index, or was begun to be."""

    @property
    def is_outdated(self) -> bool:
        """Whether another version, made for other queries, took the place of what is read."""

    @property
    def is_remote(self) -> bool:
        """Whether each call is a round trip to another machine, so that several are better begun at once."""

    def close(self) -> None:
        """Release everything; the engine is not used again."""
