"""Every error as an HTTP answer, in OpenAI's shape: one table, no stack traces."""

import logging
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from rag import errors

_log = logging.getLogger(__name__)


_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 408: "body_too_slow", 413: "body_too_large"}


class Status(NamedTuple):
    """How one kind of error is told over HTTP."""

    http: int
    type: str
    code: str


STATUSES: dict[type[errors.DalilError], Status] = {
    errors.QuestionError: Status(400, "invalid_request_error", "invalid_question"),
    errors.InputError: Status(400, "invalid_request_error", "invalid_request"),
    errors.NotFoundError: Status(404, "invalid_request_error", "not_found"),
    errors.ReadError: Status(422, "invalid_request_error", "unreadable_article"),
    errors.StoreLockedError: Status(503, "service_unavailable_error", "index_in_use"),
    errors.PipelineError: Status(503, "service_unavailable_error", "other_pipeline"),
    errors.StoreError: Status(503, "service_unavailable_error", "index_unavailable"),
    errors.EmbeddingError: Status(503, "service_unavailable_error", "embedding_failed"),
    errors.ModelError: Status(502, "api_error", "model_failed"),
    errors.SettingsError: Status(500, "server_error", "wrong_setting"),
    errors.DalilError: Status(500, "server_error", "failed"),
}


class Told(BaseModel):
    """What an error says."""

    message: str
    type: str
    code: str
    param: str | None


class ErrorBody(BaseModel):
    """An error, in OpenAI's shape."""

    error: Told


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request cannot be served as it stands"},
    401: {"model": ErrorBody, "description": "A key is needed"},
    404: {"model": ErrorBody, "description": "There is no such thing"},
    408: {"model": ErrorBody, "description": "The body took too long"},
    413: {"model": ErrorBody, "description": "The body is too large"},
    422: {"model": ErrorBody, "description": "The request or the article is malformed"},
    429: {"model": ErrorBody, "description": "Too many requests; see Retry-After"},
    503: {"model": ErrorBody, "description": "Overloaded (see Retry-After), or the index cannot be used"},
}
"""What any route may answer beside its own."""


def body(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def shown(error: errors.DalilError) -> dict[str, Any]:
    """An error that came when the response had begun."""
    status = STATUSES[type(error)]
    return body(str(error), status.type, status.code)


def install(app: FastAPI) -> None:
    """Make every error that leaves a route of `app` one of the table."""

    @app.exception_handler(errors.DalilError)
    def dalil_error(_: Request, error: errors.DalilError) -> JSONResponse:
        status = STATUSES[type(error)]
        if status.http >= 500:
            _log.error("%s", error)
        return JSONResponse(body(str(error), status.type, status.code), status.http)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        problem = error.errors()[0]
        # Where the JSON itself breaks, the place is a number of characters and no field.
        param = ".".join(str(part) for part in problem["loc"][1:] if problem["type"] != "json_invalid") or None
        said = str(problem["msg"]).removeprefix("Value error, ")
        message = f"{param}: {said}" if param else said
        return JSONResponse(body(message, "invalid_request_error", "invalid_request", param), 422)

    @app.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> JSONResponse:
        code = _HTTP_CODES.get(error.status_code, "http_error")
        shown = body(str(error.detail), "invalid_request_error", code)
        return JSONResponse(shown, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected error in %s", request.url.path, exc_info=error)
        return JSONResponse(body("Something failed inside Dalil; its log says what.", "server_error", "internal"), 500)
