"""Dalil as a retriever of LangChain, for any chain or agent there. Needs `dalil[langchain]`."""

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import SkipValidation

from rag.answering.assistant import Assistant
from rag.integrations.passages import describe_passage
from rag.types import NO_FILTERS, Filters, Hit


class DalilRetriever(BaseRetriever):
    """The assistant's search: documents carry the chunk's exact words, best first; their metadata is that of
    `describe_passage`, with `start` and `end` in code points of the article's text, and `score`.

    Parameters
    ----------
    assistant : Assistant
        That searches; stays the caller's to close.
    top_k : int, optional
        Documents at most.
    filters : Filters
        Which articles may be searched.
    """

    assistant: SkipValidation[Assistant]
    top_k: int | None = None
    filters: SkipValidation[Filters] = NO_FILTERS

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [_to_document(hit) for hit in self.assistant.search(query, self.top_k, self.filters).hits]


def _to_document(hit: Hit) -> Document:
    place = {"start": hit.start, "end": hit.end, "score": hit.score}
    return Document(id=hit.chunk_id, page_content=hit.text, metadata=describe_passage(hit) | place)
