import asyncio

from rag.integrations.langchain import DalilRetriever
from rag.types import Filters

QUESTION = "من كانت ملكة تدمر؟"


def test_the_documents_of_a_retriever_are_slices_of_their_articles(assistant):
    documents = DalilRetriever(assistant=assistant, top_k=5).invoke(QUESTION)
    hits = assistant.search(QUESTION, 5).hits
    assert [one.id for one in documents] == [hit.chunk_id for hit in hits]
    for document in documents:
        metadata = document.metadata
        source = assistant.store.get_article(metadata["article_id"])
        assert source.text[metadata["start"] : metadata["end"]] == document.page_content
        assert (metadata["title"], metadata["url"]) == (source.title, source.url)
    scores = [one.metadata["score"] for one in documents]
    assert scores == sorted(scores, reverse=True)


def test_a_retriever_searches_within_its_filters_also_for_those_who_await_it(assistant):
    retriever = DalilRetriever(assistant=assistant, filters=Filters(articles=("dead-sea",)))
    documents = asyncio.run(retriever.ainvoke(QUESTION))
    assert {one.metadata["article_id"] for one in documents} == {"dead-sea"}


def test_a_retriever_is_a_part_of_a_chain(assistant):
    chain = DalilRetriever(assistant=assistant, top_k=2) | (lambda documents: len(documents))
    assert chain.batch([QUESTION, "Dead Sea"]) == [2, 2]
