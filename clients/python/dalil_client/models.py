"""The objects of the HTTP API, generated from openapi.json: `make client`. Not to be edited."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from typing import Literal


class ArticleFilters(BaseModel):
    """
    Which articles may be searched: those that match every filter given. `languages` are those of articles; dates are
    inclusive, and an article without a date matches no range.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    articles: list[str] = []
    topics: list[str] = []
    languages: list[Literal["ar", "en"]] = []
    date_from: str | None = None
    date_to: str | None = None


class ArticleHeading(BaseModel):
    """
    A heading in an article's text: its words, its level from 1 to 6, and the code point that it begins at.
    """

    text: str
    level: int
    start: int


class ArticleItem(BaseModel):
    """
    An article in a list, with the number of its chunks and what its text was judged to be (`ok`, `other language`,
    `mended`: it was broken and is put right, `mixed`: a part of it is broken, `garbled`: its letters are odd); null
    where an earlier version took it in.
    """

    id: str
    title: str
    language: Literal["ar", "en"]
    url: str | None
    date: str | None
    topic: str | None
    chunks: int
    health: str | None = None


class ArticleList(BaseModel):
    """
    A page of the articles, the last written first, and how many there are in all.
    """

    data: list[ArticleItem]
    total: int


class ArticleText(BaseModel):
    """
    A part of an article's text: the code points `start` to `end` of `length`.
    """

    id: str
    title: str
    language: Literal["ar", "en"]
    url: str | None
    date: str | None
    topic: str | None
    text: str
    start: int
    end: int
    length: int


class DirectAnswer(BaseModel):
    """
    The few words that answer: a number, a date, a name, a phrase.

    Attributes
    ----------
    text : str
        In the answer's language as far as nothing has to be translated freely for it.
    spans : tuple of AnswerSpan
        Where they stand in what is cited.
    """

    text: str
    spans: list[tuple[int, int, int]]


class ErrorDetail(BaseModel):
    """
    What an error says; `reason` names why an article cannot be read, the same in every version.
    """

    message: str
    type: str
    code: str
    param: str | None
    reason: str | None = None


class ErrorResponse(BaseModel):
    """
    An error, in OpenAI's shape.
    """

    error: ErrorDetail


class FeedbackReceipt(BaseModel):
    """
    A rating that was kept.
    """

    answer: str
    rating: Literal["up", "down"]


class HistoryMessage(BaseModel):
    """
    An earlier message of the conversation.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    role: Literal["user", "assistant"]
    text: str


class Job(BaseModel):
    """
    An upload that is taken in after its request has ended. `message` says why it failed, `articles` and `pages` how
    many were written so far.
    """

    added: list[str] = []
    changed: list[str] = []
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    warnings: dict[str, str] = {}
    codes: dict[str, list[str]] = {}
    id: str
    status: Literal["running", "done", "failed"]
    message: str | None = None
    articles: int = 0
    pages: int = 0


class OcrPart(BaseModel):
    """
    Code points of an article's text that were read from pictures, so that its letters and digits may be wrong.
    """

    start: int
    end: int


class Page(BaseModel):
    """
    A page of the document that an article comes from.

    Attributes
    ----------
    number : int
        From 1, in the order of the document.
    label : str or None
        What the document itself calls it, as a viewer shows it; None where it says nothing but the number.
    """

    number: int
    label: str | None = None


class PageStart(BaseModel):
    """
    Where a page of an article's document begins in its text: its number, from 1, what the document calls it, and
    the code point.
    """

    number: int
    label: str | None
    start: int


class Passage(BaseModel):
    """
    Where the right answer stands, in code points of the article's text.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    article_id: str
    start: int
    end: int


class Readiness(BaseModel):
    """
    Whether questions can be answered, with the state of each part.
    """

    ready: bool
    checks: dict[str, str | int]


class Removal(BaseModel):
    """
    An article that was removed.
    """

    id: str
    removed: Literal[True] = True


class SearchHit(BaseModel):
    """
    A passage; `page` is where it begins, of an article with pages, `section` the headings that it begins beneath,
    the outermost first, `ocr` whether it was read from pictures. With `explain`, `signals` has the score of each
    representation, `matched` the forms in it that match each word of the query.
    """

    article_id: str
    title: str
    url: str | None
    start: int
    end: int
    page: Page | None = None
    ocr: bool = False
    section: list[str] = []
    text: str
    score: float
    signals: dict[str, float] | None = None
    matched: dict[str, list[str]] | None = None


class SearchResponse(BaseModel):
    """
    Passages, best first; with `explain`, also the language of the query, the probability that they hold an answer,
    what it was made from, and the milliseconds of each stage.
    """

    hits: list[SearchHit]
    language: Literal["ar", "en"] | None = None
    probability: float | None = None
    features: dict[str, float] | None = None
    timings_ms: dict[str, float] | None = None


class Statement(BaseModel):
    """
    One sentence of an answer.

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
    verdict: Literal["verbatim", "supported", "unverified", "contradicted"]
    citations: list[int]


class UploadResult(BaseModel):
    """
    What became of the articles of an upload, by id; `failed` says why, by place, and `warnings` what was read
    otherwise than it was written. `codes` names the reasons of both, by place: the same in every version.
    """

    added: list[str] = []
    changed: list[str] = []
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    warnings: dict[str, str] = {}
    codes: dict[str, list[str]] = {}


class ArticleBody(BaseModel):
    """
    An article with its text, its headings, the pages of the document that it comes from, and what of it was read by
    OCR.
    """

    id: str
    title: str
    language: Literal["ar", "en"]
    url: str | None
    date: str | None
    topic: str | None
    text: str
    pages: list[PageStart]
    ocr: list[OcrPart]
    headings: list[ArticleHeading]


class Citation(BaseModel):
    """
    Evidence for a statement: `article.text[start:end] == quote`.

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
    verdict: Literal["verbatim", "supported", "unverified", "contradicted"]
    score: float
    page: Page | None = None
    ocr: bool = False
    section: list[str] = []


class Feedback(BaseModel):
    """
    A rating; `reason` in the reader's words, and the passage that should have been cited.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    rating: Literal["up", "down"]
    reason: str | None = None
    passage: Passage | None = None


class Answer(BaseModel):
    """
    What a person gets.

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
    language: Literal["ar", "en"]
    refused: bool
    reason: str | None
    mode: Literal["extractive", "generate"]
    degraded: bool
    citations: list[Citation]
    statements: list[Statement] = Field(default=[], validate_default=True)
    prompt: str | None = None
    timings_ms: dict[str, float] | None = None
    state: Literal["answered", "unsure", "refused", "talk"] = "answered"
    confidence: float | None = None
    answer: DirectAnswer | None = None
