import asyncio

import numpy as np
import pytest
from llama_index.core.llms import MockLLM
from llama_index.core.schema import NodeWithScore

from ingest.readers import read
from rag.answering.assistant import Assistant
from rag.integrations.llama_index import DalilEmbedding, DalilRetriever
from rag.settings import load
from rag.types import Filters
from tests.conftest import ARTICLES
from tests.doubles import WordEmbedding, put

QUESTION = "من كانت ملكة تدمر؟"
TEXTS = ["أين ولد الجاحظ؟", "ولد الجاحظ في البصرة.", "How long is the Nile?"] * 8
"""More than llama-index gives at a time."""


def test_an_embedder_is_a_llama_index_embedding():
    embedder = WordEmbedding()
    embedding = DalilEmbedding(embedder)
    assert embedding.model_name == embedder.model_name
    assert embedding.get_query_embedding(TEXTS[0]) == pytest.approx(embedder.queries(TEXTS[:1])[0].tolist())
    assert asyncio.run(embedding.aget_query_embedding(TEXTS[0])) == embedding.get_query_embedding(TEXTS[0])
    assert embedding.get_text_embedding(TEXTS[1]) == pytest.approx(embedder.passages(TEXTS[1:2])[0].tolist())
    assert np.array(embedding.get_text_embedding_batch(TEXTS)) == pytest.approx(embedder.passages(TEXTS))


def test_a_retriever_gives_nodes_that_open_the_article(assistant):
    nodes = DalilRetriever(assistant, top_k=5).retrieve(QUESTION)
    hits = assistant.search(QUESTION, 5).hits
    assert len(nodes) == len(hits) == 5
    for found, hit in zip(nodes, hits, strict=True):
        assert isinstance(found, NodeWithScore)
        source = assistant.store.article(found.node.metadata["article_id"])
        assert source.text[found.node.start_char_idx : found.node.end_char_idx] == found.node.text == hit.text
        assert (found.node.metadata["title"], found.node.metadata["url"]) == (source.title, source.url)
        assert (found.score, found.node.node_id) == (hit.score, hit.chunk_id)


def test_a_retriever_keeps_to_its_filters(assistant):
    wanted = assistant.search(QUESTION).hits[-1].article.id
    nodes = DalilRetriever(assistant, filters=Filters(articles=(wanted,))).retrieve(QUESTION)
    assert {found.node.metadata["article_id"] for found in nodes} == {wanted}


def test_any_llama_index_model_can_write_the_answers(tmp_path):
    with Assistant.from_settings(load(environment={}, data_dir=tmp_path), MockLLM()) as assistant:
        put(assistant, *read(ARTICLES / "dead-sea.md", ARTICLES, 10_000))
        answer = assistant.ask("لماذا البحر الميت شديد الملوحة؟")
    # It repeats what it was told, the word for having no answer with it.
    assert (answer.mode, answer.reason) == ("generate", "not_in_articles")
