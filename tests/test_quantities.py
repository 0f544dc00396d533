from fractions import Fraction

import pytest

from rag.grounding.quantities import borne_out, misfits
from rag.language.numbers import numerals
from rag.language.word_tokens import words


@pytest.mark.parametrize(
    ("said", "value"),
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
    ],
)
def test_numbers_are_read_in_digits_and_in_words(said, value):
    assert [number.value for number in numerals(words(said))][:1] == [value]


@pytest.mark.parametrize("said", ["آلاف النوى", "ميتا شركة", "في المئة", "بالمئة", "الست نادية", "and", "ونصفه"][:4])
def test_words_that_only_look_like_numbers_are_none(said):
    assert numerals(words(said)) == []


BORNE_OUT = [
    ("It lasts two and a half hours.", "ومدته ساعتان ونصف الساعة."),
    ("In the 1930s it stood 390 metres below the sea.", "كان في ثلاثينيات القرن العشرين ٣٩٠ مترًا تحت سطح البحر."),
    ("انتشرت في الثمانينيات.", "It spread in the mid-1980s."),
    ("عشت هنا تسع سنين.", "He stayed nine years."),
    ("The licence is valid for two years.", "والرخصة صالحة سنتين."),
    ("They met on 28 October 2021.", "التقوا في ٢٨ تشرين الأول ٢٠٢١."),
    ("توفي في ربيع الآخر 1337 هـ.", "He died in Rabi al-Thani 1337 AH."),
    ("It opened on 1 August 1963.", "افتُتح في 1 من آب عام 1963."),
    ("The 2001–02 season was its best.", "كان موسم 2001–2002 أفضل مواسمه."),
    ("كان موسم ٢٠٢٣/٢٤ أفضل مواسمه.", "The season of 2023 to 2024 was its best."),
    ("It was found on 2009-12-31.", "عُثر عليه في 2009-12-31."),
    ("It sells for 4,600 riyals.", "ثمنه 4600 ريال."),
    ("ارتفع 73% خلال عام.", "قفز بنسبة ٧٣٪ في سنة واحدة."),
    ("It drops by roughly one metre a year.", "ينخفض مترًا واحدًا في السنة."),
    ("The committee meets every Wednesday.", "تجتمع اللجنة كل أربعاء."),
    ("It opens in autumn 2027.", "يُفتتح في خريف عام ٢٠٢٧."),
    ("One of them left; both returned.", "رحل أحدهم ثم عادا."),
    ("It may rain, and they march on.", "قد تمطر وهم يسيرون."),
]


@pytest.mark.parametrize(("statement", "passage"), BORNE_OUT)
def test_a_quantity_is_borne_out_in_another_spelling_and_language(statement, passage):
    assert list(misfits(statement, passage)) == []
    assert borne_out(statement, passage)


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("It lasts three hours.", "ومدته ساعتان ونصف الساعة."),
        ("In the 1940s it was so.", "كان كذلك في ثلاثينيات القرن العشرين."),
        ("He stayed nine months.", "ولبث تسع سنين."),
        ("He stayed seven years.", "ولبث تسع سنين."),
        ("مدة الرخصة شهران.", "والرخصة صالحة سنتين."),
        ("بلغ وزنها 30 قنطارًا.", "بلغ وزنها 30 طنًّا."),
        ("They used 415 gigawatt-hours.", "استهلكت 415 تيراواط ساعة."),
        ("It cost 14 billion euros.", "كلّف 14 مليار دولار."),
        ("كلّف 14 مليون دولار.", "كلّف 14 مليار دولار."),
        ("It was 24 November.", "كان ذلك في 1 ديسمبر، وعمره 24 سنة."),
        ("افتُتح في 4 فبراير 2018.", "بدأ عام 2018 وافتُتح في 4 فبراير 2016."),
        ("في شوال سنة 354 هـ.", "في رمضان سنة 354 هـ (965 م)."),
        ("The committee meets every Sunday.", "تجتمع اللجنة كل أربعاء."),
        ("It opens in spring 2027.", "يُفتتح في خريف عام ٢٠٢٧."),
        ("خسرت في الربع الأول.", "خسرت في الربع الثاني."),
        ("It fills halfway.", "يُملأ إلى ربعه."),
        ("مُدّدت شهرًا آخر.", "مُدّدت سنة أخرى."),
        ("The fourth director.", "ثاني مدير لها."),
        ("It was 61 days.", "كانت 16 يومًا."),
    ],
)
def test_another_number_date_or_unit_is_a_misfit(statement, passage):
    assert not borne_out(statement, passage)


def test_a_misfit_is_told_in_the_statements_words():
    assert list(misfits("دفع ثلاثمئة مليون دولار في شباط.", "دفع 100 مليون دولار في آذار.")) == [
        "ثلاثمئة مليون",
        "February",
    ]
