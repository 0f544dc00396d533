import pytest

from rag.grounding.declines import is_decline, no_answer_mark, strip_decline
from rag.grounding.verifier import NO_ANSWER
from rag.language.languages import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_is_told_what_to_write_in_its_language(language):
    assert is_decline(no_answer_mark(language))
    assert (no_answer_mark(language) == NO_ANSWER) == (language == "en")


@pytest.mark.parametrize(
    "reply",
    [
        "NO_ANSWER",
        "no_answer.",
        "**NO ANSWER**",
        "`No-Answer`",
        "Answer: NO_ANSWER",
        "I'm sorry. No answer.",
        "«لا جواب في المقاطع»",
        "لا_جواب_في_المقاطع.",
        "**الجواب:** لا جوابَ في المقاطع",
        "عذرًا، لا جواب.",
        "The passages do not contain the answer to this question.",
        "The provided passages don't mention who climbed it first [1].",
        "There is no information about that in the passages.",
        "I cannot find the answer in the given context.",
        "Unfortunately, the text doesn't say.",
        "This is not mentioned in the passages.",
        "I don't know.",
        "لا تذكر المقاطع ذلك.",
        "لا يوجد جواب في المقاطع عن هذا السؤال.",
        "عذرًا، لا تحتوي المقاطع المقدَّمة على إجابة عن هذا السؤال [2].",
        "المقاطع لا تتضمّن معلومات عن ثمن القهوة.",
        "لم يرد ذلك في النص.",
        "هذا غير مذكور في المقاطع.",
        "ليس في المقالات جواب عن هذا.",
        "لا أعلم.",
    ],
)
def test_a_decline_is_one_in_whichever_words(reply):
    assert is_decline(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "The castle was built in 1823 [1].",
        "The passages do not say who built it, but its wall is of coral stone [1].",
        "The passages do not mention 1823.",
        "There was no answer to the telegram of the governor [1].",
        "Ibn Battuta never saw the passages of the north [2].",
        "بُنيت القلعة سنة 1823 [1].",
        "لا تذكر المقاطع اسم البنّاء، لكن السور من الحجر المرجاني [1].",
        "لا توجد مياه عذبة في البحر الميت [1].",
        "لا يعيش السمك في البحر الميت [1].",
        "لم يصل القطار إلى مكة [1].",
        "لا تتضمن الرحلة الأولى زيارة القدس [1].",
        "The passages do not contain the answer. " + "The castle stands on a hill over the sea [1]. " * 5,
    ],
)
def test_an_answer_is_none(reply):
    assert not is_decline(reply)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("The passages do not say where it stands; it opens next year.", "it opens next year."),
        ("It opens next year, but the articles do not mention where.", "It opens next year,"),
        ("لا تذكر المقاطع عدد الفنادق، غير أن عاصمتها حديبو.", "غير أن عاصمتها حديبو."),
        ("The passages do not say where it stands.", ""),
        ("لا تذكر المقاطع عدد المساجد في سقطرى.", ""),
    ],
)
def test_what_the_passages_leave_out_is_parted_from_what_they_tell(statement, told):
    assert strip_decline(statement) == told


@pytest.mark.parametrize(
    "statement",
    [
        "Doctors cannot find the cause of the disease.",
        "There is no information about him.",
        "The passages do not mention 1823, the year of the fire.",
        "لا توجد مياه عذبة في البحر الميت.",
    ],
)
def test_what_is_said_of_the_world_stays(statement):
    assert strip_decline(statement) == statement
