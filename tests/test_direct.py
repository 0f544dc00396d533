import numpy as np
import pytest

from rag.answering.candidates import ScoredSentence
from rag.answering.direct import answer_span, direct_answer_text
from rag.answering.reader import ReadSentence
from rag.language.document import Document
from rag.language.glosses import find_spelling
from rag.types import Span
from tests.doubles import make_hit


def read(text, words):
    """A sentence that was read, whose answer is found in some of its words."""
    hit = make_hit(text)
    start = text.index(words)
    sentence = ScoredSentence(hit, Span(0, len(text)), np.zeros(1, np.float32), 1.0)
    return ReadSentence(sentence, 0.9, Span(start, start + len(words)), 0.9)


@pytest.mark.parametrize(
    ("text", "found", "whole"),
    [
        ("وصل القطار إلى المدينة عام ١٩٠٨م.", "١٩٠", "١٩٠٨م"),
        ("وصل القطار، عام ١٩٠٨م، إلى المدينة.", "، عام ١٩٠٨م،", "عام ١٩٠٨م"),
        ("كتبه ابن الهيثم (الحسن بن الحسن).", "الهيثم (الحسن بن الحسن", "الهيثم (الحسن بن الحسن)"),
        ("سماه «بروميثيوس» أول الأمر.", "«بروميثيوس", "«بروميثيوس»"),
        ("تبلغ قدرته 20% من المطلوب.", "20%", "20%"),
        ("ففيها 825 نوعًا من النبات.", "825", "825 نوعًا"),
        ("تباع بسعر ١٫٧٥ درهم للواحدة.", "١٫٧٥", "١٫٧٥ درهم"),
        ("وُلد سنة 303 في الكوفة.", "303", "303"),
        ("وفي 11 يوليو 2022 عرض الرئيس أول صورة.", "11 يوليو 2022", "11 يوليو 2022"),
        ("دخلت القائمة عام 2015 بملف واحد.", "عام 2015", "عام 2015"),
        ("مات سنة 354 قتيلًا في الطريق.", "سنة 354", "سنة 354"),
        ("في رمضان 354 اعترضه رجال.", "رمضان 354", "رمضان 354"),
        ("يبلغ طوله 1320 كيلومترًا.", "1320", "1320 كيلومترًا"),
    ],
)
def test_an_answer_is_of_whole_words_and_whole_brackets(text, found, whole):
    span = answer_span(read(text, found))
    assert text[slice(*span)] == whole


def answer(question, text, words, language):
    return direct_answer_text(Document(question), read(text, words), language)


def test_an_answer_is_told_in_the_readers_language():
    text = "وصل القطار إلى المدينة في ١ سبتمبر ١٩٠٨م قادمًا من دمشق."
    assert answer("متى وصل؟", text, "١ سبتمبر ١٩٠٨م", "ar") == "١ سبتمبر ١٩٠٨م"
    assert answer("When did it arrive?", text, "١ سبتمبر ١٩٠٨م", "en") == "1 September 1908 CE"
    assert answer("From where did it come?", text, "دمشق", "en") == "Damascus"


def test_a_name_that_is_not_listed_is_spelled_with_the_arabic_beside_it():
    text = "قتله رجل يقال له فاتك الأسدي في الطريق."
    assert answer("Who killed him?", text, "فاتك الأسدي", "en") == "Fatk al-Asadi (فاتك الأسدي)"


def test_a_name_is_spelled_as_the_articles_spell_it():
    text = "يقود زوكربيرغ شركة ميتا. أسسها مارك زوكربيرغ (Mark Zuckerberg) عام 2004."
    assert answer("Who leads it?", text, "زوكربيرغ", "en") == "Zuckerberg (زوكربيرغ)"
    named = "خلفه جيسون دروغي (Jason Droege) في الإدارة."
    assert answer("Who came after him?", named, "جيسون دروغي (Jason Droege)", "en") == "Jason Droege (جيسون دروغي)"


def test_a_name_is_spelled_as_another_article_does():
    read_name = read("أعلن زوكربيرج عن خطط جديدة للشركة.", "زوكربيرج")
    others = ["كتب سام ألتمان (Sam Altman) عن ديموس (Deimos).", "قال مارك زوكربيرغ (Mark Zuckerberg) ذلك."]
    asked = Document("Who announced it?")
    assert direct_answer_text(asked, read_name, "en", others) == "Zuckerberg (زوكربيرج)"
    assert find_spelling("دمشق", others) is None


def test_what_would_have_to_be_translated_is_not_told():
    text = "تدل الزاوية على جهة الطعام في الرقصة."
    assert answer("What shows the direction?", text, "الزاوية", "en") is None
    assert answer("ما الذي يدل على الجهة؟", text, "الزاوية", "ar") == "الزاوية"


def test_a_whole_sentence_is_no_direct_answer():
    assert answer("هل هو كذلك؟", "نعم، هو كذلك حقًا.", "نعم، هو كذلك حقًا", "ar") is None
