"""The HTTP service: Dalil's own API over an assistant."""

from rag.service.app import create_app

__all__ = ["create_app"]
