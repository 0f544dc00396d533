import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.cases import (
    CASES,
    ask_cases,
    earlier_turns,
    find_collection,
    kind_of,
    read_cases,
    run_cases,
    score_cases,
    summarize_cases,
)
from eval.datasets import read_articles
from eval.matching import contains_words
from rag.errors import InputError
from rag.settings import load_settings

ROOT = Path(__file__).parent.parent
FACT = {"q": "كم يومًا تحتاج ملكة النحل لتكتمل؟", "kind": "fact", "any": ["16 يومًا"]}
TRUE = {"question": FACT["q"], "draft": "تحتاج إلى 16 يومًا {16 يومًا}.", "truth": "T"}
FALSE = {"question": FACT["q"], "draft": "تحتاج ملكة النحل إلى 61 يومًا لتكتمل {16 يومًا}.", "truth": "L"}
SUMMARY = {"q": "لخص مقال البحر الميت", "kind": "summary", "article": "dead-sea"}
LISTED = {"q": "ما المقالات الموجودة؟", "kind": "collection", "all": ["4"]}
BEFORE = "متى وُلد ابن بطوطة؟"
FOLLOWUP = {"q": "وأين كان ذلك؟", "kind": "followup", "before": BEFORE, "article": "ibn-battuta", "any": ["طنجة"]}
TURN = {"q": FACT["q"], "kind": "turn", "before": SUMMARY["q"], "article": "honey-bees"}


@pytest.mark.parametrize(
    ("case", "is_right"),
    [
        (FACT, True),
        (FACT | {"any": ["٦١ يومًا"]}, False),
        (FACT | {"any": ["6 يومًا"]}, False),  # a part of a number
        (FACT | {"article": "dead-sea"}, False),
        (FACT | {"none": ["16 يومًا"]}, False),
        (FACT | {"none": ["61 يومًا"]}, True),
        (FACT | {"kind": "yesno"}, True),
        (FACT | {"kind": "table", "any": ["x"]}, False),
        (FACT | {"kind": "list", "all": ["16", "999"]}, False),
        (FACT | {"kind": "section", "all": ["16", "21 يومًا", "24 يومًا"]}, True),
        (FACT | {"kind": "several", "all": ["16", "999"]}, False),
        (FACT | {"kind": "talk"}, False),
        (FACT | {"kind": "language", "language": "ar"}, True),
        (FACT | {"kind": "language", "language": "en"}, False),
        ({"q": "hello", "kind": "talk"}, True),
        ({"q": "hello", "kind": "talk", "language": "ar"}, False),
        ({"q": "hello", "kind": "unanswerable"}, False),
        (LISTED, True),
        (LISTED | {"articles": []}, False),  # titles are cited
        (LISTED | {"any": ["•"]}, True),
        (FACT | {"kind": "collection"}, False),  # a quote is no list
        (SUMMARY, True),
        (SUMMARY | {"article": "honey-bees"}, False),
        (FOLLOWUP, True),
        (FOLLOWUP | {"before": ["أهلا", BEFORE]}, True),
        (FOLLOWUP | {"before": []}, False),
        (TURN, True),
        (TURN | {"all": ["999"]}, False),
        (TURN | {"shorter": True}, False),  # it cites what the last answer did not
        (TURN | {"q": SUMMARY["q"], "article": "dead-sea", "shorter": True}, False),  # it is as long
        (TRUE, True),
        (FALSE, True),
        (FALSE | {"truth": "T"}, False),
        (TRUE | {"truth": "L"}, False),
    ],
)
def test_a_case_is_judged_by_what_a_reader_sees(assistant, case, is_right):
    (result,) = run_cases(assistant, [case])
    assert result.is_right == is_right, result.text


def test_cases_are_counted_by_kind(assistant):
    absent = {"q": "ما عاصمة منغوليا؟", "kind": "unanswerable", "distance": "far", "before": ["أهلا", "شكرا"]}
    results = list(run_cases(assistant, [FACT, FACT | {"any": ["x"]}, TRUE, FALSE, FALSE | {"kind": "swap"}, absent]))
    assert {kind: count["of"] for kind, count in summarize_cases(results).items()} == {
        "fact": 2,
        "draft true": 1,
        "draft false": 1,
        "draft false, swap": 1,
        "unanswerable, far": 1,
    }
    assert summarize_cases(results)["fact"] == {"right": 1, "of": 2, "wrong but unsure": 0}
    doubtful = replace(results[1], state="unsure")
    assert summarize_cases([results[0], doubtful])["fact"]["wrong but unsure"] == 1
    assert results[-1].name == "أهلا / شكرا / ما عاصمة منغوليا؟"
    assert score_cases(results[1:3]) == {"cases, fact": {FACT["q"]: 0.0}, "cases, draft true": {FACT["q"]: 1.0}}


def test_a_case_is_asked_of_the_collection_that_it_names(tmp_path):
    for name, words in (("first", "تفتح المكتبة في التاسعة."), ("second", "يغلق المتحف في الخامسة.")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.md").write_text(words, "utf-8")
    file = tmp_path / "cases.jsonl"
    library = {"q": "متى تفتح المكتبة؟", "kind": "fact", "article": "first"}
    museum = {"q": "متى يغلق المتحف؟", "kind": "fact", "article": "second", "collection": "second"}
    first, second = tmp_path / "first", tmp_path / "second"
    results = ask_cases(load_settings({}), [museum, library], file, [first])
    assert {one.name: one.is_right for one in results} == {library["q"]: True, museum["q"]: True}
    assert find_collection(museum, tmp_path / "elsewhere" / "cases.jsonl", [first, second]) == second
    assert find_collection(museum, tmp_path / "elsewhere" / "cases.jsonl", [first]) == first
    assert find_collection(library, file, [first, second]) == first


def test_a_file_that_is_none_of_cases_is_said_to_be_so(tmp_path):
    path = tmp_path / "cases.jsonl"
    with pytest.raises(InputError, match="cannot be read"):
        read_cases(path)
    path.write_text("{", "utf-8")
    with pytest.raises(InputError, match="not a file of cases"):
        read_cases(path)
    path.write_text(json.dumps(FACT | {"kind": "riddle"}), "utf-8")
    with pytest.raises(InputError, match="riddle"):
        read_cases(path)
    path.write_text(json.dumps(FACT) + "\n\n", "utf-8")
    assert read_cases(path) == [FACT]


# The project's own cases

KINDS = {
    "fact", "yesno", "list", "section", "table", "compare", "several", "talk", "collection", "summary", "followup",
    "turn", "language", "unanswerable, inside", "unanswerable, near", "unanswerable, far",
}  # fmt: skip
OWN = read_cases(CASES)


@pytest.fixture(scope="module")
def articles():
    return {article.id: article for article in read_articles(ROOT / "articles", 100_000)}


@pytest.fixture(scope="module")
def tables():
    return {article.id: article for article in read_articles(CASES.parent / "tables", 100_000)}


def test_every_kind_is_asked_and_nothing_twice():
    assert {kind_of(case) for case in OWN} == KINDS
    assert len(OWN) >= 150
    asked = [(case["q"], *earlier_turns(case)) for case in OWN]
    assert len(set(asked)) == len(asked)


def test_the_kinds_are_documented():
    document = (ROOT / "docs" / "how-to" / "evaluate.md").read_text("utf-8")
    for kind in {case["kind"] for case in OWN}:
        assert f"`{kind}`" in document


def test_what_is_right_stands_in_the_articles(articles, tables):
    """Of the collection it may stand in the title or topic of any article, or be their number."""
    collection = " ".join(f"{one.title} {one.topic}" for one in articles.values()) + f" {len(articles)}"
    for case in OWN:
        cited = [case["article"]] if "article" in case else case.get("articles", [])
        known = tables if case.get("collection") == "tables" else articles
        text = "\n".join(f"{known[key].title}\n{known[key].text}" for key in cited)
        text = collection if case["kind"] == "collection" else text
        for words in (*case.get("any", ()), *case.get("none", ()), *case.get("all", ())):
            rendered = case.get("renderings", {}).get(words, words)
            assert contains_words(text, rendered), f"{rendered} for {case['q']}"


def test_what_is_right_can_be_told_from_what_is_asked():
    """Words that the question itself holds would be right in any quote that repeats it."""
    for case in OWN:
        for words in case.get("any", ()):
            assert not contains_words(case["q"], words), case["q"]


def test_every_case_says_what_is_right():
    for case in OWN:
        if case["kind"] not in ("talk", "unanswerable"):
            assert {"article", "articles", "all"} & set(case), case["q"]
        assert ("distance" in case) == (case["kind"] == "unanswerable")


def test_the_examples_that_readers_are_given_are_asked():
    examples = json.loads((ROOT / "ui" / "page" / "examples.json").read_text("utf-8"))
    readme = (ROOT / "README.md").read_text("utf-8")
    asked = {case["q"] for case in OWN}
    assert {question for questions in examples.values() for question in questions} <= asked
    in_readme = {question for question in asked if question in readme}
    assert len(in_readme) >= 4


def test_a_newest_article_is_one_that_no_other_is_newer_than(articles):
    (newest,) = {case["article"] for case in OWN if case["q"] in ("ما أحدث مقال عندك؟", "what is the newest article?")}
    (oldest,) = {case["article"] for case in OWN if case["q"] == "ما أقدم مقال لديك؟"}
    dates = {key: article.date for key, article in articles.items()}
    assert dates[newest] == max(dates.values())
    assert dates[oldest] == min(dates.values())
