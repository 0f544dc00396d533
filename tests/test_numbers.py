import re
from fractions import Fraction

import pytest
from hypothesis import given

from rag.language.document import Document
from rag.language.numbers import find_numerals
from tests.strategies import TEXTS, more_examples

# In digits


@more_examples
@given(TEXTS)
def test_numbers_have_one_spelling(text):
    assert all(re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", number) for number in Document(text).numbers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("سنة ١٩٠٨ و۱۹۰۹ و1910", {"1908", "1909", "1910"}),
        ("1,234,567 و١٬٢٣٤٬٥٦٧", {"1234567"}),
        ("3.14 ٣٫١٤ 3.140", {"3.14"}),
        ("007 7.0 7", {"7"}),
        ("0.5 000", {"0.5", "0"}),
        ("انتهى عام 1908.", {"1908"}),
        ("من 5,6 إلى 7", {"5", "6", "7"}),
        ("1.50%", {"1.5"}),
        ("GB200", {"200"}),
        ("لا أرقام", set()),
    ],
)
def test_numbers_of_a_text(text, expected):
    assert Document(text).numbers == expected


def test_a_footnote_mark_is_no_digit_of_the_year_before_it():
    assert "1908" in Document("سنة 1908¹").numbers


def test_one_and_a_half_is_not_eleven_halves():
    assert "11" not in Document("1½ مليون").numbers


# In words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("121 ألف كيلومتر", 121_000),
        ("١٢١ ألف كم", 121_000),
        ("117,000 km", 117_000),
        ("1.5 مليون", 1_500_000),
        ("2 مليون ونصف", 2_500_000),
        ("مليونان ونصف المليون", 2_500_000),
        ("65 billion", 65_000_000_000),
        ("بِمِئَةٍ وَخَمْسِينَ دِينَارًا", 150),
        ("خمس مئة", 500),
        ("مائة متر", 100),
        ("مائه الف", 100_000),
        ("خمسمائة", 500),
        ("ثلاثة آلاف وخمسمئة", 3_500),
        ("ألف وتسعمئة واثنين وأربعين", 1_942),
        ("ألف مليون", 10**9),
        ("إحدى عشرة فسيلة", 11),
        ("إحدى وعشرون فسيلة", 21),
        ("خمسة وعشرون ألفًا", 25_000),
        ("القرن الثالث عشر", 13),
        ("القرن الحادي والعشرين", 21),
        ("the 13th century", 13),
        ("twenty-one", 21),
        ("one hundred and fifty", 150),
        ("two hundred and five thousand three hundred", 205_300),
        ("two and a half hours", Fraction(5, 2)),
        ("ثلثيها", Fraction(2, 3)),
        ("a third of it", Fraction(1, 3)),
        ("$13.5B", 13_500_000_000),
        ("3.27b", 3_270_000_000),
        ("30K", 30_000),
        ("$40M", 40_000_000),
        ("40m", 40),
        ("40 M", 40),
        ("37 و40 مليار", 37_000_000_000),
        ("٣ و٤ ملايين", 3_000_000),
        ("64 to 72 billion", 64_000_000_000),
        ("37–40 billion", 37_000_000_000),
        ("ثلاثة إلى أربعة آلاف", 3_000),
        ("50 و40 مليار", 50),
        ("2021 و3 ملايين", 2_021),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text, value):
    assert [number.value for number in find_numerals(Document(text).words)][:1] == [value]


@pytest.mark.parametrize("text", ["آلاف النوى", "ميتا شركة", "في المئة", "بالمئة", "كثافة مائه", "ملوحةُ مائِهِ"])
def test_words_that_only_look_like_numbers_are_no_numerals(text):
    assert find_numerals(Document(text).words) == []
