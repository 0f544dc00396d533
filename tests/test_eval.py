import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
from eval.measures import average_scores, measure_abstention, score_questions
from eval.report import MeasureOptions, measure_set, measure_slices, write_report
from eval.run import QuestionResult, ignore_progress
from eval.significance import bootstrap_change, bootstrap_mean
from eval.slices import label_question, respell
from eval.substituted import find_answer_sentences, measure_substitutions, substitute_answers
from rag.errors import InputError
from rag.language.normalize import fold_text
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


# Measures


def result(key, ranked, relevant=("a",), chunks=(), quotes=(), answers=(), **fields):
    question = Question(key, "سؤال؟", "ar", relevant=dict.fromkeys(relevant, 1), answers=answers)
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
    found = score_questions([result("q1", ["a"], chunks=(False, True, True), quotes=("عام 1908.",), answers=answers)])
    assert found["R@1"]["q1"] == 1
    assert found["answer R@1"]["q1"] == 0
    assert found["answer RR@10"]["q1"] == 1 / 2
    assert found["quote@1"]["q1"] == found["quote@2"]["q1"] == 1
    lost = score_questions([result("q1", ["a"], chunks=(False,), quotes=("عام.",), answers=answers)])
    assert lost["answer nDCG@10"]["q1"] == lost["quote@2"]["q1"] == 0


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
    save_baseline(scores_of(3) | {"R@10": {"q1": 1.0}}, path)
    assert load_baseline(path) == scores_of(3)
    with pytest.raises(InputError, match="--update"):
        load_baseline(tmp_path / "none.json")


def test_there_is_a_baseline_for_every_question_of_the_gold_set():
    kept = load_baseline()
    assert set(kept["nDCG@10"]) == {question.id for question in read_gold_set() if question.article_id}
    assert set(kept["refused"]) == {question.id for question in read_gold_set() if not question.article_id}


# Reports


def test_a_set_is_measured_end_to_end_and_written(tmp_path):
    absent = read_unanswerable(write_squad(tmp_path, [("x", [("u1", "كيف تُطبخ الملوخية؟", "x")])], name="other.json"))
    dataset = read_squad(write_squad(tmp_path, TWO))
    found = measure_set(load_settings({}), dataset, MeasureOptions(True, True, absent))
    assert found.summary["measures"]["nDCG@10"] == 1.0
    assert (found.summary["documents"], found.summary["questions"]) == (2, 2)
    assert found.summary["false_citations"] == 0
    assert found.summary["refusal"]["ar"]["AUROC"] == 1.0
    assert found.summary["spelling"]["largest drop"] <= 0
    write_report(found, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == found.summary
    assert "nDCG@10" in (tmp_path / "out" / "report.md").read_text("utf-8")
    assert (tmp_path / "out" / "slices.png").read_bytes().startswith(b"\x89PNG")
    run = (tmp_path / "out" / "run.trec").read_text().splitlines()
    qrels = (tmp_path / "out" / "qrels.trec").read_text().splitlines()
    assert all(len(line.split()) == 6 for line in run)
    assert [line.split()[0] for line in qrels] == ["q1", "q2"]


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
    assert export_gold_cases(path, assistant.store) == [
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
    cases = export_gold_cases(path, assistant.store)
    assert [(case["id"], case["article"], case["start"], case["end"]) for case in cases] == [
        ("feedback-a2", "hope-probe", 5, 30),
        ("feedback-a1", "dead-sea", 0, 20),
    ]


def test_a_passage_that_the_reader_names_comes_before_what_was_cited(tmp_path, assistant):
    path = write_ratings(tmp_path, rating_of("a1", "up", place("hope-probe", 5, 30), [place("honey-bees", 0, 10)]))
    (case,) = export_gold_cases(path, assistant.store)
    assert (case["article"], case["start"], case["end"]) == ("hope-probe", 5, 30)


def test_a_rating_that_is_taken_back_gives_no_case(tmp_path, assistant):
    cited = [place("honey-bees", 0, 10)]
    path = write_ratings(tmp_path, rating_of("a1", cited=cited), rating_of("a1", "down", cited=cited))
    assert export_gold_cases(path, assistant.store) == []


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
    assert export_gold_cases(write_ratings(tmp_path, rating), assistant.store) == []


def test_without_ratings_there_is_nothing_to_export(tmp_path, assistant):
    with pytest.raises(InputError, match=r"no ratings in .*feedback\.jsonl"):
        export_gold_cases(tmp_path / "feedback.jsonl", assistant.store)
