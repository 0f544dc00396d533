import logging

import pytest

from ingest.embedding import embed_articles
from rag.answering.assistant import Assistant
from rag.errors import RerankError
from rag.retrieval.calibration import load_calibration
from rag.retrieval.rerank import EndpointReranker, open_reranker
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
from tests.doubles import Endpoint, Refuses, WordEncoder, article, closed_port, put

CONFIG = IndexConfig("words", 64, 64, 64, 320)
QUESTION = "كم مترًا بلغ ارتفاع الفنار؟"
NUMBER_OF_ARTICLES = 30


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = Store(EdgeEngine(tmp_path_factory.mktemp("index")), CONFIG)
    articles = [
        article(f"بلغ ارتفاع الفنار رقم {at} نحو {at} مترًا.", str(at), f"فنار {at}") for at in range(NUMBER_OF_ARTICLES)
    ]
    for one, chunks in embed_articles(articles, CONFIG.chunk_tokens, WordEncoder()):
        opened.write(one, chunks)
    opened.optimize()
    yield opened
    opened.close()


@pytest.fixture
def endpoint():
    with Endpoint() as running:
        yield running


def make_retriever(store, reranker=None):
    return HybridRetriever(store, WordEncoder(), load_calibration(), reranker=reranker)


def prefer_last(question, document):
    """The relevance of a document is the number in its title."""
    return float(document.split("\n")[0].split()[1])


# The endpoint


def test_passages_are_scored_in_their_order(endpoint):
    endpoint.relevance = lambda question, document: float(len(document))
    reranker = EndpointReranker(f"{endpoint.url}/", "reranker", "secret")
    assert reranker.rerank("سؤال", ["ab", "abcd", "abc"]) == [2.0, 4.0, 3.0]
    (request,) = endpoint.reranked
    assert request == {"model": "reranker", "query": "سؤال", "documents": ["ab", "abcd", "abc"]}
    assert endpoint.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("api", "model", "expected"),
    [
        ("cohere", "m", {"model": "m", "query": "q", "documents": ["ab", "abc"]}),
        ("voyage", "m", {"model": "m", "query": "q", "documents": ["ab", "abc"]}),
        ("tei", None, {"query": "q", "texts": ["ab", "abc"], "raw_scores": True, "truncate": True}),
    ],
)
def test_every_form_of_endpoint_is_asked_and_read_in_its_own_way(endpoint, api, model, expected):
    endpoint.rerank_api, endpoint.relevance = api, lambda question, document: float(len(document))
    assert EndpointReranker(endpoint.url, model).rerank("q", ["ab", "abc"]) == [2.0, 3.0]
    assert endpoint.reranked == [expected]


def test_an_endpoint_with_small_batches_is_asked_several_times(endpoint):
    endpoint.rerank_api, endpoint.relevance = "tei", lambda question, document: float(len(document))
    passages = ["a" * length for length in range(1, 71)]
    assert EndpointReranker(endpoint.url).rerank("q", passages) == [float(len(one)) for one in passages]
    assert [len(request["texts"]) for request in endpoint.reranked] == [32, 32, 6]


def test_without_a_key_none_is_sent(endpoint):
    EndpointReranker(endpoint.url, "reranker").rerank("سؤال", ["ab"])
    assert endpoint.keys == [None]


UNUSABLE = {
    "500": Refuses(500),
    "401": Refuses(401),
    "html": b"<html>a proxy</html>",
    "no results": b"{}",
    "a list": b"[]",
    "null": b"null",
    "one missing": b'{"results": [{"index": 0, "relevance_score": 1.0}]}',
    "no score": b'{"results": [{"index": 0}, {"index": 1}]}',
    "no number": b'{"results": [{"index": 0, "relevance_score": "high"}, {"index": 1, "relevance_score": 1}]}',
    "not finite": b'{"results": [{"index": 0, "relevance_score": NaN}, {"index": 1, "relevance_score": 1}]}',
}


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_an_endpoint_without_usable_scores_is_an_error_that_names_it(endpoint, answer):
    endpoint.relevance = answer
    with pytest.raises(RerankError, match=f"{endpoint.url}/rerank") as raised:
        EndpointReranker(endpoint.url, "reranker", "secret").rerank("سؤال", ["ab", "abc"])
    assert "secret" not in str(raised.value)


# Hits


def test_hits_are_in_the_order_of_the_reranker_with_descending_scores(endpoint, store):
    endpoint.relevance = prefer_last
    searched = make_retriever(store).search(QUESTION, 20)
    reranked = make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION, 20)
    numbers = [int(hit.article.id) for hit in reranked.hits]
    assert numbers == sorted(numbers, reverse=True)
    assert {hit.chunk_id for hit in reranked.hits} == {hit.chunk_id for hit in searched.hits}
    assert [hit.chunk_id for hit in reranked.hits] != [hit.chunk_id for hit in searched.hits]
    assert [hit.score for hit in reranked.hits] == [hit.score for hit in searched.hits]
    by_id = {hit.chunk_id: hit for hit in searched.hits}
    assert all(hit.scores == by_id[hit.chunk_id].scores for hit in reranked.hits)


@pytest.mark.parametrize(("top_k", "read"), [(1, 20), (8, 20), (25, 25)])
def test_twenty_hits_are_reranked_or_as_many_as_are_asked_for(endpoint, store, top_k, read):
    endpoint.relevance = prefer_last
    result = make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION, top_k)
    (request,) = endpoint.reranked
    assert request["query"] == QUESTION
    assert len(request["documents"]) == read
    numbers = sorted((int(document.split()[1]) for document in request["documents"]), reverse=True)
    assert [int(hit.article.id) for hit in result.hits] == numbers[:top_k]


def test_a_passage_is_given_with_the_title_of_its_article(endpoint, store):
    result = make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION, 20)
    documents = endpoint.reranked[0]["documents"]
    assert {f"{hit.article.title}\n{hit.text}" for hit in result.hits} == set(documents)


def test_passages_of_equal_relevance_stay_in_the_order_of_the_search(endpoint, store):
    endpoint.relevance = lambda *_: 0.5
    searched = make_retriever(store).search(QUESTION, 20)
    assert make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION, 20).hits == searched.hits


def test_reranking_does_not_change_the_probability_of_an_answer(endpoint, store):
    endpoint.relevance = prefer_last
    searched = make_retriever(store).search(QUESTION)
    reranked = make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION)
    assert (reranked.probability, reranked.threshold) == (searched.probability, searched.threshold)
    assert reranked.features == searched.features


@pytest.mark.parametrize("mode", ["dense", "lexical"])
def test_a_ranking_by_one_representation_is_not_reranked(endpoint, store, mode):
    searched = make_retriever(store).search(QUESTION, mode=mode)
    result = make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION, mode=mode)
    assert result.hits == searched.hits
    assert endpoint.reranked == []


def test_without_hits_nothing_is_sent(endpoint, tmp_path):
    empty = Store(EdgeEngine(tmp_path / "empty"), CONFIG)
    assert make_retriever(empty, EndpointReranker(endpoint.url, "reranker")).search(QUESTION).hits == ()
    assert endpoint.reranked == []
    empty.close()


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_where_the_endpoint_fails_the_order_of_the_search_stays(endpoint, store, caplog, answer):
    endpoint.relevance = answer
    searched = make_retriever(store).search(QUESTION)
    with caplog.at_level(logging.WARNING):
        result = make_retriever(store, EndpointReranker(endpoint.url, "reranker")).search(QUESTION)
    assert result.hits == searched.hits
    assert f"{endpoint.url}/rerank" in caplog.text


def test_where_nothing_listens_the_order_of_the_search_stays(store):
    reranker = EndpointReranker(f"http://127.0.0.1:{closed_port()}/v1", "reranker")
    assert make_retriever(store, reranker).search(QUESTION).hits == make_retriever(store).search(QUESTION).hits


# By settings


def test_the_settings_choose_the_reranker(endpoint):
    assert open_reranker(load_settings({})) is None
    settings = load_settings({}, rerank_base_url=endpoint.url, rerank_model="reranker", rerank_api_key="secret")
    assert open_reranker(settings).rerank("أ ب", ["أ", "ج", "أ ب"]) == [1.0, 0.0, 2.0]
    assert (endpoint.reranked[0]["model"], endpoint.keys) == ("reranker", ["Bearer secret"])


def test_an_assistant_reranks_by_its_settings(endpoint, tmp_path):
    endpoint.relevance = prefer_last
    urls = dict.fromkeys(("embedding_base_url", "rerank_base_url"), endpoint.url)
    models = {"embedding_model": "words", "rerank_model": "reranker"}
    with Assistant.from_settings(load_settings({}, data_dir=tmp_path, **urls, **models)) as assistant:
        put(assistant, *(article(f"بلغ ارتفاع الفنار {at} مترًا.", str(at), f"فنار {at}") for at in range(3)))
        assert [hit.article.id for hit in assistant.search(QUESTION).hits] == ["2", "1", "0"]


def test_a_reranker_is_asked_once_for_a_question_whose_names_are_spelled_otherwise(endpoint, tmp_path):
    opened = Store(EdgeEngine(tmp_path), CONFIG)
    for one, chunks in embed_articles([article("زار نيوتن لندن.", "a", "نيوتن")], CONFIG.chunk_tokens, WordEncoder()):
        opened.write(one, chunks)
    question = "When did Newton see London?"
    assert make_retriever(opened).search(question, reads=4).spellings
    result = make_retriever(opened, EndpointReranker(endpoint.url, "reranker")).search(question, reads=4)
    opened.close()
    assert not result.spellings
    assert [request["query"] for request in endpoint.reranked] == [question]
