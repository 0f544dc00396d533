"""What goes wrong with a model, in Dalil's terms: the one border at which errors of its client are mapped."""

import random

from rag.errors import ModelError

_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 8.0
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

    message = f"The model did not answer: {error}"
    if isinstance(error, ModelError):
        return error
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return ModelError("The model did not answer in time.", "model_timeout")
    if isinstance(error, openai.APIStatusError):
        return _to_status_error(error.status_code, message, error.response.headers.get("retry-after"))
    if isinstance(error, openai.APIConnectionError | httpx.TransportError | ConnectionError):
        return ModelError(message, "model_unreachable", is_retryable=True)
    return ModelError(message, "model_failed", is_retryable=True)


def _to_status_error(status: int, message: str, retry_after: str | None) -> ModelError:
    if status in (401, 403):
        return ModelError(message, "model_key_refused")
    if status == 429:
        return ModelError(message, "model_rate_limited", is_retryable=True, retry_after=_parse_seconds(retry_after))
    if status in (400, 413, 422) and any(words in message.lower() for words in _CONTEXT_EXCEEDED):
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
