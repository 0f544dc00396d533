"""The HTTP service: Dalil's own API over an assistant."""

from rag.service.app import create_app
from rag.service.articles import Inbox
from rag.service.gate import Keys
from rag.service.work import Work

__all__ = ["Inbox", "Keys", "Work", "create_app"]
