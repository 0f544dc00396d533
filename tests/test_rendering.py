import pytest

from rag.language.english.rendering import render_in_english
from rag.language.english.romanization import romanize


@pytest.mark.parametrize(
    ("arabic", "english"),
    [
        ("١٩٠٨", "1908"),
        ("عام 1908م", "1908 CE"),
        ("703هـ", "703 AH"),
        ("٧ نوفمبر 1908", "7 November 1908"),
        ("2022/11/20", "20 November 2022"),
        ("في يوليو 2022", "in July 2022"),
        ("بين ٣ و٤ ملايين ليرة", "between 3 million and 4 million liras"),
        ("64 و72 مليار دولار", "64 billion and 72 billion dollars"),
        ("60 مترًا", "60 metres"),
        ("3.5 كم", "3.5 kilometres"),
        ("ساعتين", "2 hours"),
        ("مئة وعشرون مترا", "120 metres"),
        ("20 في المئة", "20 percent"),
        ("20%", "20 percent"),
        ("الثمانية", "8"),
        ("«القاهرة»", "Cairo"),
        ("مصر", "Egypt"),
    ],
)
def test_figures_dates_units_and_listed_names_are_put_into_english(arabic, english):
    assert render_in_english(arabic) == english


@pytest.mark.parametrize("arabic", ["فاتك", "ربع قرن", "3 ملايين نسمة", "13,5 مليار دولار", "", "في", "الزاوية"])
def test_what_would_have_to_be_translated_freely_is_not(arabic):
    assert render_in_english(arabic) is None


@pytest.mark.parametrize(
    ("arabic", "latin"),
    [
        ("سعيد بن عبد الله", "Sa'id bin Abd Allah"),
        ("نجيب", "Najib"),
        ("البصرة", "al-Basara"),
        ("مُحَمَّد صلاح", "Mahamd Salah"),
    ],
)
def test_a_name_is_spelled_in_latin_letters(arabic, latin):
    assert romanize(arabic) == latin
