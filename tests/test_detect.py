import pytest
from hypothesis import given

from rag.language.direction import direction
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from tests.strategies import TEXTS, more_examples


def detect_languages(text):
    """The language with each default."""
    return tuple(Document(text, default).language for default in LANGUAGES)


@more_examples
@given(TEXTS)
def test_a_text_always_has_one_of_two_languages_and_directions(text):
    assert Document(text).language in LANGUAGES
    assert direction(text) in ("rtl", "ltr")


# By hand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ما هو Prometheus؟", "ar"),
        ("كم سعر iPhone 15 Pro Max Ultra؟", "ar"),
        ("What is القاهرة؟", "en"),
        ("Who wrote أولاد حارتنا وثرثرة فوق النيل؟", "en"),
        ("Prometheus", "en"),
        ("القاهرة", "ar"),
        ("NVIDIA Blackwell مقارنة", "en"),
        ("قرأت كتاب The Lord of the Rings أمس في البيت الكبير", "ar"),  # words of both: the letters decide
        ("Mahfouz wrote the novel of his youth في بيته", "en"),
        ("مَا هُوَ GPU", "ar"),
    ],
)
def test_the_function_words_of_a_text_decide_its_language(text, expected):
    assert detect_languages(text) == (expected, expected)


@pytest.mark.parametrize(
    ("letter", "code", "expected"),
    [(letter, "ar", "rtl") for letter in "بپݐࢠﭐﻧ"] + [(letter, "en", "ltr") for letter in "aZÀÖØßöøłɏ"],
)
def test_one_letter_of_a_script_decides_language_and_direction(letter, code, expected):
    assert detect_languages(letter) == (code, code)
    assert direction(f"{letter} 1") == expected


@pytest.mark.parametrize("text", ["", "123", "؟!", "ab اب", "٥ × ٣ ÷ ٢"])
def test_without_a_letter_or_with_as_many_of_each_the_default_is_taken(text):
    assert detect_languages(text) == ("ar", "en")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("أعلنت شركة Meta عن مشروعها", "rtl"),
        ("Meta announced هايبريون yesterday", "ltr"),
        ("123 نص", "rtl"),
        ("اب ab", "rtl"),
        ("ab اب", "ltr"),
        ("123 ...", "ltr"),
        ("", "ltr"),
        ("ﻧﺺ ab", "rtl"),
    ],
)
def test_direction_is_that_of_most_letters_then_of_the_first(text, expected):
    assert direction(text) == expected
