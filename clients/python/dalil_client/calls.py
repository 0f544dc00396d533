"""What each method asks for, and what its answer is: the same for a client that waits and for one that is awaited."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from dalil_client.models import (
    Answer,
    ArticleBody,
    ArticleFilters,
    ArticleList,
    ArticleText,
    ErrorResponse,
    Feedback,
    FeedbackReceipt,
    HistoryMessage,
    Job,
    Readiness,
    Removal,
    SearchResponse,
    UploadResult,
)

Result = TypeVar("Result")

_ACCEPTED, _NOT_READY, _FIRST_ERROR = 202, 503, 400


class ApiError(Exception):
    """The service refuses a request.

    Parameters
    ----------
    message : str
        For a person.
    status : int
        Of HTTP; 0 where it failed within a stream.
    code : str
        For programs: see docs/reference/http.md.
    retry_after : float or None
        Seconds to wait before asking again, where the service says so.
    """

    def __init__(self, message: str, status: int, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A request, and how its response is read; statuses from 400 on are errors but those of `allowed`."""

    method: str
    path: str
    read: Callable[[httpx.Response], Result]
    options: dict[str, Any] = field(default_factory=dict)
    allowed: tuple[int, ...] = ()

    def finish(self, response: httpx.Response) -> Result:
        """The result; raises ApiError."""
        if response.status_code >= _FIRST_ERROR and response.status_code not in self.allowed:
            raise to_error(response)
        return self.read(response)

    def as_stream(self) -> dict[str, Any]:
        """The options of the same request when its answer is wanted in events."""
        return self.options | {"json": self.options["json"] | {"stream": True}}


def to_error(response: httpx.Response) -> ApiError:
    """What a response says went wrong."""
    after = response.headers.get("Retry-After", "")
    retry_after = float(after) if after.isdigit() else None
    try:
        error = ErrorResponse.model_validate_json(response.content).error
    except ValidationError:  # of a proxy before the service
        return ApiError(f"The server answers with {response.status_code}.", response.status_code, "", retry_after)
    return ApiError(error.message, response.status_code, error.code, retry_after)


def ask(
    question: str,
    *,
    language: Literal["auto", "ar", "en"] = "auto",
    history: Sequence[HistoryMessage] = (),
    top_k: int | None = None,
    mode: Literal["auto", "extractive", "generate"] = "auto",
    filters: ArticleFilters | None = None,
) -> Call[Answer]:
    """Answer a question, every statement with its citation."""
    messages = [message.model_dump() for message in history]
    body = {
        "question": question,
        "language": language,
        "history": messages,
        "top_k": top_k,
        "mode": mode,
        "filters": _dump(filters or ArticleFilters()),
    }
    return Call("POST", "/v1/ask", _reader(Answer), {"json": body})


def search(
    query: str,
    *,
    top_k: int | None = None,
    mode: Literal["hybrid", "dense", "lexical"] = "hybrid",
    explain: bool = False,
    filters: ArticleFilters | None = None,
) -> Call[SearchResponse]:
    """Find the passages nearest to a query, the best first."""
    limits = {"top_k": top_k, "filters": _dump(filters or ArticleFilters())}
    body = {"query": query, "mode": mode, "explain": explain} | limits
    return Call("POST", "/v1/search", _reader(SearchResponse), {"json": body})


def rate(answer_id: str, feedback: Feedback) -> Call[FeedbackReceipt]:
    """Rate an answer; a later rating of the same one takes its place."""
    path = f"/v1/answers/{quote(answer_id, safe='')}/feedback"
    return Call("PUT", path, _reader(FeedbackReceipt), {"json": _dump(feedback)})


def list_articles(limit: int = 100, offset: int = 0) -> Call[ArticleList]:
    """List the articles without their texts, the last written first."""
    return Call("GET", "/v1/articles", _reader(ArticleList), {"params": {"limit": limit, "offset": offset}})


def read_article(article_id: str) -> Call[ArticleBody]:
    """Read an article with its text, headings and pages."""
    return Call("GET", _article_path(article_id), _reader(ArticleBody))


def read_text(article_id: str, start: int = 0, end: int | None = None) -> Call[ArticleText]:
    """Read the code points `start` to `end` of an article's text: what a citation's offsets count in."""
    window = {"start": start} | ({} if end is None else {"end": end})
    return Call("GET", f"{_article_path(article_id)}/text", _reader(ArticleText), {"params": window})


def remove_article(article_id: str) -> Call[Removal]:
    """Remove an article with its chunks."""
    return Call("DELETE", _article_path(article_id), _reader(Removal))


def add_articles(
    content: bytes,
    media_type: str,
    *,
    name: str | None = None,
    source: str | None = None,
    ocr: bool = False,
    dry_run: bool = False,
) -> Call[UploadResult | Job]:
    """Add an article as a document of any kind that is read, or several as JSON lines; a large one becomes a Job, see
    `wait_for_job`."""
    given = {"name": name, "source": source, "ocr": ocr or None, "dry_run": dry_run or None}
    options = {
        "content": content,
        "headers": {"Content-Type": media_type},
        "params": {key: str(value).lower() if value is True else value for key, value in given.items() if value},
    }
    return Call("POST", "/v1/articles", _read_upload, options)


def read_job(job_id: str) -> Call[Job]:
    """See how far an upload is."""
    return Call("GET", f"/v1/jobs/{quote(job_id, safe='')}", _reader(Job))


def check_ready() -> Call[Readiness]:
    """Tell whether questions can be answered, with the state of each part; no error where they can not."""
    return Call("GET", "/ready", _reader(Readiness), allowed=(_NOT_READY,))


def _reader(model: type[Any]) -> Callable[[httpx.Response], Any]:
    return lambda response: model.model_validate_json(response.content)


def _read_upload(response: httpx.Response) -> UploadResult | Job:
    model = Job if response.status_code == _ACCEPTED else UploadResult
    return model.model_validate_json(response.content)


def _dump(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(exclude_none=True)


def _article_path(article_id: str) -> str:
    return f"/v1/articles/{quote(article_id, safe='')}"
