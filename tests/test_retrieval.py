import json
import math
from dataclasses import replace

import numpy as np
import pytest

from eval.datasets import GOLD
from ingest.sync import embed
from rag.embedding import BUNDLED
from rag.errors import StoreError
from rag.retrieval import calibration
from rag.retrieval.calibration import Fusion, Logistic
from rag.retrieval.retriever import REFUSAL_FEATURES, HybridRetriever, coverage, explained
from rag.store import Store
from rag.store.fingerprint import Pipeline
from rag.store.qdrant_edge import EdgeEngine
from rag.types import Signals
from tests.doubles import WordEncoder, article, put

QUEEN_AR = "كم يومًا تحتاج ملكة النحل لتكتمل؟"
QUEEN_EN = "How many days does a queen bee take to grow from egg to adult?"
WORDS = Pipeline("words", 64, 64, 64, 320)


def retriever(store, encoder, **weights):
    """A retriever, all of whose fusion weights may be given."""
    fitted = calibration.load()
    pairs = {pair: replace(one, fusion=replace(one.fusion, **weights)) for pair, one in fitted.pairs.items()}
    return HybridRetriever(store, encoder, replace(fitted, pairs=pairs))


def words_store(folder, *articles, engine=EdgeEngine):
    store = Store(engine(folder), WORDS)
    for one, chunks in embed(articles, WORDS.chunk_tokens, WordEncoder()):
        store.write(one, chunks)
    store.settle()
    return store


# What is found


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN, "Karl von Frisch", "1973", "ً؟", "😀"])
def test_hits_are_sorted_distinct_and_slices_of_their_articles(assistant, question):
    found = retriever(assistant.store, assistant.encoder).search(question, 30)
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.chunk_id for hit in found.hits}) == len(found.hits) > 0
    for hit in found.hits:
        assert hit.text == hit.article.text[hit.start : hit.end] == hit.text.strip() != ""
        assert hit.sentences[0].start == hit.start
        assert hit.sentences[-1].end == hit.end


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN])
def test_the_passage_that_answers_comes_first(assistant, question):
    best = assistant.search(question).hits[0]
    assert best.article.id == "honey-bees"
    assert "16 يومًا" in best.text


def test_top_k_is_the_number_of_hits(assistant):
    assert [len(assistant.search(QUEEN_AR, top_k=number).hits) for number in (1, 3, 8)] == [1, 3, 8]
    assert len(assistant.search(QUEEN_AR).hits) == assistant.settings.top_k
    assert len(assistant.search(QUEEN_AR, top_k=50).hits) == assistant.store.chunk_count


def test_fewer_hits_are_the_first_of_more(assistant):
    few, many = (assistant.search(QUEEN_AR, top_k=number).hits for number in (3, 10))
    assert few == many[:3]


def test_the_same_question_finds_the_same(assistant):
    first, second = assistant.search(QUEEN_AR), assistant.search(QUEEN_AR)
    assert (first.hits, first.probability, first.features) == (second.hits, second.probability, second.features)


@pytest.mark.parametrize(
    "spelling",
    ["كَمْ يَوْمًا تَحْتَاجُ مَلِكَةُ النَّحْلِ لِتَكْتَمِلَ؟", "كم يوماً تحتاج ملكه النحل لتكتمل؟", "كـم يومًا تحتـاج ملكة النحـل لتكتمل؟"],
)
def test_spelling_does_not_change_the_best_hit(assistant, spelling):
    assert assistant.search(spelling).hits[0].chunk_id == assistant.search(QUEEN_AR).hits[0].chunk_id


def test_without_articles_nothing_is_found(tmp_path):
    store = words_store(tmp_path)
    found = retriever(store, WordEncoder()).search("سؤال")
    assert (found.hits, found.probability, found.features) == ((), 0.0, {})
    store.close()


@pytest.mark.parametrize("mode", ["dense", "lexical"])
@pytest.mark.parametrize("question", [QUEEN_AR, "Karl von Frisch"])
def test_a_mode_ranks_by_its_view_alone(assistant, question, mode):
    every = assistant.search(question, 50).hits
    assert len(every) == assistant.store.chunk_count
    by_view = sorted((round(getattr(hit.signals, mode), 6) for hit in every), reverse=True)
    found = assistant.search(question, 50, mode=mode).hits
    assert [hit.score for hit in found] == [round(getattr(hit.signals, mode), 6) for hit in found]
    assert [hit.score for hit in found] == pytest.approx([score for score in by_view if mode == "dense" or score > 0])


def test_the_lexical_view_finds_nothing_for_words_that_no_article_holds(assistant):
    assert assistant.search("😀 x1y2z", mode="lexical").hits == ()
    assert assistant.search("😀 x1y2z", mode="dense").hits


# Probability


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN, "ما عاصمة أستراليا؟", "x", "س " * 900])
def test_a_probability_is_between_0_and_1(assistant, question):
    found = assistant.search(question)
    assert 0 <= found.probability <= 1
    assert all(math.isfinite(value) for value in found.features.values())
    assert 0 <= found.features["coverage"] <= 1


def test_a_logistic_model_is_the_logistic_function_of_its_weighted_features():
    model = Logistic(-1.0, {"a": 2.0, "b": -0.5}, 0.5)
    assert model.probability({"a": 1.0, "b": 2.0, "ignored": 9.0}) == 0.5  # -1 + 2 - 1 = 0
    assert model.probability({"a": 1.5, "b": 2.0}) == pytest.approx(1 / (1 + math.exp(-1)))
    assert 0 <= model.probability({"a": -1e9, "b": 0.0}) < model.probability({"a": 1e9, "b": 0.0}) <= 1


def test_the_calibration_that_ships_is_complete():
    shipped = calibration.load()
    assert shipped.embedder == BUNDLED.name
    assert set(shipped.pairs) == {("ar", "ar"), ("ar", "en"), ("en", "ar"), ("en", "en")}
    for pair in shipped.pairs.values():
        assert set(pair.refusal.weights) == set(REFUSAL_FEATURES)
        assert set(pair.refusal_without_dense.weights) == set(REFUSAL_FEATURES) - {"dense"}
        assert all(0 < model.threshold < 1 for model in (pair.refusal, pair.refusal_without_dense))


def test_another_embedder_is_judged_without_its_dense_view():
    shipped = calibration.load()
    pair = shipped.pairs["en", "ar"]
    assert shipped.refusal(("en", "ar"), BUNDLED.name) is pair.refusal
    assert shipped.refusal(("en", "ar"), "another") is pair.refusal_without_dense


def test_fusion_adds_the_weighted_views():
    weights = Fusion(dense=2.0, tokens=0.2, sentence=0.5, lexical=0.25, offset=0.1)
    assert weights.score(Signals(1.0, 5.0, 2.0, 4.0)) == pytest.approx(0.1 + 2.0 + 1.0 + 1.0 + 1.0)


def test_only_chunks_in_another_language_than_the_question_are_lifted():
    for (asked, held), pair in calibration.load().pairs.items():
        assert (pair.fusion.offset == 0) == (asked == held)


COMPUTERS = article(
    "تختلف وحدة المعالجة المركزية عن وحدة معالجة الرسوميات في عدد النوى. في المعالج المركزي بضع نوى قوية تنفذ التعليمات"
    " واحدة بعد أخرى، أما المعالج الرسومي ففيه آلاف النوى الصغيرة التي تعمل معًا.\n\n"
    "Engineers often put it this way: a central processor is a sports car that carries two people very fast, and a"
    " graphics processor is a bus, slower, but with room for fifty at once.",
    "computers",
    "المعالجات",
)


@pytest.mark.parametrize(
    ("question", "article_id", "held"),
    [
        ("كم نواة في المعالج المركزي وكم نواة في المعالج الرسومي؟", "computers", "ar"),
        ("A graphics processor has room for how many people at once, like a bus?", "computers", "en"),
        (QUEEN_AR, "honey-bees", "ar"),
        (QUEEN_EN, "honey-bees", "ar"),
    ],
)
def test_chunks_of_two_languages_are_ranked_together(assistant, question, article_id, held):
    put(assistant, COMPUTERS)
    try:
        best = assistant.search(question).hits[0]
        assert (best.article.id, best.language) == (article_id, held)
    finally:
        assistant.store.remove(["computers"])
        assistant.store.settle()


def test_signals_keep_the_ranges_their_type_promises(assistant):
    for question in (QUEEN_AR, QUEEN_EN, "ملكة النحل", "1973"):
        for hit in assistant.search(question, top_k=30).hits:
            assert -1 <= hit.signals.dense <= 1.001
            assert -1 <= hit.signals.sentence <= 1.001
            assert hit.signals.lexical >= 0


def test_coverage_is_the_share_of_the_questions_words_that_occur():
    question = "كم يومًا تحتاج ملكة النحل؟"  # without كم: يوم، تحتاج، ملكة، النحل
    assert coverage(question, "والنحل يتبع الملكة", across=False) == 2 / 4
    assert coverage(question, "", across=False) == 0


def test_across_languages_names_and_numbers_are_covered_by_sound():
    question = "When did Prometheus reach 1 gigawatt?"  # a name and a number; gigawatt is no name
    assert coverage(question, "بروميثيوس بقدرة ١ غيغاواط", across=True) == 1
    assert coverage(question, "بروميثيوس", across=True) == 1 / 2
    assert 0 < coverage("how high is it?", "بروميثيوس", across=True) < 1  # nothing to be met tells nothing


# Each view helps


def reciprocal_ranks(searching, language):
    """Of the gold questions about the four articles: 1 / rank of the chunk that holds the evidence."""
    rows = [json.loads(line) for line in GOLD.read_text("utf-8").splitlines()]
    ranks = []
    for row in rows:
        if (
            row.get("article") in ("dead-sea", "honey-bees", "hope-probe", "ibn-battuta")
            and row["language"] == language
        ):
            hits = searching.search(row["question"], 30).hits
            ranks += [
                1 / at
                for at, hit in enumerate(hits, 1)
                if hit.article.id == row["article"] and hit.start <= row["start"] and row["end"] <= hit.end
            ]
    assert len(ranks) >= 10
    return np.mean(ranks)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_views_together_are_never_worse_than_the_dense_one_alone(assistant, language):
    parts = assistant.store, assistant.encoder
    together = reciprocal_ranks(retriever(*parts), language)
    assert together >= reciprocal_ranks(retriever(*parts, sentence=0.0, lexical=0.0), language)
    assert together > 0.8


# Revisions


class Killed(EdgeEngine):
    """An engine whose process dies before an article is committed."""

    def upsert(self, collection, points):
        if collection == "articles":
            raise StoreError("killed")
        super().upsert(collection, points)


def test_chunks_that_were_not_committed_are_not_found(tmp_path):
    words_store(tmp_path, article("الفنار من الحجر.", "light"), article("السفينة من الخشب.", "ship")).close()
    killed = Store(Killed(tmp_path), WORDS)
    for text, key in (("الفنار الفنار الفنار.", "light"), ("الفنار والفنار.", "ghost")):
        ((one, chunks),) = embed([article(text, key)], WORDS.chunk_tokens, WordEncoder())
        with pytest.raises(StoreError, match="killed"):
            killed.write(one, chunks)
    killed.close()
    store = Store(EdgeEngine(tmp_path), WORDS)
    assert store.check() == 4
    for top_k in (1, 2, 8):
        hits = retriever(store, WordEncoder()).search("الفنار", top_k).hits
        assert [hit.text for hit in hits] == ["الفنار من الحجر.", "السفينة من الخشب."][:top_k]
    store.close()


# Another embedder

TRAIN = article("وصل قطار الحجاز إلى المدينة المنورة عام 1908.", "train")
LIGHT = article("بلغ ارتفاع فنار الإسكندرية نحو مئة متر.", "light")
OUD = article("العود آلة وترية ذات خمسة أوتار.", "oud")


def test_another_embedder_works(tmp_path):
    store = words_store(tmp_path, TRAIN, LIGHT, OUD)
    searching = retriever(store, WordEncoder())
    for question, expected in (("متى وصل قطار الحجاز؟", "train"), ("ارتفاع الفنار", "light"), ("أوتار العود", "oud")):
        found = searching.search(question)
        assert found.hits[0].article.id == expected
        assert 0 <= found.probability <= 1
    store.close()


def test_cosines_of_another_embedder_are_brought_to_the_calibrated_spread(tmp_path):
    store = words_store(tmp_path, TRAIN, LIGHT, OUD)
    dense = [hit.signals.dense for hit in retriever(store, WordEncoder()).search("متى وصل قطار الحجاز؟").hits]
    assert np.std(dense) == pytest.approx(calibration.load().spread, rel=1e-3)
    store.close()


def test_a_lone_chunk_of_another_embedder_has_signals_like_any_other(tmp_path):
    store = words_store(tmp_path, TRAIN)
    (hit,) = retriever(store, WordEncoder()).search("متى وصل قطار الحجاز؟").hits
    assert abs(hit.signals.dense) <= 1.001
    assert abs(hit.score) < 10
    store.close()


# As shown


def test_hits_are_shown_with_or_without_reasons(assistant):
    found = assistant.search("ملكة النحل", top_k=2)
    plain = explained(found, with_reasons=False)
    assert set(plain) == {"hits"}
    assert set(plain["hits"][0]) == {"article_id", "title", "url", "start", "end", "text", "score"}
    full = explained(found, with_reasons=True)
    assert set(full) == {"hits", "language", "probability", "features", "timings_ms"}
    assert set(full["hits"][0]) == set(plain["hits"][0]) | {"signals", "matched"}
    assert set(full["hits"][0]["signals"]) == {"dense", "tokens", "sentence", "lexical"}
    matched = full["hits"][0]["matched"]
    assert {"النحل", "نحلة"} <= {form for forms in matched.values() for form in forms}
    assert all(form in found.hits[0].text for forms in matched.values() for form in forms)
    json.dumps(full)
