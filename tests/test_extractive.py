from dataclasses import replace

import numpy as np
import pytest

from rag.answering.extractive import REFUSAL, asks_quantity, best_sentences, extractive, refusal
from rag.embedding import QuestionVectors
from rag.grounding.verifier import MARKER
from rag.language.text import language, sentences, trimmed
from rag.retrieval.retriever import Retrieved
from rag.store import Evidence
from rag.types import Hit, Signals
from tests.doubles import article

LANGUAGES = ("ar", "en")


def hit(text, article_id="a", title="عنوان", score=1.0):
    spans = tuple(trimmed(text, span) for span in sentences(text))
    whole = article(text, article_id, title)
    signals = Signals(0.9, 0.9, 0.9, 0.1)
    return Hit(whole, spans[0].start, spans[-1].end, language(text), spans, score, signals, f"chunk of {article_id}")


def found(*hits, question="سؤال عن كل شيء"):
    along = np.array([1.0, 0.0], np.float32)
    return Retrieved(question, language(question), QuestionVectors(along, along[None], along), hits, 0.9, 0.5, {}, {})


def answered(*hits, answer_in="ar", question="سؤال عن كل شيء", **cosines):
    """The extractive answer from hits whose sentences have these cosines to the question."""
    return extractive(found(*hits, question=question), vectors(**cosines), answer_in)


def vectors(**cosines):
    """Sentences with these cosines to the question of `found` in both views, by article; each is one token."""
    rows = {
        key: np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in values], np.float32)
        for key, values in cosines.items()
    }
    return {f"chunk of {key}": Evidence(found, tuple(row[None] for row in found)) for key, found in rows.items()}


def quoted(answer):
    return [citation.quote for citation in answer.citations]


FIVE = " ".join(f"الجملة {which} من النص." for which in ("الأولى", "الثانية", "الثالثة", "الرابعة", "الخامسة"))


# Extractive answers


def test_at_most_three_sentences_are_quoted():
    answer = answered(hit(FIVE), a=[0.9] * 5)
    assert len(answer.citations) == 3


def test_a_third_sentence_is_quoted_only_when_it_is_near_the_best():
    answer = answered(hit(FIVE), a=[0.2, 0.9, 0.2, 0.88, 0.2])
    assert quoted(answer) == ["الجملة الثانية من النص.", "الجملة الرابعة من النص."]


def test_quotes_are_in_reading_order_whatever_their_scores():
    answer = answered(hit(FIVE), a=[0.88, 0.2, 0.89, 0.2, 0.9])
    assert quoted(answer) == ["الجملة الأولى من النص.", "الجملة الثالثة من النص.", "الجملة الخامسة من النص."]
    assert [citation.number for citation in answer.citations] == [1, 2, 3]


def test_articles_come_in_the_order_of_their_best_hits_each_under_its_frame():
    hits = (hit("جملة من المقال الأول.", "a", "أول"), hit("جملة من المقال الثاني.", "b", "ثان"))
    answer = answered(*hits, a=[0.8], b=[0.9])
    assert answer.text == (
        "وفقًا لمقال «أول»:\n\n«جملة من المقال الأول.» [1]\n\nوفقًا لمقال «ثان»:\n\n«جملة من المقال الثاني.» [2]"
    )


def test_one_article_has_one_frame():
    answer = answered(hit(FIVE), a=[0.9] * 5)
    assert answer.text.count("وفقًا لمقال") == 1


@pytest.mark.parametrize(("answer_in", "frame"), [("ar", "وفقًا لمقال «عنوان»:"), ("en", "According to “عنوان”:")])
def test_the_frame_is_in_the_readers_language_and_the_quote_in_its_own(answer_in, frame):
    answer = answered(hit("جملة من مقال عربي."), answer_in=answer_in, a=[0.9])
    assert answer.text == f"{frame}\n\n«جملة من مقال عربي.» [1]"


def test_quotes_slice_back_and_are_verbatim():
    text = "  مقدمة قصيرة للنص\nالطويل.  ثم جملة أخرى فيه! "
    answer = answered(hit(text), a=[0.9] * len(sentences(text)))
    for citation in answer.citations:
        assert text[citation.start : citation.end] == citation.quote
        assert citation.verdict == "verbatim"


def test_brackets_of_an_article_are_not_taken_for_markers():
    answer = answered(hit("وقعت المعركة في ذلك العام [7]. وانتهت بعد شهر واحد [2]."), a=[0.9, 0.9])
    assert MARKER.findall(answer.text) == ["[1]", "[2]"]
    assert quoted(answer) == ["وقعت المعركة في ذلك العام [7].", "وانتهت بعد شهر واحد [2]."]


def test_links_images_and_html_of_an_article_are_inert_in_the_answer_and_whole_in_the_quote():
    text = "انظر ![صورة](http://evil.example/x.png) و[هنا](http://evil.example) <img src=x onerror=alert(1)> في المقال."
    answer = answered(hit(text, title="عنوان ![x](http://evil.example)"), a=[0.9])
    assert "(http" not in answer.text
    assert "<" not in answer.text
    assert quoted(answer) == [text]


def test_a_scrap_or_a_line_that_leads_to_a_list_is_no_evidence():
    text = "عنوان فرعي.\nومن أسباب ذلك ما يأتي:\nقلة الأمطار في تلك السنة كلها.\nوكثرة السكان في المدن الكبيرة."
    answer = answered(hit(text), a=[0.9, 0.9, 0.7, 0.7])
    assert quoted(answer) == ["قلة الأمطار في تلك السنة كلها.", "وكثرة السكان في المدن الكبيرة."]


def test_a_question_for_a_number_prefers_a_sentence_that_holds_one():
    text = "المدة طويلة جدًا في الصيف. المدة ستون يومًا في الصيف. المدة 60 يومًا في الصيف كله."
    answer = answered(hit(text), question="كم الوقت؟", a=[0.9, 0.9, 0.895])
    assert "المدة 60 يومًا في الصيف كله." in quoted(answer)


def test_a_question_for_a_time_prefers_a_sentence_with_a_year():
    text = "قطعت القافلة الطريق في 40 يومًا. وقطع القطار الطريق عام 1908 أول مرة. ووقفت القافلة في الطريق طويلًا."
    assert "وقطع القطار الطريق عام 1908 أول مرة." in quoted(
        answered(hit(text), question="متى وصل؟", a=[0.9, 0.85, 0.89])
    )


def test_the_second_quote_adds_what_the_first_leaves_of_the_question():
    asked = found(hit(FIVE))
    two = QuestionVectors(asked.encoded.dense, np.eye(2, dtype=np.float32) / 2, asked.encoded.sentence)
    tokens = [[0.9, 0.3], [0.3, 0.8], [0.9, 0.28], [0.2, 0.2], [0.1, 0.1]]
    rows = np.array(tokens, np.float32)
    evidence = {"chunk of a": Evidence(np.zeros((5, 2), np.float32), tuple(row[None] for row in rows))}
    best = best_sentences(replace(asked, encoded=two), evidence)
    assert [sentence.met.tolist() for sentence in best[:2]] == (rows[:2] / 2).tolist()


def test_of_two_nearly_alike_the_one_beside_the_first_comes_before():
    asked = found(hit(FIVE))
    best = best_sentences(asked, vectors(a=[0.52, 0.2, 0.2, 0.5, 0.9]))
    assert [asked.hits[0].sentences.index(sentence.span) for sentence in best[:3]] == [4, 3, 0]


def test_one_sentence_is_an_answer():
    assert quoted(answered(hit("نعم."), a=[0.5])) == ["نعم."]


@pytest.mark.parametrize(
    ("question", "asked_in"),
    [
        ("كم يومًا تحتاج الملكة؟", "ar"),
        ("وكم بلغت؟", "ar"),
        ("بكم اشترتها؟", "ar"),
        ("متى وُلد؟", "ar"),
        ("في أي سنة وُلد؟", "ar"),
        ("ما نسبة الملح؟", "ar"),
        ("إمتى اتولد؟", "ar"),
        ("How many days?", "en"),
        ("When did it land?", "en"),
        ("In which year?", "en"),
    ],
)
def test_questions_for_a_number_or_a_date_are_known(question, asked_in):
    assert asks_quantity(question, asked_in)


@pytest.mark.parametrize(
    ("question", "asked_in"),
    [("من كتب الكتاب؟", "ar"), ("لماذا حكم البلاد؟", "ar"), ("Who whenever wrote?", "en"), ("Why?", "en")],
)
def test_other_questions_ask_for_no_number(question, asked_in):
    assert not asks_quantity(question, asked_in)


# Refusals


@pytest.mark.parametrize("answer_in", LANGUAGES)
def test_a_refusal_names_the_nearest_titles_once_each_and_at_most_three(answer_in):
    titles = ["واحد", "اثنان", "واحد", "ثلاثة", "أربعة"]
    text = refusal(answer_in, [hit("جملة.", str(at), title) for at, title in enumerate(titles)])
    assert text.startswith(REFUSAL[answer_in])
    assert [text.count(title) for title in ("واحد", "اثنان", "ثلاثة", "أربعة")] == [1, 1, 1, 0]
    assert not MARKER.search(text)


@pytest.mark.parametrize("answer_in", LANGUAGES)
def test_a_refusal_over_nothing_names_no_title(answer_in):
    assert refusal(answer_in, []) == REFUSAL[answer_in]
