import pytest

from rag.answering.conversation import resolve_request
from rag.answering.intents import IntentDetector
from rag.types import AnswerRequest, Message
from tests.doubles import WordEncoder

BEFORE = (
    Message("user", "متى وصل القطار إلى المدينة؟"),
    Message("assistant", "وفقًا لمقال «سكة حديد الحجاز»: …"),
)


@pytest.fixture(scope="module")
def intents():
    return IntentDetector(WordEncoder())


def resolve(intents, question, history=(), **options):
    return resolve_request(AnswerRequest(question, history=tuple(history), **options), intents)


@pytest.mark.parametrize(
    ("question", "asked", "language"),
    [
        ("Please answer in Arabic: where was he born?", "where was he born?", "ar"),
        ("When did it enter orbit? Reply in Arabic.", "When did it enter orbit", "ar"),
        ("Tell me in English how much gold there is", "how much gold there is", "en"),
        ("In English, please: من قتل المتنبي؟", "من قتل المتنبي", "en"),
        ("أجب بالإنجليزية: متى وصل القطار؟", "متى وصل القطار", "en"),
        ("كم قدرته؟ جاوب بالانجليزي", "كم قدرته", "en"),
        ("رد علي بالعربي: How many goals were scored?", "How many goals were scored", "ar"),
        ("بالعربية: what is the hotline?", "what is the hotline", "ar"),
    ],
)
def test_a_language_named_in_a_question_is_that_of_the_answer(intents, question, asked, language):
    resolved = resolve(intents, question)
    assert (resolved.question.strip(" ؟?"), resolved.language) == (asked.strip(" ؟?"), language)


@pytest.mark.parametrize(
    "question",
    [
        "What is the word for coffee in Arabic?",
        "Which books did he write in English?",
        "ما اسم العنقود بالإنجليزية؟",
        "من ترجم الكتاب إلى العربية؟",
        "How many speakers of Arabic are there?",
    ],
)
def test_a_question_about_a_language_is_left_as_it_is(intents, question):
    for history in ((), BEFORE):
        resolved = resolve(intents, question, history)
        assert (resolved.question, resolved.language, resolved.detail) == (question, None, "usual")


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("in English, please", "en"),
        ("say that in Arabic", "ar"),
        ("translate it to English", "en"),
        ("بالعربية من فضلك", "ar"),
        ("ممكن تقولها بالانجليزي؟", "en"),
        ("ترجمها إلى الإنجليزية", "en"),
        ("ترجم جوابك إلى الإنجليزية", "en"),
    ],
)
def test_the_last_question_is_answered_again_in_the_language_that_is_asked_for(intents, said, language):
    resolved = resolve(intents, said, BEFORE)
    assert (resolved.question, resolved.language, resolved.history) == (BEFORE[0].text, language, ())


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ("shorter please", "short"),
        ("اختصر", "short"),
        ("explain", "long"),
        ("ما فهمت، وضّح لي", "long"),
        ("متأكد؟", "usual"),
    ],
)
def test_what_is_said_about_an_answer_gives_it_shorter_longer_or_again(intents, said, detail):
    history = (*BEFORE, Message("user", "بالإنجليزية"), Message("assistant", "According to …"))
    resolved = resolve(intents, said, history)
    assert (resolved.question, resolved.detail) == (BEFORE[0].text, detail)


def test_both_may_be_asked_for_at_once(intents):
    resolved = resolve(intents, "in English: shorter", BEFORE)
    assert (resolved.question, resolved.language, resolved.detail) == (BEFORE[0].text, "en", "short")


@pytest.mark.parametrize("said", ["shorter please", "in English, please", "اشرح"])
def test_without_an_answer_before_it_nothing_is_about_one(intents, said):
    assert resolve(intents, said).question == said


def test_thanks_are_not_what_is_answered_again(intents):
    history = (*BEFORE, Message("user", "شكرا"), Message("assistant", "عفوًا"))
    assert resolve(intents, "explain", history).question == BEFORE[0].text


@pytest.mark.parametrize(
    ("told", "language"),
    [
        ("Always answer in Arabic.", "ar"),
        ("You are helpful. Reply only in English.", "en"),
        ("أجب دائمًا باللغة العربية", "ar"),
    ],
)
def test_a_system_message_may_name_the_language(intents, told, language):
    assert resolve(intents, "متى؟", [Message("system", told)]).language == language
    assert resolve(intents, "متى؟ أجب بالإنجليزية", [Message("system", told)]).language == "en"
