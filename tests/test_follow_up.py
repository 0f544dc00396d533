import httpx
import numpy as np
import pytest

from rag.answering.candidates import ScoredSentence
from rag.answering.follow_up import (
    find_subject,
    is_follow_up,
    names_new_subject,
    refers_back,
    restore_subject,
    rewrite_question,
    weigh_by_last_answer,
)
from rag.answering.llm import Deadline
from rag.answering.passages import ReadPassages
from rag.answering.reader import Reading, ReadSentence
from rag.grounding.verifier import NO_ANSWER
from rag.language.document import Document
from rag.types import Message
from tests.doubles import ScriptedModel, make_hit, make_result

HISTORY = (Message("user", "من هو ابن بطوطة؟"), Message("assistant", "رحالة من طنجة."))


def rewrite(model, question="وأين مات؟"):
    return rewrite_question(model, Document(question), HISTORY, Deadline(5))


def test_a_follow_up_question_is_rewritten_from_the_conversation():
    model = ScriptedModel("«أين مات ابن بطوطة؟»")
    assert rewrite(model) == "أين مات ابن بطوطة؟"
    (asked,) = model.asked
    assert "من هو ابن بطوطة؟" in asked[0].content
    assert asked[0].content.rstrip().endswith("وأين مات؟")


@pytest.mark.parametrize(
    ("rewritten", "question"),
    [
        ("Where did Ibn Battuta die?", "وأين مات؟"),
        ("أين كان ابن بطوطة؟", "وأين كان سنة 1349؟"),
        ("Where did he go?", "Where did Sanguinetti go?"),
        ("أين ذهب ابن بطوطة؟", "وهل ذهب إلى مصر؟"),
        ("مات ابن بطوطة في المغرب.", "وأين مات؟"),
        ("Sure!", "And where did he die?"),
        ("Sorry, I cannot see the conversation.", "And where did he die?"),
        ("What do you mean?", "And where did he die?"),
        ("Did he live in Rabat?", "Did he live in Fes?"),
        ("أين كان ابن بطوطة سنة 1350؟", "وأين كان سنة 1349؟"),
        ("", "وأين مات؟"),
        (NO_ANSWER, "وأين مات؟"),
        ("ك" * 1000, "وأين مات؟"),
        (httpx.ConnectError("down"), "وأين مات؟"),
    ],
)
def test_a_rewriting_that_loses_a_fact_or_is_no_question_is_not_used(rewritten, question):
    assert rewrite(ScriptedModel(rewritten), question) is None


@pytest.mark.parametrize(
    ("draft", "question", "rewritten"),
    [
        ("Sure! Where did Ibn Battuta die?", "And where did he die?", "Where did Ibn Battuta die?"),
        ("**Rewritten question:** Where did Ibn Battuta die?", "And where did he die?", "Where did Ibn Battuta die?"),
        ("أين مات ابن بطوطة؟\nمات في المغرب.", "وأين مات؟", "أين مات ابن بطوطة؟"),
        ("إليك السؤال:\n\n«أين مات ابن بطوطة؟»\n\nأرجو أن يفيدك.", "وأين مات؟", "أين مات ابن بطوطة؟"),
        ("Do you mean him? He did.\nWhere did Ibn Battuta die?", "Where did he die?", "Where did Ibn Battuta die?"),
        ("أين كان ابن بطوطة سنة ١٣٤٩؟", "وأين كان سنة 1349؟", "أين كان ابن بطوطة سنة ١٣٤٩؟"),
        ("هل باع ابن بطوطة ثلاثة ملايين؟", "وهل باع 3 ملايين؟", "هل باع ابن بطوطة ثلاثة ملايين؟"),
        ("هل زار ابن بطوطة شركة ميتا؟", "وهل زار شركة Meta؟", "هل زار ابن بطوطة شركة ميتا؟"),
    ],
)
def test_the_question_is_taken_out_of_what_the_model_wrote(draft, question, rewritten):
    assert rewrite(ScriptedModel(draft), question) == rewritten


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("وكم تحتاج هي؟", True),
        ("ومتى؟", True),
        ("How long does it take?", True),
        ("And in winter?", True),
        ("كيف أطبخ الملوخية؟", False),
        ("وليد من كتب الرسالة؟", False),
        ("How do I cook mulukhiyah?", False),
    ],
)
def test_a_question_that_refers_to_what_was_said_before_is_a_follow_up(question, expected):
    assert is_follow_up(Document(question)) == expected


# Questions that leave out what is asked


@pytest.mark.parametrize(
    "question",
    [
        "متى كان ذلك؟",
        "وأين كان ذلك؟",
        "لماذا؟",
        "And where?",
        "وحي المنارة؟",
        "ومحطة نور 2؟",
        "What about the tannour?",
        "وماذا عن الهندسة؟",
    ],
)
def test_a_question_that_leaves_out_what_is_asked_is_a_follow_up(question):
    assert is_follow_up(Document(question))


@pytest.mark.parametrize("question", ["متى مات ابن بطوطة؟", "Who won the final?", "What is a book called?"])
def test_a_question_that_says_what_it_asks_is_none(question):
    assert not is_follow_up(Document(question))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the book called?", True),
        ("What's the name of the tree?", True),
        ("ما اسم الكتاب؟", True),
        ("ماذا تسمى الشجرة؟", True),
        ("What is the highest tree called?", False),
        ("What is the name of the Moroccan traveller?", False),
        ("ما اسم أول عنقود فائق؟", False),
        ("ما اسم الكتاب الذي ألفه ابن بطوطة؟", False),
    ],
)
def test_a_question_for_the_name_of_a_thing_that_is_not_described_is_a_follow_up(question, expected):
    assert is_follow_up(Document(question)) == expected


SAID = Message("assistant", "وفقًا لمقال «جسر المنارة»:\n\n«طوله 1840 مترًا.» [1]")


@pytest.mark.parametrize(
    ("before", "question", "restored"),
    [
        (["كم طول الجسر الجديد؟"], "ومتى افتُتح؟", "جسر المنارة: طول الجسر الجديد ومتى افتُتح؟"),
        (["كم طول الجسر الجديد؟", "ولماذا؟"], "ومتى؟", "جسر المنارة: طول الجسر الجديد ومتى؟"),
        (["Who designed the old bridge?"], "When?", "جسر المنارة: designed old bridge When?"),
    ],
)
def test_a_subject_is_restored_by_the_title_and_the_words_of_the_question_before(before, question, restored):
    history = [said for asked in before for said in (Message("user", asked), SAID)]
    assert restore_subject(question, history) == restored


def test_without_a_title_the_subject_is_in_the_words_of_the_question_before():
    history = (Message("user", "Who designed the old bridge?"), Message("assistant", "No answer."))
    assert restore_subject("When?", history) == "designed old bridge When?"


@pytest.mark.parametrize(
    ("question", "title", "is_new"),
    [
        ("وماذا عن التمور؟", "حصاد التمور في الواحة", True),
        ("وماذا عن الشتاء؟", "حصاد التمور في الواحة", False),
        ("ومن صمّم الجسر؟", "أطول جسر في العالم", False),
        ("ولماذا؟", "القمر، ولماذا يختفي؟", False),
    ],
)
def test_what_another_article_is_titled_by_is_a_new_subject(question, title, is_new):
    history = (Message("user", "كم طوله؟"), Message("assistant", "وفقًا لمقال «جسر المنارة»:\n\n«طوله 1840 مترًا.» [1]"))
    assert names_new_subject(Document(question), title, history) == is_new
    assert not names_new_subject(Document(question), title, ())


def test_a_conversation_is_about_the_article_that_was_cited_last():
    said = Message("assistant", "وفقًا لمقال «سقطرى»:\n\n«جزيرة» [1]")
    asked = Message("user", "أين تقع؟")
    assert find_subject((asked, said)) == "سقطرى"
    assert find_subject((asked, Message("assistant", "لا جواب"))) == asked.text
    assert find_subject(()) == ""


# What the last answer quotes


def read_passages(hit):
    scored = [ScoredSentence(hit, span, np.ones(1, np.float32), 0.5) for span in hit.sentences]
    reading = Reading([ReadSentence(one, 0.9 / len(scored)) for one in scored], 0.9)
    return ReadPassages(make_result(hit), scored, reading)


def test_what_stands_near_what_was_quoted_comes_first():
    passages = read_passages(make_hit(" ".join(f"هذه الجملة رقمها {number} في المقال." for number in range(8))))
    asked = (Message("user", "ما الجملة؟"), Message("assistant", "«هذه الجملة رقمها 6 في المقال.» [1]"))
    weighed = weigh_by_last_answer(passages, asked).reading
    numbers = [int(one.sentence.text.split()[3]) for one in weighed.sentences]
    assert numbers == [4, 5, 6, 7, 0, 1, 2, 3]
    assert sum(one.probability for one in weighed.sentences) == pytest.approx(0.9)
    assert weighed.sentences[0].probability == pytest.approx(2 * weighed.sentences[-1].probability)
    assert weighed.probability == 0.9


def test_nothing_counts_for_more_where_nothing_of_it_was_quoted():
    passages = read_passages(make_hit("هذه جملة أولى في المقال. نعم. وهذه جملة ثانية في المقال."))
    for said in ((), (Message("user", "لماذا؟"), Message("assistant", "نعم. لا جواب عن هذا."))):
        assert weigh_by_last_answer(passages, said) == passages


@pytest.mark.parametrize(
    ("question", "expected"), [("How does it work?", True), ("How do they help?", True), ("How can you help?", False)]
)
def test_a_question_may_have_a_word_for_what_was_said(question, expected):
    assert refers_back(Document(question)) == expected
