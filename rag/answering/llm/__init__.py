"""The language model that writes answers: where it comes from, how it is called, and what may go wrong with it."""

from rag.answering.llm.breaker import CircuitBreaker
from rag.answering.llm.call import ChatModel, stream_text
from rag.answering.llm.check import ModelCheck, check_model
from rag.answering.llm.deadline import Deadline
from rag.answering.llm.errors import retry_pause
from rag.answering.llm.opening import open_llm

__all__ = [
    "ChatModel",
    "CircuitBreaker",
    "Deadline",
    "ModelCheck",
    "check_model",
    "open_llm",
    "retry_pause",
    "stream_text",
]
