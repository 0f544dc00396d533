"""The index: articles and their chunks in two Qdrant collections, whatever runs Qdrant.

An article's point is written after its chunks and is the commit: chunks of a revision that no article point
names are invisible, and are swept by the next ingest. A kill at any moment therefore leaves every article
whole or absent.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal, Protocol
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from rag.embedding import PassageVectors, QuestionVectors
from rag.embedding.bm25 import SparseVector
from rag.errors import NotFoundError, PipelineError, StoreError
from rag.language.text import folded
from rag.store import quantization as octets
from rag.store.candidates import VIEWS, Candidates, Payload, Scores, flat
from rag.store.fingerprint import Pipeline
from rag.types import Article, Chunk, Filters, Language, Span

Collection = Literal["articles", "chunks"]

_NAMESPACE = UUID("b9a3f6f2-6d0c-4c86-9d5e-5f0f3f0f7a11")
_FLOATS_PER_WRITE = 400_000
"""Vectors of one request: about 5 MB as JSON, well under a Qdrant server's 32 MB."""
_PER_READ = 256
CANDIDATE_FIELDS = ("article_id", "revision", "language", "span", "sentences")
"""Payload of a chunk that a search gives back."""
_ISO_DATE = re.compile(r"([0-9]{4}(?:-[0-9]{2}){0,2})(?:T.*)?")
"""A year, month, day or moment; the group is at most the day."""


@dataclass(frozen=True, slots=True)
class Record:
    """A stored point: its id, the payload fields asked for, the vectors asked for."""

    id: str
    payload: Payload
    vectors: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """A question in every view, as the encoder gives it, and lexical."""

    encoded: QuestionVectors
    lexical: SparseVector


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk with its vectors; the passage's parts are its title and its sentences, `sentences` has a row for each
    sentence."""

    chunk: Chunk
    passage: PassageVectors
    sentences: NDArray[np.float32]
    lexical: SparseVector


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells the sentences of a chunk apart: `sentences` (n, sentence_dimension), and for each of them the vectors
    of its tokens (tokens, token_dimension)."""

    sentences: NDArray[np.float32]
    tokens: tuple[NDArray[np.float32], ...]


class Engine(Protocol):
    """What the two Qdrants must do: the smallest set of calls that behaves the same on both."""

    def open(self, sizes: Mapping[str, int]) -> None:
        """Open or create the collections, with vectors of these lengths and an index of the chunks' `article_id`;
        raises PipelineError when the vectors are others."""

    def upsert(self, collection: Collection, points: Sequence[Record]) -> None:
        """Write points; when it returns they are durable and visible."""

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """Remove points by id; unknown ids are no error."""

    def retrieve(self, collection: Collection, ids: Sequence[str], vectors: Sequence[str] = ()) -> list[Record]:
        """Points by id, in any order, the unknown ones left out."""

    def scroll(self, collection: Collection, fields: Sequence[str]) -> Iterator[Record]:
        """Every point, with these payload fields."""

    def count(self, collection: Collection) -> int:
        """Number of points."""

    def search(self, query: QueryVectors, dense: int, lexical: int, articles: Sequence[str] | None = None) -> Scores:
        """One call: the best `dense` and `lexical` chunks by those views, each scored by all views; of these `articles`
        alone, when any are given. A view asked for 0 chunks finds none; it scores all the same."""

    def settle(self) -> None:
        """After many writes: make searches fast again."""

    def close(self) -> None:
        """Release everything; the engine is not used again."""


@dataclass(frozen=True, slots=True)
class Head:
    """What an ingest must know of a stored article."""

    id: str
    title: str
    revision: str
    source: str
    chunks: int
    language: Language
    url: str | None
    date: str | None
    topic: str | None


class Store:
    """Articles and chunks of one pipeline. Safe to use from several threads as far as the engine is."""

    def __init__(self, engine: Engine, pipeline: Pipeline) -> None:
        self._engine = engine
        self.pipeline = pipeline
        engine.open(pipeline.sizes)
        try:
            self._check_pipeline()
            self._chunks = engine.count("chunks")
        except StoreError:
            engine.close()
            raise

    def close(self) -> None:
        """Release the index; the store is not used again."""
        self._engine.close()

    # Writing

    def write(self, article: Article, chunks: Sequence[EmbeddedChunk]) -> None:
        """Put an article in the index in place of any earlier revision: whole, or (killed) not at all."""
        points = [_chunk_point(chunk) for chunk in chunks]
        weight = max((chunk.passage.tokens.size + chunk.sentences.size for chunk in chunks), default=0) + 1
        step = max(1, _FLOATS_PER_WRITE // weight)
        for at in range(0, len(points), step):
            self._engine.upsert("chunks", points[at : at + step])
        earlier = self._chunk_ids([article.id])
        spans = [[chunk.chunk.start, chunk.chunk.end] for chunk in chunks]
        self._engine.upsert("articles", [_article_point(article, spans, self.pipeline)])
        current = {point.id for point in points}
        self._engine.delete("chunks", [key for key in earlier if key not in current])

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out of the index; unknown ids are no error."""
        chunks = self._chunk_ids(article_ids)
        self._engine.delete("articles", [_article_key(key) for key in article_ids])
        self._engine.delete("chunks", chunks)

    def sweep(self) -> int:
        """Remove the chunks that a killed ingest left behind; returns how many. Free when there are none."""
        heads = self.heads()
        if self._engine.count("chunks") == sum(head.chunks for head in heads.values()):
            return 0
        stale = [
            record.id
            for record in self._engine.scroll("chunks", ["article_id", "revision"])
            if (head := heads.get(record.payload["article_id"])) is None or head.revision != record.payload["revision"]
        ]
        self._engine.delete("chunks", stale)
        return len(stale)

    def incomplete(self) -> set[str]:
        """Articles with fewer chunks than they were written with: a damaged index. Free when the counts agree."""
        heads = self.heads()
        if self._engine.count("chunks") == sum(head.chunks for head in heads.values()):
            return set()
        scrolled = self._engine.scroll("chunks", ["article_id", "revision"])
        held = Counter((record.payload["article_id"], record.payload["revision"]) for record in scrolled)
        return {key for key, head in heads.items() if held[key, head.revision] < head.chunks}

    def settle(self) -> None:
        """After many writes: make searches fast again."""
        self._engine.settle()
        self._chunks = self._engine.count("chunks")

    # Reading

    def check(self) -> int:
        """The number of chunks, asked of the engine now; raises StoreError when it cannot answer."""
        return self._engine.count("chunks")

    @property
    def chunk_count(self) -> int:
        """Chunks in the index when it was opened or last settled."""
        return self._chunks

    def heads(self) -> dict[str, Head]:
        """Every article without its text, by id."""
        records = self._engine.scroll("articles", _HEAD_FIELDS)
        return {record.payload["id"]: _head(record.payload) for record in records}

    def article(self, article_id: str) -> Article:
        """One article; raises NotFoundError."""
        found = self.articles([article_id])
        if not found:
            raise NotFoundError(f"There is no article with the id {article_id!r}.")
        return found[article_id]

    def articles(self, article_ids: Iterable[str]) -> dict[str, Article]:
        """Articles by id, the unknown ones left out."""
        keys = [_article_key(key) for key in dict.fromkeys(article_ids)]
        records = (
            self._engine.retrieve("articles", keys[at : at + _PER_READ]) for at in range(0, len(keys), _PER_READ)
        )
        return {record.payload["id"]: _article(record.payload) for group in records for record in group}

    def matching(self, filters: Filters) -> list[str]:
        """Ids of the articles that fit `filters`; ids that the filters name alone are taken as they are."""
        if filters.articles and filters == Filters(articles=filters.articles):
            return list(filters.articles)  # named outright: nothing need be read
        topics = {folded(topic) for topic in filters.topics}
        return [key for key, head in self.heads().items() if _fits(head, filters, topics)]

    def candidates(
        self, query: QueryVectors, dense: int, lexical: int, articles: Sequence[str] | None = None
    ) -> Candidates:
        """One round trip: the best `dense` and `lexical` chunks by those views, each scored by all views; of these
        `articles` alone, when they are given. With 0, what that view finds is left out.

        They may include chunks of a revision that is not committed: compare with `articles`.
        """
        if articles is not None and not articles:
            return Candidates({}, np.zeros((0, len(VIEWS))))
        encoded = query.encoded
        asked = {"tokens": octets.of_question(encoded.tokens), "sentence": octets.of_question(encoded.sentence[None])}
        kept = encoded._replace(tokens=asked["tokens"].octets, sentence=asked["sentence"].octets[0])
        found = self._engine.search(QueryVectors(kept, query.lexical), dense, lexical, articles)
        columns = [asked[view].scores(found.column(view)) if view in asked else found.column(view) for view in VIEWS]
        return Candidates(found.payloads, np.nan_to_num(np.stack(columns, axis=1)))

    def evidence(self, chunk_ids: Sequence[str]) -> dict[str, Evidence]:
        """The vectors of chunks' sentences, by chunk id; unknown ids are left out."""
        records = self._engine.retrieve("chunks", chunk_ids, ["tokens", "sentence"])
        return {record.id: _evidence(record) for record in records}

    def _chunk_ids(self, article_ids: Sequence[str]) -> list[str]:
        records = self._engine.retrieve("articles", [_article_key(key) for key in article_ids])
        return [
            chunk_key(record.payload["id"], record.payload["revision"], Span(*span))
            for record in records
            for span in record.payload["spans"]
        ]

    def _check_pipeline(self) -> None:
        for record in self._engine.scroll("articles", ["pipeline", "made_by"]):
            if record.payload["pipeline"] != self.pipeline.fingerprint:
                raise PipelineError(
                    f"The index was made by another pipeline ({record.payload['made_by']}) than the one set now "
                    f"({self.pipeline}). Set those settings again, or ingest into another DALIL_DATA_DIR "
                    "or DALIL_QDRANT_PREFIX."
                )
            return


def _fits(head: Head, filters: Filters, topics: Set[str]) -> bool:
    return (
        (not filters.articles or head.id in filters.articles)
        and (not topics or (head.topic is not None and folded(head.topic) in topics))
        and (not filters.languages or head.language in filters.languages)
        and _within(head.date, filters.date_from, filters.date_to)
    )


def _within(date: str | None, first: str | None, last: str | None) -> bool:
    """Whether an article's date overlaps a range: ISO dates are in order as strings, and each is cut to the coarser."""
    if first is None and last is None:
        return True
    iso = _ISO_DATE.fullmatch(date or "")
    if iso is None:
        return False
    day = iso[1]
    return (first is None or day >= first[: len(day)]) and (last is None or day[: len(last)] <= last)


def chunk_key(article_id: str, revision: str, span: Span) -> str:
    """The point id of a chunk: the same chunk of the same revision is the same point."""
    return str(uuid5(_NAMESPACE, f"chunk\0{article_id}\0{revision}\0{span.start}\0{span.end}"))


def _article_key(article_id: str) -> str:
    return str(uuid5(_NAMESPACE, f"article\0{article_id}"))


def _article_point(article: Article, spans: list[list[int]], pipeline: Pipeline) -> Record:
    payload = asdict(article) | {
        "spans": spans,
        "chunks": len(spans),
        "pipeline": pipeline.fingerprint,
        "made_by": str(pipeline),
    }
    return Record(_article_key(article.id), payload)


def _article(payload: Payload) -> Article:
    return Article(**{name: payload[name] for name in _ARTICLE_FIELDS})


def _head(payload: Payload) -> Head:
    return Head(**{name: payload[name] for name in _HEAD_FIELDS})


def _chunk_point(embedded: EmbeddedChunk) -> Record:
    chunk = embedded.chunk
    span = Span(chunk.start, chunk.end)
    payload = {
        "article_id": chunk.article_id,
        "revision": chunk.revision,
        "language": chunk.language,
        "span": list(span),
        "sentences": flat(chunk.sentences),
        "tokens": list(embedded.passage.counts),
    }
    vectors = {
        "dense": embedded.passage.dense.tolist(),
        "tokens": octets.of_passage(embedded.passage.tokens).tolist(),
        "sentence": octets.of_passage(embedded.sentences).tolist(),
        "lexical": embedded.lexical,
    }
    return Record(chunk_key(chunk.article_id, chunk.revision, span), payload, vectors)


def _evidence(record: Record) -> Evidence:
    tokens = octets.as_vectors(np.asarray(record.vectors["tokens"], np.float32))
    ends = np.cumsum(record.payload["tokens"])
    of_sentences = tuple(tokens[start:end] for start, end in pairwise(ends))
    return Evidence(octets.as_vectors(np.asarray(record.vectors["sentence"], np.float32)), of_sentences)


_ARTICLE_FIELDS = [item.name for item in fields(Article)]
_HEAD_FIELDS = [item.name for item in fields(Head)]
