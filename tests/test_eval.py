import json
import math
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from eval.cases import CASES, MEASURE_PREFIX, kind_of, read_cases
from eval.datasets import (
    GoldAnswer,
    Question,
    read_articles,
    read_beir,
    read_gold_set,
    read_squad,
    read_unanswerable,
)
from eval.feedback import export_gold_cases
from eval.gate import compare_with_baseline, load_baseline, save_baseline
from eval.matching import contains_words, measure_exact_match, measure_f1
from eval.measures import ANSWER_MEASURES, average_scores, measure_abstention, score_questions
from eval.omos import read_omos
from eval.reliability import calibration_error, judge_answerable, judge_quotes, make_bins
from eval.report import MeasureOptions, measure_answers, measure_set, measure_slices, write_report
from eval.run import QuestionResult, ignore_progress
from eval.significance import bootstrap_change, bootstrap_mean
from eval.slices import label_question, respell
from eval.substituted import find_answer_sentences, measure_substitutions, substitute_answers
from rag.errors import InputError
from rag.language.normalize import fold_text
from rag.records import LocalRecords
from rag.settings import load_settings
from rag.types import Answer

ROOT = Path(__file__).parent.parent
TEXT = "وصل قطار الحجاز إلى المدينة المنورة عام 1908."
OTHER = "بلغ ارتفاع فنار الإسكندرية نحو مئة متر."


def write_squad(folder, *articles, name="set.json"):
    """A SQuAD file of articles, each a list of (context, [(id, question, answer)])."""
    data = [
        {
            "title": str(at),
            "paragraphs": [
                {
                    "context": context,
                    "qas": [
                        {
                            "id": key,
                            "question": question,
                            "answers": [{"text": words, "answer_start": context.find(words)}],
                        }
                        for key, question, words in rows
                    ],
                }
                for context, rows in article
            ],
        }
        for at, article in enumerate(articles)
    ]
    path = folder / name
    path.write_text(json.dumps({"data": data}), "utf-8")
    return path


TWO = [(TEXT, [("q1", "متى وصل القطار؟", "1908")]), (OTHER, [("q2", "كم ارتفاع الفنار؟", "مئة متر")])]


# Sets


def test_each_paragraph_of_a_squad_file_is_an_article(tmp_path):
    found = read_squad(write_squad(tmp_path, TWO))
    assert [article.text for article in found.articles] == [TEXT, OTHER]
    assert [question.article_id for question in found.questions] == [article.id for article in found.articles]


def test_joined_paragraphs_are_one_article_and_answers_stand_where_they_did(tmp_path):
    found = read_squad(write_squad(tmp_path, TWO), join=True)
    (article,) = found.articles
    for question in found.questions:
        assert set(question.relevant) == {article.id}
        for words, start in question.answers:
            assert article.text[start : start + len(words)] == words


def test_repeated_paragraphs_and_ids_are_left_out(tmp_path):
    found = read_squad(write_squad(tmp_path, TWO, TWO))
    assert (len(list(found.articles)), len(found.questions)) == (2, 2)


def test_questions_of_another_file_are_matched_by_id(tmp_path):
    english = write_squad(tmp_path, [("x", [("q2", "How tall was it?", "x"), ("q9", "?", "x")])], name="en.json")
    (question,) = read_squad(write_squad(tmp_path, TWO), english).questions
    assert (question.text, question.language, question.answers[0].text) == ("How tall was it?", "en", "مئة متر")
    assert question.renderings == ("x",)


@pytest.mark.parametrize("content", ["", "[]", '{"data": 5}', '{"data": [{"paragraphs": [{"context": 5}]}]}'])
def test_a_file_that_is_no_squad_file_is_refused(tmp_path, content):
    path = tmp_path / "set.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"set\.json"):
        read_squad(path)


def test_unanswerable_questions_have_no_article(tmp_path):
    questions = read_unanswerable(write_squad(tmp_path, TWO))
    assert [question.relevant for question in questions] == [{}, {}]
    assert len({question.id for question in questions} | {"q1", "q2"}) == 4


def write_beir(folder, corpus, queries, qrels):
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels, "utf-8")
    return folder


def test_a_beir_folder_is_read(tmp_path):
    corpus = [
        {"_id": "d1", "title": "قطار", "text": TEXT},
        {"_id": "d1", "text": "again"},
        {"_id": "d2", "text": OTHER},
    ]
    queries = [{"_id": "q1", "text": "متى وصل القطار؟"}, {"_id": "q2", "text": "not judged"}]
    found = read_beir(write_beir(tmp_path, corpus, queries, "q1\td1\t2\nq1\td2\t1\nq2\td1\t0\n"))
    assert [(article.id, article.title) for article in found.articles] == [("d1", "قطار"), ("d2", "")]
    assert [article.id for article in found.articles] == ["d1", "d2"]  # read anew
    (question,) = found.questions
    assert (question.relevant, question.article_id) == ({"d1": 2, "d2": 1}, "d1")


def test_a_folder_without_judgements_is_no_beir_folder(tmp_path):
    with pytest.raises(InputError, match="qrels"):
        read_beir(tmp_path)


def test_the_gold_set_says_where_its_answers_stand():
    articles = {article.id: article for article in read_articles(ROOT / "articles", 10_000)}
    questions = read_gold_set()
    assert sum(question.article_id is not None for question in questions) >= 120
    for question in questions:
        for words, start in question.answers:
            assert articles[question.article_id].text[start : start + len(words)] == words


LINES = ["تعليمات", "يفتح المكتب في الثامنة صباحًا.", "تغلق الأبواب عند الظهر.", "خذ معك جواز السفر."]
FOX = ["Foxes", "الثعالب تنام نهارًا.", "وتصيد ليلًا."]


def omos_row(key, question, answers, lines=LINES, page="office"):
    return {"id": key, "page": page, "question": question, "answers": answers, "lines": lines}


def write_omos(folder, *rows, name="pages.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_a_file_of_omos_is_read(tmp_path):
    path = write_omos(
        tmp_path,
        omos_row(1, "متى يفتح المكتب؟", [1, 2]),
        omos_row(2, "كم عدد الموظفين؟", []),
        omos_row(3, "متى تنام الثعالب؟", [1], FOX, "foxes"),
    )
    found = read_omos(path)
    pages = list(found.articles)
    assert [(page.id, page.title, page.text) for page in pages] == [
        ("office", LINES[0], "\n".join(LINES)),
        ("foxes", FOX[0], "\n".join(FOX)),
    ]
    first, second, third = found.questions
    for words, start in first.answers:
        assert pages[0].text[start : start + len(words)] == words
    assert [answer.text for answer in first.answers] == LINES[1:3]
    assert (first.relevant, first.distance, first.page, first.asks_passage) == ({"office": 1}, None, None, True)
    assert (second.relevant, second.distance, second.kind) == ({}, "inside", "unanswerable")
    assert third.article_id == "foxes"
    assert [question.page for question in read_omos(path, within_page=True).questions] == ["office", "office", "foxes"]


def test_questions_of_omos_in_another_language_have_the_answers_of_the_pages(tmp_path):
    pages = write_omos(tmp_path, omos_row(1, "متى يفتح المكتب؟", [1]), omos_row(2, "كم عدد الموظفين؟", []))
    english = omos_row(1, "When does the office open?", [0], ["It opens at eight."])
    (question,) = read_omos(pages, write_omos(tmp_path, english, omos_row(9, "Who?", []), name="en.jsonl")).questions
    assert (question.text, question.language) == ("When does the office open?", "en")
    assert [answer.text for answer in question.answers] == LINES[1:2]


@pytest.mark.parametrize(
    "row", [omos_row(1, "؟", [4]), omos_row(1, "؟", [-1]), omos_row(1, "؟", [0], "text"), {"id": 1, "question": "؟"}]
)
def test_a_file_that_is_not_of_omos_is_refused(tmp_path, row):
    with pytest.raises(InputError, match=r"pages\.jsonl"):
        read_omos(write_omos(tmp_path, row))


def test_a_question_of_a_page_is_asked_of_it_alone(tmp_path):
    rows = (
        omos_row(1, "متى تنام الثعالب؟", [1], FOX, "foxes"),
        omos_row(2, "متى تنام الثعالب؟", []),
        omos_row(3, "متى يفتح المكتب؟", [1]),
    )
    path = write_omos(tmp_path, *rows)
    within, among = (
        measure_set(load_settings({}), read_omos(path, within_page=within_page), MeasureOptions()).results
        for within_page in (True, False)
    )
    assert [[key for key, _ in one.articles] for one in within] == [["foxes"], ["office"], ["office"]]
    assert among[1].articles[0][0] == "foxes"
    for one in within:
        assert {citation.article_id for citation in one.answer.citations} <= {one.question.page}
    assert "foxes" in {citation.article_id for citation in among[1].answer.citations}
    # A part of a line that answers does.
    assert [one.quotes_with_answer[:1] for one in within if one.question.answers] == [(True,), (True,)]


# Measures


def result(key, ranked, relevant=("a",), chunks=(), quotes=(), answers=(), about=(), **fields):
    question = Question(key, "سؤال؟", "ar", relevant=dict.fromkeys(relevant, 1), answers=answers, **dict(about))
    return QuestionResult(question, tuple((name, 1.0) for name in ranked), chunks, quotes, **fields)


def test_measures_are_those_computed_by_hand():
    found = score_questions([result("q1", ["a", "b"]), result("q2", ["b", "c", "a"]), result("q3", ["b"])])
    assert found["nDCG@10"] == pytest.approx({"q1": 1.0, "q2": 1 / math.log2(4), "q3": 0.0})
    assert found["R@1"] == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert found["R@3"] == {"q1": 1.0, "q2": 1.0, "q3": 0.0}
    assert found["RR@10"] == pytest.approx({"q1": 1.0, "q2": 1 / 3, "q3": 0.0})
    assert average_scores(found)["R@3"] == 0.6667


def test_a_question_that_failed_counts_as_0():
    found = score_questions([result("q1", ["a"]), result("q2", [])])
    assert average_scores(found)["nDCG@10"] == 0.5
    assert score_questions([result("q1", [])])["nDCG@10"] == {"q1": 0.0}


def test_at_answer_level_the_chunk_must_contain_the_answer():
    answers = (GoldAnswer("1908", 40),)
    found = score_questions([result("q1", ["a"], chunks=(False, True, True), answers=answers)])
    assert found["R@1"]["q1"] == 1
    assert found["answer R@1"]["q1"] == 0
    assert found["answer RR@10"]["q1"] == 1 / 2
    lost = score_questions([result("q1", ["a"], chunks=(False,), answers=answers)])
    assert lost["answer nDCG@10"]["q1"] == 0
    assert not set(lost) & set(ANSWER_MEASURES)  # no answer was made


def answer(text, state="answered", language="ar"):
    return Answer("id", text, language, state == "refused", None, "extractive", False, (), state=state)


def test_answers_are_measured_by_refusal_and_language():
    right, wrong = (
        answer("وفقًا لمقال «The Title in English»: «English words here» [1]"),
        answer("According to", "refused"),
    )
    found = score_questions([result("q1", ["a"], answer=right), result("q2", ["a"], relevant=(), answer=wrong)])
    assert (found["answered"], found["refused"]) == ({"q1": 1.0}, {"q2": 1.0})
    assert found["abstained"] == {"q2": 1.0}
    assert found["right language"] == {"q1": 1.0, "q2": 0.0}
    doubtful = answer("وفقًا", "unsure")
    found = score_questions([result("q1", ["a"], answer=doubtful), result("q2", ["a"], relevant=(), answer=doubtful)])
    assert (found["answered"], found["refused"], found["abstained"]) == ({"q1": 1.0}, {"q2": 0.0}, {"q2": 1.0})


def test_quotes_are_measured_as_they_are_shown():
    shown = answer("وفقًا")
    gold = (GoldAnswer("1908", 40),)
    found = score_questions(
        [
            result("q1", ["a"], quotes=(True, False), answers=gold, answer=shown),
            result("q2", ["a"], quotes=(False, True), answers=gold, answer=shown),
            result("q3", ["a"], quotes=(False, False, True), answers=gold, answer=shown),
            result("q4", ["a"], answers=gold, answer=answer("لا", "refused")),
            result("q5", ["a"], answers=gold),  # could not be asked
        ]
    )
    assert found["quote@1"] == {"q1": 1, "q2": 0, "q3": 0, "q4": 0, "q5": 0}
    assert found["quote@2"] == {"q1": 1, "q2": 1, "q3": 0, "q4": 0, "q5": 0}
    assert found["answered"] == {"q1": 1, "q2": 1, "q3": 1, "q4": 0, "q5": 0}
    assert found["direct answer"] == dict.fromkeys(("q1", "q2", "q3", "q4", "q5"), 0)


def with_direct(text):
    """An answer with what it says before its quotes."""
    return SimpleNamespace(answer=text and SimpleNamespace(text=text), state="answered", language="ar", text="وفقًا")


def test_a_direct_answer_is_measured_against_any_right_one_and_its_renderings():
    gold = (GoldAnswer("١ سبتمبر ١٩٠٨م", 0), GoldAnswer("١٩٠٨م", 11))
    results = [
        result("equal", ["a"], answers=gold, answer=with_direct("1 سبتمبر 1908م.")),
        result("rendered", ["a"], answers=gold, about={"renderings": ("in 1908",)}, answer=with_direct("In 1908")),
        result("partly", ["a"], answers=gold, answer=with_direct("في سبتمبر 1908م")),
        result("none", ["a"], answers=gold, answer=with_direct(None)),
    ]
    found = score_questions(results)
    assert found["direct answer"] == {"equal": 1, "rendered": 1, "partly": 1, "none": 0}
    assert found["direct EM"] == {"equal": 1, "rendered": 1, "partly": 0, "none": 0}
    assert found["direct F1"]["partly"] == pytest.approx(2 * (2 / 3) * (2 / 3) / (2 / 3 + 2 / 3))
    assert found["direct F1"]["none"] == 0


def test_a_question_answered_by_whole_sentences_has_no_direct_answer_to_measure():
    found = score_questions(
        [
            result(
                "q",
                ["a"],
                quotes=(True,),
                answers=(GoldAnswer("x", 0),),
                about={"asks_passage": True},
                answer=answer("x"),
            )
        ]
    )
    assert found["quote@1"] == {"q": 1}
    assert "direct EM" not in found


def test_refusals_inside_a_subject_are_measured_apart():
    refused, shown = answer("لا", "refused"), answer("وفقًا")
    found = score_questions(
        [
            result("in1", ["a"], relevant=(), about={"distance": "inside"}, answer=refused),
            result("in2", ["a"], relevant=(), about={"distance": "inside"}, answer=shown),
            result("far", ["a"], relevant=(), about={"distance": "far"}, answer=refused),
        ]
    )
    assert found["refused inside"] == {"in1": 1, "in2": 0}
    assert found["refused"] == {"in1": 1, "in2": 0, "far": 1}


def test_the_row_of_answers_has_false_refusals_and_the_error_of_calibration():
    sure, unsure = replace(answer("وفقًا"), confidence=0.9), replace(answer("وفقًا", "unsure"), confidence=0.4)
    refused = replace(answer("لا", "refused"), confidence=0.1)
    row = measure_answers([result(f"q{at}", ["a"], answer=one) for at, one in enumerate((sure, sure, unsure, refused))])
    assert (row["questions"], row["false refusal"], row["unsure"]) == (4, 0.25, 0.25)
    assert row["ECE"] == pytest.approx((2 * 0.1 + 0.6 + 0.9) / 4)  # all four are answerable
    assert "answered" not in row


@pytest.mark.parametrize(
    ("text", "words", "is_held"),
    [
        ("في سنةِ ١٩٠٨م", "1908", True),
        ("السَّنة", "سنه", True),
        ("165 مترًا", "16", False),
        ("116 مترًا", "16", False),
        ("16.5 مترًا", "16", False),
        ("16 مترًا.", "16 مترا", True),
        ("عام 16.", "16", True),
        ("على  بعد\nمتر", "بعد متر", True),
        ("كلمة", "َ", False),
    ],
)
def test_words_are_found_folded_and_numbers_whole(text, words, is_held):
    assert contains_words(text, words) == is_held


def test_exact_match_and_f1_are_those_computed_by_hand():
    assert measure_exact_match("«قطار الحجاز»", ["قطار الحِجاز."]) == 1
    assert measure_exact_match("الحجاز قطار", ["قطار الحجاز"]) == 0
    assert measure_exact_match("", ["قطار"]) == 0
    assert measure_f1("the Hejaz railway", ["Hejaz railway line", "x"]) == pytest.approx(2 * 2 / (3 + 3))
    assert measure_f1("a a b", ["a b b"]) == pytest.approx(2 * 2 / (3 + 3))
    assert measure_f1("x", []) == measure_f1("", ["x"]) == 0


# Reliability


def test_bins_hold_what_lies_between_their_bounds():
    bins = make_bins([(0.0, False), (0.05, True), (0.1, True), (0.95, True), (1.0, False)])
    assert [(one.low, one.high, one.questions) for one in bins] == [(0.0, 0.1, 2), (0.1, 0.2, 1), (0.9, 1.0, 2)]
    assert [(one.confidence, one.share) for one in bins] == [(0.025, 0.5), (0.1, 1.0), (0.975, 0.5)]
    assert calibration_error(bins) == pytest.approx((2 * 0.475 + 0.9 + 2 * 0.475) / 5, abs=1e-4)
    assert calibration_error(make_bins([(0.75, True)] * 3 + [(0.75, False)])) == 0


def test_confidence_is_judged_by_what_the_articles_hold_and_by_what_is_shown():
    gold = (GoldAnswer("1908", 0),)
    sure = replace(answer("وفقًا"), confidence=0.9)
    results = [
        result("right", ["a"], quotes=(True,), answers=gold, answer=sure),
        result("second", ["a"], quotes=(False, True), answers=gold, answer=sure),
        result("unknown", ["a"], answer=sure),  # it is not known where the article answers
        result("absent", ["a"], relevant=(), answer=sure),
        result("talk", ["a"], answer=answer("مرحبًا", "talk")),
        result("failed", ["a"]),
    ]
    assert judge_answerable(results) == [(0.9, True), (0.9, True), (0.9, True), (0.9, False)]
    assert judge_quotes(results) == [(0.9, True), (0.9, False), (0.9, False)]


def test_abstention_is_measured_at_five_percent_false_abstentions():
    answerable = [result(f"q{at}", ["a"], probability=0.5 + at / 200) for at in range(100)]
    absent = [result(f"u{at}", ["a"], relevant=(), probability=p) for at, p in enumerate((0.1, 0.2, 0.9, 0.52))]
    found = measure_abstention([*answerable, *absent])
    assert found["refused at 5 % false"] == 3 / 4  # 5 % of the answerable lie below 0.525
    # 0.1 and 0.2 lie below all 100, 0.9 below 19 and level with one, 0.52 below 95 and level with one
    assert found["AUROC"] == pytest.approx((100 + 100 + 19.5 + 95.5) / 400, abs=1e-4)
    assert measure_abstention(answerable) == {}


# Slices and spellings


def test_questions_are_sorted_into_slices():
    row = label_question(Question("q", "كَم مترًا يبلغ ارتفاع برج Eiffel عام 1908؟", "ar"))
    assert row["asks"] == "how many"
    assert (row["vocalised"], row["names"], row["numbers"], row["words"]) == ("yes", "yes", "yes", "7-12")
    assert label_question(Question("q", "When did the railway reach Medina?", "en"))["asks"] == "when"
    assert label_question(Question("q", "What is a warp?", "en"))["names"] == "no"


def test_spellings_differ_and_mean_the_same():
    question = Question("q", "كم يومًا تحتاج ملكة النحل إلى أن تكتمل في 1908؟", "ar")
    found = respell(question)
    assert len(found) >= 7
    assert question.text not in found.values()
    for name in set(found) - {"clitic"}:
        assert fold_text(found[name]) == fold_text(question.text)
    assert found["no hamza"] == "كم يومًا تحتاج ملكة النحل الى ان تكتمل في 1908؟"
    assert found["ta marbuta"] == "كم يومًا تحتاج ملكه النحل إلى أن تكتمل في 1908؟"
    assert found["arabic digits"].endswith("١٩٠٨؟")


def test_spellings_that_change_nothing_are_left_out():
    assert set(respell(Question("q", "لم", "ar"))) == {"tashkeel", "tatweel", "presentation forms", "clitic"}
    assert respell(Question("q", "How long does a queen bee take?", "en")) == {}


# Significance, the gate


def test_an_interval_holds_its_mean_and_narrows_with_more_questions():
    few, many = bootstrap_mean([0, 1] * 10), bootstrap_mean([0, 1] * 1000)
    assert few.low <= few.mean == 0.5 <= few.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert bootstrap_mean([1.0] * 5) == (1, 1, 1)
    assert bootstrap_mean([0, 1] * 10) == few


def test_a_change_is_paired_by_question():
    before = {str(at): at / 100 for at in range(100)}
    found = bootstrap_change(before, {key: value + 0.02 for key, value in before.items()} | {"new": 0.0})
    assert found == pytest.approx((0.02, 0.02, 0.02))


def test_the_gate_fails_when_one_case_of_a_kind_is_lost():
    before = scores_of(20) | {"cases, fact": {f"c{at}": 1.0 for at in range(200)}}
    after = scores_of(20) | {"cases, fact": {f"c{at}": float(at > 0) for at in range(200)}}
    assert compare_with_baseline(before, after).dropped == ["cases, fact"]
    assert compare_with_baseline(after, before).dropped == []
    exchanged = after | {"cases, fact": {f"c{at}": float(at < 199) for at in range(200)}}
    assert compare_with_baseline(after, exchanged).dropped == []  # another one is lost: the rate is the same


def scores_of(count, wrong=0):
    return {"nDCG@10": {f"q{at}": float(at >= wrong) for at in range(count)}}


def test_the_gate_fails_on_a_significant_drop_and_names_the_questions():
    verdict = compare_with_baseline(scores_of(200), scores_of(200, wrong=10))
    assert verdict.dropped == ["nDCG@10"]
    assert verdict.flipped == {"nDCG@10": {f"q{at}": -1.0 for at in range(10)}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (scores_of(200), scores_of(200)),
        (scores_of(200, wrong=10), scores_of(200)),
        (scores_of(200), scores_of(200, wrong=1)),  # half a point
        (scores_of(20), scores_of(20, wrong=1)),  # five points, but of one question
    ],
    ids=["same", "better", "small", "chance"],
)
def test_the_gate_passes(before, after):
    assert compare_with_baseline(before, after).dropped == []


def test_questions_that_a_run_lacks_count_as_lost():
    after = {"nDCG@10": {f"q{at}": 1.0 for at in range(150)}}
    verdict = compare_with_baseline(scores_of(200), after)
    assert (verdict.missing, verdict.dropped) == (50, ["nDCG@10"])


def test_a_baseline_is_kept_as_it_was_measured(tmp_path):
    path = tmp_path / "baseline.json"
    kept = scores_of(3) | {"cases, fact": {"كم؟": 1.0}}
    save_baseline(kept | {"R@10": {"q1": 1.0}}, path)
    assert load_baseline(path) == kept
    with pytest.raises(InputError, match="--update"):
        load_baseline(tmp_path / "none.json")


def test_there_is_a_baseline_for_every_question_of_the_gold_set():
    kept = load_baseline()
    assert set(kept["nDCG@10"]) == {question.id for question in read_gold_set() if question.article_id}
    assert set(kept["refused"]) == {question.id for question in read_gold_set() if not question.article_id}


def test_there_is_a_baseline_for_every_case():
    kept = {name: len(scores) for name, scores in load_baseline().items() if name.startswith(MEASURE_PREFIX)}
    kinds = Counter(f"{MEASURE_PREFIX}{kind_of(case)}" for case in read_cases(CASES))
    assert kept == kinds


# Reports


def test_a_set_is_measured_end_to_end_and_written(tmp_path):
    absent = read_unanswerable(write_squad(tmp_path, [("x", [("u1", "كيف تُطبخ الملوخية؟", "x")])], name="other.json"))
    dataset = read_squad(write_squad(tmp_path, TWO))
    found = measure_set(load_settings({}), dataset, MeasureOptions(True, True, absent))
    assert found.summary["measures"]["nDCG@10"] == 1.0
    assert (found.summary["documents"], found.summary["questions"]) == (2, 2)
    assert found.summary["false_citations"] == 0
    assert found.summary["refusal"]["ar"]["AUROC"] == 1.0
    assert found.summary["answers"]["all"]["questions"] == 3
    assert found.summary["answers"]["ar"]["quote@1"] == 1.0
    assert found.summary["answers"]["ar"]["refused"] == 1.0
    bins = found.summary["reliability"]["all"]["the articles answer"]["bins"]
    assert sum(one["questions"] for one in bins) == 3
    assert found.summary["spelling"]["largest drop"] <= 0
    write_report(found, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == found.summary
    report = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert 0 < report.index("quote@1") < report.index("nDCG@10")
    for name in ("slices.png", "reliability.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
    run = (tmp_path / "out" / "run.trec").read_text().splitlines()
    qrels = (tmp_path / "out" / "qrels.trec").read_text().splitlines()
    assert all(len(line.split()) == 6 for line in run)
    assert [line.split()[0] for line in qrels] == ["q1", "q2"]


def test_the_search_alone_is_measured_without_answers(tmp_path):
    found = measure_set(load_settings({}), read_squad(write_squad(tmp_path, TWO)), MeasureOptions(with_answers=False))
    assert found.summary["measures"]["nDCG@10"] == 1.0
    assert not set(found.summary) & {"answers", "reliability", "citations"}
    assert "quote@1" not in found.summary["measures"]
    write_report(found, tmp_path / "out")
    assert not (tmp_path / "out" / "reliability.png").exists()


def test_slices_of_few_questions_are_left_out():
    results = [result(f"q{at}", ["a"]) for at in range(6)]
    rows = measure_slices(results, score_questions(results))
    assert {row["questions"] for row in rows} == {6}
    assert measure_slices(results[:4], score_questions(results[:4])) == []


# Overhead


def test_overhead_measures_a_real_service_before_a_scripted_model(tmp_path):
    shutil.copy(ROOT / "articles" / "honey-bees.md", tmp_path)
    options = ["--chunks", "10", "--questions", "3", "--pace-ms", "10", "--articles", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "eval.bench.overhead", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["chunks"], found["questions"]) == (10, 3)
    assert set(found["stages_ms"]) == {"embed", "store", "rank", "rest"}
    assert 0 < max(found["stages_ms"].values()) < found["before_model_ms"]["p50"] < 5000
    assert found["events"] > 1  # how many words wait for their sentence depends on what is quoted
    assert 0 < found["event_ms"]["p50"] <= found["event_ms"]["p95"]


# Substituted answers

NAMES_AR = [
    ("وُلد الرحالة ابن بطوطة في مدينة طنجة.", [("p1", "أين وُلد ابن بطوطة؟", "طنجة")]),
    ("توفي الجغرافي الشريف الإدريسي في مدينة باليرمو.", [("p2", "أين توفي الإدريسي؟", "باليرمو")]),
]
NAMES_EN = [
    ("The traveller Ibn Battuta was born in the city of Tangier.", [("p1", "Where was he born?", "Tangier")]),
    ("The geographer al-Idrisi died in the city of Palermo.", [("p2", "Where did he die?", "Palermo")]),
]


def test_a_substituted_answer_is_one_of_the_same_kind_that_the_paragraph_lacks(tmp_path):
    arabic = read_squad(write_squad(tmp_path, NAMES_AR))
    english = read_squad(write_squad(tmp_path, NAMES_EN, name="en.json"))
    texts = {article.id: article.text for article in arabic.articles}
    false_statements = [
        (false_statement, texts[true.article_id])
        for is_own in (True, False)
        for true, false_statement in substitute_answers(find_answer_sentences(arabic, english, is_own), texts)
    ]
    battuta, idrisi = (article.text for article in arabic.articles)
    assert false_statements == [
        ("وُلد الرحالة ابن بطوطة في مدينة باليرمو.", battuta),
        ("توفي الجغرافي الشريف الإدريسي في مدينة طنجة.", idrisi),
        ("The traveller Ibn Battuta was born in the city of Palermo.", battuta),
        ("The geographer al-Idrisi died in the city of Tangier.", idrisi),
    ]


def test_a_question_that_the_other_language_lacks_gives_no_sentence(tmp_path):
    arabic = read_squad(write_squad(tmp_path, NAMES_AR))
    english = read_squad(write_squad(tmp_path, NAMES_EN[:1], name="en.json"))
    (sentence,) = find_answer_sentences(arabic, english, is_own=True)
    assert (sentence.answer, sentence.is_name) == ("طنجة", True)


def test_shares_of_flagged_sentences_are_measured_by_kind_and_language(tmp_path):
    found = measure_substitutions(
        load_settings({}),
        write_squad(tmp_path, NAMES_AR),
        write_squad(tmp_path, NAMES_EN, name="en.json"),
        ignore_progress,
    )
    assert {name: row["sentences"] for name, row in found.items()} == {
        "another name, ar": 2,
        "another name, en": 2,
        "true, ar": 2,
        "true, en": 2,
    }
    assert found["another name, ar"]["flagged"] == found["another name, en"]["flagged"] == 1.0
    assert found["true, ar"]["flagged"] == 0.0


# Feedback


def place(article_id, start, end):
    return {"article_id": article_id, "start": start, "end": end}


def rating_of(answer_id, rating="up", passage=None, cited=()):
    """A rating as the service writes it."""
    about = {"question": f"سؤال {answer_id}؟", "language": "ar", "citations": list(cited)}
    return {"answer": answer_id, "rating": rating, "passage": passage} | about


def write_ratings(folder, *ratings):
    path = folder / "feedback.jsonl"
    path.write_text("".join(json.dumps(rating, ensure_ascii=False) + "\n" for rating in ratings), "utf-8")
    return path


def test_a_rating_becomes_a_gold_case(tmp_path, assistant):
    text = assistant.store.get_article("honey-bees").text
    path = write_ratings(tmp_path, rating_of("a1", cited=[place("honey-bees", 3, 40), place("dead-sea", 0, 20)]))
    assert export_gold_cases(LocalRecords(path), assistant.store) == [
        {
            "id": "feedback-a1",
            "kind": "answerable",
            "language": "ar",
            "question": "سؤال a1؟",
            "article": "honey-bees",
            "start": 3,
            "end": 40,
            "evidence": text[3:40],
            "answers": [text[3:40]],
        }
    ]


def test_the_last_rating_of_an_answer_counts_in_the_place_of_the_first(tmp_path, assistant):
    path = write_ratings(
        tmp_path,
        rating_of("a2", cited=[place("honey-bees", 0, 10)]),
        rating_of("a1", cited=[place("dead-sea", 0, 20)]),
        rating_of("a2", "down", place("hope-probe", 5, 30), [place("honey-bees", 0, 10)]),
    )
    cases = export_gold_cases(LocalRecords(path), assistant.store)
    assert [(case["id"], case["article"], case["start"], case["end"]) for case in cases] == [
        ("feedback-a2", "hope-probe", 5, 30),
        ("feedback-a1", "dead-sea", 0, 20),
    ]


def test_a_passage_that_the_reader_names_comes_before_what_was_cited(tmp_path, assistant):
    path = write_ratings(tmp_path, rating_of("a1", "up", place("hope-probe", 5, 30), [place("honey-bees", 0, 10)]))
    (case,) = export_gold_cases(LocalRecords(path), assistant.store)
    assert (case["article"], case["start"], case["end"]) == ("hope-probe", 5, 30)


def test_a_rating_that_is_taken_back_gives_no_case(tmp_path, assistant):
    cited = [place("honey-bees", 0, 10)]
    path = write_ratings(tmp_path, rating_of("a1", cited=cited), rating_of("a1", "down", cited=cited))
    assert export_gold_cases(LocalRecords(path), assistant.store) == []


@pytest.mark.parametrize(
    "rating",
    [
        rating_of("a1", "down", cited=[place("honey-bees", 0, 10)]),
        rating_of("a1", "down"),
        rating_of("a1", "up"),
        rating_of("a1", "up", cited=[place("removed", 0, 10)]),
    ],
    ids=["wrong citation", "wrong refusal", "right refusal", "article is gone"],
)
def test_a_rating_that_tells_no_passage_gives_no_case(tmp_path, assistant, rating):
    assert export_gold_cases(LocalRecords(write_ratings(tmp_path, rating)), assistant.store) == []


def test_without_ratings_there_is_nothing_to_export(tmp_path, assistant):
    with pytest.raises(InputError, match=r"no ratings in .*feedback\.jsonl"):
        export_gold_cases(LocalRecords(tmp_path / "feedback.jsonl"), assistant.store)
