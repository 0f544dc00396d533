import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.language.normalize import fold, fold_text, normalize_for_embedding
from tests.strategies import CONTROLS, MARKS, TEXTS, more_examples


def maps_one_to_one(text):
    """Whether no character of a text folds to several."""
    return all(len(fold_text(char)) <= 1 for char in text)


def remove_separators(text):
    """Without what is dropped because of what stands beside it."""
    return re.sub("[,٬ء]", "", text)


# Any text at all


@more_examples
@given(TEXTS)
def test_folding_with_offsets_and_without_gives_the_same_key(text):
    assert fold(text).text == fold_text(text)


@more_examples
@given(TEXTS)
@example("1,23٬4")
@example("1٬,234")
@example("1,234,567,8")
@example("ΑΣ Σ")
def test_folding_twice_is_folding_once(text):
    assert fold_text(fold_text(text)) == fold_text(text)


def test_the_fold_of_every_character_is_a_fixed_point():
    keys = {key for char in map(chr, range(0x110000)) if (key := fold_text(char)) != char}
    assert {key for key in keys if fold_text(key) != key} == set()


@more_examples
@given(TEXTS)
def test_nothing_invisible_is_left_in_a_fold(text):
    assert not set(fold_text(text)) & set(MARKS + CONTROLS + "ـٱأإآةىؤئ٠۰٫")


@more_examples
@given(st.text(st.sampled_from("اأإآىةؤئوي" + MARKS + "éèüÅç abc1")))
def test_composed_and_decomposed_spellings_fold_alike(text):
    assert fold_text(unicodedata.normalize("NFD", text)) == fold_text(unicodedata.normalize("NFC", text))


@more_examples
@given(TEXTS)
def test_offsets_ascend_and_stay_inside_the_source(text):
    key = fold(text)
    assert key.source == text
    assert len(key.offsets) == len(key.text)
    assert list(key.offsets) == sorted(key.offsets)
    assert all(0 <= offset < len(text) for offset in key.offsets)


@more_examples
@given(TEXTS, st.data())
def test_the_source_span_of_any_part_of_the_key_folds_to_that_part(text, data):
    key = fold(text)
    start = data.draw(st.integers(0, len(key.text)))
    end = data.draw(st.integers(start, len(key.text)))
    span = key.source_span(start, end)
    assert 0 <= span.start <= span.end <= len(text)
    piece, back = key.text[start:end], fold_text(text[slice(*span)])
    assert remove_separators(piece) in remove_separators(back)
    if start < end and maps_one_to_one(text):
        assert remove_separators(piece) == remove_separators(back)


@more_examples
@given(TEXTS)
def test_normalizing_for_embedding_twice_is_doing_it_once_and_no_mark_is_left(text):
    once = normalize_for_embedding(text)
    assert normalize_for_embedding(once) == once
    assert not set(once) & set(MARKS + CONTROLS + "ـ")


# Folding, by hand


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("مُحَمَّدٌ", "محمد"),
        ("أَقِيمُوا۟ ٱلصَّلَوٰةَ وَءَاتُوا۟ ٱلزَّكَوٰةَ", fold_text("أقيموا الصلاة وآتوا الزكاة")),
        ("كَمِشْكَوٰةٍ ٱلْحَيَوٰةِ ٱلرِّبَوٰا۟", fold_text("كمشكاة الحياة الربا")),
        ("ءَامَنُوا۟ فَءَامِنُوا۟ ٱلْقُرْءَانَ", fold_text("آمنوا فآمنوا القرآن")),
        ("سَمَٰوَٰت إجراءات جزءًا جزءان سوءات قَوَّٰم ؤٰ", "سموت اجراءات جزءا جزءان سوءات قوم و"),
        ("ٱلرَّحْمَٰنِ", "الرحمن"),
        ("هٰذا", "هذا"),
        ("عـــربـي", "عربي"),
        ("أحمد إسلام آدم ٱبن", "احمد اسلام ادم ابن"),
        ("مؤمن بئر سماء", "مومن بير سماء"),
        ("أ\u200fح\u200cم\u200bد\ufeff", "احمد"),
        ("\u202bنص\u202c \u2067نص\u2069", "نص نص"),
        ("مستشفى", "مستشفي"),
        ("مدرسة", "مدرسه"),
        ("کیف", "كيف"),
        ("ﷲ ﻻ ﷺ", "الله لا صلي الله عليه وسلم"),
        ("١٢٣ ۱۲۳ １２３", "123 123 123"),
        ("٣٫١٤", "3.14"),
        ("١٢٬٣٤٥", "12345"),
        ("1,234,567.89", "1234567.89"),
        ("١٬٢٣٤٫٥", "1234.5"),
        ("12,34 1,2345 (1,2)", "12,34 1,2345 (1,2)"),
        ("أحمد، 5,", "احمد، 5,"),
        ("٪٥٠", "%50"),
        ("3\ufe0f\u20e3", "3"),
        ("HeLLo ÉCOLE", "hello ecole"),
        ("", ""),
        ("\u064e\u0640\u200f", ""),
    ],
)
def test_spellings_fold_to_one_key(spelling, key):
    assert fold_text(spelling) == key


@pytest.mark.parametrize(
    ("look_alike", "letter"), [("ی", "ي"), ("ې", "ي"), ("ے", "ي"), ("ک", "ك"), ("ہ", "ه"), ("ھ", "ه"), ("ە", "ه")]
)
def test_a_letter_of_a_persian_or_urdu_keyboard_folds_to_the_arabic_one(look_alike, letter):
    assert fold_text(f"ب{look_alike}ت") == f"ب{letter}ت"


def test_the_span_of_a_match_covers_the_vocalised_word():
    text = "قال مُحَمَّدٌ نعم"
    key = fold(text)
    at = key.text.index("محمد")
    assert text[slice(*key.source_span(at, at + 4))] == "مُحَمَّدٌ"


def test_the_span_of_a_match_covers_the_word_as_the_quran_spells_it():
    text = "قال ءَامَنُوا۟ بالصَّلَوٰةِ هنا"
    key = fold(text)
    for word, written in (("امنوا", "ءَامَنُوا۟"), ("الصلاه", "الصَّلَوٰةِ")):
        at = key.text.index(word)
        assert text[slice(*key.source_span(at, at + len(word)))].strip() == written


def test_normalizing_for_embedding_spells_the_quran_as_today():
    assert normalize_for_embedding("ٱلصَّلَوٰةَ وَءَاتُوا۟") == "ٱلصلاة وآتوا"


def test_the_span_of_a_match_after_a_dropped_separator_covers_the_right_word():
    text = "١٢٬٣٤٥ كتاباً و1,234 قلماً"
    key = fold(text)
    at = key.text.index("قلما")
    assert text[slice(*key.source_span(at, at + 4))] == "قلماً"
    assert text[slice(*key.source_span(0, 5))] == "١٢٬٣٤٥"


def test_the_span_of_a_match_inside_a_ligature_covers_the_ligature():
    key = fold("النبي ﷺ")
    at = key.text.index("عليه")
    assert key.source_span(at, at + 4) == (6, 7)


def test_the_span_of_an_empty_match_is_empty():
    assert fold("مُح").source_span(1, 1) == (2, 2)
    assert fold("مُح").source_span(2, 2) == (3, 3)
    assert fold("").source_span(0, 0) == (0, 0)


def test_normalizing_for_embedding_drops_marks_and_keeps_letters_as_written():
    assert normalize_for_embedding("أَحْمَدُ فِي مَدْرَسَةٍ عـربية\u200f ﻻ ١٢٣ ۴ ABC é") == "أحمد في مدرسة عربية لا 123 4 ABC é"


def test_normalizing_for_embedding_composes_a_hamza_that_stands_apart():
    text = "أَحْمَد مؤمن إسلام آخر بئر"
    assert (
        normalize_for_embedding(unicodedata.normalize("NFD", text))
        == normalize_for_embedding(text)
        == "أحمد مؤمن إسلام آخر بئر"
    )


def test_normalizing_for_embedding_puts_a_space_before_a_footnote_mark_and_a_fraction():
    assert normalize_for_embedding("1908¹ و1½") == "1908 1 و1 1⁄2"
