"""The HTTP service: Dalil's own API over an assistant."""

from ui.api.access import COOKIE, Keys
from ui.api.app import create_app
from ui.api.articles import Inbox
from ui.api.errors import shown
from ui.api.feedback import Feedback, Passage, rate_checked
from ui.api.service import Work
from ui.api.tracing import Tracing, open_tracing

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
