"""The HTTP service: Dalil's own API over an assistant."""

from rag.service.app import create_app
from rag.service.articles import Inbox
from rag.service.errors import shown
from rag.service.feedback import Feedback, Passage, rate_checked
from rag.service.gate import COOKIE, Keys
from rag.service.tracing import Tracing, open_tracing
from rag.service.work import Work

__all__ = [
    "COOKIE",
    "Feedback",
    "Inbox",
    "Keys",
    "Passage",
    "Tracing",
    "Work",
    "create_app",
    "open_tracing",
    "rate_checked",
    "shown",
]
