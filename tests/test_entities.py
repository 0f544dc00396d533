import pytest

from rag.grounding.entities import EntityIndex, has_swapped_entity, unsupported_entities
from rag.language.document import Document

ARTICLE = Document(
    "رحلات ابن بطوطة\n"
    "نشره في باريس المستشرقان ديفريمري وسانغينيتي (Defrémery, Sanguinetti) بعد رحلته من طنجة إلى مكة والبحر الأحمر. "
    "وتسلم الأمير سيف الدولة نسخة في حلب. "
    "وزار مدينة شيراز مع المهندس حنين بن إسحاق، وعاد من كوستاريكا في مجلة المقتطف والبواب والمأمون. "
    "وفي لويزيانا مركز لشركة ميتا من طراز A100، وفتحت جمعية «إنعاش» مقرها في لبنان."
)


def find_unsupported(statement):
    return list(unsupported_entities(Document(statement), EntityIndex.of(ARTICLE)))


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
def test_names_that_stand_in_the_article_in_either_script_are_supported(statement):
    assert find_unsupported(statement) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
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
def test_other_names_are_unsupported(statement, expected):
    assert find_unsupported(statement) == expected


QUOTE = "مثّلت المباراة لقاء ألمانيا وكوستاريكا."
BEFORE = "وافتتحت كرواتيا البطولة بفوز كبير."
TITLE = "كأس العالم في قطر"


def is_swapped(statement, sentences=(QUOTE, BEFORE)):
    return has_swapped_entity(
        Document(statement), [Document(QUOTE)], [Document(TITLE)], [Document(sentence) for sentence in sentences]
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("كان اللقاء بين كرواتيا وكوستاريكا.", True),
        ("The match was Croatia against Costa Rica.", True),
        ("كان اللقاء بين ألمانيا وكوستاريكا.", False),
        ("كان اللقاء مع كوستاريكا في قطر.", False),
        ("حضرت كوستاريكا، وافتتحت كرواتيا البطولة بفوز كبير.", False),
    ],
)
def test_a_name_in_place_of_another_one_is_swapped_unless_its_own_sentence_supports_it(statement, expected):
    assert is_swapped(statement) is expected


@pytest.mark.parametrize(
    ("statement", "shared"),
    [
        ("كان اللقاء بين كرواتيا وكوستاريكا.", set()),
        ("كان لقاء البطولة بين كرواتيا وكوستاريكا.", {"بطول"}),
        ("كان لقاء البطولة الكبير بين كرواتيا وكوستاريكا.", {"بطول", "كبير"}),
    ],
)
def test_a_sentence_must_share_two_stems_beside_those_of_the_quote_for_its_name_to_count(statement, shared):
    """`BEFORE` is about the other name: one word in common with it is chance, two are what it says."""
    beside_quote = Document(statement).content_stems - Document(QUOTE).content_stems
    assert beside_quote & Document(BEFORE.replace("كرواتيا", "")).content_stems == shared
    assert is_swapped(statement) is (len(shared) < 2)
