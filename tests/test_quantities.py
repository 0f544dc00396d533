import pytest

from rag.grounding.quantities import quantities_supported, unsupported_quantities
from rag.language.document import Document


def find_unsupported(statement, *passages):
    return list(unsupported_quantities(Document(statement), [Document(passage) for passage in passages]))


def is_supported(statement, *passages):
    return quantities_supported(Document(statement), [Document(passage) for passage in passages])


SUPPORTED = [
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
    ("Between $37B and $40B.", "ما بين 37 و40 مليار دولار."),
    ("بين 37 و40 مليار دولار.", "بين 37 مليار دولار و40 مليار دولار."),
    ("كان ذلك سنة 258م.", "كان ذلك سنة 258."),
    ("It is 1,500 metres high.", "ارتفاعه 1500م."),
    ("It was found on 2021-12-15.", "عُثر عليه في 15 ديسمبر 2021."),
    ("It was found on 12/15/2021.", "عُثر عليه في ١٥/١٢/٢٠٢١."),
    ("It was found on 7 May 2021.", "عُثر عليه في 7/5/2021."),
    ("It was found on 7.3.2021.", "It was found on 7 March 2021."),
    ("It is 50% of it.", "وهو نصفه."),
    ("The three parties signed.", "وقّع الأردن ومصر ولبنان."),
    ("وقّعت الدول الأربع.", "Jordan, Egypt, Syria and Iraq signed."),
    ("At least 21 years old.", "يُشترط أن يكون قد أتم الحادية والعشرين."),
    ("He died at 70 years of age.", "ومات في السبعين من عمره."),
]


@pytest.mark.parametrize(("statement", "passage"), SUPPORTED)
def test_a_quantity_is_supported_in_another_spelling_and_language(statement, passage):
    assert find_unsupported(statement, passage) == []
    assert is_supported(statement, passage)


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("It lasts three hours.", "ومدته ساعتان ونصف الساعة."),
        ("It lasted 21 years.", "وفي القرن الحادي والعشرين دام الحكم طويلا."),
        ("It lasted 40 years.", "قُتل الأربعون جنديا."),
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
        ("Between 37 and 40 million.", "بين 37 و40 مليار."),
        ("It was found on 2021-11-15.", "عُثر عليه في 15 ديسمبر 2021."),
        ("It was found on 14/12/2021.", "عُثر عليه في 15 ديسمبر 2021."),
        ("It holds 30M books.", "فيها 30 ألف كتاب."),
        ("It is 5m long.", "كلّف 5 ملايين."),
        ("كان ذلك سنة 1909م.", "كان ذلك سنة 1908."),
        ("It is 55% of it.", "وهو نصفه."),
        ("Three parties signed.", "وقّع الأردن ومصر ولبنان."),
        ("The three-metre wall.", "السور أربعة أمتار."),
    ],
)
def test_another_number_date_or_unit_is_unsupported(statement, passage):
    assert not is_supported(statement, passage)


def test_an_unsupported_quantity_is_given_in_the_words_of_the_statement():
    assert find_unsupported("دفع ثلاثمئة مليون دولار في شباط.", "دفع 100 مليون دولار في آذار.") == [
        "ثلاثمئة مليون",
        "February",
    ]


def test_numbers_and_dates_of_a_statement_may_stand_in_different_passages():
    statement = "It began in March 2001 and lasted 12 days."
    passages = ["بدأ في مارس 2001.", "دام 12 يومًا."]
    assert is_supported(statement, *passages)
    assert not is_supported(statement, passages[0])
    assert find_unsupported(statement, passages[1]) == ["2001", "March"]
