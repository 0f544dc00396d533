"""The language model that writes answers: where it comes from, how it is called, and what may go wrong with it."""

from rag.answering.llm.call import ChatModel, stream_text
from rag.answering.llm.deadline import Deadline
from rag.answering.llm.endpoint import open_llm
from rag.answering.llm.errors import retry_pause

__all__ = ["ChatModel", "Deadline", "open_llm", "retry_pause", "stream_text"]
