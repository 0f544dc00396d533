"""What goes wrong with a model, in Dalil's terms: the one border at which errors of its client are mapped."""

import random

from rag.errors import ModelError

_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 8.0
_MAX_ERROR_CHARS = 400
"""An endpoint may send back what it was sent."""
_KEY_HINT = "Its key is DALIL_LLM_API_KEY; that of OPENAI_API_KEY goes to OpenAI alone."
_CONTEXT_EXCEEDED = (
    "context length",
    "context_length",
    "context size",
    "context window",
    "maximum context",
    "too many tokens",
)
"""How endpoints say that a prompt does not fit: OpenAI, vLLM, llama.cpp, LM Studio."""


def to_model_error(error: Exception) -> ModelError:
    """The error of a model's client, in Dalil's terms."""
    import httpx
    import openai

    message = f"The model did not answer: {describe_cause(error)}"
    if isinstance(error, ModelError):
        return error
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return ModelError(f"{message} (out of time)", "model_timeout")
    if isinstance(error, openai.APIStatusError):
        return _to_status_error(error.status_code, message, error.response.headers.get("retry-after"))
    if isinstance(error, openai.APIConnectionError | httpx.TransportError | ConnectionError):
        return ModelError(message, "model_unreachable", is_retryable=True)
    if isinstance(error, openai.APIError) and _is_too_long(message):  # once the response had begun
        return ModelError(message, "model_context_exceeded", is_retryable=True, retry_after=0.0)
    return ModelError(message, "model_failed", is_retryable=True)


def describe_cause(error: BaseException) -> str:
    """What an error says, with what the one says that it goes back to."""
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    said = f"{error}" if root is error else f"{error} ({root})"
    return (said or type(error).__name__)[:_MAX_ERROR_CHARS]


def _is_too_long(message: str) -> bool:
    """Whether an endpoint says that a prompt does not fit."""
    return any(words in message.lower() for words in _CONTEXT_EXCEEDED)


def _to_status_error(status: int, message: str, retry_after: str | None) -> ModelError:
    if status in (401, 403):
        return ModelError(f"{message}. {_KEY_HINT}", "model_key_refused")
    if status == 429:
        return ModelError(message, "model_rate_limited", is_retryable=True, retry_after=_parse_seconds(retry_after))
    if status in (400, 413, 422) and _is_too_long(message):
        return ModelError(message, "model_context_exceeded", is_retryable=True, retry_after=0.0)
    is_retryable = status >= 500 or status in (408, 409)
    return ModelError(message, "model_failed", is_retryable, _parse_seconds(retry_after))


def _parse_seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; a date there is as good as none."""
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None


def retry_pause(attempt: int, error: ModelError) -> float:
    """Seconds to wait before asking once more.

    Parameters
    ----------
    attempt : int
        That failed, from 1.
    error : ModelError
        What the endpoint said. Where it names no time, the pause doubles with each attempt, with jitter so that many
        askers do not come back together.
    """
    if error.retry_after is not None:
        return error.retry_after
    return float(min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0))
