import pytest

from rag.language.document import Document
from rag.language.name_spelling import spell_names, write_names

RAILWAY = "وصل قطار الحجاز إلى المدينة المنورة، ثم دخل المدينة جيش فخري باشا."
LABS = "اشترت ميتا شركة «سكيل إيه آي» (Scale AI)، وقال مارك زوكربيرغ (Mark Zuckerberg) إن وحدة المعالجة (GPU) قليلة."


def spell(question, *texts, articles=()):
    return spell_names(Document(question), [Document(text) for text in texts], articles)


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("When did the Hejaz railway reach Medina?", RAILWAY, {"Hejaz": "الحجاز", "Medina": "المدينة المنورة"}),
        ("Who leads Scale AI now?", LABS, {"Scale AI": "سكيل إيه آي"}),
        ("What did Mark Zuckerberg say?", LABS, {"Mark Zuckerberg": "مارك زوكربيرغ"}),
        ("What did Zuckerberg say?", LABS, {"Zuckerberg": "زوكربيرغ"}),
        ("How far is Curacao?", "تقع كوراساو هناك.", {"Curacao": "كوراساو"}),  # its only listed form is Curaçao
        ("How far is Łódź?", "تقع لودز هناك.", {"Łódź": "لودز"}),
        ("What is built in Louisiana?", "في ولاية لويزيانا.", {"Louisiana": "لويزيانا"}),
        ("Who led the US?", "حكم الأمريكي الأول الولايات المتحدة.", {"US": "الولايات المتحدة"}),
        ("متى زار أينشتاين ألمانيا؟", "Einstein went to Germany in 1914.", {"ألمانيا": "Germany"}),
    ],
)
def test_a_name_is_spelled_as_the_text_in_the_other_script_spells_it(question, text, expected):
    assert spell(question, text) == expected


@pytest.mark.parametrize(
    ("question", "text"),
    [
        pytest.param("What is a GPU?", LABS, id="an abbreviation that stands for the words before it"),
        pytest.param("What is scale ai?", LABS, id="no name in lower case"),
        pytest.param("Who was the Egyptian king?", "حكم الملك مصر والمصريون راضون.", id="an adjective"),
        pytest.param("How deep is the Dead Sea?", RAILWAY, id="a name that the text lacks"),
        pytest.param("When was NTN founded?", "نتن", id="capitals are not spelled by their sound"),
        pytest.param("How many bees are there?", RAILWAY, id="a question without names"),
        pytest.param("Who is Newton?", "Newton was a physicist.", id="a text in the same script"),
        pytest.param("Who is Newton?", "", id="an empty text"),
    ],
)
def test_what_the_text_spells_in_no_other_way_stays_as_it_is(question, text):
    assert spell(question, text) == {}


def test_of_words_that_sound_alike_the_likest_without_an_article_is_taken():
    assert spell("Who died at Kearney?", "مضى القرن في كيرني، ثم عاد إلى كيرني") == {"Kearney": "كيرني"}
    assert spell("How high is Yosemite?", "في السماوات فوق يوسيمايت") == {"Yosemite": "يوسيمايت"}


def test_a_name_in_brackets_may_stand_elsewhere_in_the_article():
    assert spell("Who leads Scale AI now?", "خلفه في إدارتها جيسون.") == {}
    assert spell("Who leads Scale AI now?", "خلفه في إدارتها جيسون.", articles=[LABS]) == {"Scale AI": "سكيل إيه آي"}


def test_names_are_written_whole_and_the_longest_first():
    spellings = {"Scale": "سكيل", "Scale AI": "سكيل إيه آي"}
    assert write_names("Scale AI, Scale's and Upscale", spellings) == "سكيل إيه آي, سكيل's and Upscale"
    assert write_names("Scale", {}) == "Scale"
