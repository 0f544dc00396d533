import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import qdrant_edge as edge
from qdrant_client import QdrantClient

from ingest.embedding import embed_articles
from rag.embedding import PassageVectors, QueryVectors
from rag.embedding.bm25 import lexical_vector
from rag.errors import IndexMismatchError, NotFoundError, StoreError, StoreLockedError
from rag.language.document import Document
from rag.retrieval.calibration import load_calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load_settings
from rag.store import (
    REPRESENTATIONS,
    ArticleSummary,
    EmbeddedChunk,
    Engine,
    IndexConfig,
    SearchQuery,
    Store,
    open_store,
)
from rag.store.points import article_point, chunk_point_id
from rag.store.qdrant_edge import EdgeEngine
from rag.store.qdrant_server import ServerEngine
from rag.store.quantization import dequantize, quantize_passages, quantize_query
from rag.types import NO_FILTERS, Article, Chunk, Filters, PageMap, Span
from tests.doubles import WordEncoder, article, closed_port
from tests.qdrant_servers import SERVER, remove_indexes
from tests.qdrant_stand_in import StandIn

pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant", "ignore:Local mode performs exact"
)
"""The client in memory needs none; a server does."""

ROOT = Path(__file__).parent.parent
CONFIG = IndexConfig("numbers", 8, 4, 5, 320)
WORDS = IndexConfig("words", 64, 64, 64, 320)
QUESTION = "أين يصب نهر النيل وكم يبلغ طوله؟"

RIVERS = [
    ["النيل أطول أنهار أفريقيا.", "يبلغ طول نهر النيل 6650 كيلومترًا.", "يصب النيل في البحر المتوسط."],
    ["نهر الفرات ينبع من تركيا ويصب في شط العرب."],
    ["نهر دجلة يمر ببغداد.", "يبلغ طوله 1850 كيلومترًا."],
]
SEAS = [
    ["البحر الميت أخفض بقعة على اليابسة.", "يصب فيه نهر الأردن."],
    ["البحر الأحمر ممر مائي بين آسيا وأفريقيا.", "The Red Sea is 2250 km long."],
]


class LastingEngine(ServerEngine):
    """A server engine that may be opened again: a client in memory forgets everything when it is closed."""

    def close(self) -> None:
        self._writes.end()


@pytest.fixture(params=["edge", "memory", "stand-in", "server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Makes engines over one and the same index, for each kind of store."""
    if request.param == "edge":
        yield lambda: EdgeEngine(tmp_path / "index")
    elif request.param == "memory":
        client = QdrantClient(":memory:")
        yield lambda: LastingEngine(client, "test", "memory")
        client.close()
    elif request.param == "stand-in":
        stand_in = StandIn(tmp_path / "server", shards=3)
        yield lambda: ServerEngine.connect(stand_in.url, None, None, "test")
        stand_in.close()
    else:
        url = os.environ.get(SERVER)
        if not url:
            pytest.skip(f"needs a Qdrant server: set {SERVER} to its URL")
        prefix = f"test_{uuid4().hex[:12]}"
        yield lambda: ServerEngine.connect(url, None, None, prefix)
        remove_indexes(url, prefix)


@pytest.fixture
def store(engine: Callable[[], Engine]) -> Iterator[Store]:
    opened = Store(engine(), CONFIG)
    yield opened
    opened.close()


def make_vector(text: str, size: int) -> np.ndarray:
    """A direction that only `text` has, and no unit vector: the dense representation must not rely on that."""
    return np.random.default_rng(list(text.encode())).normal(size=size).astype(np.float32)


def make_rows(texts: list[str], size: int) -> np.ndarray:
    """Such vectors, of length 1."""
    vectors = np.array([make_vector(text, size) for text in texts], np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_passage(title: str, sentences: list[str], dimension: int = 8) -> PassageVectors:
    """The vectors of a passage of which each word is a token."""
    parts = [text.split() for text in (title, *sentences)]
    tokens = make_rows([word for words in parts for word in words], 4)
    return PassageVectors(make_vector(" ".join(sentences), dimension), tokens, tuple(map(len, parts)))


def make_article(
    name: str, paragraphs: list[list[str]], revision: str = "1", **fields: str | None
) -> tuple[Article, list[EmbeddedChunk]]:
    """An article whose paragraphs are its chunks, with their vectors; `fields` in place of its own."""
    text = "\n".join(" ".join(sentences) for sentences in paragraphs)
    own = {"url": "https://example.org/ص", "date": "2024", "topic": "جغرافيا", "language": "ar"} | fields
    made = Article(id=name, title=f"عنوان {name}", text=text, revision=revision, source=f"{name}.md", **own)
    chunks, at = [], 0
    for sentences in paragraphs:
        spans = []
        for sentence in sentences:
            spans.append(Span(at, at + len(sentence)))
            at += len(sentence) + 1
        whole = text[spans[0].start : spans[-1].end]
        chunk = Chunk(name, revision, spans[0].start, spans[-1].end, whole, "ar", tuple(spans))
        passage = make_passage(made.title, sentences)
        chunks.append(EmbeddedChunk(chunk, passage, make_rows(sentences, 5), lexical_vector(Document(whole))))
    return made, chunks


def make_query(question: str) -> SearchQuery:
    words = make_rows([f"كلمة {word}" for word in question.split() or ["؟"]], 4)
    weights = np.arange(1, len(words) + 1, dtype=np.float32)[:, None]
    tokens = words * weights / weights.sum()
    vectors = QueryVectors(make_vector(question, 8), tokens, make_vector(question, 5))
    return SearchQuery(vectors, lexical_vector(Document(question)))


def chunk_ids(chunks: list[EmbeddedChunk]) -> set[str]:
    return {
        chunk_point_id(one.chunk.article_id, one.chunk.revision, Span(one.chunk.start, one.chunk.end)) for one in chunks
    }


def read_chunk_ids(store: Store) -> set[str]:
    """The ids of all chunks in the index."""
    return {candidate.id for candidate in store.find_candidates(make_query("كل"), 10_000, 1)}


def read_article_ids(store: Store, filters: Filters) -> set[str]:
    """The ids of the articles that a search within `filters` finds, by either representation."""
    dense, lexical = (
        {candidate.article_id for candidate in store.find_candidates(make_query(QUESTION), *limits, filters)}
        for limits in ((100, 0), (0, 100))
    )
    assert dense == lexical
    return dense


def requantize(vectors: np.ndarray) -> np.ndarray:
    """Vectors of tokens or sentences as they are read from the index."""
    return dequantize(quantize_passages(vectors))


def compute_scores(chunks: list[EmbeddedChunk], query: SearchQuery) -> dict[str, tuple[float, ...]]:
    """The scores of every chunk, from their definitions."""

    def cosine(one, other):
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    vectors = query.vectors
    number = len(chunks)
    with_term = Counter(term for chunk in chunks for term in chunk.lexical.indices)
    scores = {}
    for chunk in chunks:
        weights = dict(zip(*chunk.lexical, strict=True))
        bm25 = sum(
            weight * weights.get(term, 0) * math.log(1 + (number - with_term[term] + 0.5) / (with_term[term] + 0.5))
            for term, weight in zip(*query.lexical, strict=True)
        )
        sentence = sum_of_maxima(vectors.sentence[None], chunk.sentences)
        tokens = sum_of_maxima(vectors.tokens, chunk.passage.tokens)
        scores[next(iter(chunk_ids([chunk])))] = (cosine(vectors.dense, chunk.passage.dense), tokens, sentence, bm25)
    return scores


def sum_of_maxima(query: np.ndarray, passage: np.ndarray) -> float:
    """The sum of each row's greatest product, in the quantized numbers."""
    quantized, kept = quantize_query(query), quantize_passages(passage)
    greatest = (quantized.vectors.astype(np.int64) @ kept.astype(np.int64).T).max(axis=1).sum()
    return float(quantized.dequantize_scores(np.float64(greatest)))


def find_scores(
    store: Store, query: SearchQuery, dense: int, lexical: int, filters: Filters = NO_FILTERS
) -> dict[str, tuple[float, ...]]:
    return {one.id: astuple(one.scores) for one in store.find_candidates(query, dense, lexical, filters)}


def are_equal(one: dict[str, tuple[float, ...]], other: dict[str, tuple[float, ...]]) -> bool:
    return one.keys() == other.keys() and all(one[key] == pytest.approx(other[key], abs=1e-5) for key in one)


# Quantized vectors


def test_an_index_with_vectors_of_another_type_is_refused_with_the_remedy(tmp_path):
    Store(EdgeEngine(tmp_path / "index"), CONFIG).close()
    config = tmp_path / "index" / "chunks" / "edge_config.json"
    config.write_text(config.read_text("utf-8").replace("uint8", "float16"), "utf-8")
    with pytest.raises(IndexMismatchError, match=r"earlier Dalil.*`dalil reindex`"):
        Store(EdgeEngine(tmp_path / "index"), CONFIG)
    config.write_text(config.read_text("utf-8").replace("float16", "uint8"), "utf-8")
    Store(EdgeEngine(tmp_path / "index"), CONFIG).close()


def make_units(rows: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("dimension", [64, 512])
def test_quantized_vectors_are_read_back_nearly_as_they_were(dimension):
    vectors = make_units(500, dimension, 1)
    kept = quantize_passages(vectors)
    assert (kept == kept.astype(np.uint8)).all()
    assert np.mean(kept.sum(axis=1) == 128 * dimension) > 0.99
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    off = np.abs(dequantize(kept) - centred)
    assert np.quantile(off, 0.999) <= 1.001 / (29 * dimension**0.5)  # but for the few that are cut off
    cosines = (dequantize(kept) * centred).sum(axis=1)
    assert cosines == pytest.approx((centred**2).sum(axis=1), abs=0.01)


@pytest.mark.parametrize(("dimension", "near"), [(64, 0.06), (512, 0.02)])
def test_the_score_of_quantized_vectors_is_nearly_that_of_the_vectors(dimension, near):
    weights = np.linspace(0.01, 0.2, 12, dtype=np.float32)[:, None]
    query, passages = weights * make_units(12, dimension, 2), make_units(100, dimension, 3)
    exact = ((query - query.mean(axis=1, keepdims=True)) @ passages.T).max(axis=1).sum()
    assert sum_of_maxima(query, passages) == pytest.approx(exact, abs=near * float(weights.sum()))


def test_a_query_of_zeros_scores_zero():
    assert sum_of_maxima(np.zeros((2, 64), np.float32), make_units(3, 64, 4)) == pytest.approx(0, abs=1e-3)


# Reading what was written


def test_what_was_written_is_found_again(store):
    rivers, chunks = make_article("rivers", RIVERS)
    store.write(rivers, chunks)
    assert store.get_article("rivers") == rivers
    assert "pages" not in article_point(rivers, [], CONFIG, 0).payload  # as an earlier version wrote it
    summary = ArticleSummary(
        "rivers", "عنوان rivers", "1", "rivers.md", 3, "ar", "https://example.org/ص", "2024", "جغرافيا"
    )
    assert store.summarize_articles() == {"rivers": summary}
    assert store.list_articles(10) == [summary]
    assert store.count_chunks() == 3


def test_articles_are_kept_to_the_code_point(store):
    text = "مُحَمَّدٌ ـ ١٤٫٥٪\u200f \u200bﷺ\n\n😀\t«نص» \\ \" ' \u0000 نهاية"
    pages = PageMap((0, 3, 3), ("i", "", "1"))
    odd = Article("مقال/ا'\"؟", "", text, "ar", "1", "x", None, None, None, pages)
    store.write(odd, [])
    assert store.get_article(odd.id) == odd


def test_an_unknown_article_is_named(store):
    store.write(*make_article("rivers", RIVERS))
    with pytest.raises(NotFoundError, match="'seas'"):
        store.get_article("seas")
    assert list(store.get_articles(["seas", "rivers", "rivers"])) == ["rivers"]


def test_an_empty_index_finds_nothing(store):
    assert store.summarize_articles() == {}
    assert not store.find_candidates(make_query(QUESTION), 10, 10)
    assert (store.count_chunks(), store.count_articles(), store.delete_orphans()) == (0, 0, 0)
    assert store.get_articles([]) == store.sentence_vectors([]) == store.count_topics() == {}
    assert store.list_articles(10) == []
    assert store.find_incomplete() == set()


def test_a_store_opened_again_has_everything(engine):
    rivers, chunks = make_article("rivers", RIVERS)
    first = Store(engine(), CONFIG)
    first.write(rivers, chunks)
    expected = find_scores(first, make_query(QUESTION), 10, 10)
    first.close()
    again = Store(engine(), CONFIG)
    assert again.get_article("rivers") == rivers
    assert again.count_chunks() == 3
    assert are_equal(find_scores(again, make_query(QUESTION), 10, 10), expected)
    again.close()


def test_articles_chunks_and_topics_are_counted_at_once(store):
    for at in range(3):
        store.write(*make_article(f"a{at}", RIVERS, topic=("بيئة", "بيئة", None)[at]))
        assert (store.count_articles(), store.count_chunks()) == (at + 1, 3 * (at + 1))
    store.write(*make_article("a0", RIVERS[:1], revision="2", topic="مياه"))
    assert (store.count_articles(), store.count_chunks()) == (3, 7)
    assert store.count_topics() == {"بيئة": 1, "مياه": 1}
    store.remove(["a0", "a1"])
    assert (store.count_articles(), store.count_chunks(), store.count_topics()) == (1, 3, {})


def test_topics_are_counted_as_they_are_written_the_most_frequent_first(store):
    topics = ["مياه", "بيئة", "نقل", "بيئة", "مياه", "بيئة", "بيئه", None]
    for at, topic in enumerate(topics):
        store.write(*make_article(f"a{at}", [], topic=topic))
    counted = store.count_topics()
    assert counted == {"بيئة": 3, "مياه": 2, "نقل": 1, "بيئه": 1}
    assert list(counted)[:2] == ["بيئة", "مياه"]


def test_articles_are_listed_in_pages_the_last_written_first(store):
    for at in range(25):
        store.write(*make_article(f"a{at}", []))
    pages = [[summary.id for summary in store.list_articles(10, offset)] for offset in (0, 10, 20, 30)]
    newest_first = [f"a{at}" for at in reversed(range(25))]
    assert pages == [newest_first[:10], newest_first[10:20], newest_first[20:], []]


def test_an_article_that_is_written_again_is_listed_first(store):
    for name in ("a", "b", "c"):
        store.write(*make_article(name, RIVERS))
    store.write(*make_article("a", SEAS, revision="2"))
    assert [(summary.id, summary.revision) for summary in store.list_articles(10)] == [
        ("a", "2"),
        ("c", "1"),
        ("b", "1"),
    ]
    store.remove(["c"])
    assert [summary.id for summary in store.list_articles(10)] == ["a", "b"]


def test_the_order_of_the_list_is_kept_when_a_store_is_opened_again(engine):
    first = Store(engine(), CONFIG)
    for name in ("b", "a"):
        first.write(*make_article(name, RIVERS))
    first.close()
    again = Store(engine(), CONFIG)
    again.write(*make_article("c", RIVERS))
    assert [summary.id for summary in again.list_articles(10)] == ["c", "a", "b"]
    again.close()


def test_hundreds_of_articles_are_read_in_several_requests(store):
    for at in range(300):
        store.write(*make_article(f"a{at}", []))
    assert len(store.summarize_articles()) == len(store.get_articles(f"a{at}" for at in range(300))) == 300


def test_a_long_article_is_written_in_several_requests_and_its_orphans_are_deleted_in_several_pages(engine):
    inner = engine()
    store = Store(inner, replace(CONFIG, dimension=384))
    rivers, _ = make_article("rivers", RIVERS)
    spans = [Span(at, at + 1) for at in range(1200)]
    chunks = [
        EmbeddedChunk(
            Chunk("rivers", "1", *span, "", "ar", (span,)),
            make_passage("", [str(span)], 384),
            make_rows([str(span)], 5),
            lexical_vector(Document("")),
        )
        for span in spans
    ]
    store.write(rivers, chunks)
    assert store.count_chunks() == store.summarize_articles()["rivers"].chunks == 1200
    inner.delete("articles", [record.id for record in inner.scroll("articles", ["id"])])
    assert store.delete_orphans() == 1200
    assert store.count_chunks() == 0
    store.close()


# Searching


def test_candidates_have_the_scores_of_all_representations(store):
    rivers, seas = make_article("rivers", RIVERS), make_article("seas", SEAS)
    store.write(*rivers)
    store.write(*seas)
    expected = compute_scores([*rivers[1], *seas[1]], make_query(QUESTION))
    assert sum(lexical > 0 for *_, lexical in expected.values()) >= 3
    assert are_equal(find_scores(store, make_query(QUESTION), 10, 10), expected)


def test_candidates_are_the_best_by_the_dense_and_by_the_lexical_representation(store):
    articles = generate_articles(40)
    for one in articles:
        store.write(*one)
    expected = compute_scores([chunk for _, chunks in articles for chunk in chunks], make_query("ا ب ج د"))
    by_dense = sorted(expected, key=lambda key: -expected[key][0])[:6]
    by_lexical = sorted(expected, key=lambda key: -expected[key][3])[:4]
    assert set(by_lexical) - set(by_dense)
    found = find_scores(store, make_query("ا ب ج د"), 6, 4)
    assert are_equal(found, {key: expected[key] for key in {*by_dense, *by_lexical}})


def test_a_candidate_has_its_article_and_its_place_in_it(store):
    rivers, chunks = make_article("rivers", RIVERS)
    store.write(rivers, chunks)
    found = {candidate.span: candidate for candidate in store.find_candidates(make_query(QUESTION), 10, 10)}
    for chunk in (embedded.chunk for embedded in chunks):
        candidate = found[Span(chunk.start, chunk.end)]
        assert (candidate.article_id, candidate.revision, candidate.language) == ("rivers", "1", "ar")
        assert candidate.sentences == chunk.sentences


@pytest.mark.parametrize("question", ["؟!", "😀", "من ما هو", ""])
def test_a_question_without_content_words_is_answered_by_the_vectors(store, question):
    rivers = make_article("rivers", RIVERS)
    store.write(*rivers)
    assert lexical_vector(Document(question)).indices == []
    query = replace(make_query(QUESTION), lexical=lexical_vector(Document(question)))
    assert are_equal(find_scores(store, query, 10, 10), compute_scores(rivers[1], query))


def test_chunks_without_words_can_be_stored_and_found(store):
    marks = make_article("marks", [["؟!"], ["😀"]])
    store.write(*marks)
    assert are_equal(find_scores(store, make_query(QUESTION), 10, 10), compute_scores(marks[1], make_query(QUESTION)))


def generate_articles(number: int) -> list[tuple[Article, list[EmbeddedChunk]]]:
    """Articles of one to three chunks over an alphabet of one-letter words, some rare, some in most chunks."""
    random = np.random.default_rng(7)
    letters = [chr(code) for code in range(ord("ا"), ord("ي") + 1) if chr(code).isalpha() and code != 0x640]
    share = 1 / np.arange(1, len(letters) + 1)

    def sentence():
        return " ".join(random.choice(letters, random.integers(3, 30), p=share / share.sum())) + "."

    return [
        make_article(
            f"a{at}", [[sentence() for _ in range(random.integers(1, 4))] for _ in range(random.integers(1, 4))]
        )
        for at in range(number)
    ]


def test_both_engines_give_the_same_candidates_and_scores(tmp_path):
    folder = Store(EdgeEngine(tmp_path / "index"), CONFIG)
    server = Store(ServerEngine(QdrantClient(":memory:"), "test", "memory"), CONFIG)
    for one in generate_articles(60):
        folder.write(*one)
        server.write(*one)
    folder.optimize()
    for question in ("ا ب ج", "ص", "ت ث ج ح خ د ذ", "hello", "؟"):
        one, other = (find_scores(store, make_query(question), 15, 8) for store in (folder, server))
        assert len(one) >= 15
        assert are_equal(one, other)
    folder.close()
    server.close()


def test_each_sentence_of_a_chunk_has_its_vectors(store):
    _, chunks = rivers = make_article("rivers", RIVERS)
    store.write(*rivers)
    found = store.sentence_vectors([*chunk_ids(chunks), str(uuid4())])
    assert found.keys() == chunk_ids(chunks)
    for chunk in chunks:
        vectors = found[next(iter(chunk_ids([chunk])))]
        assert vectors.sentences == pytest.approx(requantize(chunk.sentences), abs=1e-6)
        assert [len(tokens) for tokens in vectors.tokens] == list(chunk.passage.counts[1:])
        after_title = chunk.passage.tokens[chunk.passage.counts[0] :]
        assert np.concatenate(vectors.tokens) == pytest.approx(requantize(after_title), abs=1e-6)


class RecordingEngine:
    """An engine that records what each search is of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.searches: list[tuple[dict[str, int], list[str]]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def find_and_score(self, finders, vectors, fields):
        assert all(finder.filter is not None and finder.ids is None for finder in finders)
        self.searches.append(({finder.representation: finder.limit for finder in finders}, list(vectors)))
        return self._engine.find_and_score(finders, vectors, fields)


@pytest.mark.parametrize(
    ("limits", "finders"), [((6, 4), {"dense": 6, "lexical": 4}), ((6, 0), {"dense": 6}), ((0, 4), {"lexical": 4})]
)
def test_a_search_finds_and_scores_in_one_call(engine, limits, finders):
    recording = RecordingEngine(engine())
    store = Store(recording, CONFIG)
    for one in generate_articles(20):
        store.write(*one)
    candidates = store.find_candidates(make_query("ا ب ج د"), *limits, Filters(languages=("ar",)))
    assert recording.searches == [(finders, ["dense", "tokens", "sentence", "lexical"])]
    assert max(limits) <= len(candidates) <= sum(limits)
    store.close()


def test_a_search_that_finds_nothing_is_one_call(engine):
    recording = RecordingEngine(engine())
    store = Store(recording, CONFIG)
    assert not store.find_candidates(make_query(QUESTION), 6, 4, Filters(languages=("ar",)))
    assert len(recording.searches) == 1
    store.close()


# Searching within some articles

DATED = {
    "old": "1999",
    "may": "2024-05",
    "day": "2024-06-15",
    "hour": "2024-06-30T10:00:00",
    "odd": "ربيع 2024",
    "none": None,
}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, "2023", {"old"}),
        ("1999-12-31", "1999-12-31", {"old"}),
        ("2024-05-20", "2024-06-15", {"may", "day"}),
        ("2024-06", "2024-06", {"day", "hour"}),
        ("2024-06-16", None, {"hour"}),
        ("2024-07-01", None, set()),
        (None, None, set(DATED)),
    ],
)
def test_a_range_of_dates_includes_both_ends_and_no_article_without_an_iso_date(store, first, last, expected):
    for name, date in DATED.items():
        store.write(*make_article(name, RIVERS, date=date))
    assert read_article_ids(store, Filters(date_from=first, date_to=last)) == expected


def test_an_article_must_match_every_filter_by_one_of_its_values(store):
    for name, topic, language in (("a", "بيئة", "ar"), ("b", "بيئة", "en"), ("c", "مياه", "ar"), ("d", None, "ar")):
        store.write(*make_article(name, RIVERS, topic=topic, language=language))
    for filters, expected in (
        (Filters(topics=("بِيئه",), languages=("ar",)), {"a"}),
        (Filters(topics=("بيئة", "مياه")), {"a", "b", "c"}),
        (Filters(topics=("نقل",)), set()),
        (Filters(languages=("en",)), {"b"}),
        (Filters(articles=("a", "d", "unknown"), languages=("ar", "en")), {"a", "d"}),
        (Filters(articles=("unknown",)), set()),
        (Filters(topics=("بيئة",), date_from="2024", date_to="2024"), {"a", "b"}),
        (Filters(topics=("بيئة",), date_from="2025"), set()),
    ):
        assert read_article_ids(store, filters) == expected


def test_filters_follow_the_fields_of_the_last_revision(store):
    store.write(*make_article("a", RIVERS, topic="بيئة", date="2020"))
    store.write(*make_article("a", RIVERS, revision="2", topic="مياه", date="2021"))
    assert (
        read_article_ids(store, Filters(topics=("بيئة",))) == read_article_ids(store, Filters(date_to="2020")) == set()
    )
    assert read_article_ids(store, Filters(topics=("مياه",), date_from="2021")) == {"a"}


def test_the_language_of_a_filter_is_that_of_the_article_not_of_the_chunk(store):
    english, chunks = make_article("a", RIVERS, language="en")
    assert {embedded.chunk.language for embedded in chunks} == {"ar"}
    store.write(english, chunks)
    assert read_article_ids(store, Filters(languages=("en",))) == {"a"}
    assert read_article_ids(store, Filters(languages=("ar",))) == set()


def test_a_representation_with_a_limit_of_0_finds_nothing_and_scores_all_the_same(store):
    articles = generate_articles(20)
    for one in articles:
        store.write(*one)
    expected = compute_scores([chunk for _, chunks in articles for chunk in chunks], make_query("ا ب ج د"))
    for name, limits in (("dense", (5, 0)), ("lexical", (0, 5))):
        column = REPRESENTATIONS.index(name)
        best = sorted(expected, key=lambda key, column=column: -expected[key][column])[:5]
        assert are_equal(find_scores(store, make_query("ا ب ج د"), *limits), {key: expected[key] for key in best})
    assert find_scores(store, make_query("؟"), 0, 5) == {}


def test_candidates_within_some_articles_are_the_best_of_those(store):
    articles = generate_articles(40)
    for one in articles:
        store.write(*one)
    expected = compute_scores([chunk for _, chunks in articles for chunk in chunks], make_query("ا ب ج د"))
    named = ["a3", "a5", "a8", "a13", "a21"]
    within = chunk_ids([chunk for one, chunks in articles if one.id in named for chunk in chunks])
    assert len(within) > 4
    by_dense = sorted(within, key=lambda key: -expected[key][0])[:2]
    by_lexical = sorted(within, key=lambda key: -expected[key][3])[:2]
    found = find_scores(store, make_query("ا ب ج د"), 2, 2, Filters(articles=(*named, "unknown")))
    assert are_equal(found, {key: expected[key] for key in {*by_dense, *by_lexical}})
    assert not store.find_candidates(make_query("ا ب ج د"), 2, 2, Filters(articles=("unknown",)))


def test_an_index_of_an_earlier_version_can_be_filtered(tmp_path):
    store = Store(EdgeEngine(tmp_path), CONFIG)
    store.write(*make_article("rivers", RIVERS))
    store.write(*make_article("seas", SEAS))
    store.close()
    chunks = edge.EdgeShard.load(str(tmp_path / "chunks"))
    chunks.update(edge.UpdateOperation.delete_field_index("article_id"))
    chunks.close()
    again = Store(EdgeEngine(tmp_path), CONFIG)
    assert {
        one.article_id for one in again.find_candidates(make_query(QUESTION), 10, 10, Filters(articles=("seas",)))
    } == {"seas"}
    again.close()


# Changing


def test_another_revision_leaves_only_its_own_chunks(store):
    store.write(*make_article("rivers", RIVERS))
    store.write(*make_article("seas", SEAS))
    edited = make_article("rivers", [*RIVERS[:1], ["نهر الأردن ينبع من جبل الشيخ."]], revision="2")
    store.write(*edited)
    assert store.get_article("rivers") == edited[0]
    assert read_chunk_ids(store) == chunk_ids(edited[1]) | chunk_ids(make_article("seas", SEAS)[1])
    assert store.delete_orphans() == 0


def test_the_same_revision_written_again_changes_nothing(store):
    for _ in range(2):
        store.write(*make_article("rivers", RIVERS))
    assert read_chunk_ids(store) == chunk_ids(make_article("rivers", RIVERS)[1])
    assert len(store.summarize_articles()) == 1


def test_an_optimized_folder_scores_as_if_replaced_and_removed_chunks_had_never_been_written(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), CONFIG)
    store.write(*make_article("rivers", SEAS))
    store.write(*make_article("gone", [["نهر النيل.", "طول النيل."]]))
    rivers = make_article("rivers", RIVERS, revision="2")
    store.write(*rivers)
    store.remove(["gone"])
    store.optimize()
    found = find_scores(store, make_query(QUESTION), 10, 10)
    store.close()
    assert are_equal(found, compute_scores(rivers[1], make_query(QUESTION)))


def test_a_removed_article_is_gone_with_its_chunks(store):
    store.write(*make_article("rivers", RIVERS))
    store.write(*make_article("seas", SEAS))
    store.remove(["rivers", "unknown"])
    assert store.summarize_articles().keys() == {"seas"}
    assert read_chunk_ids(store) == chunk_ids(make_article("seas", SEAS)[1])
    store.remove([])
    assert store.delete_orphans() == 0


def test_chunks_without_their_article_are_no_hits_and_are_deleted_as_orphans(engine):
    inner = engine()
    store = Store(inner, WORDS)
    for one, chunks in embed_articles([article("النحلة تصنع العسل.", "bees")], 320, WordEncoder()):
        store.write(one, chunks)
    retriever = HybridRetriever(store, WordEncoder(), load_calibration())
    assert [hit.article.id for hit in retriever.search("من يصنع العسل؟").hits] == ["bees"]
    inner.delete("articles", [record.id for record in inner.scroll("articles", ["id"])])
    assert store.count_chunks() == 1
    assert retriever.search("من يصنع العسل؟").hits == ()
    assert (store.delete_orphans(), store.count_chunks(), store.delete_orphans()) == (1, 0, 0)
    store.close()


class KilledError(Exception):
    """Stands for the end of the process."""


class MortalEngine:
    """An engine whose process is killed before write number `writes`, counted from 0."""

    def __init__(self, engine: Engine, writes: int) -> None:
        self._engine, self._writes_left = engine, writes

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def upsert(self, *arguments: object) -> None:
        self._die()
        self._engine.upsert(*arguments)

    def delete(self, *arguments: object) -> None:
        self._die()
        self._engine.delete(*arguments)

    def _die(self) -> None:
        if self._writes_left == 0:
            raise KilledError
        self._writes_left -= 1


@pytest.mark.parametrize("change", ["add", "edit", "remove"])
def test_a_kill_between_any_two_writes_leaves_the_article_whole_or_absent(engine, change):
    old, new = make_article("rivers", RIVERS), make_article("rivers", SEAS, revision="2")
    outcomes = []
    for writes in count():
        store = Store(engine(), CONFIG)
        store.remove(["rivers"])
        if change != "add":
            store.write(*old)
        store.close()

        doomed = Store(MortalEngine(engine(), writes), CONFIG)
        try:
            doomed.remove(["rivers"]) if change == "remove" else doomed.write(*new)
        except KilledError:
            pass
        else:
            doomed.close()
            break
        doomed.close()

        store = Store(engine(), CONFIG)
        found = store.get_articles(["rivers"]).get("rivers")
        assert found in (None, old[0], new[0])
        committed = {None: set(), old[0]: chunk_ids(old[1]), new[0]: chunk_ids(new[1])}[found]
        assert committed <= read_chunk_ids(store)
        assert found is not None or change != "edit"
        store.delete_orphans()
        assert read_chunk_ids(store) == committed
        assert store.delete_orphans() == 0
        outcomes.append(found and found.revision)
        store.close()
    assert outcomes == {"add": [None, None, "2"], "edit": ["1", "1", "2"], "remove": ["1", None]}[change]


# The configuration of an index


def test_the_fingerprint_depends_on_every_field():
    changed = [replace(CONFIG, **{name: 999}) for name in CONFIG.__dataclass_fields__]
    assert len({config.fingerprint for config in [CONFIG, *changed]}) == len(changed) + 1
    assert replace(CONFIG).fingerprint == CONFIG.fingerprint


def test_a_configuration_is_described_by_its_fields():
    assert str(CONFIG).startswith("embedder numbers, dimension 8, token_dimension 4, ")


@pytest.mark.parametrize(
    "other",
    [
        {"chunk_tokens": 128},
        {"dimension": 16},
        {"token_dimension": 3},
        {"sentence_dimension": 6},
        {"embedder": "letters"},
    ],
    ids=str,
)
def test_an_index_of_another_configuration_is_refused_with_the_remedy(engine, other):
    store = Store(engine(), CONFIG)
    store.write(*make_article("rivers", RIVERS))
    store.close()
    with pytest.raises(IndexMismatchError, match=r"`dalil reindex`|DALIL_QDRANT_PREFIX") as refused:
        Store(engine(), replace(CONFIG, **other))
    assert str(next(iter(other.values()))) in str(refused.value)
    store = Store(engine(), CONFIG)  # the refused one holds no lock
    assert store.count_chunks() == 3
    store.close()


def test_the_articles_of_an_index_of_another_version_can_be_read(engine):
    store = Store(engine(), CONFIG)
    article, chunks = make_article("rivers", RIVERS)
    store.write(article, chunks)
    store.close()
    other = replace(CONFIG, normalization=CONFIG.normalization + 1)
    with pytest.raises(IndexMismatchError, match="`dalil reindex`"):
        Store(engine(), other)
    store = Store(engine(), other, accepts_other_config=True)
    assert list(store.read_articles()) == [article]
    store.close()


def test_an_empty_index_takes_another_configuration_of_the_same_dimensions(engine):
    store = Store(engine(), CONFIG)
    store.write(*make_article("rivers", RIVERS))
    store.remove(["rivers"])
    store.close()
    store = Store(engine(), replace(CONFIG, chunk_tokens=128))
    store.write(*make_article("rivers", RIVERS))
    store.close()
    with pytest.raises(IndexMismatchError, match="chunk_tokens 128"):
        Store(engine(), CONFIG)


# Edge alone: the folder

HOLDER = """
import sys
from pathlib import Path
from rag.store import IndexConfig, Store
from rag.store.qdrant_edge import EdgeEngine
store = Store(EdgeEngine(Path(sys.argv[2])), IndexConfig("numbers", 8, 4, 5, 320))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_error_of_a_second_process_names_the_holder_of_the_index(tmp_path):
    command = [sys.executable, "-c", HOLDER, "serve", str(tmp_path / "index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLockedError) as refused:
            Store(EdgeEngine(tmp_path / "index"), CONFIG)
        assert "`dalil serve" in str(refused.value)
        assert f"process {holder.pid}" in str(refused.value)
        assert "DALIL_DATA_DIR" in str(refused.value)
        holder.kill()
    Store(EdgeEngine(tmp_path / "index"), CONFIG).close()  # what a killed process held is free


def test_opening_waits_for_a_process_that_ends_soon(tmp_path):
    command = [sys.executable, "-c", HOLDER, "ask", str(tmp_path / "index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout.readline() == "held\n"
        threading.Timer(0.3, holder.kill).start()
        Store(EdgeEngine(tmp_path / "index"), CONFIG).close()


def test_a_store_closed_by_another_thread_can_be_opened_again(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), CONFIG)
    closing = threading.Thread(target=store.close)
    closing.start()
    closing.join()
    Store(EdgeEngine(tmp_path / "index"), CONFIG).close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def without_rights() -> Iterator[Callable[[], None]]:
    """Gives up the right to write everywhere, which only root has, until the test ends."""
    user = os.geteuid()
    yield lambda: os.seteuid(65534) if user == 0 else None
    os.seteuid(user)


@pytest.mark.parametrize("state", ["missing", "empty", "filled"])
def test_a_folder_that_cannot_be_written_is_refused_with_the_remedy(open_folder, without_rights, state):
    index = open_folder / "index"
    if state == "filled":
        Store(EdgeEngine(index), CONFIG).close()
    elif state == "empty":
        index.mkdir()
    for path in [open_folder, *open_folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    without_rights()
    with pytest.raises(StoreError, match=r"cannot be written .*DALIL_DATA_DIR") as refused:
        Store(EdgeEngine(index), CONFIG)
    assert str(index) in str(refused.value)


def test_files_of_another_user_in_the_folder_are_a_store_error(open_folder, without_rights):
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users in turn")
    index = open_folder / "index"
    Store(EdgeEngine(index), CONFIG).close()
    for path in (index, index / "lock", index / "holder.json"):
        path.chmod(0o777)
    without_rights()
    with pytest.raises(StoreError, match=str(index)):
        Store(EdgeEngine(index), CONFIG)


@pytest.mark.parametrize("where", ["index", "index/below"])
def test_a_file_in_the_place_of_the_folder_is_a_store_error(tmp_path, where):
    (tmp_path / "index").write_text("a file")
    with pytest.raises(StoreError, match="DALIL_DATA_DIR"):
        Store(EdgeEngine(tmp_path / where), CONFIG)
    assert (tmp_path / "index").read_text() == "a file"


NOISE = b"\x93garbage\xff" * 500


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("articles/edge_config.json", NOISE),
        ("chunks/edge_config.json", NOISE),
        ("chunks/edge_config.json", b""),
        ("chunks/edge_config.json", b"{}"),
        ("articles/segments/*/segment.json", NOISE),
        ("articles/segments/*/payload_storage/page_0.dat", NOISE),
        ("chunks/segments/*/mutable_id_tracker.mappings", NOISE),
        ("chunks/wal/first-index", NOISE),
    ],
    ids=lambda value: value[:9] if isinstance(value, bytes) else None,
)
def test_a_corrupt_index_is_refused_and_the_remedy_helps(tmp_path, file, content):
    index = tmp_path / "index"
    store = Store(EdgeEngine(index), CONFIG)
    store.write(*make_article("rivers", RIVERS))
    store.close()
    [found] = index.glob(file)
    found.write_bytes(content)
    with pytest.raises(StoreError, match="move that folder away") as refused:
        Store(EdgeEngine(index), CONFIG)
    assert str(index) in str(refused.value)
    shutil.move(index, tmp_path / "away")
    Store(EdgeEngine(index), CONFIG).close()


def test_two_threads_write_while_two_read(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), WORDS)
    texts = [f"النحلة رقم {at} تصنع العسل.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(20)]
    retriever = HybridRetriever(store, WordEncoder(), load_calibration())
    until, errors, done = time.monotonic() + 1.5, [], Counter()

    def repeat(what, *arguments):
        try:
            for round_ in count():
                if time.monotonic() > until:
                    return
                what(round_, *arguments)
                done[what.__name__] += 1
        except BaseException as error:
            errors.append(error)
            raise

    def write(round_, name):
        one = article(texts[round_ % 20], f"{name}{round_ % 5}")
        for found, chunks in embed_articles([one], 64, WordEncoder()):
            store.write(found, chunks)
        if round_ % 7 == 6:
            store.remove([f"{name}{round_ % 5}"])

    def read(round_):
        for hit in retriever.search("كم كيلومترا تطير النحلة؟").hits:
            assert hit.text in texts[int(hit.article.text.split()[2])]
        assert all(summary.chunks >= 1 for summary in store.summarize_articles().values())

    threads = [threading.Thread(target=repeat, args=args) for args in [(write, "a"), (write, "b"), (read,), (read,)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert min(done["write"], done["read"]) >= 2
    assert store.delete_orphans() == 0
    assert store.count_chunks() == sum(summary.chunks for summary in store.summarize_articles().values())
    store.close()


# A server alone


def test_a_server_that_cannot_be_reached_is_named_without_its_key(recwarn):
    url = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(StoreError, match="DALIL_QDRANT_URL") as refused:
        Store(ServerEngine.connect(url, None, None, "test"), CONFIG)
    assert url in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b'{"status": {"error": "Invalid API key"}}'), (500, b"oops"), (200, b"<html>a proxy</html>"), (200, b"{}")],
    ids=["401", "500", "html", "{}"],
)
def test_an_answer_of_no_qdrant_server_is_a_store_error(status, body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with pytest.raises(StoreError, match=url):
                Store(ServerEngine.connect(url, None, None, "test"), CONFIG)
        finally:
            server.shutdown()


def test_two_prefixes_on_one_server_are_two_indexes():
    client = QdrantClient(":memory:")
    one, other = (Store(LastingEngine(client, prefix, "memory"), CONFIG) for prefix in ("one", "other"))
    one.write(*make_article("rivers", RIVERS))
    assert (one.count_chunks(), other.count_chunks()) == (3, 0)
    assert other.summarize_articles() == {}
    client.close()


def test_what_another_process_writes_is_counted_and_listed():
    client = QdrantClient(":memory:")
    one, other = (Store(LastingEngine(client, "shared", "memory"), CONFIG) for _ in range(2))
    one.write(*make_article("rivers", RIVERS))
    assert (one.count_chunks(), other.count_chunks()) == (3, 3)
    other.write(*make_article("seas", SEAS, topic="مياه"))
    assert (one.count_chunks(), one.count_articles()) == (5, 2)
    assert one.count_topics() == {"جغرافيا": 1, "مياه": 1}
    assert [summary.id for summary in one.list_articles(10)] == ["seas", "rivers"]
    other.remove(["rivers", "seas"])
    assert (one.count_chunks(), one.count_articles()) == (0, 0)
    client.close()


# By settings


def test_the_settings_choose_the_folder(tmp_path):
    store = open_store(load_settings({}, data_dir=tmp_path / "here"), CONFIG)
    store.write(*make_article("rivers", RIVERS))
    store.close()
    assert (tmp_path / "here" / "chunks").is_dir()


def test_the_settings_choose_the_server(tmp_path):
    url = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(StoreError, match=url):
        open_store(load_settings({}, data_dir=tmp_path / "here", qdrant_url=url), CONFIG)
    assert not (tmp_path / "here").exists()
