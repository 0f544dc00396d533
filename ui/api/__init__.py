"""The HTTP service: Dalil's own API over an assistant."""

from ui.api.access import name_of, owner_of
from ui.api.app import create_app
from ui.api.audit import acting_for
from ui.api.collections import find_reachable
from ui.api.conversations import ConversationStore, ConversationSummary
from ui.api.errors import describe_error
from ui.api.grants import Caller, caller_of, is_allowed
from ui.api.keys import COOKIE, ApiKeys
from ui.api.path_prefix import path_prefix
from ui.api.schemas import Feedback, Passage
from ui.api.service import AnswerService
from ui.api.sessions import SESSION_COOKIE
from ui.api.tracing import Tracing, open_tracing

__all__ = [
    "COOKIE",
    "SESSION_COOKIE",
    "AnswerService",
    "ApiKeys",
    "Caller",
    "ConversationStore",
    "ConversationSummary",
    "Feedback",
    "Passage",
    "Tracing",
    "acting_for",
    "caller_of",
    "create_app",
    "describe_error",
    "find_reachable",
    "is_allowed",
    "name_of",
    "open_tracing",
    "owner_of",
    "path_prefix",
]
