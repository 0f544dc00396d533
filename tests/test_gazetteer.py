import pytest

from rag.language.document import Document


def find_places(text):
    return [place.canonical_names for place in Document(text).places]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why is the Dead Sea so salty?", ["dead sea"]),
        ("للبحر الميت وبالقاهرة", ["dead sea", "cairo"]),
        ("the United Nations University in the US with us", ["united nations university", "united states"]),
        ("إلى الولايات المتحدة", ["united states"]),
        ("سلطنة عمان", ["oman"]),
    ],
)
def test_a_listed_name_is_found_in_either_language(text, expected):
    assert [name.canonical_names[0] for name in Document(text).names] == expected


def test_a_name_that_is_an_ordinary_word_as_well_is_ambiguous():
    assert [name.unambiguous for name in Document("إلى المدينة المنورة ثم إلى المدينة").names] == [True, False]


def test_a_place_has_one_canonical_name_in_both_languages_and_keeps_its_article():
    assert find_places("Nairobi, Kenya") == find_places("نيروبي وكينيا") == [("nairobi",), ("kenya",)]
    assert [find_places(text) for text in ("luxor", "هذا أقصر من ذاك")] == [[], []]
    assert find_places("للأقصر") == [("luxor",)]
