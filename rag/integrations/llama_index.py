"""Dalil as parts of llama-index: an embedding and a retriever that any engine or agent there can sit on; and
llama-index's node postprocessors as rerankers of Dalil's.

Imported by those who use it alone: llama-index takes 75 MB and a second.
"""

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import PrivateAttr

from rag.answering.assistant import Assistant
from rag.embedding import Embedder
from rag.errors import RerankError
from rag.integrations.passages import describe_passage
from rag.types import NO_FILTERS, Filters, Hit


class DalilEmbedding(BaseEmbedding):
    """An embedder of Dalil's as llama-index has them.

    Parameters
    ----------
    embedder : Embedder
        The bundled one, or an endpoint.
    """

    _embedder: Embedder = PrivateAttr()

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(model_name=embedder.model_name)
        self._embedder = embedder

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(map(float, self._embedder.embed_queries([query])[0]))

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in self._embedder.embed_passages(texts)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class DalilRetriever(BaseRetriever):
    """The assistant's search: nodes carry the chunk's words, where they stand in the article, and the metadata of
    `describe_passage`.

    Parameters
    ----------
    assistant : Assistant
        That searches; stays the caller's to close.
    top_k : int, optional
        Nodes at most.
    filters : Filters
        Which articles may be searched.
    """

    def __init__(self, assistant: Assistant, top_k: int | None = None, filters: Filters = NO_FILTERS) -> None:
        super().__init__()
        self._assistant, self._top_k, self._filters = assistant, top_k, filters

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        result = self._assistant.search(query_bundle.query_str, self._top_k, self._filters)
        return [NodeWithScore(node=_to_node(hit), score=hit.score) for hit in result.hits]


class PostprocessorReranker:
    """A node postprocessor of llama-index, or several in turn, as a reranker of Dalil's search.

    Those that leave nodes out put them last: what the reader may see is not theirs to decide.

    Parameters
    ----------
    *postprocessors : BaseNodePostprocessor
        Applied in order.
    """

    def __init__(self, *postprocessors: BaseNodePostprocessor) -> None:
        self._postprocessors = postprocessors

    def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """The relevance of each passage by the order in which its node comes out; raises RerankError."""
        size = len(passages)
        nodes = [
            NodeWithScore(node=TextNode(id_=str(at), text=passage), score=(size - at) / size)
            for at, passage in enumerate(passages)
        ]
        try:
            for postprocessor in self._postprocessors:
                nodes = postprocessor.postprocess_nodes(nodes, query_str=question)
        except Exception as error:  # whatever another's code raises, the order of the search stands
            raise RerankError(f"{type(postprocessor).__name__} failed: {error}.") from error
        place = {node.node.node_id: rank for rank, node in enumerate(nodes)}
        return [float(size - place.get(str(at), size + at)) for at in range(size)]


def _to_node(hit: Hit) -> TextNode:
    return TextNode(
        id_=hit.chunk_id,
        text=hit.text,
        metadata=describe_passage(hit),
        start_char_idx=hit.start,
        end_char_idx=hit.end,
    )
