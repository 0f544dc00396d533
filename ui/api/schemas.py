"""What may be asked over HTTP, and the shapes of what comes back. Unknown fields of a request are refused, so that a
typo is not silently ignored."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rag.iso_dates import check_iso_date, is_in_order
from rag.language.languages import LANGUAGES, as_language
from rag.types import (
    MAX_ID_CHARS,
    AnswerRequest,
    Citation,
    Filters,
    Language,
    Message,
    Page,
    RequestedLanguage,
    RequestedMode,
    SearchMode,
)

# Requests


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HistoryMessage(_Request):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str = Field(max_length=20_000)


_Date = Annotated[str, AfterValidator(check_iso_date)]
_Names = Annotated[list[Annotated[str, Field(max_length=MAX_ID_CHARS)]], Field(max_length=1000)]


class ArticleFilters(_Request):
    """Which articles may be searched: those that match every filter given. `languages` are those of articles; dates are
    inclusive, and an article without a date matches no range."""

    articles: _Names = []
    topics: _Names = []
    languages: list[Language] = Field(default=[], max_length=len(LANGUAGES))
    date_from: _Date | None = None
    date_to: _Date | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        first, last = self.date_from, self.date_to
        if not is_in_order(first, last):
            raise ValueError(f"date_from ({first}) lies after date_to ({last})")
        return self

    def to_filters(self) -> Filters:
        """The same as the core has it."""
        names = tuple(self.articles), tuple(self.topics), tuple(self.languages)
        return Filters(*names, self.date_from, self.date_to)


class AskRequest(_Request):
    """A question to be answered."""

    question: str
    language: RequestedLanguage = "auto"
    history: list[HistoryMessage] = Field(default=[], max_length=50)
    top_k: int | None = Field(None, ge=1, le=50)
    mode: RequestedMode = "auto"
    filters: ArticleFilters = ArticleFilters()
    stream: bool = False

    def to_answer_request(self) -> AnswerRequest:
        """The same as the core has it."""
        return AnswerRequest(
            self.question,
            as_language(self.language),
            tuple(Message(message.role, message.text) for message in self.history),
            self.top_k,
            self.mode,
            self.filters.to_filters(),
        )


class SearchRequest(_Request):
    """A query to find passages for."""

    query: str
    top_k: int | None = Field(None, ge=1, le=50)
    mode: SearchMode = "hybrid"
    explain: bool = False
    filters: ArticleFilters = ArticleFilters()


class Passage(_Request):
    """Where the right answer stands, in code points of the article's text."""

    article_id: str = Field(max_length=MAX_ID_CHARS)
    start: int = Field(ge=0)
    end: int = Field(ge=1)


class Feedback(_Request):
    """A rating; `reason` in the reader's words, and the passage that should have been cited."""

    rating: Literal["up", "down"]
    reason: str | None = Field(None, max_length=2000)
    passage: Passage | None = None


class ArticleChange(_Request):
    """What of an article is to be another."""

    title: str


# Responses


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether questions can be answered, with the state of each part."""

    ready: bool
    checks: dict[str, str | int]


class SearchHit(BaseModel):
    """A passage; `page` is where it begins, of an article with pages, `section` the headings that it begins beneath,
    the outermost first, `ocr` whether it was read from pictures. With `explain`, `signals` has the score of each
    representation, `matched` the forms in it that match each word of the query."""

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
    """Passages, best first; with `explain`, also the language of the query, the probability that they hold an answer,
    what it was made from, and the milliseconds of each stage."""

    hits: list[SearchHit]
    language: Language | None = None
    probability: float | None = None
    features: dict[str, float] | None = None
    timings_ms: dict[str, float] | None = None


class ArticleInfo(BaseModel):
    """What is known of an article."""

    id: str
    title: str
    language: Language
    url: str | None
    date: str | None
    topic: str | None


class ArticleItem(ArticleInfo):
    """An article in a list, with the number of its chunks and what its text was judged to be (`ok`, `other language`,
    `mended`: it was broken and is put right, `mixed`: a part of it is broken, `garbled`: its letters are odd); null
    where an earlier version took it in."""

    chunks: int
    health: str | None = None


class ArticleList(BaseModel):
    """A page of the articles, the last written first, and how many there are in all."""

    data: list[ArticleItem]
    total: int


class PageStart(BaseModel):
    """Where a page of an article's document begins in its text: its number, from 1, what the document calls it, and
    the code point."""

    number: int
    label: str | None
    start: int


class OcrPart(BaseModel):
    """Code points of an article's text that were read from pictures, so that its letters and digits may be wrong."""

    start: int
    end: int


class ArticleHeading(BaseModel):
    """A heading in an article's text: its words, its level from 1 to 6, and the code point that it begins at."""

    text: str
    level: int
    start: int


class ArticleBody(ArticleInfo):
    """An article with its text, its headings, the pages of the document that it comes from, and what of it was read by
    OCR."""

    text: str
    pages: list[PageStart]
    ocr: list[OcrPart]
    headings: list[ArticleHeading]


class ArticleText(ArticleInfo):
    """A part of an article's text: the code points `start` to `end` of `length`."""

    text: str
    start: int
    end: int
    length: int


class WordMark(BaseModel):
    """A rectangle over words of a page, in shares of its width and height from its top left."""

    left: float
    top: float
    width: float
    height: float


class MarksOfPage(BaseModel):
    """A page with the rectangles over words on it: its number, from 1, and what the document calls it."""

    number: int
    label: str | None
    marks: list[WordMark]


class ArticleMarks(BaseModel):
    """Where the code points `start` to `end` of an article's text stand on the pages of its document."""

    id: str
    start: int
    end: int
    pages: list[MarksOfPage]


class UploadResult(BaseModel):
    """What became of the articles of an upload, by id; `failed` says why, by place, and `warnings` what was read
    otherwise than it was written. `codes` names the reasons of both, by place: the same in every version."""

    added: list[str] = []
    changed: list[str] = []
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    warnings: dict[str, str] = {}
    codes: dict[str, list[str]] = {}


class Job(UploadResult):
    """An upload that is taken in after its request has ended. `message` says why it failed, `articles` and `pages` how
    many were written so far."""

    id: str
    status: Literal["running", "done", "failed"]
    message: str | None = None
    articles: int = 0
    pages: int = 0


class CollectionInfo(BaseModel):
    """A knowledge base of its own."""

    name: str
    articles: int


class CollectionList(BaseModel):
    """The collections that may be read."""

    data: list[CollectionInfo]


class Removal(BaseModel):
    """An article that was removed."""

    id: str
    removed: Literal[True] = True


class ConversationItem(BaseModel):
    """A conversation in a list: its name, and when its last question was asked, in UTC."""

    id: str
    name: str
    asked_at: str


class ConversationList(BaseModel):
    """The conversations of a key, the one that was asked in last first."""

    data: list[ConversationItem]


class StoredConversation(BaseModel):
    """A conversation with its questions, answers and citations, as the page keeps it."""

    model_config = ConfigDict(extra="allow")

    id: str


class ConversationExport(BaseModel):
    """All conversations of a key, whole."""

    data: list[StoredConversation]


class ConversationRemoval(BaseModel):
    """How many conversations were deleted."""

    removed: int


class FeedbackReceipt(BaseModel):
    """A rating that was kept."""

    answer: str
    rating: Literal["up", "down"]


class ModelInfo(BaseModel):
    """A name to ask for, in OpenAI's shape."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "dalil"


class ModelList(BaseModel):
    """The names to ask for, in OpenAI's shape."""

    object: Literal["list"] = "list"
    data: list[ModelInfo]


class ChatCompletion(BaseModel):
    """A completion in OpenAI's shape, with Dalil's own `citations`, and what the answer says of itself in `dalil`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, int]
    citations: list[Citation]
    dalil: dict[str, Any]
