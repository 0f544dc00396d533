import re
import time
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.grounding.attribution import verdict_of
from rag.grounding.verifier import MARKER, UNVERIFIED, Checker, foreign, inert, verify
from rag.language.text import language, sentences, trimmed
from rag.types import Hit, Signals, Span
from tests.doubles import article

BIRTH = "وُلد ابن بطوطة في طنجة."
BURN = "شغّل المسبار محركاته مدة 27 دقيقة."
SALT = "ملوحته ٣٫٥ في المئة."


def hit(text, article_id="a", before=""):
    whole = before + text
    spans = [Span(span.start + len(before), span.end + len(before)) for span in sentences(text)]
    found = tuple(trimmed(whole, span) for span in spans)
    signals = Signals(0.9, 0.9, 0.9, 0.1)
    return Hit(article(whole, article_id), len(before), len(whole), language(text), found, 1.0, signals, article_id)


class Alike(NamedTuple):
    """Every sentence of a hit is as near, or as a function has it; no words are."""

    sentences: Any
    words: float = 0.0

    def of_sentences(self, statement, found):
        return self.sentences(statement, found) if callable(self.sentences) else [self.sentences] * len(found.sentences)

    def of_words(self, words, others):
        return self.words


HITS = [hit(BIRTH, "birth"), hit(BURN, "burn"), hit(SALT, "salt")]


def cited(draft, similarity=0.95, hits=HITS, answer_in="ar"):
    return verify(draft, hits, Alike(similarity), answer_in)


def verdicts(draft, hits=HITS, similarity=0.95):
    return [citation.verdict for citation in cited(draft, similarity, hits, language(draft)).citations]


def shown(text):
    """The numbers of all markers in a text, in order, once each."""
    found = [int(number) for marker in MARKER.findall(text) for number in re.findall(r"\d+", marker)]
    return list(dict.fromkeys(found))


# Markers


@pytest.mark.parametrize(
    ("marker", "articles"),
    [
        ("[1]", ["birth"]),
        ("[ 1 ]", ["birth"]),
        ("[١]", ["birth"]),
        ("[1][2]", ["birth", "burn"]),
        ("[1] [2]", ["birth", "burn"]),
        ("[1, 2]", ["birth", "burn"]),
        ("[١، ٢]", ["birth", "burn"]),
        ("[1,2,3]", ["birth", "burn", "salt"]),
        ("[2][2]", ["burn"]),
    ],
)
def test_every_spelling_of_a_marker_names_its_passages(marker, articles):
    found = cited(f"هذا هو الجواب {marker}.")
    assert [citation.article_id for citation in found.citations] == articles
    numbers = "".join(f"[{number}]" for number in range(1, len(articles) + 1))
    assert found.text == f"هذا هو الجواب {numbers}."


@pytest.mark.parametrize("marker", ["[0]", "[4]", "[99]", "[٩]", "[4, 99]"])
def test_a_marker_that_names_no_passage_goes_from_text_and_list(marker):
    found = cited(f"هذا هو الجواب {marker}.")
    assert found.citations == ()
    assert found.text == f"هذا هو الجواب {UNVERIFIED['ar']}."


def test_of_a_marker_only_the_passages_that_exist_stay():
    found = cited("هذا هو الجواب [2, 9].")
    assert found.text == "هذا هو الجواب [1]."
    assert [citation.article_id for citation in found.citations] == ["burn"]


def test_a_marker_within_a_sentence_moves_to_its_end_and_leaves_one_space():
    assert cited("هذا [2] هو الجواب.").text == "هذا هو الجواب [1]."


@pytest.mark.parametrize("draft", ["[[9]1] كلمة.", "كلمة [[9]1].", "كلمة [1[9]]."])
def test_removing_a_marker_leaves_no_other_marker_behind(draft):
    found = cited(draft)
    assert shown(found.text) == [citation.number for citation in found.citations]


@pytest.mark.parametrize(
    ("draft", "text"), [("كلمة [1[9]].", "كلمة 1"), ("كلمة [[9]1].", "كلمة 1"), ("[[9]1] كلمة.", "1 كلمة")]
)
def test_brackets_left_by_a_marker_within_a_marker_go_too(draft, text):
    assert cited(draft).text == f"{text} {UNVERIFIED['ar']}."


@pytest.mark.parametrize("sign", ["\ue000", "\ue001", "\uf8ff"])
def test_a_character_for_private_use_names_no_passage(sign):
    found = cited(f"هذا هو الجواب {sign} [2].")
    assert found.text == "هذا هو الجواب [1]."
    assert [citation.article_id for citation in found.citations] == ["burn"]


@pytest.mark.parametrize("draft", ["كلمة [9,\n9] أخرى.", "كلمة [\n9] أخرى.", "[\n9] كلمة."])
def test_a_marker_broken_over_two_lines_is_a_marker(draft):
    assert "9" not in cited(draft).text


def test_numbers_go_by_first_use_without_a_gap():
    found = cited("أولا هذا [3]. ثم هذا [1]. ثم هذا [3].")
    assert found.text == "أولا هذا [1]. ثم هذا [2]. ثم هذا [1]."
    assert [(citation.number, citation.article_id) for citation in found.citations] == [(1, "salt"), (2, "birth")]


def test_the_same_evidence_has_one_number():
    found = cited("وُلد في طنجة [1]. وطنجة مدينته [1].")
    assert found.text == "وُلد في طنجة [1]. وطنجة مدينته [1]."
    assert len(found.citations) == 1


def test_two_sentences_of_one_passage_are_two_citations():
    found = verify(
        "وُلد في طنجة [1]. ومات بعد ذلك [1].",
        [hit("وُلد في طنجة. ومات بعد ذلك.")],
        Alike(lambda statement, found: [0.9, 0.5] if "طنجة" in statement else [0.5, 0.9]),
        "ar",
    )
    assert [citation.quote for citation in found.citations] == ["وُلد في طنجة.", "ومات بعد ذلك."]
    assert found.text == "وُلد في طنجة [1]. ومات بعد ذلك [2]."


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("وُلد في طنجة. [1] ثم سافر. [2]", "وُلد في طنجة [1]. ثم سافر [2]."),
        ("وُلد في طنجة.[1] ثم سافر.[2]", "وُلد في طنجة [1]. ثم سافر [2]."),
        ("وُلد في طنجة. [1][2]", "وُلد في طنجة [1][2]."),
        ("هل وُلد في طنجة؟ [1] نعم [2].", "هل وُلد في طنجة [1]؟ نعم [2]."),
        ("وُلد في طنجة [1]. ثم سافر [2].", "وُلد في طنجة [1]. ثم سافر [2]."),
    ],
)
def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before(draft, text):
    found = cited(draft)
    assert found.text == text
    assert [citation.article_id for citation in found.citations] == ["birth", "burn"]


@pytest.mark.parametrize("stop", [*"!؟?۔…", "...", ".»", ".”", '."', ".'", ".’", ".›", ".)", ".]", ".}", ".**"])
def test_a_marker_after_a_full_stop_and_a_closing_mark_belongs_there_too(stop):
    found = cited(f"وُلد في طنجة{stop} [1] ثم سافر [2].")
    before, after = found.text.split("ثم سافر")
    assert shown(before) == [1]
    assert shown(after) == [2]


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("In a village, i.e. [1] far from any town [2].", "In a village, i.e. far from any town [1][2]."),
        ("J. [1] Smith came from the town [2].", "J. Smith came from the town [1][2]."),
        ("Was it plan b? [1] It was [2].", "Was it plan b [1]? It was [2]."),
    ],
)
def test_a_marker_after_an_abbreviation_does_not_end_the_sentence(draft, text):
    assert cited(draft, answer_in="en").text == text


def test_half_a_marker_at_the_end_of_a_draft_is_dropped():
    assert cited("وُلد في طنجة [1]. ثم سافر [2][1").text == "وُلد في طنجة [1]. ثم سافر [2]"


def test_sentences_that_touch_are_set_apart():
    assert cited("هل وُلد في طنجة [1]؟نعم [2].").text == "هل وُلد في طنجة [1]؟ نعم [2]."


def test_list_items_keep_their_own_markers_and_lines():
    found = cited("- وُلد في طنجة [1]\n- شغّل محركاته [2]\n")
    assert [line.split()[-1] for line in found.text.splitlines()] == ["[1]", "[2]"]


# Statements without a marker


@pytest.mark.parametrize(("answer_in", "draft"), [("ar", "هذا بلا دليل."), ("en", "This has no evidence.")])
def test_a_statement_without_a_marker_is_flagged_in_the_readers_language(answer_in, draft):
    found = cited(draft, answer_in=answer_in)
    assert found.text == f"{draft[:-1]} {UNVERIFIED[answer_in]}."
    assert not found.supported


def test_only_the_statement_without_a_marker_is_flagged():
    assert cited("وُلد في طنجة [1]. ثم طار.").text == f"وُلد في طنجة [1]. ثم طار {UNVERIFIED['ar']}."


@pytest.mark.parametrize("draft", ["", "  \n ", "[1]", "[1] [2].", "...", "—"])
def test_a_draft_that_says_nothing_has_no_citation(draft):
    found = cited(draft)
    assert found.citations == ()
    assert shown(found.text) == []
    assert not found.supported


# Verdicts


def test_words_of_the_passage_are_verbatim_whatever_their_vowels_and_marks():
    assert verdicts("ولد ابن بطوطه في طنجه [1]!", similarity=0.0) == ["verbatim"]


@pytest.mark.parametrize("number", ["1. ", "12) ", "100. "])
def test_the_number_of_a_list_item_is_no_part_of_its_statement(number):
    assert verdicts(f"{number}وُلد ابن بطوطة في طنجة [1].", similarity=0.0) == ["verbatim"]


def test_the_strongest_of_two_passages_decides_how_well_a_statement_is_borne_out():
    (statement,) = cited(
        "وُلد ابن بطوطة في طنجة [1][2].", hits=[hit(BIRTH, "a"), hit("مسقط رأس ابن بطوطة طنجة.", "b")]
    ).statements
    assert (statement.verdict, statement.citations) == ("verbatim", (1, 2))


def test_part_of_a_word_is_not_verbatim():
    assert verdicts("كتاب [1].", [hit("وُجدت كتابة قديمة.")], similarity=0.0) == ["unverified"]


def test_a_statement_near_the_passage_is_supported_and_a_far_one_is_not():
    assert verdicts("مسقط رأسه طنجة [1].", similarity=0.95) == ["supported"]
    assert verdicts("مسقط رأسه طنجة [1].", similarity=0.5) == ["unverified"]


def test_a_translation_is_supported_at_a_lower_cosine_than_a_paraphrase():
    english, arabic = "He was born in Tangier", "مسقط رأسه طنجة"
    lowest = {
        statement: next(x / 1000 for x in range(1001) if verdict_of(statement, BIRTH, x / 1000) == "supported")
        for statement in (english, arabic)
    }
    assert 0.5 < lowest[english] < lowest[arabic] < 1


def test_support_in_one_statement_is_enough_for_the_answer():
    assert cited("وُلد في طنجة [1]. ومات سنة 9999 [2].").supported
    assert not cited("ومات سنة 9999 [2].").supported


def test_a_quote_that_bears_out_one_statement_of_two_is_shown_as_unverified():
    assert verdicts("وُلد في طنجة [1]. وُلد سنة 9999 [1].") == ["unverified"]
    assert verdicts("وُلد سنة 9999 [1]. وُلد في طنجة [1].") == ["unverified"]


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("دامت المناورة 28 دقيقة", "دامت المناورة 27 دقيقة."),
        ("بلغت ملوحته 35", "بلغت ملوحته 3.5."),
        ("بلغ عددهم ١٠٠٠", "بلغ عددهم 10,000."),
        ("وُلد سنة 1304م ومات سنة 1369م", "وُلد سنة 1304م."),
        ("The probe burned for 28 minutes", "دام الاحتراق 27 دقيقة."),
    ],
)
def test_a_number_the_passage_lacks_is_unverified(statement, passage):
    assert verdicts(f"{statement} [1].", [hit(passage)], similarity=1.0) == ["unverified"]


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("قاربت ملوحته 3.5", "ملوحته ٣٫٥."),
        ("قاربت ملوحته ٣٫٥٠", "ملوحته 3.5."),
        ("كانوا نحو 1,000", "عددهم ١٠٠٠."),
        ("كانوا نحو ١٠٠٠", "عددهم 1,000."),
        ("كانوا نحو ١٬٠٠٠", "عددهم 1000."),
        ("كانوا نحو ۱۰۰۰", "عددهم 1000."),
    ],
)
def test_a_number_is_the_same_in_every_spelling(statement, passage):
    assert verdicts(f"{statement} [1].", [hit(passage)], similarity=1.0) == ["supported"]


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("أُعلن ذلك في 16 يونيو 2014", "في 16 يوليو 2014 أُعلن المشروع."),
        ("It was announced on 16 June 2014", "في 16 يوليو 2014 أُعلن المشروع."),
        ("أُعلن ذلك في رجب 703هـ", "في شعبان 703هـ أُعلن المشروع."),
    ],
)
def test_a_date_the_passage_lacks_is_unverified(statement, passage):
    assert verdicts(f"{statement} [1].", [hit(passage)], similarity=1.0) == ["unverified"]


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("استمر الاحتراق 27 ساعة", "دام الاحتراق 27 دقيقة."),
        ("المسافة 380 ميلًا", "تبعد 380 كيلومترًا."),
        ("It lies 380 miles away", "تبعد 380 كيلومترًا."),
        ("بلغت الكلفة 40 مليون دولار", "كلّف ذلك 40 مليار دولار."),
        ("رطوبته 20 درجة", "تقل رطوبته عن 20 في المئة."),
    ],
)
def test_a_unit_the_passage_lacks_is_unverified(statement, passage):
    assert verdicts(f"{statement} [1].", [hit(passage)], similarity=1.0) == ["unverified"]


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("It was announced on 16 July 2014", "في 16 يوليو 2014 أُعلن المشروع."),
        ("The burn lasted 27 minutes", "دام الاحتراق 27 دقيقة."),
        ("It lies 380 km away", "تبعد 380 كيلومترًا."),
        ("Its humidity is under 20%", "تقل رطوبته عن 20 في المئة."),
        ("المسافة ٣٨٠ كم", "تبعد 380 كيلومترًا."),
    ],
)
def test_dates_and_units_are_the_same_in_both_languages_and_when_shortened(statement, passage):
    assert verdicts(f"{statement} [1].", [hit(passage)], similarity=1.0) == ["supported"]


def test_the_number_of_a_list_item_is_not_a_number_of_the_answer():
    found = verdicts("1. مسقط رأسه طنجة [1]\n2. المدة 27 دقيقة [2]")
    assert found == ["supported", "supported"]


def test_a_number_of_another_passage_does_not_bear_out_a_statement():
    assert verdicts("دام ذلك 27 دقيقة [1].") == ["unverified"]


# Quotes


def test_every_citation_slices_back_to_its_quote():
    passages = [hit(" • بند أول.\n\n• بند ثانٍ «مقتبس».  ", "a", before="مقدمة لا تُقتبس. "), hit(BURN, "b", "😀 ﷺ ")]
    found = cited("بند ثانٍ [1]. مدة المحركات [2]. بند أول [1].", hits=passages)
    texts = {passage.article.id: passage.article.text for passage in passages}
    assert len(found.citations) >= 2
    for citation in found.citations:
        assert texts[citation.article_id][citation.start : citation.end] == citation.quote
        assert citation.quote == citation.quote.strip() != ""
        assert "•" not in citation.quote


def test_the_quote_is_the_sentence_with_the_statements_number():
    passage = hit("غادر المدينة وحيدًا. ورجع سنة 1349م.")
    found = verify("عاد سنة 1349م [1].", [passage], Alike(lambda *_: [0.92, 0.82]), "ar")
    assert found.citations[0].quote == "ورجع سنة 1349م."


def test_a_citation_says_which_article_and_how_strong():
    passage = hit(BIRTH, "رحلات/ابن بطوطة")
    found = verify("وُلد في طنجة [1].", [passage], Alike(1.2), "ar").citations[0]
    assert (found.article_id, found.title, found.url) == ("رحلات/ابن بطوطة", "عنوان", None)
    assert found.score == 1.0
    assert verify("وُلد [1].", [passage], Alike(-0.2), "ar").citations[0].score == 0.0


# Any draft

MARKERS = st.sampled_from(["[1]", "[2]", "[3]", "[9]", "[0]", "[١]", "[1, 2]", "[3،9]", "[2][1]", "[ 2 ]"])
WORDS = st.sampled_from(["طنجة", "27 دقيقة", "born", "٣٫٥", "وُلد ابن بطوطة", "«قال»", "U.S", "١٬٠٠٠", "ﷺ"])
ENDS = st.sampled_from([" ", ". ", "؟ ", "\n", "\n\n", ".\n", "... ", "! ", "، ", ".» "])
ORDERLY = st.lists(MARKERS | WORDS | ENDS, max_size=30).map(" ".join)
PIECES = st.sampled_from(["[", "]", "1", "٣", ",", "\n", ".", " ", "[1]", "[9]", "كلمة"])
ARBITRARY = st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES | st.text(max_size=4)).map("".join)


def check_any(draft):
    found = cited(draft, 0.9)
    numbers = [citation.number for citation in found.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    assert shown(found.text) == numbers
    for citation in found.citations:
        source = next(one.article.text for one in HITS if one.article.id == citation.article_id)
        assert source[citation.start : citation.end] == citation.quote


@given(ORDERLY)
def test_markers_of_an_orderly_draft_and_citations_are_the_same_numbers(draft):
    check_any(draft)


@settings(max_examples=500)
@given(ARBITRARY)
@example("[\n[1]٣]")
def test_markers_of_any_draft_and_citations_are_the_same_numbers(draft):
    check_any(draft)


# While the draft is coming


def streamed(pieces, similarity=0.95, hits=HITS, answer_in="ar"):
    """What is let through of a draft that comes in pieces, and the checker."""
    checker = Checker(hits, Alike(similarity), answer_in)
    return [*(checker.feed(piece) for piece in pieces), checker.finish()], checker


@settings(max_examples=300)
@given(st.lists(MARKERS | WORDS | ENDS, max_size=30).map(" ".join) | ARBITRARY, st.integers(1, 9))
def test_however_a_draft_is_cut_into_pieces_the_answer_is_the_same(draft, size):
    pieces = [draft[at : at + size] for at in range(0, len(draft), size)]
    shown_pieces, checker = streamed(pieces)
    found = checker.verified()
    assert found == cited(draft)
    assert "".join(shown_pieces) == (found.text if found.supported else "")


def test_nothing_is_shown_before_a_sentence_is_borne_out():
    pieces, _ = streamed(["هذا بلا دليل. ", "وُلد في طنجة", " [1]. ", "ثم سافر ", "[2]. "])
    assert pieces[:2] == ["", ""]
    assert "".join(pieces) == f"هذا بلا دليل {UNVERIFIED['ar']}. وُلد في طنجة [1]. ثم سافر [2]."


@pytest.mark.parametrize(
    "following",
    [
        "(ثم عاد بعد زمن طويل جدًا إلى مدينته القديمة) [2].",
        '"ثم عاد بعد زمن طويل جدًا إلى مدينته القديمة" [2].',
        "**ثم عاد** بعد زمن طويل جدًا إلى مدينته القديمة [2].",
        "\n* ثم عاد بعد زمن طويل جدًا [2].\n* ثم مات في مدينته القديمة بعد ذلك بسنين [1].",
        "ثم عاد بعد زمن طويل [انظر الخريطة هنا أولا](http://evil.example) إلى مدينته القديمة [2].",
        "ثم عاد بعد زمن طويل ![صورة له في داره](http://evil.example) إلى مدينته القديمة [2].",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 40])
def test_what_was_shown_piece_by_piece_is_the_answer(following, size):
    draft = f"وُلد في طنجة [1]. وبعد ذلك سافر إلى بلاد كثيرة بعيدة. {following}"
    pieces, checker = streamed([draft[at : at + size] for at in range(0, len(draft), size)])
    assert "".join(pieces) == checker.verified().text == cited(draft).text


def test_words_are_shown_whole_once_there_are_five_of_a_sentence():
    pieces, _ = streamed(["وُلد في طنجة [1]. وبعد ذلك سافر إلى بلا", "د كث", "يرة بعيدة جدًا في الش", "رق [2]."])
    assert pieces == ["وُلد في طنجة [1].", " وبعد ذلك سافر إلى بلاد", " كثيرة بعيدة جدًا في", " الشرق", " [2]."]


def test_a_sentence_that_changes_its_language_stays_once_its_words_were_shown():
    theirs = "but he left the city of his youth and that is all there was to it"
    pieces, checker = streamed(["وُلد في طنجة [1]. ثم عاد من رحلته إلى مدينته القديمة ", f"{theirs}."])
    assert checker.left_out == 0
    assert "".join(pieces) == checker.verified().text
    assert checker.verified().text.endswith(f"القديمة {theirs} {UNVERIFIED['ar']}.")


def test_items_of_a_list_are_checked_as_they_come():
    pieces, _ = streamed(["* وُلد في طنجة [1].\n* ثم", " سافر [2].\n* ثم", " عاد [1]."])
    assert pieces == ["* وُلد في طنجة [1].", "\n* ثم سافر [2].", "", "\n* ثم عاد [1]."]


def test_words_come_as_they_are_written_once_the_answer_stands():
    later = "ثم سافر بعد ذلك إلى بلاد بعيدة جدًا لا يعرفها أحد من أهل زمانه [2]."
    pieces, _ = streamed(["وُلد في طنجة [1]. ", *re.findall(r"\S+\s*", later)])
    assert sum(map(bool, pieces)) > 8
    assert not any("[" in piece for piece in pieces[2:-1])


def test_a_marker_is_held_back_until_it_is_whole():
    pieces, checker = streamed(["وُلد في طنجة [", "1", "]. ", "وكان ذلك في زمن بعيد جدًا يا قوم [9", "9]."])
    assert "[99" not in "".join(pieces)
    assert checker.verified().text == f"وُلد في طنجة [1]. وكان ذلك في زمن بعيد جدًا يا قوم {UNVERIFIED['ar']}."


def test_a_draft_that_breaks_off_ends_with_what_was_shown_and_says_so():
    checker = Checker(HITS, Alike(0.95), "ar")
    pieces = [checker.feed("وُلد في طنجة [1]. وبعد ذلك سافر إلى بلاد كثيرة بعيدة"), checker.cut()]
    found = checker.verified()
    assert "".join(pieces) == found.text
    assert found.text.endswith(f"… {UNVERIFIED['ar']}")
    assert [statement.verdict for statement in found.statements] == ["supported", "unverified"]


def test_a_statement_says_where_it_stands_and_what_it_rests_on():
    found = cited("وُلد في طنجة [1]. ثم طار في الهواء. واحترق [2][1].")
    parts = [(found.text[one.start : one.end].strip(), one.verdict, one.citations) for one in found.statements]
    assert parts == [
        ("وُلد في طنجة [1].", "supported", (1,)),
        (f"ثم طار في الهواء {UNVERIFIED['ar']}.", "unverified", ()),
        ("واحترق [1][2].", "supported", (1, 2)),
    ]


def test_a_number_may_stand_in_either_of_the_passages_a_sentence_cites():
    assert verdicts("وُلد في طنجة واحترق 27 دقيقة [1][2].") == ["supported", "supported"]


def test_of_two_passages_only_the_one_that_bears_the_sentence_out_stays():
    found = verify("وُلد في طنجة [1][2].", HITS, Alike(lambda _, hit: [0.9 if hit.article.id == "birth" else 0.1]), "ar")
    assert [citation.article_id for citation in found.citations] == ["birth"]
    assert found.text == "وُلد في طنجة [1]."


@pytest.mark.parametrize(("statement", "passage"), [("وُلد في دمشق", BIRTH), ("He was born in Cairo", BIRTH)])
def test_a_name_the_article_lacks_is_unverified(statement, passage):
    assert verdicts(f"{statement} [1].", [hit(passage)], similarity=1.0) == ["unverified"]


TRAIN = "وصل القطار إلى المدينة المنورة قادمًا من دمشق في سبتمبر 1908."


@pytest.mark.parametrize(("words", "verdict"), [(0.1, "unverified"), (0.9, "supported")])
@pytest.mark.parametrize(
    "copy",
    [
        "وصل الملك إلى المدينة المنورة قادمًا من دمشق في سبتمبر 1908",
        "ووصل القطار إلى المدينة المنورة منطلقًا من دمشق في سبتمبر 1908",
    ],
)
def test_a_copy_that_says_another_word_is_supported_only_where_the_words_mean_the_same(copy, words, verdict):
    found = verify(f"{copy} [1].", [hit(TRAIN)], Alike(0.95, words), "ar")
    assert [citation.verdict for citation in found.citations] == [verdict]


@pytest.mark.parametrize(
    "statement",
    [
        "كان وصول القطار إلى المدينة في سبتمبر 1908 بعد رحلة من دمشق",  # says it otherwise throughout
        "وصل القطار إلى المدينة المنورة في سبتمبر 1908 قادمًا من دمشق",  # in another order
        "وصل القطار إلى المدينة المنورة في سبتمبر 1908",  # leaves something out
    ],
)
def test_a_statement_that_replaces_no_word_is_not_taken_for_a_false_copy(statement):
    assert verdicts(f"{statement} [1].", [hit(TRAIN)]) == ["supported"]


@pytest.mark.parametrize(("words", "verdict"), [(0.1, "unverified"), (0.9, "supported")])
def test_a_name_that_sounds_otherwise_is_known_by_its_meaning(words, verdict):
    passage = hit("عملت القوات الجوية الألمانية في جيش الدولة.")
    found = verify("The Luftwaffe served the state [1].", [passage], Alike(0.95, words), "en")
    assert [citation.verdict for citation in found.citations] == [verdict]


# Language


@pytest.mark.parametrize(
    ("sentence", "answer_in", "expected"),
    [
        ("He was born in Tangier and left it", "ar", True),
        ("وُلد في طنجة ثم غادرها", "en", True),
        ("وُلد في Tangier عام 1304", "ar", False),
        ("Prometheus, Hyperion, Llama", "ar", False),
        ("The article says «وُلد في طنجة ثم غادرها ولم يرجع»", "en", False),
        ("Karl von Frisch discovered dancing bees somewhere", "ar", True),
        ("Karl Frisch discovered bees", "ar", False),  # four words may be names
        ("Karl Frisch discovered dancing bees طنجة", "ar", False),
        ("Here he is", "ar", True),
        ("ها هو هنا", "en", True),
        ("قال في the Times", "ar", False),  # a function word of each
        ("كتب «the end of the road»", "ar", False),
        ("كتب “the end of the road”", "ar", False),
        ('كتب "the end of the road"', "ar", False),
    ],
)
def test_a_sentence_in_another_language_is_known_whatever_it_quotes(sentence, answer_in, expected):
    assert foreign(sentence, answer_in) == expected


def test_a_sentence_in_another_language_is_left_out():
    found = cited("وُلد في طنجة [1]. He was born in Tangier and he left it [1]. ثم سافر [2].")
    assert found.text == "وُلد في طنجة [1]. ثم سافر [2]."


# What a document or a model may smuggle in


@pytest.mark.parametrize(
    "smuggled",
    [
        "![logo](http://evil.example/x.png)",
        "[اضغط هنا](http://evil.example)",
        "[1](http://evil.example)",
        '<img src="http://evil.example/x">',
        "<script>alert(1)</script>",
    ],
)
def test_links_images_and_html_of_a_draft_are_inert(smuggled):
    text = cited(f"وُلد في طنجة {smuggled} [1].").text
    assert not re.search(r"[<>]|\]\(", text)
    assert "(http" not in text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see [the map](http://x.example) and ![logo](y.png)", "see the map and logo"),
        ('[the map](http://x.example "a title")', "the map"),
        ("[](http://x.example)", ""),
        ("<b>bold</b>", "‹b›bold‹/b›"),
        ("f(x) [1] (so they say)", "f(x) [1] (so they say)"),
    ],
)
def test_of_a_link_its_words_are_left_and_all_else_stays(written, shown):
    assert inert(written) == shown


def test_verifying_is_linear_in_the_length_of_the_draft():
    def seconds(draft):
        started = time.perf_counter()
        cited(draft)
        return time.perf_counter() - started

    for unit in ("كلمة بلا دليل [9]. ", "[1", ".", "[ 1 , ", "كلمة [1] "):
        short, long = (min(seconds(unit * count) for _ in range(3)) for count in (200, 2000))
        assert long < 40 * max(short, 0.001), unit
