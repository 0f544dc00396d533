import pytest
from hypothesis import given

from rag.embedding.bm25 import lexical_vector, term_id
from rag.language.document import Document
from rag.language.languages import LANGUAGES, PROFILES
from tests.strategies import TEXTS, more_examples


def make_vector(text):
    return lexical_vector(Document(text))


def find_ids(text):
    return set(make_vector(text).indices)


@more_examples
@given(TEXTS)
def test_ids_ascend_are_unique_and_fit_32_bits(text):
    indices, values = make_vector(text)
    assert indices == sorted(set(indices))
    assert all(0 <= index < 2**32 for index in indices)
    assert len(values) == len(indices)
    assert all(0 < value < 2.2 for value in values)  # the bound of BM25's term frequency, k1 + 1


@more_examples
@given(TEXTS)
def test_a_vector_depends_on_content_words_alone(text):
    assert make_vector(text) == make_vector(text)
    assert make_vector(f"{text} في the") == make_vector(f"the {text} في")


def test_an_id_of_a_stem_never_changes():
    assert term_id("كتاب") == 0xFC3CBBDD  # b2sum -l 32
    assert term_id("\ud800") == term_id("?")


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("القاهرة", "القَاهِرَةُ"),
        ("القاهره", "بالقاهرة"),
        ("فلسطين", "وفلسطين"),
        ("أحمد", "احمد"),
        ("مستشفى", "المستشفي"),
        ("عـــربي", "العربية"),
        ("١٩٠٨", "1908"),
        ("1,234", "١٬٢٣٤"),
        ("٣٫١٤", "3.14"),
        ("المعلمون", "معلمين"),
        ("trains", "Train"),
        ("ﻻﻣﻊ", "لامع"),
    ],
)
def test_spellings_of_one_word_share_an_id(question, passage):
    assert find_ids(question) & find_ids(passage)


@pytest.mark.parametrize(
    ("latin", "arabic"),
    [
        ("What is Prometheus?", "أعلنت الشركة عن بروميثيوس"),
        ("Where does Hyperion stand?", "مجمّع هايبريون وبروميثيوس"),
        ("Who built the Hejaz railway?", "سكة حديد الحجاز"),
        ("Who was Burckhart?", "رآه السويسري بوركهارت"),
        ("Newton", "ونيوتن"),
    ],
)
def test_a_name_in_latin_shares_an_id_with_its_arabic_spelling(latin, arabic):
    assert find_ids(latin) & find_ids(arabic)


def test_a_common_latin_word_shares_no_id_with_an_arabic_word():
    assert not find_ids("the train moves") & find_ids("ترن تران موفس")


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_function_word_has_no_id(code):
    assert {word: find_ids(word) for word in PROFILES[code].function_words if find_ids(word)} == {}


@pytest.mark.parametrize(
    "text", ["", " \n", "ما هي؟", "What is the of and for THE", "مِنْ إِلَى عَلَى", "؟!.", "\u064e\u200f"]
)
def test_a_text_without_content_is_an_empty_vector(text):
    assert make_vector(text) == ([], [])


def test_unrelated_texts_share_nothing():
    assert not find_ids("سكة حديد الحجاز") & find_ids("زراعة نخيل التمر")


def test_weights_are_those_of_bm25():
    # 1 stem of 120: 1.2 * (1 - 0.75 + 0.75 / 120) = 0.3075; one occurrence: 2.2 / 1.3075
    assert make_vector("1908").values == [pytest.approx(2.2 / 1.3075)]
    # 3 stems: 1.2 * (0.25 + 0.75 * 3 / 120) = 0.3225; three occurrences: 3 * 2.2 / 3.3225
    assert make_vector("1908 1908 1908").values == [pytest.approx(6.6 / 3.3225)]


def test_function_words_do_not_make_a_text_longer():
    assert make_vector("ما هو 1908 في") == make_vector("1908")


def test_a_word_weighs_less_in_a_longer_text():
    alone, beside = make_vector("1908"), make_vector("1908 " + " ".join(map(str, range(2000, 2100))))
    assert dict(zip(*beside, strict=True))[term_id("1908")] < alone.values[0]
