"""The nouns of Dalil. Frozen and plain: what crosses module borders is one of these."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Language = Literal["ar", "en"]
Verdict = Literal["verbatim", "supported", "unverified"]
Mode = Literal["extractive", "generate"]
SearchMode = Literal["hybrid", "dense", "lexical"]
"""Ranked by all views, or by one alone."""


class Span(NamedTuple):
    """Code points `start` up to but not including `end` of some text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article as stored. `text` is what every offset of Dalil counts in."""

    id: str
    title: str
    text: str
    language: Language
    revision: str
    """Hash of all that is kept of the article: another revision is another content."""
    source: str
    """Where it was read from, so that a file that cannot be read today does not lose its article."""
    url: str | None = None
    date: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of an article: `article.text[start:end] == text`, sentences in offsets of the article."""

    article_id: str
    revision: str
    start: int
    end: int
    text: str
    language: Language
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Signals:
    """What each view says of a chunk for a question: cosines for dense and sentence, for tokens the weighted mean
    cosine of each token of the question with its nearest in the chunk; lexical is 0 or more, about 1 when most words
    of the question stand in the chunk."""

    dense: float
    tokens: float
    sentence: float
    lexical: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a question; `score` orders hits of one question and says nothing across questions."""

    article: Article
    start: int
    end: int
    language: Language
    """Of the chunk: an article may hold a paragraph in another one."""
    sentences: tuple[Span, ...]
    score: float
    signals: Signals
    chunk_id: str

    @property
    def text(self) -> str:
        """The chunk's words, as the article has them."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Citation:
    """Evidence for an answer: `article.text[start:end] == quote`. `score` is the support in 0..1."""

    number: int
    article_id: str
    title: str
    url: str | None
    start: int
    end: int
    quote: str
    verdict: Verdict
    score: float


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, `answer.text[start:end]`, with the numbers of the citations it rests on.

    `unverified`: no cited passage bears it out; the text then says so behind it.
    """

    start: int
    end: int
    verdict: Verdict
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person gets: text with `[n]` markers, each the number of one of `citations`."""

    id: str
    text: str
    language: Language
    refused: bool
    reason: str | None
    """Why it refused (`not_in_articles`, `no_articles`, `nothing_matches_filters`, `unsupported`) or is degraded (a
    `ModelError.reason`)."""
    mode: Mode
    degraded: bool
    """The model failed: the answer is the extractive one, or what the model had said so far."""
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...] = ()
    """Its sentences, each with its verdict."""
    prompt: str | None = None
    """Hash of the prompts it was written with; None when no model wrote it."""
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may be searched: those that fit every field given; an empty field restricts nothing.

    `topics` are compared folded (بيئه is بيئة), `languages` are those of articles. Dates are ISO (a day, a month or a
    year) and inclusive; an article dated by a month or a year fits where that period and the range overlap, and one
    without a date, or with a date that is not ISO, fits no range.
    """

    articles: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ()
    date_from: str | None = None
    date_to: str | None = None

    def __bool__(self) -> bool:
        return self != EVERYTHING


EVERYTHING = Filters()
"""No restriction."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the articles of one upload, by id; `failed` says why, by place."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
