import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering.model_text import clean_deltas, ends_in_loop

ODD = st.text(
    st.sampled_from("ab\n\r\t\0\x1b\x85\u202e\u2066\u2069\ud83d\ude00\udc00😀ا") | st.characters(), max_size=20
)


def clean(*pieces):
    return "".join(clean_deltas(pieces))


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["a\0b\x1b[31m"], "a b [31m"),
        (["a\r", "\nb\r", "c\r"], "a\nb\nc\n"),
        (["a\u202eb\u2066", "\u2069c"], "abc"),
        (["\ud83d", "\ude00", "!"], "😀!"),
        (["a\ud83d", "b\ude00"], "ab"),
        (["a\ud83d"], "a"),
        (["سطر\n\tثان"], "سطر\n\tثان"),
    ],
)
def test_what_no_answer_may_carry_is_taken_out(pieces, text):
    assert clean(*pieces) == text


@given(ODD, st.integers(1, 5))
def test_however_a_text_is_cut_it_is_cleaned_alike(text, size):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert clean(*pieces) == clean(text)
    assert clean(clean(text)) == clean(text)
    clean(text).encode()


def test_a_piece_is_given_on_at_once_and_never_empty():
    assert next(clean_deltas(iter(["كلمة", "أخرى"]))) == "كلمة"
    assert list(clean_deltas(["\u202e", "", "a"])) == ["a"]


# Loops

SENTENCE = "بُنيت القلعة سنة 1823 من الحجر المرجاني [1]. "


@pytest.mark.parametrize(
    "text", [SENTENCE * 4, "و" * 200, "مقدمة. " + "لا أعلم " * 20, SENTENCE + "| اسم | سنة |\n" * 12, "نص\n" * 50]
)
def test_a_text_that_says_one_thing_again_and_again_is_a_loop(text):
    assert ends_in_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        SENTENCE * 3,
        "| --- " * 60,
        "." * 500,
        "0" * 500,
        "لا أعلم " * 5,
        "".join(f"{year}: سنة من السنين. " for year in range(1900, 1960)),
        SENTENCE * 4 + "ثم هُدمت.",
    ],
)
def test_a_text_that_goes_on_is_none(text):
    assert not ends_in_loop(text)
