import json
import math
from dataclasses import replace

import numpy as np
import pytest

from eval.datasets import GOLD_QUESTIONS
from ingest.embedding import embed_articles
from rag.embedding import BUNDLED
from rag.errors import StoreError
from rag.language.document import Document
from rag.language.name_spelling import write_names
from rag.retrieval.answerability import ANSWERABILITY_FEATURES, coverage
from rag.retrieval.calibration import Fusion, LogisticModel, load_calibration
from rag.retrieval.explain import describe_result
from rag.retrieval.retriever import HybridRetriever
from rag.store import IndexConfig, Store
from rag.store import base as store_base
from rag.store.points import chunk_point
from rag.store.qdrant_edge import EdgeEngine
from rag.types import Scores
from tests.doubles import WordEncoder, article, count_calls, put

QUEEN_AR = "كم يومًا تحتاج ملكة النحل لتكتمل؟"
QUEEN_EN = "How many days does a queen bee take to grow from egg to adult?"
WORDS = IndexConfig("words", 64, 64, 64, 320)


def make_retriever(store, encoder, **weights):
    """A retriever with the fitted fusion weights, except those given."""
    fitted = load_calibration()
    pairs = {pair: replace(one, fusion=replace(one.fusion, **weights)) for pair, one in fitted.pairs.items()}
    return HybridRetriever(store, encoder, replace(fitted, pairs=pairs))


def open_word_store(folder, *articles):
    """A store of these articles, with the vectors of `WordEncoder`."""
    store = Store(EdgeEngine(folder), WORDS)
    for one, chunks in embed_articles(articles, WORDS.chunk_tokens, WordEncoder()):
        store.write(one, chunks)
    store.optimize()
    return store


# What is found


def test_across_languages_a_name_that_an_article_has_counts_for_all_its_chunks(tmp_path):
    island = article("تقع سقطرى في المحيط الهندي. " + "وفيها جبال وشجر كثير. " * 120, "island", "جزيرة")
    other = article("في المدينة سوق قديم. " * 10, "town", "مدينة")
    store = open_word_store(tmp_path, island, other)
    retriever = make_retriever(store, WordEncoder(), dense=0.0, tokens=0.0, sentence=0.0, lexical=0.0)
    found = [hit.article.id for hit in retriever.search("What is Socotra?", 9).hits]
    assert found.count("island") > 1
    assert found[-1] == "town"
    within = retriever.search("ما سقطرى؟", 9).hits
    assert len({hit.score for hit in within}) == 1


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN, "Karl von Frisch", "1973", "ً؟", "😀"])
def test_hits_are_sorted_distinct_and_slices_of_their_articles(assistant, question):
    result = make_retriever(assistant.store, assistant.encoder).search(question, 30)
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.chunk_id for hit in result.hits}) == len(result.hits) > 0
    for hit in result.hits:
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
    assert len(assistant.search(QUEEN_AR, top_k=50).hits) == assistant.store.count_chunks()


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


def test_what_is_read_is_searched_for_again_with_names_as_the_articles_spell_them(assistant):
    asked = "When did Ibn Battuta leave Tangier?"
    found = assistant.search(asked, reads=4)
    assert found.spellings["Tangier"] == "طنجة"
    assert (found.question.text, found.language) == (asked, "en")
    alone, again = assistant.search(asked), assistant.search(write_names(asked, found.spellings))
    assert not alone.spellings
    assert found.hits == again.hits != alone.hits
    assert min(alone.probability, again.probability) < found.probability < max(alone.probability, again.probability)


@pytest.mark.parametrize("question", [QUEEN_EN, "متى غادر ابن بطوطة طنجة؟"])
def test_a_question_without_names_in_another_script_is_searched_for_once(assistant, question):
    read, shown = assistant.search(question, reads=4), assistant.search(question)
    assert (read.hits, read.probability, read.spellings) == (shown.hits, shown.probability, {})


def test_names_stay_as_they_are_where_a_text_in_the_language_of_the_question_is_found(tmp_path):
    arabic = article("زار نيوتن لندن. ثم عاد نيوتن.", "arabic", "نيوتن")
    english = article("Newton saw London again, and then went home.", "english", "Newton")
    for number, texts in enumerate(([arabic], [arabic, english])):
        store = open_word_store(tmp_path / str(number), *texts)
        found = make_retriever(store, WordEncoder()).search("When did Newton see London?", 4, reads=4)
        assert bool(found.spellings) == (len(texts) == 1)
        store.close()


def test_without_articles_nothing_is_found(tmp_path):
    store = open_word_store(tmp_path)
    result = make_retriever(store, WordEncoder()).search("سؤال")
    assert (result.hits, result.probability, result.features) == ((), 0.0, {})
    store.close()


@pytest.mark.parametrize("mode", ["dense", "lexical"])
@pytest.mark.parametrize("question", [QUEEN_AR, "Karl von Frisch"])
def test_a_mode_ranks_by_its_representation_alone(assistant, question, mode):
    every = assistant.search(question, 50).hits
    assert len(every) == assistant.store.count_chunks()
    ranked = sorted((round(getattr(hit.scores, mode), 6) for hit in every), reverse=True)
    hits = assistant.search(question, 50, mode=mode).hits
    assert [hit.score for hit in hits] == [round(getattr(hit.scores, mode), 6) for hit in hits]
    assert [hit.score for hit in hits] == pytest.approx([score for score in ranked if mode == "dense" or score > 0])


def test_the_lexical_mode_finds_nothing_for_words_that_no_article_holds(assistant):
    assert assistant.search("😀 x1y2z", mode="lexical").hits == ()
    assert assistant.search("😀 x1y2z", mode="dense").hits


def test_a_chunk_that_holds_every_stem_of_a_question_scores_about_1_for_each_in_the_lexical_representation(tmp_path):
    """In an index of 120 chunks of about 120 stems, the length that the weights are made for. The sum of n stems is
    divided by the root of n."""
    others = [article(" ".join(f"{at}{word}" for word in range(100, 220)), f"other {at}") for at in range(1, 120)]
    store = open_word_store(tmp_path, *others, article(" ".join(map(str, range(5000, 5120))), "holding"))
    assert store.count_chunks() >= 120
    for stems in (["5000"], ["5000", "5001"], ["5000", "5001", "5002", "5003"]):
        best = make_retriever(store, WordEncoder()).search(" ".join(stems), mode="lexical").hits[0]
        assert best.article.id == "holding"
        assert 0.7 < best.scores.lexical / math.sqrt(len(stems)) < 1.4
    store.close()


# Probability


@pytest.mark.parametrize("question", [QUEEN_AR, QUEEN_EN, "ما عاصمة أستراليا؟", "x", "س " * 900])
def test_a_probability_is_between_0_and_1(assistant, question):
    result = assistant.search(question)
    assert 0 <= result.probability <= 1
    assert all(math.isfinite(value) for value in result.features.values())
    assert 0 <= result.features["coverage"] <= 1


def test_a_logistic_model_is_the_logistic_function_of_its_weighted_features():
    model = LogisticModel(-1.0, {"a": 2.0, "b": -0.5}, 0.5)
    assert model.probability({"a": 1.0, "b": 2.0, "ignored": 9.0}) == 0.5  # -1 + 2 - 1 = 0
    assert model.probability({"a": 1.5, "b": 2.0}) == pytest.approx(1 / (1 + math.exp(-1)))
    assert 0 <= model.probability({"a": -1e9, "b": 0.0}) < model.probability({"a": 1e9, "b": 0.0}) <= 1


def test_the_calibration_that_ships_is_complete():
    shipped = load_calibration()
    assert shipped.embedder == BUNDLED.name
    assert set(shipped.pairs) == {("ar", "ar"), ("ar", "en"), ("en", "ar"), ("en", "en")}
    for pair in shipped.pairs.values():
        assert set(pair.abstention.weights) == set(ANSWERABILITY_FEATURES)
        assert set(pair.abstention_without_dense.weights) == set(ANSWERABILITY_FEATURES) - {"dense"}
        assert all(0 < model.threshold < 1 for model in (pair.abstention, pair.abstention_without_dense))


def test_another_embedder_is_judged_without_its_dense_scores():
    shipped = load_calibration()
    pair = shipped.pairs["en", "ar"]
    assert shipped.abstention(("en", "ar"), BUNDLED.name) is pair.abstention
    assert shipped.abstention(("en", "ar"), "another") is pair.abstention_without_dense


def test_fusion_adds_the_weighted_scores():
    weights = Fusion(dense=2.0, tokens=0.2, sentence=0.5, lexical=0.25, offset=0.1)
    assert weights.fuse(Scores(1.0, 5.0, 2.0, 4.0)) == pytest.approx(0.1 + 2.0 + 1.0 + 1.0 + 1.0)


def test_only_pairs_of_two_languages_have_an_offset():
    for (query_language, chunk_language), pair in load_calibration().pairs.items():
        assert (pair.fusion.offset == 0) == (query_language == chunk_language)


COMPUTERS = article(
    "تختلف وحدة المعالجة المركزية عن وحدة معالجة الرسوميات في عدد النوى. في المعالج المركزي بضع نوى قوية تنفذ التعليمات"
    " واحدة بعد أخرى، أما المعالج الرسومي ففيه آلاف النوى الصغيرة التي تعمل معًا.\n\n"
    "Engineers often put it this way: a central processor is a sports car that carries two people very fast, and a"
    " graphics processor is a bus, slower, but with room for fifty at once.",
    "computers",
    "المعالجات",
)


@pytest.mark.parametrize(
    ("question", "article_id", "chunk_language"),
    [
        ("كم نواة في المعالج المركزي وكم نواة في المعالج الرسومي؟", "computers", "ar"),
        ("A graphics processor has room for how many people at once, like a bus?", "computers", "en"),
        (QUEEN_AR, "honey-bees", "ar"),
        (QUEEN_EN, "honey-bees", "ar"),
    ],
)
def test_chunks_of_two_languages_are_ranked_together(assistant, question, article_id, chunk_language):
    put(assistant, COMPUTERS)
    try:
        best = assistant.search(question).hits[0]
        assert (best.article.id, best.language) == (article_id, chunk_language)
    finally:
        assistant.store.remove(["computers"])
        assistant.store.optimize()


def test_scores_are_in_the_ranges_of_their_type(assistant):
    for question in (QUEEN_AR, QUEEN_EN, "ملكة النحل", "1973"):
        for hit in assistant.search(question, top_k=30).hits:
            assert -1 <= hit.scores.dense <= 1.001
            assert -1 <= hit.scores.sentence <= 1.001
            assert hit.scores.lexical >= 0


def test_coverage_is_the_share_of_the_content_words_of_a_question_that_occur():
    question = Document("كم يومًا تحتاج ملكة النحل؟")  # without كم: يوم، تحتاج، ملكة، النحل
    assert coverage(question, Document("والنحل يتبع الملكة"), is_across=False) == 2 / 4
    assert coverage(question, Document(""), is_across=False) == 0


def test_across_languages_names_and_numbers_alone_count_and_names_are_compared_by_sound():
    question = Document("When did Prometheus reach 1 gigawatt?")  # a name and a number; gigawatt is no name
    assert coverage(question, Document("بروميثيوس بقدرة ١ غيغاواط"), is_across=True) == 1
    assert coverage(question, Document("بروميثيوس"), is_across=True) == 1 / 2
    without_names = Document("how high is it?")  # has nothing that could be covered
    assert 0 < coverage(without_names, Document("بروميثيوس"), is_across=True) < 1


# The use of the representations


def mean_reciprocal_rank(retriever, language):
    """Of the gold questions about the four articles, by the rank of the chunk that holds the evidence."""
    rows = [json.loads(line) for line in GOLD_QUESTIONS.read_text("utf-8").splitlines()]
    ranks = []
    for row in rows:
        if (
            row.get("article") in ("dead-sea", "honey-bees", "hope-probe", "ibn-battuta")
            and row["language"] == language
        ):
            hits = retriever.search(row["question"], 30).hits
            ranks += [
                1 / at
                for at, hit in enumerate(hits, 1)
                if hit.article.id == row["article"] and hit.start <= row["start"] and row["end"] <= hit.end
            ]
    assert len(ranks) >= 10
    return np.mean(ranks)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_all_representations_together_are_never_worse_than_the_dense_one_alone(assistant, language):
    parts = assistant.store, assistant.encoder
    together = mean_reciprocal_rank(make_retriever(*parts), language)
    assert together >= mean_reciprocal_rank(make_retriever(*parts, sentence=0.0, lexical=0.0), language)
    assert together > 0.8


# Revisions


class KilledEngine(EdgeEngine):
    """An engine whose process dies before an article is committed."""

    def upsert(self, collection, points):
        if collection == "articles":
            raise StoreError("killed")
        super().upsert(collection, points)


def test_chunks_that_were_not_committed_are_not_found(tmp_path):
    open_word_store(tmp_path, article("الفنار من الحجر.", "light"), article("السفينة من الخشب.", "ship")).close()
    killed = Store(KilledEngine(tmp_path), WORDS)
    for text, key in (("الفنار الفنار الفنار.", "light"), ("الفنار والفنار.", "ghost")):
        ((one, chunks),) = embed_articles([article(text, key)], WORDS.chunk_tokens, WordEncoder())
        with pytest.raises(StoreError, match="killed"):
            killed.write(one, chunks)
    killed.close()
    store = Store(EdgeEngine(tmp_path), WORDS)
    assert store.count_chunks() == 4
    for top_k in (1, 2, 8):
        hits = make_retriever(store, WordEncoder()).search("الفنار", top_k).hits
        assert [hit.text for hit in hits] == ["الفنار من الحجر.", "السفينة من الخشب."][:top_k]
    store.close()


# Another embedder

TRAIN = article("وصل قطار الحجاز إلى المدينة المنورة عام 1908.", "train")
LIGHT = article("بلغ ارتفاع فنار الإسكندرية نحو مئة متر.", "light")
OUD = article("العود آلة وترية ذات خمسة أوتار.", "oud")


def test_another_embedder_works(tmp_path):
    store = open_word_store(tmp_path, TRAIN, LIGHT, OUD)
    retriever = make_retriever(store, WordEncoder())
    for question, expected in (("متى وصل قطار الحجاز؟", "train"), ("ارتفاع الفنار", "light"), ("أوتار العود", "oud")):
        result = retriever.search(question)
        assert result.hits[0].article.id == expected
        assert 0 <= result.probability <= 1
    store.close()


def test_cosines_of_another_embedder_are_brought_to_the_calibrated_spread(tmp_path):
    store = open_word_store(tmp_path, TRAIN, LIGHT, OUD)
    dense = [hit.scores.dense for hit in make_retriever(store, WordEncoder()).search("متى وصل قطار الحجاز؟").hits]
    assert np.std(dense) == pytest.approx(load_calibration().spread, rel=1e-3)
    store.close()


def test_the_scores_of_a_lone_chunk_of_another_embedder_are_not_scaled(tmp_path):
    store = open_word_store(tmp_path, TRAIN)
    (hit,) = make_retriever(store, WordEncoder()).search("متى وصل قطار الحجاز؟").hits
    assert abs(hit.scores.dense) <= 1.001
    assert abs(hit.score) < 10
    store.close()


# As plain data


def test_a_result_is_described_with_or_without_reasons(assistant):
    result = assistant.search("ملكة النحل", top_k=2)
    plain = describe_result(result, with_reasons=False)
    assert set(plain) == {"hits"}
    assert set(plain["hits"][0]) == {
        "article_id",
        "title",
        "url",
        "start",
        "end",
        "page",
        "section",
        "ocr",
        "text",
        "score",
    }
    full = describe_result(result, with_reasons=True)
    assert set(full) == {"hits", "language", "probability", "features", "timings_ms"}
    assert set(full["hits"][0]) == set(plain["hits"][0]) | {"signals", "matched"}
    assert set(full["hits"][0]["signals"]) == {"dense", "tokens", "sentence", "lexical"}
    matched = full["hits"][0]["matched"]
    assert {"النحل", "نحلة"} <= {form for forms in matched.values() for form in forms}
    assert all(form in result.hits[0].text for forms in matched.values() for form in forms)
    json.dumps(full)


# What is replaced while it is read


class BusyStore(Store):
    """Calls `interrupt` once, right after candidates were found or before the articles of hits are read."""

    def interrupt_once(self, interrupt):
        self._interrupt = interrupt

    def get_articles(self, article_ids):
        interrupt, self._interrupt = self._interrupt, lambda: None
        interrupt()
        return super().get_articles(article_ids)

    _interrupt = staticmethod(lambda: None)


LIGHTHOUSE = "بُنيت منارة الزعفران سنة {} على يد البنّاء سالم."


@pytest.fixture
def busy(tmp_path):
    store = BusyStore(EdgeEngine(tmp_path), WORDS)
    write_words(store, replace(article(LIGHTHOUSE.format(1823), "lighthouse"), revision="old"))
    write_words(store, article("يعيش النحل في خلايا من الشمع ويجمع الرحيق.", "bees"))
    yield store
    store.close()


def write_words(store, *articles):
    for one, chunks in embed_articles(articles, WORDS.chunk_tokens, WordEncoder()):
        store.write(one, chunks)


def found_by_id(store, question="متى بُنيت منارة الزعفران؟"):
    hits = make_retriever(store, WordEncoder()).search(question).hits
    return {hit.article.id: hit.article.revision for hit in hits}


def test_an_article_that_is_replaced_while_it_is_searched_is_found_as_it_is_now(busy):
    busy.interrupt_once(
        lambda: write_words(busy, replace(article(LIGHTHOUSE.format(1911), "lighthouse"), revision="new"))
    )
    found = found_by_id(busy)
    assert found.keys() == {"lighthouse", "bees"}
    assert found["lighthouse"] == "new"


def test_an_article_that_is_removed_while_it_is_searched_is_not_found(busy):
    busy.interrupt_once(lambda: busy.remove(["lighthouse"]))
    assert set(found_by_id(busy)) == {"bees"}


def test_the_hits_of_one_answer_are_of_one_revision(busy):
    """Even when the other one is committed between the readings of two groups of candidates."""
    old = replace(article("\n".join(LIGHTHOUSE.format(year) for year in range(1700, 1900)), "long"), revision="old")
    new = replace(old, revision="new")
    write_words(busy, old)
    write_chunks(busy, new)
    busy.interrupt_once(lambda: busy.interrupt_once(lambda: write_words(busy, new)))
    hits = make_retriever(busy, WordEncoder()).search("متى بُنيت منارة الزعفران؟", top_k=3).hits
    assert len(hits) == 3
    assert len({hit.article.revision for hit in hits if hit.article.id == "long"}) == 1


def write_chunks(store, uncommitted):
    """What is there of an article before it is committed."""
    for one, chunks in embed_articles([uncommitted], WORDS.chunk_tokens, WordEncoder()):
        store._engine.upsert("chunks", [chunk_point(one, chunk) for chunk in chunks])


def test_what_a_killed_ingest_has_left_behind_costs_one_search_more(busy):
    """Chunks of a revision that was never committed beside none that is."""
    write_chunks(busy, replace(article(LIGHTHOUSE.format(1950) * 3, "bees"), revision="never committed"))
    with count_calls(store_base.Store, "find_candidates") as calls:
        assert make_retriever(busy, WordEncoder()).search("متى بُنيت منارة الزعفران؟", top_k=1).hits
    assert len(calls) <= 2


def test_vectors_of_a_chunk_that_is_gone_are_made_anew(busy):
    retriever = make_retriever(busy, WordEncoder())
    hits = retriever.search("متى بُنيت منارة الزعفران؟").hits
    stored = retriever.sentence_vectors(hits)
    busy.remove([hit.article.id for hit in hits])
    made = retriever.sentence_vectors(hits)
    assert busy.sentence_vectors([hit.chunk_id for hit in hits]) == {}
    assert made.keys() == stored.keys() == {hit.chunk_id for hit in hits}
    for chunk_id, vectors in stored.items():
        pairs = zip(made[chunk_id].tokens, vectors.tokens, strict=True)
        for one, other in [(made[chunk_id].sentences, vectors.sentences), *pairs]:
            assert one.shape == other.shape
            assert (one.argmax(1) == other.argmax(1)).all()  # those of the index are kept in 8 bits
