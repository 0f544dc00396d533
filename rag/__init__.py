"""From a question to a cited answer: `Assistant`, what it takes, and what it gives."""

from typing import TYPE_CHECKING, Any

from rag.errors import DalilError
from rag.settings import Settings, load_settings
from rag.types import Answer, AnswerRequest, Citation, Filters, Hit

if TYPE_CHECKING:
    from rag.answering.assistant import Assistant

__all__ = [
    "Answer",
    "AnswerRequest",
    "Assistant",
    "Citation",
    "DalilError",
    "Filters",
    "Hit",
    "Settings",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    """`Assistant` is imported when it is asked for: with it come the models' libraries, which settings need not."""
    if name == "Assistant":
        from rag.answering.assistant import Assistant

        return Assistant
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
