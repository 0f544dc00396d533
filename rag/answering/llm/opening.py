"""The model that settings name."""

from rag.answering.llm.call import ChatModel
from rag.answering.llm.endpoint import ChatEndpoint
from rag.settings import Settings


def open_llm(settings: Settings) -> ChatModel | None:
    """The model that `settings` name; None when they name none."""
    return ChatEndpoint(settings) if settings.llm_name else None
