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

from ingest.sync import embed
from rag.embedding import PassageVectors, QuestionVectors
from rag.embedding.bm25 import lexical_vector
from rag.errors import NotFoundError, PipelineError, StoreError, StoreLockedError
from rag.retrieval import calibration
from rag.retrieval.retriever import HybridRetriever
from rag.settings import load
from rag.store import EmbeddedChunk, Engine, Head, QueryVectors, Store, open_store
from rag.store import quantization as octets
from rag.store.base import chunk_key
from rag.store.fingerprint import Pipeline
from rag.store.qdrant_edge import EdgeEngine
from rag.store.qdrant_server import ServerEngine
from rag.types import Article, Chunk, Filters, Span
from tests.doubles import WordEncoder, article, closed_port

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
"""The client in memory needs none; a server does."""

ROOT = Path(__file__).parent.parent
SERVER = "DALIL_TEST_QDRANT_URL"
PIPELINE = Pipeline("numbers", 8, 4, 5, 320)
WORDS = Pipeline("words", 64, 64, 64, 320)
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


class Lasting(ServerEngine):
    """A server engine that may be opened again: a client in memory forgets everything when it is closed."""

    def close(self) -> None:
        pass


@pytest.fixture(params=["edge", "memory", "server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Makes engines over one and the same index, for each kind of store."""
    if request.param == "edge":
        yield lambda: EdgeEngine(tmp_path / "index")
    elif request.param == "memory":
        client = QdrantClient(":memory:")
        yield lambda: Lasting(client, "test", "memory")
        client.close()
    else:
        url = os.environ.get(SERVER)
        if not url:
            pytest.skip(f"needs a Qdrant server: set {SERVER} to its URL")
        prefix = f"test_{uuid4().hex[:12]}"
        yield lambda: ServerEngine.connect(url, None, None, prefix)
        client = QdrantClient(url=url)
        for name in ("articles", "chunks"):
            client.delete_collection(f"{prefix}_{name}")
        client.close()


@pytest.fixture
def store(engine: Callable[[], Engine]) -> Iterator[Store]:
    opened = Store(engine(), PIPELINE)
    yield opened
    opened.close()


def vector(text: str, size: int) -> np.ndarray:
    """A direction that only `text` has, and no unit vector: the dense view must not count on that."""
    return np.random.default_rng(list(text.encode())).normal(size=size).astype(np.float32)


def rows(texts: list[str], size: int) -> np.ndarray:
    """Such vectors, of length 1."""
    found = np.array([vector(text, size) for text in texts], np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def passage(title: str, sentences: list[str], dimension: int = 8) -> PassageVectors:
    """Each word is a token."""
    parts = [text.split() for text in (title, *sentences)]
    whole = " ".join(sentences)
    tokens = rows([word for words in parts for word in words], 4)
    return PassageVectors(vector(whole, dimension), tokens, tuple(map(len, parts)))


def made(name: str, paragraphs: list[list[str]], revision: str = "1") -> tuple[Article, list[EmbeddedChunk]]:
    """An article whose paragraphs are its chunks, with their vectors."""
    text = "\n".join(" ".join(sentences) for sentences in paragraphs)
    found = Article(
        name, f"عنوان {name}", text, "ar", revision, f"{name}.md", "https://example.org/ص", "2024", "جغرافيا"
    )
    chunks, at = [], 0
    for sentences in paragraphs:
        spans = []
        for sentence in sentences:
            spans.append(Span(at, at + len(sentence)))
            at += len(sentence) + 1
        whole = text[spans[0].start : spans[-1].end]
        chunk = Chunk(name, revision, spans[0].start, spans[-1].end, whole, "ar", tuple(spans))
        chunks.append(EmbeddedChunk(chunk, passage(found.title, sentences), rows(sentences, 5), lexical_vector(whole)))
    return found, chunks


def asked(question: str) -> QueryVectors:
    words = rows([f"كلمة {word}" for word in question.split() or ["؟"]], 4)
    weights = np.arange(1, len(words) + 1, dtype=np.float32)[:, None]
    tokens = words * weights / weights.sum()
    return QueryVectors(QuestionVectors(vector(question, 8), tokens, vector(question, 5)), lexical_vector(question))


def keys(chunks: list[EmbeddedChunk]) -> set[str]:
    return {chunk_key(c.chunk.article_id, c.chunk.revision, Span(c.chunk.start, c.chunk.end)) for c in chunks}


def stored(store: Store) -> set[str]:
    """The ids of all chunks in the index."""
    return {candidate.id for candidate in store.candidates(asked("كل"), 10_000, 1)}


def read_back(vectors: np.ndarray) -> np.ndarray:
    """As the store keeps the views of tokens and sentences."""
    return octets.as_vectors(octets.of_passage(vectors))


def by_hand(chunks: list[EmbeddedChunk], query: QueryVectors) -> dict[str, tuple[float, ...]]:
    """The signals of every chunk, from their definitions."""

    def cosine(one, other):
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    encoded = query.encoded
    number = len(chunks)
    with_term = Counter(term for chunk in chunks for term in chunk.lexical.indices)
    signals = {}
    for chunk in chunks:
        weights = dict(zip(*chunk.lexical, strict=True))
        bm25 = sum(
            weight * weights.get(term, 0) * math.log(1 + (number - with_term[term] + 0.5) / (with_term[term] + 0.5))
            for term, weight in zip(*query.lexical, strict=True)
        )
        best = nearest(encoded.sentence[None], chunk.sentences)
        late = nearest(encoded.tokens, chunk.passage.tokens)
        signals[next(iter(keys([chunk])))] = (cosine(encoded.dense, chunk.passage.dense), late, best, bm25)
    return signals


def nearest(question, passage) -> float:
    """The sum of the greatest products, in the numbers that are kept."""
    asked, kept = octets.of_question(question), octets.of_passage(passage)
    greatest = (asked.octets.astype(np.int64) @ kept.astype(np.int64).T).max(axis=1).sum()
    return float(asked.scores(np.float64(greatest)))


def signals_of(store: Store, query: QueryVectors, dense: int, lexical: int) -> dict[str, tuple[float, ...]]:
    return {one.id: astuple(one.signals) for one in store.candidates(query, dense, lexical)}


def same(one: dict[str, tuple[float, ...]], other: dict[str, tuple[float, ...]]) -> bool:
    return one.keys() == other.keys() and all(one[key] == pytest.approx(other[key], abs=1e-5) for key in one)


# Vectors as octets


def test_an_index_that_keeps_vectors_otherwise_is_told_to_be_made_anew(tmp_path):
    Store(EdgeEngine(tmp_path / "index"), PIPELINE).close()
    config = tmp_path / "index" / "chunks" / "edge_config.json"
    config.write_text(config.read_text("utf-8").replace("uint8", "float16"), "utf-8")
    with pytest.raises(PipelineError, match=r"earlier Dalil.*Ingest your articles again"):
        Store(EdgeEngine(tmp_path / "index"), PIPELINE)
    config.write_text(config.read_text("utf-8").replace("float16", "uint8"), "utf-8")
    Store(EdgeEngine(tmp_path / "index"), PIPELINE).close()


def units(rows: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("dimension", [64, 512])
def test_vectors_kept_as_octets_read_back_as_they_were(dimension):
    vectors = units(500, dimension, 1)
    kept = octets.of_passage(vectors)
    assert (kept == kept.astype(np.uint8)).all()
    assert np.mean(kept.sum(axis=1) == 128 * dimension) > 0.99
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    off = np.abs(octets.as_vectors(kept) - centred)
    assert np.quantile(off, 0.999) <= 1.001 / (29 * dimension**0.5)  # but for the few that are cut off
    cosines = (octets.as_vectors(kept) * centred).sum(axis=1)
    assert cosines == pytest.approx((centred**2).sum(axis=1), abs=0.01)


@pytest.mark.parametrize(("dimension", "near"), [(64, 0.06), (512, 0.02)])
def test_the_score_of_octets_is_nearly_that_of_the_vectors(dimension, near):
    weights = np.linspace(0.01, 0.2, 12, dtype=np.float32)[:, None]
    question, passages = weights * units(12, dimension, 2), units(100, dimension, 3)
    truly = ((question - question.mean(axis=1, keepdims=True)) @ passages.T).max(axis=1).sum()
    assert nearest(question, passages) == pytest.approx(truly, abs=near * float(weights.sum()))


def test_a_question_of_zeros_scores_nothing():
    assert nearest(np.zeros((2, 64), np.float32), units(3, 64, 4)) == pytest.approx(0, abs=1e-3)


# Reading what was written


def test_what_was_written_is_found_again(store):
    rivers, chunks = made("rivers", RIVERS)
    store.write(rivers, chunks)
    assert store.article("rivers") == rivers
    head = Head("rivers", "عنوان rivers", "1", "rivers.md", 3, "ar", "https://example.org/ص", "2024", "جغرافيا")
    assert store.heads() == {"rivers": head}
    assert store.check() == 3


def test_articles_are_kept_to_the_code_point(store):
    text = "مُحَمَّدٌ ـ ١٤٫٥٪\u200f \u200bﷺ\n\n😀\t«نص» \\ \" ' \u0000 نهاية"
    odd = Article("مقال/ا'\"؟", "", text, "ar", "1", "x", None, None, None)
    store.write(odd, [])
    assert store.article(odd.id) == odd


def test_an_unknown_article_is_named(store):
    store.write(*made("rivers", RIVERS))
    with pytest.raises(NotFoundError, match="'seas'"):
        store.article("seas")
    assert list(store.articles(["seas", "rivers", "rivers"])) == ["rivers"]


def test_an_empty_index_finds_nothing(store):
    assert store.heads() == {}
    assert not store.candidates(asked(QUESTION), 10, 10)
    assert (store.chunk_count, store.check(), store.sweep()) == (0, 0, 0)
    assert store.articles([]) == store.evidence([]) == {}


def test_a_store_opened_again_has_everything(engine):
    rivers, chunks = made("rivers", RIVERS)
    first = Store(engine(), PIPELINE)
    first.write(rivers, chunks)
    expected = signals_of(first, asked(QUESTION), 10, 10)
    first.close()
    again = Store(engine(), PIPELINE)
    assert again.article("rivers") == rivers
    assert again.chunk_count == 3
    assert same(signals_of(again, asked(QUESTION), 10, 10), expected)
    again.close()


def test_the_number_of_chunks_is_counted_anew_when_settled(store):
    store.write(*made("rivers", RIVERS))
    assert store.chunk_count == 0
    store.settle()
    assert store.chunk_count == 3


def test_hundreds_of_articles_are_read_in_several_requests(store):
    for at in range(300):
        store.write(*made(f"a{at}", []))
    assert len(store.heads()) == len(store.articles(f"a{at}" for at in range(300))) == 300


def test_a_long_article_is_written_in_several_requests_and_swept_in_several_pages(engine):
    inner = engine()
    store = Store(inner, replace(PIPELINE, dimension=384))
    rivers, _ = made("rivers", RIVERS)
    spans = [Span(at, at + 1) for at in range(1200)]
    chunks = [
        EmbeddedChunk(
            Chunk("rivers", "1", *span, "", "ar", (span,)),
            passage("", [str(span)], 384),
            rows([str(span)], 5),
            lexical_vector(""),
        )
        for span in spans
    ]
    store.write(rivers, chunks)
    assert store.check() == store.heads()["rivers"].chunks == 1200
    inner.delete("articles", [record.id for record in inner.scroll("articles", ["id"])])
    assert store.sweep() == 1200
    assert store.check() == 0
    store.close()


# Searching


def test_candidates_carry_the_signals_of_all_views(store):
    rivers, seas = made("rivers", RIVERS), made("seas", SEAS)
    store.write(*rivers)
    store.write(*seas)
    expected = by_hand([*rivers[1], *seas[1]], asked(QUESTION))
    assert sum(lexical > 0 for *_, lexical in expected.values()) >= 3
    assert same(signals_of(store, asked(QUESTION), 10, 10), expected)


def test_candidates_are_the_best_of_the_dense_and_of_the_lexical_view(store):
    articles = generated(40)
    for one in articles:
        store.write(*one)
    expected = by_hand([chunk for _, chunks in articles for chunk in chunks], asked("ا ب ج د"))
    by_dense = sorted(expected, key=lambda key: -expected[key][0])[:6]
    by_words = sorted(expected, key=lambda key: -expected[key][3])[:4]
    assert set(by_words) - set(by_dense)
    found = signals_of(store, asked("ا ب ج د"), 6, 4)
    assert same(found, {key: expected[key] for key in {*by_dense, *by_words}})


def test_a_candidate_says_where_it_stands(store):
    rivers, chunks = made("rivers", RIVERS)
    store.write(rivers, chunks)
    found = {candidate.span: candidate for candidate in store.candidates(asked(QUESTION), 10, 10)}
    for chunk in (embedded.chunk for embedded in chunks):
        candidate = found[Span(chunk.start, chunk.end)]
        assert (candidate.article_id, candidate.revision, candidate.language) == ("rivers", "1", "ar")
        assert [Span(*sentence) for sentence in candidate.sentences] == list(chunk.sentences)


@pytest.mark.parametrize("question", ["؟!", "😀", "من ما هو", ""])
def test_a_question_without_words_is_answered_by_the_vectors(store, question):
    rivers = made("rivers", RIVERS)
    store.write(*rivers)
    assert lexical_vector(question).indices == []
    query = replace(asked(QUESTION), lexical=lexical_vector(question))
    assert same(signals_of(store, query, 10, 10), by_hand(rivers[1], query))


def test_chunks_without_words_can_be_stored_and_found(store):
    marks = made("marks", [["؟!"], ["😀"]])
    store.write(*marks)
    assert same(signals_of(store, asked(QUESTION), 10, 10), by_hand(marks[1], asked(QUESTION)))


def generated(number: int) -> list[tuple[Article, list[EmbeddedChunk]]]:
    """Articles of one to three chunks over an alphabet of one-letter words, some rare, some in most chunks."""
    random = np.random.default_rng(7)
    letters = [chr(code) for code in range(ord("ا"), ord("ي") + 1) if chr(code).isalpha() and code != 0x640]
    share = 1 / np.arange(1, len(letters) + 1)

    def sentence():
        return " ".join(random.choice(letters, random.integers(3, 30), p=share / share.sum())) + "."

    return [
        made(f"a{at}", [[sentence() for _ in range(random.integers(1, 4))] for _ in range(random.integers(1, 4))])
        for at in range(number)
    ]


def test_both_engines_give_the_same_candidates_and_scores(tmp_path):
    edge = Store(EdgeEngine(tmp_path / "index"), PIPELINE)
    server = Store(ServerEngine(QdrantClient(":memory:"), "test", "memory"), PIPELINE)
    for one in generated(60):
        edge.write(*one)
        server.write(*one)
    edge.settle()
    for question in ("ا ب ج", "ص", "ت ث ج ح خ د ذ", "hello", "؟"):
        one, other = (signals_of(store, asked(question), 15, 8) for store in (edge, server))
        assert len(one) >= 15
        assert same(one, other)
    edge.close()
    server.close()


def test_the_evidence_of_a_chunk_has_vectors_for_each_of_its_sentences(store):
    _, chunks = rivers = made("rivers", RIVERS)
    store.write(*rivers)
    found = store.evidence([*keys(chunks), str(uuid4())])
    assert found.keys() == keys(chunks)
    for chunk in chunks:
        evidence = found[next(iter(keys([chunk])))]
        assert evidence.sentences == pytest.approx(read_back(chunk.sentences), abs=1e-6)
        assert [len(tokens) for tokens in evidence.tokens] == list(chunk.passage.counts[1:])
        after_title = chunk.passage.tokens[chunk.passage.counts[0] :]
        assert np.concatenate(evidence.tokens) == pytest.approx(read_back(after_title), abs=1e-6)


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
def test_a_range_of_dates_holds_both_its_ends_and_no_article_without_a_date(store, first, last, expected):
    for name, date in DATED.items():
        store.write(replace(made(name, [])[0], date=date), [])
    assert set(store.matching(Filters(date_from=first, date_to=last))) == expected


def test_an_article_must_fit_every_filter_and_one_of_its_values(store):
    for name, topic, language in (("a", "بيئة", "ar"), ("b", "بيئة", "en"), ("c", "مياه", "ar"), ("d", None, "ar")):
        store.write(replace(made(name, [])[0], topic=topic, language=language), [])
    assert store.matching(Filters(topics=("بِيئه",), languages=("ar",))) == ["a"]
    assert set(store.matching(Filters(topics=("بيئة", "مياه")))) == {"a", "b", "c"}
    assert set(store.matching(Filters(articles=("a", "d", "unknown"), languages=("ar", "en")))) == {"a", "d"}


def test_a_view_asked_for_none_finds_none_and_scores_all_the_same(store):
    articles = generated(20)
    for one in articles:
        store.write(*one)
    expected = by_hand([chunk for _, chunks in articles for chunk in chunks], asked("ا ب ج د"))
    for view, numbers in ((0, (5, 0)), (3, (0, 5))):
        best = sorted(expected, key=lambda key, view=view: -expected[key][view])[:5]
        assert same(signals_of(store, asked("ا ب ج د"), *numbers), {key: expected[key] for key in best})
    assert signals_of(store, asked("؟"), 0, 5) == {}


def test_candidates_within_some_articles_are_the_best_of_those(store):
    articles = generated(40)
    for one in articles:
        store.write(*one)
    expected = by_hand([chunk for _, chunks in articles for chunk in chunks], asked("ا ب ج د"))
    named = ["a3", "a5", "a8", "a13", "a21"]
    within = keys([chunk for one, chunks in articles if one.id in named for chunk in chunks])
    assert len(within) > 4
    by_dense = sorted(within, key=lambda key: -expected[key][0])[:2]
    by_words = sorted(within, key=lambda key: -expected[key][3])[:2]
    found = store.candidates(asked("ا ب ج د"), 2, 2, [*named, "unknown"])
    assert same({one.id: astuple(one.signals) for one in found}, {key: expected[key] for key in {*by_dense, *by_words}})
    assert not store.candidates(asked("ا ب ج د"), 2, 2, ["unknown"])


def test_an_index_of_an_earlier_version_can_be_filtered(tmp_path):
    store = Store(EdgeEngine(tmp_path), PIPELINE)
    store.write(*made("rivers", RIVERS))
    store.write(*made("seas", SEAS))
    store.close()
    chunks = edge.EdgeShard.load(str(tmp_path / "chunks"))
    chunks.update(edge.UpdateOperation.delete_field_index("article_id"))
    chunks.close()
    again = Store(EdgeEngine(tmp_path), PIPELINE)
    assert {one.article_id for one in again.candidates(asked(QUESTION), 10, 10, ["seas"])} == {"seas"}
    again.close()


# Changing


def test_another_revision_leaves_only_its_own_chunks(store):
    store.write(*made("rivers", RIVERS))
    store.write(*made("seas", SEAS))
    edited = made("rivers", [*RIVERS[:1], ["نهر الأردن ينبع من جبل الشيخ."]], revision="2")
    store.write(*edited)
    assert store.article("rivers") == edited[0]
    assert stored(store) == keys(edited[1]) | keys(made("seas", SEAS)[1])
    assert store.sweep() == 0


def test_the_same_revision_written_again_changes_nothing(store):
    for _ in range(2):
        store.write(*made("rivers", RIVERS))
    assert stored(store) == keys(made("rivers", RIVERS)[1])
    assert len(store.heads()) == 1


def test_a_settled_folder_scores_as_if_replaced_and_removed_chunks_had_never_been(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), PIPELINE)
    store.write(*made("rivers", SEAS))
    store.write(*made("gone", [["نهر النيل.", "طول النيل."]]))
    rivers = made("rivers", RIVERS, revision="2")
    store.write(*rivers)
    store.remove(["gone"])
    store.settle()
    found = signals_of(store, asked(QUESTION), 10, 10)
    store.close()
    assert same(found, by_hand(rivers[1], asked(QUESTION)))


def test_a_removed_article_is_gone_with_its_chunks(store):
    store.write(*made("rivers", RIVERS))
    store.write(*made("seas", SEAS))
    store.remove(["rivers", "unknown"])
    assert store.heads().keys() == {"seas"}
    assert stored(store) == keys(made("seas", SEAS)[1])
    store.remove([])
    assert store.sweep() == 0


def test_chunks_without_their_article_are_no_hits_and_are_swept(engine):
    inner = engine()
    store = Store(inner, WORDS)
    for one, chunks in embed([article("النحلة تصنع العسل.", "bees")], 320, WordEncoder()):
        store.write(one, chunks)
    retriever = HybridRetriever(store, WordEncoder(), calibration.load())
    assert [hit.article.id for hit in retriever.search("من يصنع العسل؟").hits] == ["bees"]
    inner.delete("articles", [record.id for record in inner.scroll("articles", ["id"])])
    assert store.check() == 1
    assert retriever.search("من يصنع العسل؟").hits == ()
    assert (store.sweep(), store.check(), store.sweep()) == (1, 0, 0)
    store.close()


class Killed(Exception):
    pass


class Mortal:
    """An engine whose process is killed before its write number `lives`, counted from 0."""

    def __init__(self, engine: Engine, lives: int) -> None:
        self._engine, self._lives = engine, lives

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def upsert(self, *arguments: object) -> None:
        self._die()
        self._engine.upsert(*arguments)

    def delete(self, *arguments: object) -> None:
        self._die()
        self._engine.delete(*arguments)

    def _die(self) -> None:
        if self._lives == 0:
            raise Killed
        self._lives -= 1


@pytest.mark.parametrize("change", ["add", "edit", "remove"])
def test_a_kill_between_any_two_writes_leaves_the_article_whole_or_absent(engine, change):
    old, new = made("rivers", RIVERS), made("rivers", SEAS, revision="2")
    outcomes = []
    for lives in count():
        store = Store(engine(), PIPELINE)
        store.remove(["rivers"])
        if change != "add":
            store.write(*old)
        store.close()

        doomed = Store(Mortal(engine(), lives), PIPELINE)
        try:
            doomed.remove(["rivers"]) if change == "remove" else doomed.write(*new)
        except Killed:
            pass
        else:
            doomed.close()
            break
        doomed.close()

        store = Store(engine(), PIPELINE)
        found = store.articles(["rivers"]).get("rivers")
        assert found in (None, old[0], new[0])
        committed = {None: set(), old[0]: keys(old[1]), new[0]: keys(new[1])}[found]
        assert committed <= stored(store)
        assert found is not None or change != "edit"
        store.sweep()
        assert stored(store) == committed
        assert store.sweep() == 0
        outcomes.append(found and found.revision)
        store.close()
    assert outcomes == {"add": [None, None, "2"], "edit": ["1", "1", "2"], "remove": ["1", None]}[change]


# Pipelines


def test_the_fingerprint_depends_on_every_field():
    changed = [replace(PIPELINE, **{name: 999}) for name in PIPELINE.__dataclass_fields__]
    assert len({pipeline.fingerprint for pipeline in [PIPELINE, *changed]}) == len(changed) + 1
    assert replace(PIPELINE).fingerprint == PIPELINE.fingerprint


def test_a_pipeline_says_what_it_is_made_of():
    assert str(PIPELINE).startswith("embedder numbers, dimension 8, token_dimension 4, ")


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
def test_an_index_of_another_pipeline_is_refused_with_the_remedy(engine, other):
    store = Store(engine(), PIPELINE)
    store.write(*made("rivers", RIVERS))
    store.close()
    with pytest.raises(PipelineError, match=r"DALIL_DATA_DIR|DALIL_QDRANT_PREFIX") as refused:
        Store(engine(), replace(PIPELINE, **other))
    assert str(next(iter(other.values()))) in str(refused.value)
    store = Store(engine(), PIPELINE)  # the refused one holds no lock
    assert store.check() == 3
    store.close()


def test_an_empty_index_takes_another_pipeline_of_the_same_dimensions(engine):
    store = Store(engine(), PIPELINE)
    store.write(*made("rivers", RIVERS))
    store.remove(["rivers"])
    store.close()
    store = Store(engine(), replace(PIPELINE, chunk_tokens=128))
    store.write(*made("rivers", RIVERS))
    store.close()
    with pytest.raises(PipelineError, match="chunk_tokens 128"):
        Store(engine(), PIPELINE)


# Edge alone: the folder

HOLDER = """
import sys
from pathlib import Path
from rag.store.fingerprint import Pipeline
from rag.store import Store
from rag.store.qdrant_edge import EdgeEngine
store = Store(EdgeEngine(Path(sys.argv[2])), Pipeline("numbers", 8, 4, 5, 320))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_index(tmp_path):
    command = [sys.executable, "-c", HOLDER, "serve", str(tmp_path / "index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLockedError) as refused:
            Store(EdgeEngine(tmp_path / "index"), PIPELINE)
        assert "`dalil serve" in str(refused.value)
        assert f"process {holder.pid}" in str(refused.value)
        assert "DALIL_DATA_DIR" in str(refused.value)
        holder.kill()
    Store(EdgeEngine(tmp_path / "index"), PIPELINE).close()  # what a killed process held is free


def test_a_process_that_soon_ends_is_waited_for(tmp_path):
    command = [sys.executable, "-c", HOLDER, "ask", str(tmp_path / "index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout.readline() == "held\n"
        threading.Timer(0.3, holder.kill).start()
        Store(EdgeEngine(tmp_path / "index"), PIPELINE).close()


def test_a_store_closed_by_another_thread_is_free(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), PIPELINE)
    closing = threading.Thread(target=store.close)
    closing.start()
    closing.join()
    Store(EdgeEngine(tmp_path / "index"), PIPELINE).close()


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
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


@pytest.mark.parametrize("state", ["missing", "empty", "made"])
def test_a_folder_that_cannot_be_written_is_refused_with_the_remedy(folder_of_nobody, without_rights, state):
    index = folder_of_nobody / "index"
    if state == "made":
        Store(EdgeEngine(index), PIPELINE).close()
    elif state == "empty":
        index.mkdir()
    for path in [folder_of_nobody, *folder_of_nobody.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    without_rights()
    with pytest.raises(StoreError, match=r"cannot be written .*DALIL_DATA_DIR") as refused:
        Store(EdgeEngine(index), PIPELINE)
    assert str(index) in str(refused.value)


def test_files_of_another_user_in_the_folder_are_a_store_error(folder_of_nobody, without_rights):
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users in turn")
    index = folder_of_nobody / "index"
    Store(EdgeEngine(index), PIPELINE).close()
    for path in (index, index / "lock", index / "holder.json"):
        path.chmod(0o777)
    without_rights()
    with pytest.raises(StoreError, match=str(index)):
        Store(EdgeEngine(index), PIPELINE)


@pytest.mark.parametrize("where", ["index", "index/below"])
def test_a_file_in_the_place_of_the_folder_is_a_store_error(tmp_path, where):
    (tmp_path / "index").write_text("a file")
    with pytest.raises(StoreError, match="DALIL_DATA_DIR"):
        Store(EdgeEngine(tmp_path / where), PIPELINE)
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
    store = Store(EdgeEngine(index), PIPELINE)
    store.write(*made("rivers", RIVERS))
    store.close()
    [found] = index.glob(file)
    found.write_bytes(content)
    with pytest.raises(StoreError, match="move that folder away") as refused:
        Store(EdgeEngine(index), PIPELINE)
    assert str(index) in str(refused.value)
    shutil.move(index, tmp_path / "away")
    Store(EdgeEngine(index), PIPELINE).close()


def test_two_threads_write_while_two_read(tmp_path):
    store = Store(EdgeEngine(tmp_path / "index"), WORDS)
    texts = [f"النحلة رقم {at} تصنع العسل.\nوتطير {at + 3} كيلومترات كل يوم." for at in range(20)]
    retriever = HybridRetriever(store, WordEncoder(), calibration.load())
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
        for found, chunks in embed([one], 64, WordEncoder()):
            store.write(found, chunks)
        if round_ % 7 == 6:
            store.remove([f"{name}{round_ % 5}"])

    def read(round_):
        for hit in retriever.search("كم كيلومترا تطير النحلة؟").hits:
            assert hit.text in texts[int(hit.article.text.split()[2])]
        assert all(head.chunks >= 1 for head in store.heads().values())

    threads = [threading.Thread(target=repeat, args=args) for args in [(write, "a"), (write, "b"), (read,), (read,)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert min(done["write"], done["read"]) >= 2
    assert store.sweep() == 0
    assert store.check() == sum(head.chunks for head in store.heads().values())
    store.close()


# A server alone


def test_a_server_that_cannot_be_reached_is_named_without_its_key(recwarn):
    url = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(StoreError, match="DALIL_QDRANT_URL") as refused:
        Store(ServerEngine.connect(url, None, None, "test"), PIPELINE)
    assert url in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b'{"status": {"error": "Invalid API key"}}'), (500, b"oops"), (200, b"<html>a proxy</html>"), (200, b"{}")],
    ids=["401", "500", "html", "{}"],
)
def test_what_is_no_qdrant_server_is_a_store_error(status, body):
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
                Store(ServerEngine.connect(url, None, None, "test"), PIPELINE)
        finally:
            server.shutdown()


def test_two_prefixes_on_one_server_are_two_indexes():
    client = QdrantClient(":memory:")
    one, other = (Store(Lasting(client, prefix, "memory"), PIPELINE) for prefix in ("one", "other"))
    one.write(*made("rivers", RIVERS))
    assert (one.check(), other.check()) == (3, 0)
    assert other.heads() == {}
    client.close()


# By settings


def test_the_settings_choose_the_folder(tmp_path):
    store = open_store(load(environment={}, data_dir=tmp_path / "here"), PIPELINE)
    store.write(*made("rivers", RIVERS))
    store.close()
    assert (tmp_path / "here" / "chunks").is_dir()


def test_the_settings_choose_the_server(tmp_path):
    url = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(StoreError, match=url):
        open_store(load(environment={}, data_dir=tmp_path / "here", qdrant_url=url), PIPELINE)
    assert not (tmp_path / "here").exists()
