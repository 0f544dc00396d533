"""Documents of the web, by their addresses, for the command line alone: the service fetches nothing."""

from ingest.web.client import Limits, Validators
from ingest.web.collect import FetchedDocument, collect_documents, read_document

__all__ = ["FetchedDocument", "Limits", "Validators", "collect_documents", "read_document"]
