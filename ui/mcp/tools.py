"""The tools: search, ask, read an article, list the articles."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field
from starlette.requests import Request

from rag.errors import DalilError, InputError
from rag.language.languages import as_language
from rag.types import MAX_ID_CHARS, AnswerRequest, RequestedLanguage
from ui.api import AnswerService
from ui.api.schemas import ArticleFilters
from ui.mcp.results import (
    ArticleEntries,
    ArticleEntry,
    ArticleExcerpt,
    CitedAnswer,
    FoundPassages,
    PageAddresses,
    to_cited_answer,
    to_excerpt,
    to_found_passage,
)

Result = TypeVar("Result")

NAME, TITLE = "dalil", "Dalil"
_INSTRUCTIONS = (
    "A collection of articles, most of them Arabic. `ask` answers a question in Arabic or English, each statement with "
    "a citation; `search` gives passages. Quotes are the articles' exact words: cite them with their `address`, or "
    "their `title` and `page`. A state of `refused` means that the articles hold no answer."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_MAX_EXCERPT_CHARS = 20_000
"""About 8,000 tokens of Arabic: what a model can take at once beside its conversation."""
_MAX_LISTED = 200
_NO_FILTERS = ArticleFilters()

TopK = Annotated[int | None, Field(ge=1, le=50, description="Passages at most; null: as the service has it")]
Restriction = Annotated[ArticleFilters, Field(description="Which articles are searched")]


def build_server(service: AnswerService) -> MCPServer[Any]:
    """The server with its tools over a service.

    Parameters
    ----------
    service : AnswerService
        Stays the caller's to close.
    """
    server: MCPServer[Any] = MCPServer(
        NAME,
        title=TITLE,
        instructions=_INSTRUCTIONS,
        version=version("dalil"),
        log_level="WARNING",
        subscriptions=False,
    )
    _add_answering_tools(server, service)
    _add_article_tools(server, service)
    return server


def _add_answering_tools(server: MCPServer[Any], service: AnswerService) -> None:
    @server.tool(title="Ask the articles", annotations=_READS)
    def ask(
        context: Context[Any, Any],
        question: Annotated[str, Field(description="In Arabic or English, in full: no earlier question is known")],
        language: Annotated[RequestedLanguage, Field(description="Of the answer; auto: the question's")] = "auto",
        top_k: TopK = None,
        filters: Restriction = _NO_FILTERS,
    ) -> CitedAnswer:
        """Answer a question from the articles. Each statement carries a marker [n]; citation n has the exact words that
        bear it out."""
        request = AnswerRequest(question, as_language(language), top_k=top_k, filters=filters.to_filters())

        def answer() -> CitedAnswer:
            with service.limiter.place():
                written = service.begin(request, service.start_deadline()).read_to_end()
            return to_cited_answer(written, _addresses(context))

        return _with_tool_errors(service, answer)

    @server.tool(title="Search the articles", annotations=_READS)
    def search(
        context: Context[Any, Any],
        query: Annotated[str, Field(description="In Arabic or English")],
        top_k: TopK = None,
        filters: Restriction = _NO_FILTERS,
    ) -> FoundPassages:
        """Find the passages nearest to a query, in either language whatever that of the query."""

        def find() -> FoundPassages:
            with service.limiter.place():
                result = service.assistant.search(query, top_k, filters.to_filters())
            addresses = _addresses(context)
            passages = [to_found_passage(hit, result.language, addresses) for hit in result.hits]
            return FoundPassages(passages=passages, probability=round(result.probability, 4))

        return _with_tool_errors(service, find)


def _add_article_tools(server: MCPServer[Any], service: AnswerService) -> None:
    store = service.assistant.store

    @server.tool(title="Read an article", annotations=_READS)
    def read_article(
        context: Context[Any, Any],
        article_id: Annotated[str, Field(max_length=MAX_ID_CHARS, description="As the other tools give it")],
        start: Annotated[int, Field(ge=0, description="First code point of the text")] = 0,
        max_chars: Annotated[int, Field(ge=1, le=_MAX_EXCERPT_CHARS, description="Code points at most")] = 8000,
    ) -> ArticleExcerpt:
        """Read an article's text, or the part of it from a code point on; go on at `end` while that is below
        `length`."""

        def read() -> ArticleExcerpt:
            article = store.get_article(article_id)
            length = len(article.text)
            if start > length:
                raise InputError(f"start is at most {length}, the article's length.")
            return to_excerpt(article, start, min(length, start + max_chars), _addresses(context))

        return _with_tool_errors(service, read)

    @server.tool(title="List the articles", annotations=_READS)
    def list_articles(
        context: Context[Any, Any],
        limit: Annotated[int, Field(ge=1, le=_MAX_LISTED)] = 50,
        offset: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0,
    ) -> ArticleEntries:
        """List the articles without their texts, the last written first."""

        def list_them() -> ArticleEntries:
            addresses = _addresses(context)
            entries = [
                ArticleEntry(
                    article_id=one.id,
                    title=one.title,
                    language=one.language,
                    date=one.date,
                    topic=one.topic,
                    url=one.url,
                    address=addresses.find(one.id, one.language),
                )
                for one in store.list_articles(limit, offset)
            ]
            return ArticleEntries(articles=entries, total=store.count_articles())

        return _with_tool_errors(service, list_them)


def _addresses(context: Context[Any, Any]) -> PageAddresses:
    """Of the site that a call came to; over stdio there is none."""
    request = context.request_context.request
    return PageAddresses(str(request.base_url) if isinstance(request, Request) else None)


def _with_tool_errors(service: AnswerService, work: Callable[[], Result]) -> Result:
    """The result, or the message of an error for the model that called."""
    try:
        return work()
    except DalilError as error:
        raise ToolError(str(service.hide_places(error))) from None
