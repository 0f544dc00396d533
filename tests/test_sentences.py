import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.sentences import find_sentences, trim_span
from rag.types import Span
from tests.strategies import TEXTS, more_examples


def split_sentences(text):
    return [text[start:end] for start, end in find_sentences(text)]


@more_examples
@given(TEXTS)
def test_sentences_cover_the_text_without_gap_or_overlap(text):
    spans = find_sentences(text)
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert (spans[0].start, spans[-1].end) == (0, len(text)) if text else spans == []
    assert all(start < end for start, end in spans)


@more_examples
@given(TEXTS)
def test_white_space_goes_with_the_sentence_before_it(text):
    assert not any(text[start].isspace() for start, _ in find_sentences(text)[1:])


@more_examples
@given(TEXTS, st.data())
def test_a_trimmed_span_has_no_white_space_at_its_ends(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    span = trim_span(text, Span(start, end))
    assert start <= span.start <= span.end <= end
    assert text[slice(*span)] == text[start:end].strip()


# By hand; | marks where one sentence ends and the next begins


@pytest.mark.parametrize(
    "marked",
    [
        "انتهى الأول. |ثم بدأ الثاني! |فهل فهمت؟ |نعم…  |تم",
        "اردو جملہ۔ |دوسرا",
        "السطر\n|الثاني\r\n|الثالث\n\n|الرابع",
        "مرحبا، يا صديقي، كيف الحال؛ بخير",
        "هل هذا؟|نعم.",
        "اردو جملہ۔|دوسرا",
        "قيمته ٣٫١٤ دينار. |غالٍ.",
        "It costs 3.14 dollars. |Version 2.0.1 of example.com is out.",
        "وصل د. أحمد زويل. |ثم سافر.",
        "قال أ. د. حسن إنه بخير. |صدق.",
        "انظر ص. 15 من ج. 3 للمزيد. |شكراً.",
        "حكمها ملوك ق.م. كثيرون. |ثم زالوا.",
        "See e.g. this one, i.e. that. |Dr. Smith and Prof. Jones agree. |Fine.",
        "The U.S. troops came at 5 p.m. |They left.",
        "It rained in Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. and Dec. of that year. |Then no more.",
        "Mr. and Mrs. Lee, Ms. Ray and Dr. King Sr. of St. Ives met King Jr. there. |Fine.",
        "Acme Inc. and Lee Co. and Ray Ltd. won, see no. six, vol. two, fig. nine of Lee et al. in print. |Fine.",
        "صدر في مج. ثان تر. أحمد زويل سنة هـ. كما قيل. |ثم نفد.",
        "It begins at 5 p.m. on Sunday. |It ends at 6 a.m. UAE time.",
        "J. R. R. Tolkien wrote it. |Yes.",
        "كتبه ج. ر. تولكين. |نعم.",
        "شكر المدير (د. أحمد) ثم «أ. منى» أيضاً. |ثم عاد.",
        "كان عددهم 30. |ثم زادوا.",
        "كان عددهم 5. |ثم زادوا.",
        "انظر البند 2.ب. |ثم عد.",
        "Did he come at 5 p.m.? |Yes.",
        "1. أول البنود\n|2. ثاني البنود\n|٣. ثالثها",
        "12. بند",
        "ولد سنة 1908 م. |وتوفي سنة 1950.",
        "ولد عام ١٩٠٨ م. |وعاش.",
        "توفي سنة 354 هـ. |ودفن في بغداد.",
        "عام 500 ق.م. |كانت مدينة.",
        "نُشر عام 1908. |ثم طُبع.",
        "قال: «انتهى.» |ثم مضى.",
        "قال «انتهى». |ثم مضى.",
        "He said “stop.” |Then he left (at once.) |Good.",
        "Wait... |what?! |Yes!",
        "هذا **مهم.** |وهذا _أهم._ |ثم انتهى.",
        "  \n أول. |ثان",
        "   ",
        "\n\n",
        "بلا نهاية",
    ],
)
def test_sentences_end_where_a_reader_ends_them(marked):
    assert split_sentences(marked.replace("|", "")) == marked.split("|")


def test_an_empty_text_has_no_sentence():
    assert find_sentences("") == []


@pytest.mark.parametrize("mark", ["؟!", "!؟", "؟؟"])
def test_an_arabic_question_mark_among_others_needs_no_space(mark):
    assert split_sentences(f"حقا{mark}نعم") == [f"حقا{mark}", "نعم"]


@pytest.mark.parametrize("opening", ["(", "«", "“", '"', "'", "["])
def test_an_abbreviation_is_one_behind_an_opening_mark_too(opening):
    assert len(split_sentences(f"شكر المدير {opening}د. أحمد ثم عاد.")) == 1


@pytest.mark.parametrize("line_break", ["\r", "\n", "\r\n", *"\v\f\x1c\x1d\x1e\x85\u2028\u2029"])
def test_every_line_break_ends_a_sentence(line_break):
    assert split_sentences(f"عنوان{line_break}نص") == [f"عنوان{line_break}", "نص"]


@pytest.mark.parametrize("control", ["\u200f", "\u200e", "\u202c", "\u2069"])
def test_a_direction_control_after_a_stop_hides_no_end(control):
    assert len(split_sentences(f"انتهى الأول.{control} ثم بدأ الثاني.")) == 2


def test_a_row_of_a_table_is_one_sentence_whatever_its_cells_hold():
    text = "قبل. بعد.\nد. علي | يفتح. ويغلق! | 12\nمنى | لا؟ نعم |\nختام. تم."
    pieces = [text[slice(*span)].strip() for span in find_sentences(text)]
    assert pieces == ["قبل.", "بعد.", "د. علي | يفتح. ويغلق! | 12", "منى | لا؟ نعم |", "ختام.", "تم."]
