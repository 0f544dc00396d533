"""What the reader learns from, as far as it is part of the project."""

import json
from hashlib import sha256
from importlib import resources

import numpy as np
import pytest

from eval.datasets import read_json_lines
from eval.reading.examples import HELD_OUT_FOLD, WRITTEN_PREFIX, fold_of
from eval.reading.sets import (
    KEPT_ASIDE,
    SHORT_ARTICLES,
    SHORT_QUESTIONS,
    SHORT_SET,
    WRITTEN_QUESTIONS,
    group_own,
    read_own_articles,
    read_sets,
    read_short_set,
)
from eval.reading.taught import read_taught, write_taught


@pytest.fixture(scope="module", params=["gold", SHORT_SET])
def samples(request, tmp_path_factory):
    """The sample articles with the gold set and what was written over them; these and more with short questions."""
    (gold,) = read_sets(tmp_path_factory.mktemp("no sets"))
    return {"gold": gold, SHORT_SET: read_short_set()}[request.param]


def test_the_answers_that_were_written_stand_where_they_say(samples):
    articles = {article.id: article for article in samples.dataset.articles}
    written = [question for question in samples.dataset.questions if question.id.startswith(WRITTEN_PREFIX)]
    assert len(written) > 400
    for question in written:
        for answer in question.answers:
            (article_id,) = question.relevant
            assert articles[article_id].text.startswith(answer.text, answer.start)
            assert answer.text == answer.text.strip() != ""


def test_a_question_that_its_article_does_not_answer_is_asked_of_that_article(samples):
    unanswered = [one for one in samples.dataset.questions if one.id.startswith(WRITTEN_PREFIX) and not one.answers]
    assert len(unanswered) > 100
    assert all(question.page and not question.relevant for question in unanswered)


def test_articles_that_are_kept_aside_are_all_in_the_fold_that_is_judged_on():
    aside = [
        article.id for article in read_own_articles() if article.id in {path.stem for path in KEPT_ASIDE.iterdir()}
    ]
    assert len(aside) == 12
    assert {fold_of(group_own(article)) for article in aside} == {HELD_OUT_FOLD}
    assert {fold_of(group_own(path.stem)) for path in SHORT_ARTICLES.iterdir()} > {HELD_OUT_FOLD}


def test_no_question_is_written_twice_over_one_article():
    files = (WRITTEN_QUESTIONS, SHORT_QUESTIONS)
    rows = [(row["article"], row["q"]) for file in files for row in read_json_lines(file, "article", "q")]
    assert len(rows) == len(set(rows))


def test_the_fitted_file_names_the_questions_that_it_was_made_of():
    with resources.files("rag.answering").joinpath("reader.npz").open("rb") as file, np.load(file) as stored:
        hashes = json.loads(str(stored["sets"]))
    assert hashes[WRITTEN_QUESTIONS.name] == sha256(WRITTEN_QUESTIONS.read_bytes()).hexdigest()[:16]


def test_what_teachers_say_is_kept_by_window(tmp_path):
    taught = {b"window 1": np.array([-2.5, 3.0, 0.5]), b"window 2": np.array([4.0, -1.0])}
    write_taught(taught, tmp_path / "taught.npz")
    read = read_taught(tmp_path / "taught.npz")
    assert {key: logits.tolist() for key, logits in read.items()} == {
        key: logits.tolist() for key, logits in taught.items()
    }


def test_teachers_told_of_the_windows_that_the_reader_learns_from():
    taught = read_taught()
    assert len(taught) > 20_000
    assert all(len(logits) > 1 and np.isfinite(logits).all() for logits in taught.values())
