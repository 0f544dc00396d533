"""The nouns of Dalil. Frozen and plain: what crosses module borders is one of these."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Language = Literal["ar", "en"]
"""ISO 639-1 code of a language that Dalil knows."""

RequestedLanguage = Literal["auto", "ar", "en"]
"""A language to answer in; `auto` is that of the question."""

Verdict = Literal["verbatim", "supported", "unverified", "contradicted"]
"""How far a quote supports a statement: its very words, its meaning, not as far as could be told, or it says otherwise.
A statement of the last kind is left out of an answer."""

AnswerMode = Literal["extractive", "generate"]
"""Who wrote an answer: the articles' own sentences, or a language model."""

AnswerState = Literal["answered", "unsure", "refused", "talk"]
"""What an answer is: one, passages that may help where it is doubtful that they answer, the word that there is none, or
talk, which rests on no article."""

Role = Literal["system", "user", "assistant"]
"""Who said a message; `system` tells a model how to answer."""

Detail = Literal["usual", "short", "long"]
"""How much of an answer is given: as it is, the least that answers, or with what stands around it."""

RequestedMode = Literal["auto", "extractive", "generate"]
"""Who is to write it; `auto` is the language model where one is set."""

SearchMode = Literal["hybrid", "dense", "lexical"]
"""Ranked by all representations, or by one alone."""

OcrMode = Literal["off", "ask", "auto"]
"""Whether scans are read by OCR: never, where it is asked for, always."""


MAX_ID_CHARS = 200
"""Of an article's id, wherever one is given or asked for."""
MAX_HEADING_LEVEL = 6
"""As in HTML and Markdown."""


class Span(NamedTuple):
    """Code points `start` up to but not including `end` of some text."""

    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        """Whether the two have a code point in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the document that an article comes from.

    Attributes
    ----------
    number : int
        From 1, in the order of the document.
    label : str or None
        What the document itself calls it, as a viewer shows it; None where it says nothing but the number.
    """

    number: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class PageMap:
    """Where the pages of a document begin in the text of its article.

    Attributes
    ----------
    starts : tuple of int
        Of each page, ascending, code points of the text; a page without words begins where the next one does, or at
        the end.
    labels : tuple of str
        What the document calls each page, as many as `starts`; none where these are the numbers.
    """

    starts: tuple[int, ...]
    labels: tuple[str, ...] = ()

    def find_page(self, offset: int) -> Page:
        """The page that a code point of the text stands on."""
        number = max(1, bisect_right(self.starts, offset))
        return Page(number, (self.labels[number - 1] if self.labels else "") or None)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading in the text of an article.

    Attributes
    ----------
    start, end : int
        Of its words, one line, in code points of the text.
    level : int
        From 1, that of a part, to 6: a heading is beneath the last one of a lower number before it.
    """

    start: int
    end: int
    level: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article as stored.

    Attributes
    ----------
    id : str
        Unique in the index, `MAX_ID_CHARS` long at most.
    title : str
        One line; may be empty.
    text : str
        What every offset of Dalil counts in, code points.
    language : Language
        Of most of its text.
    revision : str
        Hash of all that is kept of the article: another revision is another content.
    source : str
        Where it was read from, so that a file that cannot be read today does not lose its article.
    url, date, topic : str or None
        As its writer gave them, one line each; the address is one of http or https. A date is ISO where it is to be
        filtered by.
    pages : PageMap or None
        Of a document that has pages.
    ocr : tuple of Span
        The parts of the text that were read from pictures of it (OCR), in order; letters, and digits above all, may be
        wrong there.
    headings : tuple of Heading
        In the order of the text; none where its format has none.
    health : str or None
        What its text was judged to be, a `State` of `rag.language.health`; None where an earlier version wrote it.
    original : str or None
        Hash of the document, where it is kept so that its pages can be shown; the file itself may be elsewhere.
    """

    id: str
    title: str
    text: str
    language: Language
    revision: str
    source: str
    url: str | None = None
    date: str | None = None
    topic: str | None = None
    pages: PageMap | None = None
    ocr: tuple[Span, ...] = ()
    headings: tuple[Heading, ...] = ()
    health: str | None = None
    original: str | None = None

    def find_page(self, offset: int) -> Page | None:
        """The page that a code point of the text stands on; None where there are no pages."""
        return self.pages.find_page(offset) if self.pages else None

    def is_ocr(self, span: Span) -> bool:
        """Whether any of these code points of the text were read by OCR."""
        return any(span.overlaps(part) for part in self.ocr)

    def find_section(self, offset: int) -> tuple[str, ...]:
        """The headings that a code point of the text stands beneath, or in, the outermost first."""
        path: list[str] = []
        level = MAX_HEADING_LEVEL + 1
        for heading in reversed(self.headings[: bisect_right(self.headings, offset, key=lambda one: one.start)]):
            if heading.level < level:
                path.append(self.text[heading.start : heading.end])
                level = heading.level
        return tuple(reversed(path))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of an article.

    Attributes
    ----------
    article_id, revision : str
        Of the article and its content.
    start, end : int
        `article.text[start:end] == text`.
    text : str
        The words.
    language : Language
        Of the chunk: an article may hold a paragraph in another one.
    sentences : tuple of Span
        In offsets of the article.
    """

    article_id: str
    revision: str
    start: int
    end: int
    text: str
    language: Language
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """How well a chunk matches a query in each representation.

    Attributes
    ----------
    dense : float
        Cosine of the chunk's vector to the query's.
    tokens : float
        Weighted mean cosine of each token of the query with its nearest in the chunk (late interaction).
    sentence : float
        Cosine of the chunk's nearest sentence to the query.
    lexical : float
        BM25, made independent of the size of the index: 0 or more, about the square root of n when all n words of the
        query stand in the chunk.
    """

    dense: float
    tokens: float
    sentence: float
    lexical: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was retrieved for a query.

    Attributes
    ----------
    article : Article
        That it is of.
    start, end : int
        In offsets of the article.
    language : Language
        Of the chunk.
    sentences : tuple of Span
        In offsets of the article.
    score : float
        Orders hits of one query and says nothing across queries.
    scores : Scores
        Of each representation.
    chunk_id : str
        Of its point in the index.
    """

    article: Article
    start: int
    end: int
    language: Language
    sentences: tuple[Span, ...]
    score: float
    scores: Scores
    chunk_id: str

    @property
    def text(self) -> str:
        """The chunk's words, as the article has them."""
        return self.article.text[self.start : self.end]

    @property
    def page(self) -> Page | None:
        """Where it begins."""
        return self.article.find_page(self.start)

    @property
    def ocr(self) -> bool:
        """Whether any of it was read by OCR."""
        return self.article.is_ocr(Span(self.start, self.end))

    @property
    def section(self) -> tuple[str, ...]:
        """The headings that it begins beneath."""
        return self.article.find_section(self.start)


@dataclass(frozen=True, slots=True)
class Citation:
    """Evidence for a statement: `article.text[start:end] == quote`.

    Attributes
    ----------
    number : int
        In its answer, from 1.
    article_id, title, url : str
        Of the article; the URL may be None.
    start, end : int
        In code points of the article's text.
    quote : str
        The words.
    verdict : Verdict
        How far they support the weakest statement that cites them.
    score : float
        Support, 0..1.
    page : Page or None
        That the quote begins on, of an article with pages.
    ocr : bool
        Whether the quote was read by OCR, so that its numbers are to be checked.
    section : tuple of str
        The headings that the quote stands beneath, the outermost first.
    """

    number: int
    article_id: str
    title: str
    url: str | None
    start: int
    end: int
    quote: str
    verdict: Verdict
    score: float
    page: Page | None = None
    ocr: bool = False
    section: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer.

    Attributes
    ----------
    start, end : int
        `answer.text[start:end]`.
    verdict : Verdict
        `unverified`: no cited passage supports it; the text then says so behind it.
    citations : tuple of int
        Numbers of the citations that it rests on.
    """

    start: int
    end: int
    verdict: Verdict
    citations: tuple[int, ...]


class AnswerSpan(NamedTuple):
    """Where a direct answer stands: `article.text[start:end]` of the article that a citation is of."""

    citation: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """The few words that answer: a number, a date, a name, a phrase.

    Attributes
    ----------
    text : str
        In the answer's language as far as nothing has to be translated freely for it.
    spans : tuple of AnswerSpan
        Where they stand in what is cited.
    """

    text: str
    spans: tuple[AnswerSpan, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person gets.

    Attributes
    ----------
    id : str
        Unique.
    text : str
        With `[n]` markers, each the number of one of `citations`.
    language : Language
        Of the answer; quotes are in their own.
    refused : bool
        Whether it says that there is no answer.
    reason : str or None
        Why it refused (`not_in_articles`, `no_articles`, `nothing_matches_filters`) or is degraded (a
        `ModelError.reason`, or `unsupported`: the articles contradict all that the model wrote).
    mode : AnswerMode
        Who wrote it.
    degraded : bool
        The model failed: the answer is the extractive one, or what the model had said so far.
    citations : tuple of Citation
        In order of their numbers.
    statements : tuple of Statement
        Its sentences.
    prompt : str or None
        Hash of the prompts it was written with; None when no model wrote it.
    timings_ms : dict of str to float
        Milliseconds of each stage.
    state : AnswerState
        What it is.
    confidence : float or None
        Probability that the articles hold the answer; None for talk.
    answer : DirectAnswer or None
        What stands first in the text where the words that answer are sure enough.
    """

    id: str
    text: str
    language: Language
    refused: bool
    reason: str | None
    mode: AnswerMode
    degraded: bool
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...] = ()
    prompt: str | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    state: AnswerState = "answered"
    confidence: float | None = None
    answer: DirectAnswer | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may be searched: those that match every field given; an empty field restricts nothing.

    Attributes
    ----------
    articles : tuple of str
        Ids.
    topics : tuple of str
        Compared folded (بيئه is بيئة).
    languages : tuple of Language
        Of articles.
    date_from, date_to : str or None
        ISO day, month or year, inclusive. An article dated by a month or a year matches where that period and the range
        overlap; one without a date, or with a date that is not ISO, matches no range.
    """

    articles: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ()
    date_from: str | None = None
    date_to: str | None = None

    def __bool__(self) -> bool:
        return self != NO_FILTERS


NO_FILTERS = Filters()
"""No restriction."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, with a person or with a language model."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A question with how it is to be answered.

    Attributes
    ----------
    question : str
        In either language.
    language : Language or None
        To answer in; None: the question's own.
    history : tuple of Message
        The conversation before it, oldest first.
    top_k : int or None
        Passages retrieved; None: as set.
    mode : RequestedMode
        Who is to write the answer.
    filters : Filters
        What it may rest on.
    detail : Detail
        How much of it is given.
    """

    question: str
    language: Language | None = None
    history: tuple[Message, ...] = ()
    top_k: int | None = None
    mode: RequestedMode = "auto"
    filters: Filters = NO_FILTERS
    detail: Detail = "usual"
