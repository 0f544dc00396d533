import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eval import gate, planted, report
from eval.datasets import GoldAnswer, Question, beir, gold, squad, unanswerable
from eval.measures import means, refusal, scores
from eval.run import Result
from eval.significance import change, interval
from eval.slices import labels, spellings
from rag.errors import InputError
from rag.language.text import folded
from rag.settings import load
from rag.types import Answer

ROOT = Path(__file__).parent.parent
TEXT = "وصل قطار الحجاز إلى المدينة المنورة عام 1908."
OTHER = "بلغ ارتفاع فنار الإسكندرية نحو مئة متر."


def squad_file(folder, *articles, name="set.json"):
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
    found = squad(squad_file(tmp_path, TWO))
    assert [article.text for article in found.articles] == [TEXT, OTHER]
    assert [question.article_id for question in found.questions] == [article.id for article in found.articles]


def test_joined_paragraphs_are_one_article_and_answers_stand_where_they_did(tmp_path):
    found = squad(squad_file(tmp_path, TWO), join=True)
    (article,) = found.articles
    for question in found.questions:
        assert set(question.relevant) == {article.id}
        for words, start in question.answers:
            assert article.text[start : start + len(words)] == words


def test_repeated_paragraphs_and_ids_are_met_calmly(tmp_path):
    found = squad(squad_file(tmp_path, TWO, TWO))
    assert (len(list(found.articles)), len(found.questions)) == (2, 2)


def test_questions_of_another_file_are_matched_by_id(tmp_path):
    english = squad_file(tmp_path, [("x", [("q2", "How tall was it?", "x"), ("q9", "?", "x")])], name="en.json")
    (question,) = squad(squad_file(tmp_path, TWO), english).questions
    assert (question.text, question.language, question.answers[0].text) == ("How tall was it?", "en", "مئة متر")


@pytest.mark.parametrize("content", ["", "[]", '{"data": 5}', '{"data": [{"paragraphs": [{"context": 5}]}]}'])
def test_what_is_no_squad_file_is_said(tmp_path, content):
    path = tmp_path / "set.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"set\.json"):
        squad(path)


def test_unanswerable_questions_have_no_article(tmp_path):
    asked = unanswerable(squad_file(tmp_path, TWO))
    assert [question.relevant for question in asked] == [{}, {}]
    assert len({question.id for question in asked} | {"q1", "q2"}) == 4


def beir_folder(folder, corpus, queries, qrels):
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
    found = beir(beir_folder(tmp_path, corpus, queries, "q1\td1\t2\nq1\td2\t1\nq2\td1\t0\n"))
    assert [(article.id, article.title) for article in found.articles] == [("d1", "قطار"), ("d2", "")]
    assert [article.id for article in found.articles] == ["d1", "d2"]  # read anew
    (question,) = found.questions
    assert (question.relevant, question.article_id) == ({"d1": 2, "d2": 1}, "d1")


def test_a_folder_without_judgements_is_no_beir_folder(tmp_path):
    with pytest.raises(InputError, match="qrels"):
        beir(tmp_path)


def test_the_gold_set_says_where_its_answers_stand():
    found = report.samples(load(environment={}), report.Path(__file__).parent.parent / "articles")
    articles = {article.id: article for article in found}
    asked = gold()
    assert sum(question.article_id is not None for question in asked) >= 120
    for question in asked:
        for words, start in question.answers:
            assert articles[question.article_id].text[start : start + len(words)] == words


# Measures


def result(key, ranked, relevant=("a",), holds=(), quotes=(), answers=(), **fields):
    question = Question(key, "سؤال؟", "ar", relevant=dict.fromkeys(relevant, 1), answers=answers)
    return Result(question, tuple((name, 1.0) for name in ranked), holds, quotes, **fields)


def test_measures_are_those_computed_by_hand():
    found = scores([result("q1", ["a", "b"]), result("q2", ["b", "c", "a"]), result("q3", ["b"])])
    assert found["nDCG@10"] == pytest.approx({"q1": 1.0, "q2": 1 / math.log2(4), "q3": 0.0})
    assert found["R@1"] == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert found["R@3"] == {"q1": 1.0, "q2": 1.0, "q3": 0.0}
    assert found["RR@10"] == pytest.approx({"q1": 1.0, "q2": 1 / 3, "q3": 0.0})
    assert means(found)["R@3"] == 0.6667


def test_a_question_that_failed_counts_as_0():
    found = scores([result("q1", ["a"]), result("q2", [])])
    assert means(found)["nDCG@10"] == 0.5
    assert scores([result("q1", [])])["nDCG@10"] == {"q1": 0.0}


def test_at_answer_level_the_chunk_must_hold_the_answer():
    answers = (GoldAnswer("1908", 40),)
    found = scores([result("q1", ["a"], holds=(False, True, True), quotes=("عام 1908.",), answers=answers)])
    assert found["R@1"]["q1"] == 1
    assert found["answer R@1"]["q1"] == 0
    assert found["answer RR@10"]["q1"] == 1 / 2
    assert found["quote@2"]["q1"] == 1
    lost = scores([result("q1", ["a"], holds=(False,), quotes=("عام.",), answers=answers)])
    assert lost["answer nDCG@10"]["q1"] == lost["quote@2"]["q1"] == 0


def answer(text, refused=False, language="ar"):
    return Answer("id", text, language, refused, None, "extractive", False, ())


def test_answers_are_measured_for_refusal_and_language():
    right, wrong = answer("وفقًا لمقال «The Title in English»: «English words here» [1]"), answer("According to", True)
    found = scores([result("q1", ["a"], answer=right), result("q2", ["a"], relevant=(), answer=wrong)])
    assert (found["answered"], found["refused"]) == ({"q1": 1.0}, {"q2": 1.0})
    assert found["right language"] == {"q1": 1.0, "q2": 0.0}


def test_refusal_is_measured_at_five_percent_false_refusals():
    answerable = [result(f"q{at}", ["a"], probability=0.5 + at / 200) for at in range(100)]
    absent = [result(f"u{at}", ["a"], relevant=(), probability=p) for at, p in enumerate((0.1, 0.2, 0.9, 0.52))]
    found = refusal([*answerable, *absent])
    assert found["refused at 5 % false"] == 3 / 4  # 5 % of the answerable lie below 0.525
    # 0.1 and 0.2 lie below all 100, 0.9 below 19 and level with one, 0.52 below 95 and level with one
    assert found["AUROC"] == pytest.approx((100 + 100 + 19.5 + 95.5) / 400, abs=1e-4)
    assert refusal(answerable) == {}


# Slices and spellings


def test_questions_are_sorted_into_slices():
    row = labels(Question("q", "كَم مترًا يبلغ ارتفاع برج Eiffel عام 1908؟", "ar"))
    assert row["asks"] == "how many"
    assert (row["vocalised"], row["names"], row["numbers"], row["words"]) == ("yes", "yes", "yes", "7-12")
    assert labels(Question("q", "When did the railway reach Medina?", "en"))["asks"] == "when"
    assert labels(Question("q", "What is a warp?", "en"))["names"] == "no"


def test_spellings_differ_and_mean_the_same():
    text = "كم يومًا تحتاج ملكة النحل إلى أن تكتمل في 1908؟"
    found = spellings(text)
    assert len(found) >= 7
    assert text not in found.values()
    for name in set(found) - {"clitic"}:
        assert folded(found[name]) == folded(text)
    assert spellings("لم") == {name: spelt for name, spelt in spellings("لم").items() if spelt != "لم"}


# Significance, the gate


def test_an_interval_holds_its_mean_and_narrows_with_more_questions():
    few, many = interval([0, 1] * 10), interval([0, 1] * 1000)
    assert few.low <= few.mean == 0.5 <= few.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert interval([1.0] * 5) == (1, 1, 1)
    assert interval([0, 1] * 10) == few


def test_a_change_is_paired_by_question():
    before = {str(at): at / 100 for at in range(100)}
    found = change(before, {key: value + 0.02 for key, value in before.items()} | {"new": 0.0})
    assert found == pytest.approx((0.02, 0.02, 0.02))


def run_of(count, wrong=0):
    return {"nDCG@10": {f"q{at}": float(at >= wrong) for at in range(count)}}


def test_the_gate_fails_on_a_significant_drop_and_names_the_questions():
    verdict = gate.compare(run_of(200), run_of(200, wrong=10))
    assert verdict.dropped == ["nDCG@10"]
    assert verdict.flipped == {"nDCG@10": {f"q{at}": -1.0 for at in range(10)}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (run_of(200), run_of(200)),
        (run_of(200, wrong=10), run_of(200)),
        (run_of(200), run_of(200, wrong=1)),  # half a point
        (run_of(20), run_of(20, wrong=1)),  # five points, but of one question
    ],
    ids=["same", "better", "small", "chance"],
)
def test_the_gate_passes(before, after):
    assert gate.compare(before, after).dropped == []


def test_questions_that_a_run_lacks_count_as_lost():
    after = {"nDCG@10": {f"q{at}": 1.0 for at in range(150)}}
    verdict = gate.compare(run_of(200), after)
    assert (verdict.missing, verdict.dropped) == (50, ["nDCG@10"])


def test_a_baseline_is_kept_as_it_was_measured(tmp_path):
    path = tmp_path / "baseline.json"
    gate.save(run_of(3) | {"R@10": {"q1": 1.0}}, path)
    assert gate.load(path) == run_of(3)
    with pytest.raises(InputError, match="--update"):
        gate.load(tmp_path / "none.json")


def test_there_is_a_baseline_for_every_question_of_the_gold_set():
    kept = gate.load()
    assert set(kept["nDCG@10"]) == {question.id for question in gold() if question.article_id}
    assert set(kept["refused"]) == {question.id for question in gold() if not question.article_id}


# Reports


def test_a_set_is_measured_end_to_end_and_written(tmp_path):
    asked = unanswerable(squad_file(tmp_path, [("x", [("u1", "كيف تُطبخ الملوخية؟", "x")])], name="other.json"))
    dataset = squad(squad_file(tmp_path, TWO))
    found = report.measure(load(environment={}), dataset, report.Options(True, True, asked), lambda done, total: None)
    assert found.shown["measures"]["nDCG@10"] == 1.0
    assert (found.shown["documents"], found.shown["questions"]) == (2, 2)
    assert found.shown["false_citations"] == 0
    assert found.shown["refusal"]["ar"]["AUROC"] == 1.0
    assert found.shown["spelling"]["largest drop"] <= 0
    report.write(found, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == found.shown
    assert "nDCG@10" in (tmp_path / "out" / "report.md").read_text("utf-8")
    assert (tmp_path / "out" / "slices.png").read_bytes().startswith(b"\x89PNG")
    run = (tmp_path / "out" / "run.trec").read_text().splitlines()
    qrels = (tmp_path / "out" / "qrels.trec").read_text().splitlines()
    assert all(len(line.split()) == 6 for line in run)
    assert [line.split()[0] for line in qrels] == ["q1", "q2"]


def test_slices_of_few_questions_are_left_out():
    results = [result(f"q{at}", ["a"]) for at in range(6)]
    rows = report.sliced(results, scores(results))
    assert {row["questions"] for row in rows} == {6}
    assert report.sliced(results[:4], scores(results[:4])) == []


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


# Planted lies

NAMES_AR = [
    ("وُلد الرحالة ابن بطوطة في مدينة طنجة.", [("p1", "أين وُلد ابن بطوطة؟", "طنجة")]),
    ("توفي الجغرافي الشريف الإدريسي في مدينة باليرمو.", [("p2", "أين توفي الإدريسي؟", "باليرمو")]),
]
NAMES_EN = [
    ("The traveller Ibn Battuta was born in the city of Tangier.", [("p1", "Where was he born?", "Tangier")]),
    ("The geographer al-Idrisi died in the city of Palermo.", [("p2", "Where did he die?", "Palermo")]),
]


def test_a_planted_answer_is_one_of_the_same_kind_that_the_paragraph_lacks(tmp_path):
    ours = squad(squad_file(tmp_path, NAMES_AR))
    theirs = squad(squad_file(tmp_path, NAMES_EN, name="en.json"))
    texts = {article.id: article.text for article in ours.articles}
    lies = [
        (lie, texts[true.article])
        for own in (True, False)
        for true, lie in planted.planted(planted.told(ours, theirs, own), texts)
    ]
    (idrisi, battuta) = ours.articles[1].text, ours.articles[0].text
    assert lies == [
        ("وُلد الرحالة ابن بطوطة في مدينة باليرمو.", battuta),
        ("توفي الجغرافي الشريف الإدريسي في مدينة طنجة.", idrisi),
        ("The traveller Ibn Battuta was born in the city of Palermo.", battuta),
        ("The geographer al-Idrisi died in the city of Tangier.", idrisi),
    ]


def test_the_shares_of_what_is_flagged_are_told_by_language_and_kind(tmp_path):
    found = planted.summary(
        load(environment={}),
        squad_file(tmp_path, NAMES_AR),
        squad_file(tmp_path, NAMES_EN, name="en.json"),
        lambda *_: None,
    )
    assert {name: row["sentences"] for name, row in found.items()} == {
        "another name, ar": 2,
        "another name, en": 2,
        "true, ar": 2,
        "true, en": 2,
    }
    assert found["another name, ar"]["flagged"] == found["another name, en"]["flagged"] == 1.0
    assert found["true, ar"]["flagged"] == 0.0
