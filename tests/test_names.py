import pytest

from rag.gazetteer import names
from rag.names import Known, strange_names

KNOWN = Known.of(
    "رحلات ابن بطوطة\n"
    "نشره في باريس المستشرقان ديفريمري وسانغينيتي (Defrémery, Sanguinetti) بعد رحلته من طنجة إلى مكة والبحر الأحمر. "
    "وتسلم الأمير سيف الدولة نسخة في حلب. "
    "وفي لويزيانا مركز لشركة ميتا من طراز A100، وفتحت جمعية «إنعاش» مقرها في لبنان."
)


@pytest.mark.parametrize(
    "statement",
    [
        "Ibn Battuta left Tangier for Mecca and crossed the Red Sea.",
        "The book was published in Paris by Defrémery and Sanguinetti.",
        "Sayf al-Dawla received a copy in Aleppo.",
        "Meta's Louisiana data centre runs A100 processors.",
        "The Inaash association is in Lebanon.",
        "The Ministry of Culture and the National Reconstruction Fund paid for it.",
        "On Wednesday 6 November they met.",
        "وصل ابن بطوطة إلى مكة.",
        "للجمعية «إنعاش» مقر في لبنان.",
    ],
)
def test_names_that_the_text_holds_in_either_script_are_known(statement):
    assert list(strange_names(statement, KNOWN)) == []


@pytest.mark.parametrize(
    ("statement", "strange"),
    [
        ("Ibn Battuta left Cairo for Mecca.", ["Cairo"]),
        ("The book was published in Leiden.", ["Leiden"]),
        ("He was followed by Konrad Lorenz.", ["Konrad Lorenz"]),
        ("غادر ابن بطوطة دمشق إلى مكة.", ["دمشق"]),
        ("مقر جمعية «السنابل» في لبنان.", ["السنابل"]),
        ("يعمل المركز بطراز H100.", ["H100"]),
        ("كتبه ابن جبير.", ["جبير"]),
        ("كَتَبَهُ ابْنُ جُبَيْر.", ["جُبَيْر"]),
    ],
)
def test_other_names_are_strange(statement, strange):
    assert list(strange_names(statement, KNOWN)) == strange


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("Why is the Dead Sea so salty?", ["dead sea"]),
        ("للبحر الميت وبالقاهرة", ["dead sea", "cairo"]),
        ("the United Nations University in the US with us", ["united nations university", "united states"]),
        ("إلى الولايات المتحدة", ["united states"]),
        ("سلطنة عمان", ["oman"]),
    ],
)
def test_the_gazetteer_knows_a_name_in_either_language(text, called):
    assert [name.called[0] for name in names(text)] == called


def test_what_is_an_ordinary_word_as_well_is_no_sure_name():
    assert [name.sure for name in names("إلى المدينة المنورة ثم إلى المدينة")] == [True, False]
