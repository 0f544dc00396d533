"""Articles and chunks as points of the index, and back."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from rag.addresses import web_address
from rag.embedding import PassageVectors
from rag.embedding.bm25 import SparseVector
from rag.language.resemblance import sketch_text
from rag.store.candidates import flatten_spans
from rag.store.engine import Payload, Point
from rag.store.filters import filter_fields
from rag.store.fingerprint import IndexConfig
from rag.store.quantization import dequantize, quantize_passages
from rag.types import Article, Chunk, Heading, Language, PageMap, Span

_NAMESPACE = UUID("b9a3f6f2-6d0c-4c86-9d5e-5f0f3f0f7a11")


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk with its vectors.

    Attributes
    ----------
    chunk : Chunk
        Its text and place.
    passage : PassageVectors
        Of its title and its sentences, which are its parts.
    sentences : array of float32
        (sentences, sentence_dimension).
    lexical : SparseVector
        Of its title and text.
    """

    chunk: Chunk
    passage: PassageVectors
    sentences: NDArray[np.float32]
    lexical: SparseVector


@dataclass(frozen=True, slots=True)
class SentenceVectors:
    """What tells the sentences of a chunk apart.

    Attributes
    ----------
    sentences : array of float32
        (sentences, sentence_dimension).
    tokens : tuple of array of float32
        Of each sentence, (tokens, token_dimension).
    title : array of float32
        Tokens of the article's title, (tokens, token_dimension).
    """

    sentences: NDArray[np.float32]
    tokens: tuple[NDArray[np.float32], ...]
    title: NDArray[np.float32]

    @classmethod
    def split(cls, tokens: NDArray[np.float32], counts: Sequence[int], sentences: NDArray[np.float32]) -> Self:
        """From the tokens of a passage, of which the first part is its title, and how many each part has."""
        title, *parts = (tokens[start:end] for start, end in pairwise(np.cumsum([0, *counts])))
        return cls(sentences, tuple(parts), title)


class FileMark(NamedTuple):
    """What tells whether a file still says what it said when an article was read from it.

    Attributes
    ----------
    digest : str
        Of the bytes of the file, and of all else that decides what is read from them.
    revision : str
        Of the article as it was read then: a mark of another revision says nothing.
    number, total : int
        Place of the article among those of the file, from 0, and how many these are.
    """

    digest: str
    revision: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class ArticleSummary:
    """A stored article without its text.

    Attributes
    ----------
    id, title, revision, source, language, url, date, topic, original, health
        As those of `Article`.
    chunks : int
        That it was written with.
    sketch : tuple of int
        Of its text (`rag.language.resemblance`); empty where an earlier version wrote it.
    mark : FileMark, optional
        Of the file that it was read from.
    chars, page_count : int, optional
        Code points of its text, and pages of its document; None where an earlier version wrote it, or it has none.
    stored_at : int, optional
        Nanoseconds since 1970.
    """

    id: str
    title: str
    revision: str
    source: str
    chunks: int
    language: Language
    url: str | None
    date: str | None
    topic: str | None
    sketch: tuple[int, ...] = field(default=(), compare=False)
    original: str | None = None
    mark: FileMark | None = field(default=None, compare=False)
    health: str | None = field(default=None, compare=False)
    chars: int | None = field(default=None, compare=False)
    page_count: int | None = field(default=None, compare=False)
    stored_at: int | None = field(default=None, compare=False)


_LATER_FIELDS = ("pages", "ocr", "headings", "health", "original")
_ARTICLE_FIELDS = [item.name for item in fields(Article) if item.name not in _LATER_FIELDS]
"""What is kept as it is."""
_COUNTS = ("chars", "page_count", "stored_at")
_OPTIONAL_FIELDS = ("sketch", "mark", "health", "original", *_COUNTS)
SUMMARY_FIELDS = [item.name for item in fields(ArticleSummary)]
"""Payload that a summary is made of."""
UNREAD_FIELDS = ("sketch", "mark", "spans", "chunks", "chars", "page_count", "fingerprint", "config", "stored_at")
"""Payload of an article that the article is not made of."""


def article_point_id(article_id: str) -> str:
    """The point id of an article."""
    return str(uuid5(_NAMESPACE, f"article\0{article_id}"))


def chunk_point_id(article_id: str, revision: str, span: Span) -> str:
    """The point id of a chunk: the same chunk of the same revision is the same point."""
    return str(uuid5(_NAMESPACE, f"chunk\0{article_id}\0{revision}\0{span.start}\0{span.end}"))


def article_point(article: Article, chunks: Sequence[Chunk], config: IndexConfig, stored_at: int) -> Point:
    """The point of an article, which commits its chunks.

    Parameters
    ----------
    article : Article
        The whole of it is kept.
    chunks : sequence of Chunk
        Those it was written with.
    config : IndexConfig
        Of the index.
    stored_at : int
        Nanoseconds since 1970, by which articles are listed.
    """
    pages = {} if article.pages is None else {"pages": asdict(article.pages)}
    ocr = {"ocr": [list(span) for span in article.ocr]} if article.ocr else {}
    headings = [[heading.start, heading.end, heading.level] for heading in article.headings]
    payload = (
        {name: getattr(article, name) for name in _ARTICLE_FIELDS}
        | pages
        | ocr
        | {
            "original": article.original,
            "spans": [[chunk.start, chunk.end] for chunk in chunks],
            "chunks": len(chunks),
            "chars": len(article.text),
            "page_count": len(article.pages.starts) if article.pages else None,
            "sketch": list(sketch_text(article.text)),
            "headings": headings,
            "health": article.health,
            "fingerprint": config.fingerprint,
            "config": str(config),
            "stored_at": stored_at,
        }
    )
    return Point(article_point_id(article.id), payload)


def read_article(payload: Payload) -> Article:
    """The article of a point; earlier versions kept addresses that are none of the web, no pages and no headings."""
    kept = {name: payload[name] for name in _ARTICLE_FIELDS} | {"url": web_address(payload["url"])}
    headings = tuple(Heading(*place) for place in payload.get("headings") or ())
    ocr = tuple(Span(*span) for span in payload.get("ocr") or ())
    later: dict[str, Any] = {name: payload.get(name) for name in ("health", "original")}
    return Article(**kept, **later, pages=_read_pages(payload.get("pages")), ocr=ocr, headings=headings)


def _read_pages(pages: Payload | None) -> PageMap | None:
    return None if pages is None else PageMap(tuple(pages["starts"]), tuple(pages["labels"]))


def read_summary(payload: Payload) -> ArticleSummary:
    """The article of a point, without its text."""
    kept = {name: payload[name] for name in SUMMARY_FIELDS if name not in _OPTIONAL_FIELDS}
    mark = payload.get("mark")
    counts: dict[str, Any] = {name: payload.get(name) for name in _COUNTS}
    return ArticleSummary(
        **kept | {"url": web_address(payload["url"])},
        sketch=tuple(payload.get("sketch") or ()),
        original=payload.get("original"),
        mark=FileMark(*mark) if mark else None,
        health=payload.get("health"),
        **counts,
    )


def chunk_point_ids(payload: Payload) -> list[str]:
    """The ids of the chunks that an article's point commits."""
    return [chunk_point_id(payload["id"], payload["revision"], Span(*span)) for span in payload["spans"]]


def chunk_point(article: Article, embedded: EmbeddedChunk) -> Point:
    """The point of a chunk."""
    chunk = embedded.chunk
    span = Span(chunk.start, chunk.end)
    payload = filter_fields(article) | {
        "revision": chunk.revision,
        "language": chunk.language,
        "span": list(span),
        "sentences": flatten_spans(chunk.sentences),
        "tokens": list(embedded.passage.counts),
    }
    vectors = {
        "dense": embedded.passage.dense.tolist(),
        "tokens": quantize_passages(embedded.passage.tokens).tolist(),
        "sentence": quantize_passages(embedded.sentences).tolist(),
        "lexical": embedded.lexical,
    }
    return Point(chunk_point_id(chunk.article_id, chunk.revision, span), payload, vectors)


def read_sentence_vectors(point: Point) -> SentenceVectors:
    """The vectors of a chunk's sentences."""
    tokens, sentences = (dequantize(np.asarray(point.vectors[name], np.float32)) for name in ("tokens", "sentence"))
    return SentenceVectors.split(tokens, point.payload["tokens"], sentences)
