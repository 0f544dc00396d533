"""Documents of the web, by their addresses, for the command line alone: the service fetches nothing."""

from ingest.web.client import Limits
from ingest.web.collect import collect_documents

__all__ = ["Limits", "collect_documents"]
