import pytest

from rag.grounding.entities import Known, exchanged, strange_names
from rag.language.gazetteer import names, places

KNOWN = Known.of(
    "رحلات ابن بطوطة\n"
    "نشره في باريس المستشرقان ديفريمري وسانغينيتي (Defrémery, Sanguinetti) بعد رحلته من طنجة إلى مكة والبحر الأحمر. "
    "وتسلم الأمير سيف الدولة نسخة في حلب. "
    "وزار مدينة شيراز مع المهندس حنين بن إسحاق، وعاد من كوستاريكا في مجلة المقتطف والبواب والمأمون. "
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
        "Hunayn ibn Ishaq and al-Ma'mun met King al-Bawwab in Costa Rica.",
        "Dr Johann Defrémery spoke in the Shiraz district.",
        "The Campaign for the Restoration of Harbours was praised by VR users.",
        "وصل ابن بطوطة إلى مكة.",
        "وصل المهندس الكبير حنين إلى مدينة شيراز.",
        "زار مدينة كبيرة فيها شركة جديدة، والملك الثاني الذي حكمها.",
        "الطريق أقصر من غيره.",
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
        ("Defrémery and Massignon published it.", ["Massignon"]),
        ("Prince Moulay Idris paid for it.", ["Moulay Idris"]),
        ("He spoke at the University of Montreal.", ["Montreal"]),
        ("كتبه ابن جبير.", ["جبير"]),
        ("وصل إلى نيسابور.", ["نيسابور"]),
        ("قال المهندس شرف إنه وصل.", ["شرف"]),
        ("قال الطبيب الفرنسي غوستاف إنه وصل.", ["الفرنسي", "غوستاف"]),
        ("من أسهم شركة أنثروبيك ومحافظة المهرة.", ["أنثروبيك", "المهرة"]),
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


def test_places_are_called_alike_in_both_languages_and_keep_their_article():
    assert [place.called for place in places("Nairobi, Kenya")] == [place.called for place in places("نيروبي وكينيا")]
    assert [list(places(text)) for text in ("luxor", "هذا أقصر من ذاك")] == [[], []]
    assert [place.called for place in places("للأقصر")] == [("luxor",)]


QUOTE = "مثّلت المباراة لقاء ألمانيا وكوستاريكا."
BEFORE = "وافتتحت كرواتيا البطولة بفوز كبير."


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("كان اللقاء بين كرواتيا وكوستاريكا.", True),
        ("The match was Croatia against Costa Rica.", True),
        ("كان اللقاء بين ألمانيا وكوستاريكا.", False),
        ("كان اللقاء مع كوستاريكا في قطر.", False),
        ("حضرت كوستاريكا، وافتتحت كرواتيا البطولة بفوز كبير.", False),
    ],
)
def test_a_name_in_the_place_of_another_one_is_exchanged_unless_its_own_sentence_is_told(statement, found):
    assert exchanged(statement, QUOTE, "كأس العالم في قطر", [QUOTE, BEFORE]) is found
