import asyncio

import numpy as np
import pytest
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore

from ingest.readers import read_file
from rag.answering.assistant import Assistant
from rag.errors import RerankError
from rag.integrations.llama_index import DalilEmbedding, DalilRetriever, PostprocessorReranker
from rag.settings import load_settings
from rag.types import Filters
from tests.conftest import ARTICLES
from tests.doubles import ONE_THREAD, WordEmbedder, open_assistant, put

QUESTION = "من كانت ملكة تدمر؟"
TEXTS = ["أين ولد الجاحظ؟", "ولد الجاحظ في البصرة.", "How long is the Nile?"] * 8
"""More than llama-index gives at a time."""


def test_an_embedder_is_a_llama_index_embedding():
    embedder = WordEmbedder()
    embedding = DalilEmbedding(embedder)
    assert embedding.model_name == embedder.model_name
    assert embedding.get_query_embedding(TEXTS[0]) == pytest.approx(embedder.embed_queries(TEXTS[:1])[0].tolist())
    assert asyncio.run(embedding.aget_query_embedding(TEXTS[0])) == embedding.get_query_embedding(TEXTS[0])
    assert embedding.get_text_embedding(TEXTS[1]) == pytest.approx(embedder.embed_passages(TEXTS[1:2])[0].tolist())
    assert np.array(embedding.get_text_embedding_batch(TEXTS)) == pytest.approx(embedder.embed_passages(TEXTS))


def test_the_nodes_of_a_retriever_are_slices_of_their_articles(assistant):
    nodes = DalilRetriever(assistant, top_k=5).retrieve(QUESTION)
    hits = assistant.search(QUESTION, 5).hits
    assert len(nodes) == len(hits) == 5
    for node, hit in zip(nodes, hits, strict=True):
        assert isinstance(node, NodeWithScore)
        source = assistant.store.get_article(node.node.metadata["article_id"])
        assert source.text[node.node.start_char_idx : node.node.end_char_idx] == node.node.text == hit.text
        assert (node.node.metadata["title"], node.node.metadata["url"]) == (source.title, source.url)
        assert (node.score, node.node.node_id) == (hit.score, hit.chunk_id)


def test_a_retriever_searches_within_its_filters(assistant):
    wanted = assistant.search(QUESTION).hits[-1].article.id
    nodes = DalilRetriever(assistant, filters=Filters(articles=(wanted,))).retrieve(QUESTION)
    assert {node.node.metadata["article_id"] for node in nodes} == {wanted}


class Reverse(BaseNodePostprocessor):
    """Gives the nodes that hold a word, the last first."""

    word: str = ""

    def _postprocess_nodes(self, nodes, query_bundle=None):
        if query_bundle.query_str == "fails":
            raise OSError("no model")
        return [node for node in reversed(nodes) if self.word in node.node.text]


def test_node_postprocessors_rerank_and_put_what_they_leave_out_last():
    scores = PostprocessorReranker(Reverse(word="a")).rerank("q", ["a1", "b", "a2", "c"])
    assert sorted(range(4), key=lambda at: -scores[at]) == [2, 0, 1, 3]
    twice = PostprocessorReranker(Reverse(), Reverse()).rerank("q", ["a", "b"])
    assert twice[0] > twice[1]
    assert PostprocessorReranker(Reverse()).rerank("q", []) == []


def test_a_postprocessor_that_fails_is_an_error_of_reranking():
    with pytest.raises(RerankError, match="Reverse failed: no model"):
        PostprocessorReranker(Reverse()).rerank("fails", ["a"])


def test_an_assistant_takes_a_reranker_of_its_own(tmp_path):
    settings = load_settings({}, data_dir=tmp_path, **ONE_THREAD)
    with Assistant.from_settings(settings, reranker=PostprocessorReranker(Reverse())) as assistant:
        put(assistant, *read_file(ARTICLES / "dead-sea.md", ARTICLES, 10_000))
        mine = [hit.chunk_id for hit in assistant.search(QUESTION).hits]
    with open_assistant(settings) as assistant:
        assert [hit.chunk_id for hit in assistant.search(QUESTION).hits] == mine[::-1]


def test_any_llama_index_model_can_write_the_answers(tmp_path):
    with open_assistant(load_settings({}, data_dir=tmp_path)) as opened:
        assistant = opened.with_model(MockLLM())
        put(assistant, *read_file(ARTICLES / "dead-sea.md", ARTICLES, 10_000))
        answer = assistant.ask("لماذا البحر الميت شديد الملوحة؟")
    # It repeats its prompt, and with it what the article says.
    assert (answer.mode, answer.refused) == ("generate", False)
    assert {citation.article_id for citation in answer.citations} == {"dead-sea"}
