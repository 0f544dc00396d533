"""The HTTP service: Dalil's own API over an assistant."""

from ui.api.access import owner_of
from ui.api.app import create_app
from ui.api.conversations import ConversationStore, ConversationSummary
from ui.api.errors import describe_error
from ui.api.keys import COOKIE, ApiKeys, KeyGuard
from ui.api.schemas import Feedback, Passage
from ui.api.service import AnswerService
from ui.api.tracing import Tracing, open_tracing

__all__ = [
    "COOKIE",
    "AnswerService",
    "ApiKeys",
    "ConversationStore",
    "ConversationSummary",
    "Feedback",
    "KeyGuard",
    "Passage",
    "Tracing",
    "create_app",
    "describe_error",
    "open_tracing",
    "owner_of",
]
