"""Every error as an HTTP answer, in OpenAI's shape: one table, no stack traces."""

import logging
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ingest.reasons import code_of, reason_of
from rag import errors
from rag.settings import Settings

_log = logging.getLogger(__name__)

_NOT_FOUND = 404
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 408: "body_too_slow", 413: "body_too_large"}


class ErrorStatus(NamedTuple):
    """How one kind of error is said over HTTP: its status, and OpenAI's type and code."""

    http: int
    type: str
    code: str


STATUSES: dict[type[errors.DalilError], ErrorStatus] = {
    errors.QuestionError: ErrorStatus(400, "invalid_request_error", "invalid_question"),
    errors.InputError: ErrorStatus(400, "invalid_request_error", "invalid_request"),
    errors.NotFoundError: ErrorStatus(404, "invalid_request_error", "not_found"),
    errors.ReadError: ErrorStatus(422, "invalid_request_error", "unreadable_article"),
    errors.StoreLockedError: ErrorStatus(503, "service_unavailable_error", "index_in_use"),
    errors.IndexMismatchError: ErrorStatus(503, "service_unavailable_error", "other_pipeline"),
    errors.IndexDamagedError: ErrorStatus(503, "service_unavailable_error", "index_damaged"),
    errors.StorageFullError: ErrorStatus(507, "server_error", "storage_full"),
    errors.StoreError: ErrorStatus(503, "service_unavailable_error", "index_unavailable"),
    errors.EmbeddingError: ErrorStatus(503, "service_unavailable_error", "embedding_failed"),
    errors.RerankError: ErrorStatus(502, "api_error", "rerank_failed"),
    errors.BusyError: ErrorStatus(503, "service_unavailable_error", "overloaded"),
    errors.ModelError: ErrorStatus(502, "api_error", "model_failed"),
    errors.SettingsError: ErrorStatus(500, "server_error", "wrong_setting"),
    errors.DalilError: ErrorStatus(500, "server_error", "failed"),
}


class ErrorDetail(BaseModel):
    """What an error says; `reason` names why an article cannot be read, the same in every version."""

    message: str
    type: str
    code: str
    param: str | None
    reason: str | None = None


class ErrorResponse(BaseModel):
    """An error, in OpenAI's shape."""

    error: ErrorDetail


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorResponse, "description": "The request cannot be served as it stands"},
    401: {"model": ErrorResponse, "description": "A key is needed"},
    404: {"model": ErrorResponse, "description": "There is no such thing"},
    408: {"model": ErrorResponse, "description": "The body took too long"},
    413: {"model": ErrorResponse, "description": "The body is too large"},
    422: {"model": ErrorResponse, "description": "The request or the article is malformed"},
    429: {"model": ErrorResponse, "description": "Too many requests; see Retry-After"},
    503: {"model": ErrorResponse, "description": "Overloaded (see Retry-After), or the index cannot be used"},
    507: {"model": ErrorResponse, "description": "The disk of the index is full; questions are still answered"},
}
"""What any route may answer beside its own."""


def error_body(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def describe_error(error: errors.DalilError) -> dict[str, Any]:
    """An error of Dalil's in OpenAI's shape."""
    status = STATUSES[type(error)]
    body = error_body(str(error), status.type, status.code)
    if isinstance(error, errors.ReadError) and (code := code_of(reason_of(error))):
        body["error"]["reason"] = code
    return body


def hide_places(error: errors.DalilError, settings: Settings) -> errors.DalilError:
    """The same error with the name of a setting in place of what only the operator need know: which folder or server
    the index is in. The log has it whole.

    Parameters
    ----------
    error : DalilError
        Given back as it is unless it is one of the index.
    settings : Settings
        Of the service.
    """
    if not isinstance(error, errors.StoreError):
        return error
    message, urls = str(error), settings.qdrant_url or ""
    for url in filter(None, (urls, *map(str.strip, urls.split(",")))):
        message = message.replace(url, "DALIL_QDRANT_URL")
    for folder in (settings.data_dir.resolve(), settings.data_dir):
        message = message.replace(str(folder), "DALIL_DATA_DIR")
    return type(error)(message)


def install_handlers(app: FastAPI, settings: Settings) -> None:
    """Make every error that leaves a route of `app` one of the table; `settings` are those of the service."""

    @app.exception_handler(errors.DalilError)
    def handle_dalil_error(_: Request, error: errors.DalilError) -> JSONResponse:
        status = STATUSES[type(error)]
        if status.http >= 500:
            _log.error("%s", error)
        headers = {"Retry-After": "1"} if isinstance(error, errors.BusyError) else None
        return JSONResponse(describe_error(hide_places(error, settings)), status.http, headers=headers)

    @app.exception_handler(RequestValidationError)
    def handle_validation_error(_: Request, error: RequestValidationError) -> JSONResponse:
        problem = error.errors()[0]
        # Where the JSON itself breaks, the place is a number of characters and no field.
        param = ".".join(str(part) for part in problem["loc"][1:] if problem["type"] != "json_invalid") or None
        reason = str(problem["msg"]).removeprefix("Value error, ")
        if problem["type"] == "model_attributes_type":
            reason = "a JSON object is wanted" + ("" if param else ", sent with `Content-Type: application/json`")
        message = f"{param}: {reason}" if param else reason
        return JSONResponse(error_body(message, "invalid_request_error", "invalid_request", param), 422)

    @app.exception_handler(HTTPException)
    def handle_http_error(request: Request, error: HTTPException) -> JSONResponse:
        code = HTTP_CODES.get(error.status_code, "http_error")
        is_unknown_route = error.status_code == _NOT_FOUND and error.detail == HTTPStatus(_NOT_FOUND).phrase
        detail = (
            f"There is no {request.url.path} here: /docs lists what there is." if is_unknown_route else error.detail
        )
        body = error_body(str(detail), "invalid_request_error", code)
        return JSONResponse(body, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    def handle_unknown_error(request: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected error in %s", request.url.path, exc_info=error)
        body = error_body("Something failed inside Dalil; its log says what.", "server_error", "internal")
        return JSONResponse(body, 500)
