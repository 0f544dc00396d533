"""A typed client of Dalil's HTTP API."""

from dalil_client.calls import ApiError
from dalil_client.client import AsyncClient, Client
from dalil_client.events import Cited, Event, Final, Meta, Sources, Token
from dalil_client.models import (
    Answer,
    ArticleBody,
    ArticleFilters,
    ArticleItem,
    ArticleList,
    ArticleText,
    Citation,
    Feedback,
    HistoryMessage,
    Job,
    Passage,
    Readiness,
    SearchHit,
    SearchResponse,
    UploadResult,
)

__all__ = [
    "Answer",
    "ApiError",
    "ArticleBody",
    "ArticleFilters",
    "ArticleItem",
    "ArticleList",
    "ArticleText",
    "AsyncClient",
    "Citation",
    "Cited",
    "Client",
    "Event",
    "Feedback",
    "Final",
    "HistoryMessage",
    "Job",
    "Meta",
    "Passage",
    "Readiness",
    "SearchHit",
    "SearchResponse",
    "Sources",
    "Token",
    "UploadResult",
]
