"""The model that settings name."""

from rag.answering.llm.call import ChatModel
from rag.answering.llm.endpoint import ChatEndpoint
from rag.answering.llm.local import LocalModel
from rag.settings import Settings


def open_llm(settings: Settings) -> ChatModel | None:
    """The model that `settings` name; None when they name none.

    Raises
    ------
    SettingsError
        When the file of a model, or what runs it, is not there.
    """
    if settings.llm_gguf:
        return LocalModel(settings)
    return ChatEndpoint(settings) if settings.llm_name else None
