import pytest
from hypothesis import given

from rag.language.document import Document
from rag.language.normalize import fold_text
from rag.language.phonetics import consonant_skeleton, phonetic_keys
from tests.strategies import TEXTS, more_examples


def find_phonetic_keys(text):
    return {key for term in Document(text).terms for key in phonetic_keys(term, text)}


@more_examples
@given(TEXTS)
def test_a_skeleton_holds_only_consonants_of_the_shared_alphabet(text):
    assert set(consonant_skeleton(fold_text(text))) <= set("bfgkdtszrlmnhS")


# By hand


@pytest.mark.parametrize(
    ("latin", "arabic", "consonants"),
    [
        ("Prometheus", "بروميثيوس", "brmts"),
        ("Hyperion", "هايبريون", "hbrn"),
        ("Hejaz", "الحجاز", "hgz"),
        ("Shakespeare", "شكسبير", "Sksbr"),
        ("Belzoni", "بلزوني", "blzn"),
        ("Newton", "نيوتن", "ntn"),
        ("Fatima", "فاطمة", "ftm"),
        ("Philadelphia", "فيلادلفيا", "fldlf"),
        ("Muhammad", "محمّد", "mhmd"),
        ("Chicago", "شيكاغو", "Skg"),
        ("Google", "غوغل", "gl"),
        ("Khartoum", "الخرطوم", "krtm"),
        ("Baghdad", "بغداد", "bgd"),
        ("Blackwell", "بلاكويل", "blkl"),
        ("Theodor", "ثيودور", "tdr"),
        ("Riyadh", "الرياض", "rd"),
        ("Mississippi", "ميسيسيبي", "msb"),
        ("Palm", "بالم", "blm"),
        ("Schumann", "شومان", "Smn"),
    ],
)
def test_a_name_has_one_skeleton_in_both_scripts(latin, arabic, consonants):
    assert consonant_skeleton(fold_text(latin)) == consonant_skeleton(fold_text(arabic)) == consonants


def test_only_one_prefix_is_removed_from_a_name():
    assert consonant_skeleton("والبالتيك") == consonant_skeleton("بلتيك")
    assert consonant_skeleton("اليد") == "d"


def test_an_arabic_name_with_a_clitic_has_the_key_of_the_name():
    assert "brmts" in find_phonetic_keys("وبروميثيوس")
    assert "hbrn" in find_phonetic_keys("بهايبريون")


def test_only_latin_words_with_a_capital_have_phonetic_keys():
    assert find_phonetic_keys("Hejaz") == {"hgz"}
    assert find_phonetic_keys("hejaz") == set()


def test_a_word_of_two_consonants_has_no_phonetic_key():
    assert find_phonetic_keys("Meta") == set()
