"""What the reader learns from, as far as it is part of the project."""

import json
from hashlib import sha256
from importlib import resources

import numpy as np
import pytest

from eval.datasets import read_json_lines
from eval.reading.examples import WRITTEN_PREFIX
from eval.reading.sets import WRITTEN_QUESTIONS, read_sets


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """The sample articles, with the gold set and what was written over them."""
    (only,) = read_sets(tmp_path_factory.mktemp("no sets"))
    return only


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


def test_no_question_is_written_twice_over_one_article():
    rows = [(row["article"], row["q"]) for row in read_json_lines(WRITTEN_QUESTIONS, "set", "article", "q")]
    assert len(rows) == len(set(rows))


def test_the_fitted_file_names_the_questions_that_it_was_made_of():
    with resources.files("rag.answering").joinpath("reader.npz").open("rb") as file, np.load(file) as stored:
        hashes = json.loads(str(stored["sets"]))
    assert hashes[WRITTEN_QUESTIONS.name] == sha256(WRITTEN_QUESTIONS.read_bytes()).hexdigest()[:16]
