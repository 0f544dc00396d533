from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.arabic.stemming import light_stem
from rag.language.document import Document
from rag.language.languages import LANGUAGES, PROFILES
from rag.language.normalize import fold_text
from tests.strategies import TEXTS, more_examples


def find_surfaces(text):
    return [term.surface for term in Document(text).terms]


def find_stems(word):
    (term,) = Document(word).terms
    return set(term.stems)


@more_examples
@given(TEXTS)
def test_a_term_is_at_its_span(text):
    for term in Document(text).terms:
        piece = text[slice(*term.span)]
        assert term.surface in fold_text(piece)
        if all(len(fold_text(char)) <= 1 for char in piece):
            assert fold_text(piece) == term.surface


@more_examples
@given(TEXTS)
def test_terms_come_in_order_and_no_stem_is_empty(text):
    document = Document(text)
    found = document.terms
    assert all(before.span.start <= after.span.start for before, after in pairwise(found))
    assert all(term.surface and term.stems and all(term.stems) for term in found)
    assert len(found) >= len(document.content_terms)


@more_examples
@given(st.text(st.sampled_from("ابتثجحدرسصعفقكلمنهوي"), min_size=1, max_size=12))
def test_a_stem_keeps_two_letters_of_an_arabic_word(word):
    stem = light_stem(word)
    assert stem in word
    assert len(stem) >= min(2, len(word))


# By hand


def test_vocalised_words_are_whole_terms():
    text = "كَتَبَ مُحَمَّدٌ الدَّرْسَ"
    assert find_surfaces(text) == ["كتب", "محمد", "الدرس"]
    assert [text[slice(*term.span)] for term in Document(text).terms] == ["كَتَبَ", "مُحَمَّدٌ", "الدَّرْسَ"]


def test_numbers_are_whole_terms():
    assert find_surfaces("١٢٬٣٤٥ و3.14 و٣٫١٤ 1.2.3") == ["12345", "و", "3.14", "و", "3.14", "1.2.3"]


def test_scripts_that_touch_are_separate_terms():
    assert find_surfaces("ال5G وNVIDIA") == ["ال", "5", "g", "و", "nvidia"]


def test_a_latin_word_with_a_letter_outside_ascii_is_one_term():
    assert find_surfaces("Straße Øresund Łódź École") == [
        fold_text(word) for word in ("Straße", "Øresund", "Łódź", "École")
    ]


@pytest.mark.parametrize("word", ["كمپيوتر", "ڤيينا", "الگراج", "Москва", "Αθήνα", "東京"])
def test_a_word_is_one_term_in_any_alphabet(word):
    assert find_surfaces(f"في {word}.") == ["في", fold_text(word)]


@pytest.mark.parametrize("word", ["الكتاب", "والكتاب", "بالكتاب", "كالكتاب", "فالكتاب", "للكتاب", "وكتاب", "كتاب"])
def test_the_stem_drops_the_article_and_what_stands_before_it(word):
    assert light_stem(word) == "كتاب"


@pytest.mark.parametrize("ending", ["", "ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي"])
def test_the_stem_drops_an_ending(ending):
    assert light_stem("معلم" + ending) == "معلم"


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("معلوماتها", "معلوم"),  # ها, then ات
        ("ورد", "ورد"),  # the conjunction goes only when three letters stay
        ("وردات", "رد"),
        ("وقلم", "قلم"),
        ("اله", "ال"),  # the article goes only when two letters stay; the ending may
        ("اليد", "يد"),
        ("وال", "وال"),
        ("له", "له"),
        ("ان", "ان"),
        ("و", "و"),
    ],
)
def test_the_stem_keeps_enough_letters(word, stem):
    assert light_stem(word) == stem


@pytest.mark.parametrize("clitic", ["و", "ف", "ب", "ك", "ل"])
def test_a_word_with_a_clitic_shares_a_stem_with_the_word(clitic):
    assert find_stems("فلسطين") & find_stems(clitic + "فلسطين")
    assert find_stems("كتاب") & find_stems(clitic + "كتاب")
    assert find_stems("مدرسة") & find_stems(clitic + "مدرسة")


def test_a_first_letter_gives_a_second_reading_only_where_it_changes_the_stem():
    assert [term.stems for term in Document("لبنان وكاتب").terms] == [("لبن", "بن"), ("كاتب",)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("القاهرة", "القاهره"),
        ("القاهرة", "والقاهرة"),
        ("القاهرة", "بالقاهرة"),
        ("القاهرة", "للقاهرة"),
        ("القاهرة", "قاهرة"),
        ("فلسطين", "وفلسطين"),
        ("مستشفى", "المستشفي"),
        ("إسلام", "الاسلام"),
        ("مُحَمَّدٌ", "ومحمد"),
        ("معلمون", "المعلمين"),
        ("railways", "Railway"),
        ("founded", "FOUND"),
        ("Æsir's", "Æsir"),
    ],
)
def test_forms_of_one_word_share_a_stem(one, other):
    assert find_stems(one) & find_stems(other)


@pytest.mark.parametrize(("one", "other"), [("قلم", "علم"), ("فرنسا", "تونس"), ("كتاب", "مكتبة"), ("train", "rain")])
def test_different_words_share_no_stem(one, other):
    assert not find_stems(one) & find_stems(other)


@pytest.mark.parametrize("code", LANGUAGES)
def test_function_words_are_no_content_terms(code):
    assert Document(" ".join(sorted(PROFILES[code].function_words))).content_terms == []


def test_function_words_are_recognized_in_any_spelling():
    assert Document("مِنْ إِلَى الى أَيْنَ THE Which عـلـى").content_terms == []


@pytest.mark.parametrize(
    "words", ["مين ايه فين امتى ليه ازاي", "شو وين ليش قديش", "شنو وش ايش", "علاش فاش شحال كيفاش منين شكون"]
)
def test_question_words_of_the_dialects_are_no_content_terms(words):
    assert Document(words).content_terms == []
    assert {Document(word, "en").language for word in words.split()} == {"ar"}


def test_content_words_are_content_terms():
    assert [term.surface for term in Document("ما هي عاصمة مصر؟ What is the capital?").content_terms] == [
        "عاصمه",
        "مصر",
        "capital",
    ]


@pytest.mark.parametrize("question", ["What's it?", "Isn’t it?", "They don't", "we're you've I'm he'd it'll"])
def test_english_contractions_are_function_words(question):
    assert Document(question).content_terms == []
