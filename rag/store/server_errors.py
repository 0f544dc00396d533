"""What a Qdrant server's failures mean, in words for people: what is wrong, and what to do about it."""

import json
from http import HTTPStatus

import grpc
import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from rag.errors import StorageFullError, StoreError

SERVER_FAILURES = (ApiException, QdrantException, grpc.RpcError, OSError, ValueError, AssertionError)
"""What qdrant-client raises."""
_STATUS_OF_CODE = {
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
}
"""Statuses of gRPC that mean the same; the others are the server's own failures."""
_MAX_REASON_CHARS = 300
_FULL_DISK = ("no space left", "available disk space", "quota")
_TOO_LARGE = "larger than allowed"
_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "refuses the key. Set DALIL_QDRANT_API_KEY to one that it knows",
    HTTPStatus.FORBIDDEN: "refuses this to the key. Set DALIL_QDRANT_API_KEY to one that may read and write",
    HTTPStatus.NOT_FOUND: "does not know what was asked for. Look at DALIL_QDRANT_URL and DALIL_QDRANT_PREFIX, and "
    "whether its collections were removed while Dalil ran",
    HTTPStatus.TOO_MANY_REQUESTS: "is asked more than it allows. Wait, or raise the limits of its strict mode",
}
_LATE = "does not answer in time. Look at its load, or raise DALIL_QDRANT_TIMEOUT_S"
_UNREACHED = "cannot be reached"
_BUSY = "fails. Look at its log, and whether all its nodes run"
_REFUSES = "refuses what was asked. It may be of another version than Qdrant 1.19, which Dalil is made for"


def to_store_error(error: Exception, url: str) -> StoreError:
    """The failure of a server as an error of ours."""
    if isinstance(error, UnexpectedResponse):
        return _to_status_error(error, url)
    if isinstance(error, ResourceExhaustedResponse):
        return StoreError(f"The Qdrant server at {url} {_ADVICE[HTTPStatus.TOO_MANY_REQUESTS]}.")
    if isinstance(error, grpc.RpcError):
        return _to_call_error(error, url)
    source = error.source if isinstance(error, ResponseHandlingException) else error
    return StoreError(f"The Qdrant server at {url} {_describe(source)}.")


def is_missing(error: Exception) -> bool:
    """Whether a server says that it does not have what was asked for."""
    if isinstance(error, grpc.RpcError):
        return bool(_code_of(error) == grpc.StatusCode.NOT_FOUND)
    return isinstance(error, UnexpectedResponse) and error.status_code == HTTPStatus.NOT_FOUND


def is_unavailable(error: Exception) -> bool:
    """Whether nothing answered by gRPC."""
    return isinstance(error, grpc.RpcError) and _code_of(error) == grpc.StatusCode.UNAVAILABLE


def _code_of(error: grpc.RpcError) -> grpc.StatusCode:
    return error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN


def _to_call_error(error: grpc.RpcError, url: str) -> StoreError:
    code = _code_of(error)
    if code == grpc.StatusCode.UNAVAILABLE:
        return StoreError(f"The Qdrant server at {url} {_UNREACHED} (gRPC). Look at DALIL_QDRANT_GRPC_PORT.")
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return StoreError(f"The Qdrant server at {url} {_LATE}.")
    reason = _shorten(error.details() or "") if isinstance(error, grpc.Call) else ""
    return _to_reason_error(_STATUS_OF_CODE.get(code, HTTPStatus.INTERNAL_SERVER_ERROR), reason or None, url)


def _to_status_error(error: UnexpectedResponse, url: str) -> StoreError:
    return _to_reason_error(error.status_code or 0, _read_reason(error.content), url)


def _to_reason_error(status: int, reason: str | None, url: str) -> StoreError:
    said = f" It says: {reason}" if reason else ""
    if reason is None and status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _ADVICE:
        return StoreError(f"What answers at {url} (status {status}) is no Qdrant server. Look at DALIL_QDRANT_URL.")
    if any(words in (reason or "").lower() for words in _FULL_DISK):
        return StorageFullError(
            f"The Qdrant server at {url} has no room left. Give it more, what it holds stays.{said}"
        )
    if _TOO_LARGE in (reason or ""):
        return StoreError(
            f"The Qdrant server at {url} takes no request of that size. Raise its `service.max_request_size_mb`, or "
            f"leave out the article by DALIL_MAX_ARTICLE_CHARS.{said}"
        )
    default = _BUSY if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _REFUSES
    return StoreError(f"The Qdrant server at {url} {_ADVICE.get(status, default)} (status {status}).{said}")


def _read_reason(content: bytes) -> str | None:
    """What Qdrant says is wrong; None where the answer is none of Qdrant's, whose words help nobody."""
    try:
        reason = json.loads(content)["status"]["error"]
    except (ValueError, KeyError, TypeError):
        return None
    return _shorten(str(reason))


def _shorten(reason: str) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= _MAX_REASON_CHARS else f"{text[:_MAX_REASON_CHARS]}…"


def _describe(error: Exception) -> str:
    if isinstance(error, httpx.ReadTimeout):
        return _LATE
    if isinstance(error, httpx.ConnectError) and "certificate" in str(error).lower():
        return "has a certificate that is not known here. Set DALIL_QDRANT_CA_FILE to that of its authority"
    if isinstance(error, httpx.TransportError | OSError):
        return f"{_UNREACHED} ({type(error).__name__}). Look at DALIL_QDRANT_URL, and whether it runs"
    return "gives an answer that is none of Qdrant's. Look at DALIL_QDRANT_URL, and whether another server is there"
