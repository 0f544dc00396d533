"""What is asked that no passage answers, and questions about several things."""

import json
from pathlib import Path

import pytest

from eval.datasets import read_gold_set
from rag.answering.decomposition import decompose_question
from rag.answering.intents import TALK, TURNS, Intent, IntentDetector
from rag.answering.lists import find_leading_lines, find_list_items
from rag.answering.tables import find_column_names
from rag.answering.utterances import match_utterance
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from rag.language.sentences import find_sentences, trim_span
from rag.types import AnswerRequest, Filters, Message

FOLDER = Path(__file__).parent.parent / "prompts"


@pytest.fixture(scope="module")
def detector(assistant):
    return IntentDetector(assistant.encoder)


# Intents


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hello!", "greeting"),
        ("السلام عليكم", "greeting"),
        ("هلا والله شلونك", "greeting"),
        ("شكراً جزيلاً لك", "thanks"),
        ("thanks a lot for your help!", "thanks"),
        ("مع السلامة", "goodbye"),
        ("Who are you?", "identity"),
        ("مين أنت؟", "identity"),
        ("what can you do for me?", "abilities"),
        ("من أنت وماذا تستطيع أن تفعل؟", "abilities"),
        ("Hi, who are you?", "identity"),
        ("What articles do you have?", "list"),
        ("كم عدد المقالات عندك؟", "list"),
        ("ما أحدث المقالات؟", "newest"),
    ],
)
def test_what_says_the_same_as_an_example_is_what_the_example_is(detector, text, kind):
    found = detector.detect(Document(text))
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("لخّص لي مقالة سقطرى من فضلك", Intent("summary", "سقطرى")),
        ("Summarise the article about Socotra", Intent("summary", "Socotra")),
        ("Can you give me a short summary of the Dead Sea article?", Intent("summary", "Dead Sea")),
        ("summarize this", Intent("summary", "")),
        ("هل عندك مقال عن النحل؟", Intent("about", "النحل")),
        ("Do you have anything about bees?", Intent("about", "bees")),
    ],
)
def test_a_subject_is_given_in_the_words_of_the_question(detector, text, intent):
    assert detector.detect(Document(text)) == intent


def test_no_question_to_the_articles_is_lost_to_an_intent(detector):
    taken = {question.text: detector.detect(Document(question.text)) for question in read_gold_set()}
    assert {text: intent for text, intent in taken.items() if intent is not None} == {}


def test_what_is_near_an_example_only_is_talk_where_no_article_answers_it(assistant, detector):
    near = "كيف تنفعني في عملي"
    found = detector.detect(Document(near))
    assert found is not None
    assert not found.is_sure
    assert assistant.ask(near).state == "talk"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_examples_in_each_language(language):
    examples = json.loads((FOLDER / language / "intents.json").read_text("utf-8"))
    kinds = {*TALK, *TURNS, "list", "newest", "about", "summary", "compare", "choose", "subject_words", "added_words"}
    languages = {f"{what}_{named}" for what in ("answer_in", "only_in", "system_in") for named in LANGUAGES}
    assert kinds | languages == set(examples)
    assert all(examples.values())


# Answers to intents


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hello", "en"),
        ("مرحبا", "ar"),
        ("صباح الخير يا دليل", "ar"),
        ("thanks, Dalil", "en"),
        ("شكرا", "ar"),
        ("bye", "en"),
        ("bye for now", "en"),
        ("يا دليل، شكرًا جدا", "ar"),
        ("واش لاباس عليك اليوم؟", "ar"),
    ],
)
def test_talk_is_short_cites_nothing_and_is_no_refusal(assistant, text, language):
    answer = assistant.ask(text)
    assert (answer.state, answer.refused, answer.language, answer.citations) == ("talk", False, language, ())
    assert answer.confidence is None
    assert len(answer.text) < 120


def test_the_collection_is_told_with_a_link_to_each_article(assistant):
    answer = assistant.ask("ما المقالات الموجودة؟")
    assert "4" in answer.text
    assert {citation.article_id for citation in answer.citations} == {
        "dead-sea",
        "honey-bees",
        "hope-probe",
        "ibn-battuta",
    }
    for citation in answer.citations:
        assert assistant.store.get_article(citation.article_id).text[citation.start : citation.end] == citation.quote


def test_articles_on_a_subject_are_those_whose_titles_name_it(assistant):
    found = assistant.ask("هل عندك مقال عن النحل؟")
    assert [citation.article_id for citation in found.citations] == ["honey-bees"]
    assert assistant.ask("هل عندك مقال عن صناعة الزجاج؟").citations == ()


@pytest.mark.parametrize("question", ["لخص مقال البحر الميت", "Summarise the article about the Dead Sea"])
def test_a_summary_is_quotes_of_one_article_in_reading_order(assistant, question):
    answer = assistant.ask(question)
    assert {citation.article_id for citation in answer.citations} == {"dead-sea"}
    places = [citation.start for citation in answer.citations]
    assert len(places) >= 3
    assert places == sorted(places)


def test_this_article_is_the_one_that_was_cited_last(assistant):
    earlier = assistant.ask("كم يومًا تحتاج ملكة النحل لتكتمل؟")
    history = (Message("user", "كم يومًا تحتاج ملكة النحل لتكتمل؟"), Message("assistant", earlier.text))
    answer = assistant.ask(AnswerRequest("لخص هذا المقال", history=history))
    assert {citation.article_id for citation in answer.citations} == {"honey-bees"}
    assert assistant.ask("لخص هذا المقال").citations == ()


def test_filters_hold_for_summaries_and_subjects_and_a_collection_that_is_narrowed_is_not_told_whole(assistant):
    elsewhere = Filters(articles=("honey-bees",))
    for text in ("لخص مقال البحر الميت", "هل عندك مقال عن البحر الميت؟", "ما المقالات الموجودة؟"):
        answer = assistant.ask(AnswerRequest(text, filters=elsewhere))
        assert {citation.article_id for citation in answer.citations} <= {"honey-bees"}
    assert assistant.ask(AnswerRequest("مرحبا", filters=elsewhere)).state == "talk"


# Several things


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("ما الفرق بين مسبار الأمل وتلسكوب ويب؟", ["مسبار الأمل", "تلسكوب ويب"]),
        ("قارن بين إنفاق ميتا في 2024 و2025", ["إنفاق ميتا في 2024", "إنفاق ميتا في 2025"]),
        ("من ولد أولا، ابن بطوطة أم المتنبي؟", ["من ولد أولا ابن بطوطة", "من ولد أولا المتنبي"]),
        (
            "What is the difference between a work permit and a residence permit?",
            ["a work permit", "a residence permit"],
        ),
        ("Which is older, the oud or the qanun?", ["Which is older the oud", "Which is older the qanun"]),
        ("من يقود ميتا؟ ومن مديرتها المالية؟", ["من يقود ميتا؟", "من يقود ميتا؟ ومن مديرتها المالية؟"]),
        ("متى وُلد ابن بطوطة؟ ومتى توفي؟", ["متى وُلد ابن بطوطة؟", "متى توفي ابن بطوطة؟"]),
        ("من صمم ملعب الجنوب ومتى افتتح", ["من صمم ملعب الجنوب", "متى افتتح ملعب الجنوب"]),
        ("Where are the women and children of the city?", []),
        ("متى وُلد ابن بطوطة؟", []),
    ],
)
def test_a_question_about_several_things_is_one_for_each(text, questions):
    assert [part.question for part in decompose_question(Document(text))] == questions


def test_a_comparison_is_answered_part_by_part(assistant):
    answer = assistant.ask("ما الفرق بين البحر الميت ومسبار الأمل؟")
    first, second = answer.text.index("البحر الميت:"), answer.text.index("مسبار الأمل:")
    assert first < second
    assert {citation.article_id for citation in answer.citations} == {"dead-sea", "hope-probe"}


def test_what_stands_in_a_slot_is_what_was_written():
    assert match_utterance(Document("Compare  Hope and Webb?"), "compare") == {"first": "Hope", "second": "Webb"}
    assert match_utterance(Document("Hope and Webb"), "compare") is None


# Lists

TEXT = "مقدمة.\n\nالخطوات\n\n1. أولى.\n\n2. ثانية.\n\nكلام بعدها.\n• وحيدة.\n"


@pytest.mark.parametrize("at", ["الخطوات", "أولى", "ثانية"])
def test_a_list_is_found_by_its_lead_and_by_its_items(at):
    items = find_list_items(TEXT, TEXT.index(at))
    assert [TEXT[slice(*item)] for item in items] == ["1. أولى.", "2. ثانية."]


@pytest.mark.parametrize("at", ["مقدمة", "كلام", "وحيدة"])
def test_other_lines_lead_to_none(at):
    assert find_list_items(TEXT, TEXT.index(at)) == ()


def test_what_a_sentence_is_about_stands_in_the_heading_above_it_and_in_the_line_that_leads_to_its_list():
    text = "مقدمة المقال هنا.\n\nالإجازة المرضية\n\nشروطها ما يأتي:\n\n• تقرير طبي.\n\n• طلب مكتوب.\n\nوتحسب بالأيام."
    sentences = [trim_span(text, span) for span in find_sentences(text)]
    assert find_leading_lines(text, sentences) == [(), (), (1,), (1, 2), (1, 2), (1,)]


def test_the_words_of_one_paragraph_head_nothing():
    text = "جملة أولى بلا نهاية ثم جملة ثانية. وجملة ثالثة."
    assert find_leading_lines(text, find_sentences(text)) == [(), ()]


TABLES = "مقدمة هنا.\nالعبّارة | المقاعد\nمرجان | 310\nشراع | 140\n\nالمدرسة | الطلاب\nالبستان | 412"


@pytest.mark.parametrize(
    ("at", "names"),
    [("مرجان", "العبّارة | المقاعد"), ("140", "العبّارة | المقاعد"), ("البستان", "المدرسة | الطلاب")],
)
def test_a_row_has_the_names_of_the_columns_of_its_table(at, names):
    span = find_column_names(TABLES, TABLES.index(at))
    assert TABLES[slice(*span)] == names


@pytest.mark.parametrize("at", ["مقدمة", "العبّارة", "المدرسة"])
def test_first_rows_and_other_lines_have_none(at):
    assert find_column_names(TABLES, TABLES.index(at)) is None


def test_the_names_of_the_columns_say_what_a_row_is_about():
    sentences = [trim_span(TABLES, span) for span in find_sentences(TABLES)]
    assert find_leading_lines(TABLES, sentences) == [(), (), (1,), (1,), (), (4,)]
