import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prompts import reader_message
from rag.grounding.markers import MARKER
from rag.grounding.verifier import StreamingVerifier, is_foreign, make_inert, verify_draft
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from tests.doubles import FixedSimilarity, make_hit

UNVERIFIED = {code: reader_message(code, "unverified") for code in LANGUAGES}
BIRTH = "وُلد ابن بطوطة في طنجة."
BURN = "شغّل المسبار محركاته مدة 27 دقيقة."
SALT = "ملوحته ٣٫٥ في المئة."
HITS = [make_hit(BIRTH, "birth"), make_hit(BURN, "burn"), make_hit(SALT, "salt")]


def verify(draft, similarity=0.95, hits=HITS, answer_language="ar"):
    """The verified answer of a draft, with a similarity or with any double of `Similarity`."""
    given = similarity if isinstance(similarity, FixedSimilarity) else FixedSimilarity(similarity)
    return verify_draft(draft, hits, given, answer_language)


def find_verdicts(draft, hits=HITS, similarity=0.95):
    """The verdicts of the citations, then of the statements that are left out."""
    given = similarity if isinstance(similarity, FixedSimilarity) else FixedSimilarity(similarity)
    verifier = StreamingVerifier(hits, given, Document(draft).language)
    verifier.feed(draft)
    verifier.finish()
    return [citation.verdict for citation in verifier.answer().citations] + ["contradicted"] * verifier.contradicted


def only_birth(statement, hit):
    """Similarities by which the first passage alone supports what is said of طنجة."""
    return [0.9 if "طنجة" in statement and hit.article.id == "birth" else 0.1]


def find_numbers(text):
    """The numbers of all markers in a text, in order, once each."""
    numbers = [int(number) for marker in MARKER.findall(text) for number in re.findall(r"\d+", marker)]
    return list(dict.fromkeys(numbers))


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
        ("[1-3]", ["birth", "burn", "salt"]),
        ("[2–99]", ["burn", "salt"]),
        ("[1; 3]", ["birth", "salt"]),
        ("[2 and 3]", ["burn", "salt"]),
        ("[^2]", ["burn"]),
        ("[#2]", ["burn"]),
        ("【2】", ["burn"]),
        ("【2†source】", ["burn"]),
        ("[passage 2]", ["burn"]),
        ("[Source: 2]", ["burn"]),
        ("[Passage 2, Passage 3]", ["burn", "salt"]),
        ("(passage 2)", ["burn"]),
        ("[المقطع 2]", ["burn"]),
        ("[المقطع ٢ و٣]", ["burn", "salt"]),
        ("(المصدر ٢)", ["burn"]),
        ("\u200f[2\u200f]", ["burn"]),
        ("(2)", ["burn"]),
        ("(٢)", ["burn"]),
        ("(1)(2)", ["birth", "burn"]),
        ("(2, 3)", ["burn", "salt"]),
        ("²", ["burn"]),
        ("²˒³", ["burn", "salt"]),
        ("²³", ["burn", "salt"]),
    ],
)
def test_every_spelling_of_a_marker_names_its_passages(marker, articles):
    answer = verify(f"هذا هو الجواب {marker}.")
    assert [citation.article_id for citation in answer.citations] == articles
    numbers = "".join(f"[{number}]" for number in range(1, len(articles) + 1))
    assert " ".join(answer.text.replace("\u200f", "").split()) == f"هذا هو الجواب {numbers}."


@pytest.mark.parametrize("marker", ["【4:0†source】", "[passage 9]", "[^9]", "【99】"])
def test_a_sure_marker_that_names_no_passage_is_removed_in_every_form(marker):
    assert verify(f"هذا هو الجواب {marker}.", 0.1).text == f"هذا هو الجواب {UNVERIFIED['ar']}."


@pytest.mark.parametrize(
    "statement",
    [
        "بلغت مساحته 27 م²",
        "Its area is 27 m²",
        "بلغت مساحته 27 كم²",
        "10² هو مئة",
        "غاز CO² كثير",
        "عدد الأبواب ثلاثة (3)",
        "It has three (3)",
        "الخطوة (2) صعبة",
        "هما أمران: (1)",
        "كتب «المادة (2) هنا»",
        "القيمة (99)",
        "المادة ⁹⁹",
    ],
)
def test_a_number_that_may_be_the_texts_own_is_no_marker(statement):
    text = verify(f"{statement}.", 0.1, answer_language=Document(statement).language).text
    assert text.startswith(statement)


@pytest.mark.parametrize("number", ["المادة (2)", "الملح²"])
def test_a_number_that_the_passages_write_behind_the_same_word_is_no_marker(number):
    hits = [*HITS, make_hit(f"تنص {number} على ذلك.", "law")]
    assert number in verify(f"تنص على ذلك {number}.", hits=hits).text
    assert number not in verify(f"تنص على ذلك {number}.").text


def test_where_a_draft_has_surer_markers_a_number_in_parentheses_is_its_own():
    assert "(2)" in verify("وُلد في طنجة [1]. ثم قرأ الفصل (2).").text
    assert "(2)" not in verify("وُلد في طنجة (1). ثم قرأ الفصل (2).").text


@pytest.mark.parametrize(
    "draft", ["وُلد في طنجة.¹ ثم سافر.²", "وُلد في طنجة (1).\nثم سافر (2)", "وُلد في طنجة¹. ثم سافر²"]
)
def test_numbers_of_passages_in_any_form_belong_to_their_sentences(draft):
    assert [citation.article_id for citation in verify(draft).citations] == ["birth", "burn"]


@pytest.mark.parametrize("marker", ["[0]", "[4]", "[99]", "[٩]", "[4, 99]"])
def test_a_marker_that_names_no_passage_is_removed(marker):
    answer = verify(f"هذا هو الجواب {marker}.", 0.1)
    assert answer.citations == ()
    assert answer.text == f"هذا هو الجواب {UNVERIFIED['ar']}."


def test_numbers_of_a_marker_that_name_no_passage_are_removed():
    answer = verify("هذا هو الجواب [2, 9].")
    assert answer.text == "هذا هو الجواب [1]."
    assert [citation.article_id for citation in answer.citations] == ["burn"]


def test_a_marker_within_a_sentence_moves_to_its_end_and_leaves_one_space():
    assert verify("هذا [2] هو الجواب.").text == "هذا هو الجواب [1]."


@pytest.mark.parametrize("draft", ["[[9]1] كلمة.", "كلمة [[9]1].", "كلمة [1[9]]."])
def test_removing_a_marker_leaves_no_other_marker_behind(draft):
    answer = verify(draft)
    assert find_numbers(answer.text) == [citation.number for citation in answer.citations]


@pytest.mark.parametrize(
    ("draft", "text"), [("كلمة [1[9]].", "كلمة 1"), ("كلمة [[9]1].", "كلمة 1"), ("[[9]1] كلمة.", "1 كلمة")]
)
def test_brackets_left_by_a_marker_within_a_marker_are_removed(draft, text):
    assert verify(draft, 0.1).text == f"{text} {UNVERIFIED['ar']}."


@pytest.mark.parametrize("sign", ["\ue000", "\ue001", "\uf8ff"])
def test_a_private_use_character_names_no_passage(sign):
    answer = verify(f"هذا هو الجواب {sign} [2].")
    assert answer.text == "هذا هو الجواب [1]."
    assert [citation.article_id for citation in answer.citations] == ["burn"]


@pytest.mark.parametrize("draft", ["كلمة [9,\n9] أخرى.", "كلمة [\n9] أخرى.", "[\n9] كلمة."])
def test_a_marker_broken_over_two_lines_is_a_marker(draft):
    assert "9" not in verify(draft).text


def test_citations_are_numbered_by_first_use_without_a_gap():
    answer = verify("أولا هذا [3]. ثم هذا [1]. ثم هذا [3].")
    assert answer.text == "أولا هذا [1]. ثم هذا [2]. ثم هذا [1]."
    assert [(citation.number, citation.article_id) for citation in answer.citations] == [(1, "salt"), (2, "birth")]


def test_the_same_evidence_has_one_number():
    answer = verify("وُلد في طنجة [1]. وطنجة مدينته [1].")
    assert answer.text == "وُلد في طنجة [1]. وطنجة مدينته [1]."
    assert len(answer.citations) == 1


def test_two_sentences_of_one_passage_are_two_citations():
    answer = verify(
        "وُلد في طنجة [1]. ومات بعد ذلك [1].",
        lambda statement, hit: [0.9, 0.5] if "طنجة" in statement else [0.5, 0.9],
        [make_hit("وُلد في طنجة. ومات بعد ذلك.")],
    )
    assert [citation.quote for citation in answer.citations] == ["وُلد في طنجة.", "ومات بعد ذلك."]
    assert answer.text == "وُلد في طنجة [1]. ومات بعد ذلك [2]."


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
    answer = verify(draft)
    assert answer.text == text
    assert [citation.article_id for citation in answer.citations] == ["birth", "burn"]


@pytest.mark.parametrize("stop", [*"!؟?۔…", "...", ".»", ".”", '."', ".'", ".’", ".›", ".)", ".]", ".}", ".**"])
def test_a_marker_after_a_full_stop_and_a_closing_mark_belongs_to_the_sentence_before(stop):
    answer = verify(f"وُلد في طنجة{stop} [1] ثم سافر [2].")
    before, after = answer.text.split("ثم سافر")
    assert find_numbers(before) == [1]
    assert find_numbers(after) == [2]


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("In a village, i.e. [1] far from any town [2].", "In a village, i.e. far from any town [1][2]."),
        ("J. [1] Smith came from the town [2].", "J. Smith came from the town [1][2]."),
        ("Was it plan b? [1] It was [2].", "Was it plan b [1]? It was [2]."),
    ],
)
def test_a_marker_after_an_abbreviation_does_not_end_the_sentence(draft, text):
    assert verify(draft, answer_language="en").text == text


def test_half_a_marker_at_the_end_of_a_draft_is_dropped():
    assert verify("وُلد في طنجة [1]. ثم سافر [2][1").text == "وُلد في طنجة [1]. ثم سافر [2]"


def test_a_space_is_put_between_sentences_without_one():
    assert verify("هل وُلد في طنجة [1]؟نعم [2].").text == "هل وُلد في طنجة [1]؟ نعم [2]."


def test_list_items_keep_their_own_markers_and_lines():
    answer = verify("- وُلد في طنجة [1]\n- شغّل محركاته [2]\n")
    assert [line.split()[-1] for line in answer.text.splitlines()] == ["[1]", "[2]"]


# Statements without a marker


@pytest.mark.parametrize(("answer_language", "draft"), [("ar", "هذا بلا دليل."), ("en", "This has no evidence.")])
def test_a_statement_without_a_marker_is_flagged_in_the_language_of_the_answer(answer_language, draft):
    answer = verify(draft, 0.1, answer_language=answer_language)
    assert answer.text == f"{draft[:-1]} {UNVERIFIED[answer_language]}."
    assert not answer.is_supported


def test_only_the_statement_that_no_passage_supports_is_flagged():
    assert verify("وُلد في طنجة [1]. ثم طار.", only_birth).text == f"وُلد في طنجة [1]. ثم طار {UNVERIFIED['ar']}."


@pytest.mark.parametrize("marker", ["", " [2]", " [9]", " [2][3]"])
def test_a_statement_that_cites_nothing_or_the_wrong_passage_is_attributed_to_the_one_that_supports_it(marker):
    answer = verify(f"وُلد في طنجة{marker}.", only_birth)
    assert answer.text == "وُلد في طنجة [1]."
    assert [citation.article_id for citation in answer.citations] == ["birth"]


@pytest.mark.parametrize("draft", ["", "  \n ", "[1]", "[1] [2].", "...", "—"])
def test_a_draft_without_a_statement_has_no_citation(draft):
    answer = verify(draft)
    assert answer.citations == ()
    assert find_numbers(answer.text) == []
    assert not answer.is_supported


# Verdicts


def test_words_of_the_passage_are_verbatim_in_any_spelling():
    assert find_verdicts("ولد ابن بطوطه في طنجه [1]!", similarity=0.0) == ["verbatim"]


@pytest.mark.parametrize("number", ["1. ", "12) ", "100. "])
def test_the_number_of_a_list_item_is_no_part_of_its_statement(number):
    assert find_verdicts(f"{number}وُلد ابن بطوطة في طنجة [1].", similarity=0.0) == ["verbatim"]


def test_the_strongest_of_two_citations_decides_the_verdict_of_a_statement():
    (statement,) = verify(
        "وُلد ابن بطوطة في طنجة [1][2].", hits=[make_hit(BIRTH, "a"), make_hit("مسقط رأس ابن بطوطة طنجة.", "b")]
    ).statements
    assert (statement.verdict, statement.citations) == ("verbatim", (1, 2))


def test_part_of_a_word_is_not_verbatim():
    assert find_verdicts("كتاب [1].", [make_hit("وُجدت كتابة قديمة.")], similarity=0.0) == ["unverified"]


def test_a_statement_near_the_passage_is_supported_and_a_far_one_is_not():
    assert find_verdicts("مسقط رأسه طنجة [1].", similarity=0.95) == ["supported"]
    assert find_verdicts("مسقط رأسه طنجة [1].", similarity=0.5) == ["unverified"]


def test_one_supported_statement_makes_an_answer_supported():
    assert verify("وُلد في طنجة [1]. ومات سنة 9999 [2].").is_supported
    assert not verify("ومات سنة 9999 [2].").is_supported


def test_a_quote_that_supports_one_statement_of_two_is_unverified():
    near_to = {"طنجة": 0.9, "رحل": 0.1}

    def similarity(statement, _):
        return [next(value for word, value in near_to.items() if word in statement)]

    for draft in ("وُلد في طنجة [1]. ثم رحل [1].", "ثم رحل [1]. وُلد في طنجة [1]."):
        answer = verify(draft, similarity, HITS[:1])
        assert [citation.verdict for citation in answer.citations] == ["unverified"]


def test_what_the_passages_contradict_is_left_out():
    answer = verify("وُلد في طنجة [1]. دام الاحتراق 28 دقيقة [2]. ملوحته 3.5 في المئة [3].")
    assert answer.text == "وُلد في طنجة [1]. ملوحته 3.5 في المئة [2]."
    assert not verify("دام الاحتراق 28 دقيقة [2].").statements


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
def test_a_number_the_passage_lacks_contradicts_a_statement_that_is_near(statement, passage):
    assert find_verdicts(f"{statement} [1].", [make_hit(passage)], similarity=1.0) == ["contradicted"]


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
    assert find_verdicts(f"{statement} [1].", [make_hit(passage)], similarity=1.0) == ["supported"]


@pytest.mark.parametrize(
    ("statement", "passage"),
    [
        ("أُعلن ذلك في 16 يونيو 2014", "في 16 يوليو 2014 أُعلن المشروع."),
        ("It was announced on 16 June 2014", "في 16 يوليو 2014 أُعلن المشروع."),
        ("أُعلن ذلك في رجب 703هـ", "في شعبان 703هـ أُعلن المشروع."),
    ],
)
def test_a_date_the_passage_lacks_contradicts_a_statement_that_is_near(statement, passage):
    assert find_verdicts(f"{statement} [1].", [make_hit(passage)], similarity=1.0) == ["contradicted"]


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
def test_a_unit_the_passage_lacks_contradicts_a_statement_that_is_near(statement, passage):
    assert find_verdicts(f"{statement} [1].", [make_hit(passage)], similarity=1.0) == ["contradicted"]


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
    assert find_verdicts(f"{statement} [1].", [make_hit(passage)], similarity=1.0) == ["supported"]


def test_the_number_of_a_list_item_is_not_a_number_of_the_answer():
    verdicts = find_verdicts("1. مسقط رأسه طنجة [1]\n2. المدة 27 دقيقة [2]")
    assert verdicts == ["supported", "supported"]


def test_a_number_may_stand_in_another_passage_than_the_one_that_is_cited():
    answer = verify("دام ذلك 27 دقيقة [1].")
    assert [citation.article_id for citation in answer.citations] == ["burn"]


# Quotes


def test_every_citation_slices_back_to_its_quote():
    passages = [
        make_hit(" • بند أول.\n\n• بند ثانٍ «مقتبس».  ", "a", before="مقدمة لا تُقتبس. "),
        make_hit(BURN, "b", before="😀 ﷺ "),
    ]
    answer = verify("بند ثانٍ [1]. مدة المحركات [2]. بند أول [1].", hits=passages)
    texts = {passage.article.id: passage.article.text for passage in passages}
    assert len(answer.citations) >= 2
    for citation in answer.citations:
        assert texts[citation.article_id][citation.start : citation.end] == citation.quote
        assert citation.quote == citation.quote.strip() != ""
        assert "•" not in citation.quote


def test_the_quote_is_the_sentence_with_the_statements_number():
    passage = make_hit("غادر المدينة وحيدًا. ورجع سنة 1349م.")
    answer = verify("عاد سنة 1349م [1].", FixedSimilarity(lambda *_: [0.92, 0.82], words=0.9), [passage])
    assert answer.citations[0].quote == "ورجع سنة 1349م."


def test_a_citation_has_its_article_and_a_score_from_0_to_1():
    passage = make_hit(BIRTH, "رحلات/ابن بطوطة")
    citation = verify("وُلد في طنجة [1].", 1.2, [passage]).citations[0]
    assert (citation.article_id, citation.title, citation.url) == ("رحلات/ابن بطوطة", "عنوان", None)
    assert citation.score == 1.0
    assert verify("وُلد [1].", -0.2, [passage]).citations[0].score == 0.0


# Any draft

MARKERS = st.sampled_from(
    ["[1]", "[2]", "[9]", "[0]", "[١]", "[1, 2]", "[3،9]", "[2][1]", "[ 2 ]", "[1-3]", "[^1]", "【2】", "【1†source】"]
) | st.sampled_from(["[passage 1]", "[المقطع ٢]", "(1)", "(2, 3)", "(source 3)", "¹", "²˒³"])
WORDS = st.sampled_from(["طنجة", "27 دقيقة", "born", "٣٫٥", "وُلد ابن بطوطة", "«قال»", "U.S", "١٬٠٠٠", "ﷺ"])
ENDS = st.sampled_from([" ", ". ", "؟ ", "\n", "\n\n", ".\n", "... ", "! ", "، ", ".» "])
ORDERLY = st.lists(MARKERS | WORDS | ENDS, max_size=30).map(" ".join)
PIECES = st.sampled_from(
    ["[", "]", "(", ")", "【", "】", "1", "٣", "²", ",", "-", "\n", ".", " ", "[1]", "[9]", "(1)", "كلمة", "source"]
)
ARBITRARY = st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES | st.text(max_size=4)).map("".join)


def check_answer_of(draft):
    answer = verify(draft, 0.9)
    numbers = [citation.number for citation in answer.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    assert find_numbers(answer.text) == numbers
    for citation in answer.citations:
        source = next(one.article.text for one in HITS if one.article.id == citation.article_id)
        assert source[citation.start : citation.end] == citation.quote


@given(ORDERLY)
def test_markers_of_an_orderly_draft_and_citations_are_the_same_numbers(draft):
    check_answer_of(draft)


@settings(max_examples=500)
@given(ARBITRARY)
@example("[\n[1]٣]")
def test_markers_of_any_draft_and_citations_are_the_same_numbers(draft):
    check_answer_of(draft)


# While the draft is coming


def stream_draft(pieces):
    """The text that is let through after each piece of a draft and at its end, and the verifier."""
    verifier = StreamingVerifier(HITS, FixedSimilarity(0.95), "ar")
    return [*(verifier.feed(piece) for piece in pieces), verifier.finish()], verifier


@settings(max_examples=300)
@given(ORDERLY | ARBITRARY, st.integers(1, 9))
@example(". 1. 1", 1)
@example("٣٫٥ \n [0] \n [2][1] طنجة طنجة .  [2][1] .  [2][1]", 3)
@example("وُلد في طنجة [1]. ثم سافر [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].", 3)
def test_however_a_draft_is_cut_into_pieces_the_answer_is_the_same(draft, size):
    pieces = [draft[at : at + size] for at in range(0, len(draft), size)]
    shown, verifier = stream_draft(pieces)
    answer = verifier.answer()
    assert answer == verify(draft)
    assert "".join(shown) == answer.text


def test_a_sentence_is_let_through_once_it_is_whole_and_verified():
    pieces, _ = stream_draft(["هذا أول ", "الكلام. ", "وُلد في طنجة", " [1]. ", "دام ذلك 28 دقيقة [2]. ", "ثم سافر [2]"])
    assert pieces == ["", "", "هذا أول الكلام [1].", "", " وُلد في طنجة [1].", "", " ثم سافر [2]"]


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
def test_the_pieces_let_through_are_the_answer(following, size):
    draft = f"وُلد في طنجة [1]. وبعد ذلك سافر إلى بلاد كثيرة بعيدة. {following}"
    pieces, verifier = stream_draft([draft[at : at + size] for at in range(0, len(draft), size)])
    assert "".join(pieces) == verifier.answer().text == verify(draft).text


def test_what_a_model_says_before_it_declines_is_kept():
    pieces, verifier = stream_draft(["وُلد في طنجة [1]. ", "NO_ANSWER"])
    assert verifier.is_declined
    assert "".join(pieces) == verifier.answer().text == "وُلد في طنجة [1]."


def test_what_the_passages_leave_out_is_neither_cited_nor_flagged():
    draft = "وُلد في طنجة [1]. لا تذكر المقاطع اسم أمه [2]."
    answer = verify(draft)
    assert answer.text == "وُلد في طنجة [1]. لا تذكر المقاطع اسم أمه."
    assert [statement.verdict for statement in answer.statements] == ["supported"]


def test_a_draft_that_tells_only_what_the_passages_leave_out_declines():
    pieces, verifier = stream_draft(["لا تذكر المقاطع اسم أمه. ", "ولا يذكر النص اسم أبيه، ولا تذكر المقاطع سواه."])
    assert verifier.is_declined
    assert "".join(pieces) == verifier.answer().text == ""


def test_items_of_a_list_are_verified_as_they_come():
    pieces, _ = stream_draft(["* وُلد في طنجة [1].\n* ثم", " سافر [2].\n* ثم", " عاد [1]."])
    assert pieces == ["* وُلد في طنجة [1].", "\n* ثم سافر [2].", "", "\n* ثم عاد [1]."]


def test_a_marker_is_held_back_until_it_is_complete():
    pieces, verifier = stream_draft(["وُلد في طنجة [", "1", "]. ", "وكان ذلك في زمن بعيد جدًا يا قوم [9", "9]."])
    assert "[99" not in "".join(pieces)
    assert verifier.answer().text == "وُلد في طنجة [1]. وكان ذلك في زمن بعيد جدًا يا قوم [1]."


def test_a_statement_has_its_place_in_the_text_its_verdict_and_its_citations():
    near_to = {"طنجة": 0.9, "طار": 0.1, "احترق": 0.9}

    def similarity(statement, _):
        return [next(value for word, value in near_to.items() if word in statement)]

    answer = verify("وُلد في طنجة [1]. ثم طار في الهواء. واحترق [2][1].", similarity)
    parts = [(answer.text[one.start : one.end].strip(), one.verdict, one.citations) for one in answer.statements]
    assert parts == [
        ("وُلد في طنجة [1].", "supported", (1,)),
        (f"ثم طار في الهواء {UNVERIFIED['ar']}.", "unverified", ()),
        ("واحترق [1][2].", "supported", (1, 2)),
    ]


def test_a_number_may_stand_in_either_of_the_passages_a_sentence_cites():
    assert find_verdicts("وُلد في طنجة واحترق 27 دقيقة [1][2].") == ["supported", "supported"]


def test_of_two_cited_passages_only_the_one_that_supports_the_sentence_is_kept():
    answer = verify("وُلد في طنجة [1][2].", lambda _, hit: [0.9 if hit.article.id == "birth" else 0.1])
    assert [citation.article_id for citation in answer.citations] == ["birth"]
    assert answer.text == "وُلد في طنجة [1]."


@pytest.mark.parametrize(("statement", "passage"), [("وُلد في دمشق", BIRTH), ("He was born in Cairo", BIRTH)])
def test_a_name_the_article_lacks_contradicts_a_statement_that_is_near(statement, passage):
    assert find_verdicts(f"{statement} [1].", [make_hit(passage)], similarity=1.0) == ["contradicted"]


TRAIN = "وصل القطار إلى المدينة المنورة قادمًا من دمشق في سبتمبر 1908."


@pytest.mark.parametrize(("words", "verdict"), [(0.1, "contradicted"), (0.9, "supported")])
@pytest.mark.parametrize(
    "copy",
    [
        "وصل الملك إلى المدينة المنورة قادمًا من دمشق في سبتمبر 1908",
        "ووصل القطار إلى المدينة المنورة منطلقًا من دمشق في سبتمبر 1908",
    ],
)
def test_a_copy_with_a_substituted_word_is_supported_only_where_the_words_mean_the_same(copy, words, verdict):
    assert find_verdicts(f"{copy} [1].", [make_hit(TRAIN)], FixedSimilarity(0.95, words)) == [verdict]


@pytest.mark.parametrize(
    "statement",
    [
        "كان وصول القطار إلى المدينة في سبتمبر 1908 بعد رحلة من دمشق",  # worded differently throughout
        "وصل القطار إلى المدينة المنورة في سبتمبر 1908 قادمًا من دمشق",  # in another order
        "وصل القطار إلى المدينة المنورة في سبتمبر 1908",  # leaves something out
    ],
)
def test_a_statement_that_substitutes_no_word_is_supported(statement):
    assert find_verdicts(f"{statement} [1].", [make_hit(TRAIN)]) == ["supported"]


@pytest.mark.parametrize(("words", "verdict"), [(0.1, "contradicted"), (0.9, "supported")])
def test_a_name_that_differs_in_sound_is_supported_by_its_meaning(words, verdict):
    passage = make_hit("عملت القوات الجوية الألمانية في جيش الدولة.")
    draft = "The Luftwaffe served the state [1]."
    assert find_verdicts(draft, [passage], FixedSimilarity(0.95, words)) == [verdict]


# Language


@pytest.mark.parametrize(
    ("sentence", "answer_language", "expected"),
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
def test_a_sentence_in_another_language_is_foreign_whatever_it_quotes(sentence, answer_language, expected):
    assert is_foreign(sentence, answer_language) == expected


def test_a_sentence_in_another_language_is_left_out():
    answer = verify("وُلد في طنجة [1]. He was born in Tangier and he left it [1]. ثم سافر [2].")
    assert answer.text == "وُلد في طنجة [1]. ثم سافر [2]."


# Injected links and HTML


@pytest.mark.parametrize(
    "injected",
    [
        "![logo](http://evil.example/x.png)",
        "[اضغط هنا](http://evil.example)",
        "[1](http://evil.example)",
        '<img src="http://evil.example/x">',
        "<script>alert(1)</script>",
        "[اضغط](javascript:alert(1))",
        "![x](javascript:alert(1))",
        "[1](javascript:alert(1))",
        "[اضغط](<javascript:alert(1)>)",
        "[[اضغط]](javascript:alert(1))",
        "[اضغط. هنا](javascript:alert(1))",
        "[؟](javascript:alert(1))",
        "[كلمة؟](javascript:alert(1))",
        "[كلمة](\njavascript:alert(1))",
        "\n\n[كلمة]: javascript:alert(1)\n\n[كلمة]",
    ],
)
def test_links_images_and_html_of_a_draft_are_inert(injected):
    text = verify(f"وُلد في طنجة {injected} [1].").text
    assert not LINK.search(text)
    assert "(http" not in text


LINK = re.compile(r"[<>]|\][(:]")
"""What Markdown and HTML need for a link or an element."""
LINK_PIECES = st.sampled_from(
    ["[", "]", "(", ")", "](", "]:", "<", ">", ":", "x", "؟", ". ", "\n", "كلمة [1]. ", "[1]"]
)


@given(st.lists(LINK_PIECES, max_size=20).map("".join))
@example("][1]:")
@example("[x][1](y)")
def test_no_draft_makes_a_link_and_cut_into_pieces_it_makes_none_either(draft):
    shown, verifier = stream_draft(draft)
    assert not LINK.search(verify(draft).text)
    assert verifier.answer() == verify(draft)
    assert not LINK.search("".join(shown))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [the map](http://x.example) and ![logo](y.png)", "see the map and logo"),
        ('[the map](http://x.example "a title")', "the map"),
        ("[](http://x.example)", ""),
        ("<b>bold</b>", "‹b›bold‹/b›"),
        ("f(x) [1] (so they say)", "f(x) [1] (so they say)"),
        ("[x](javascript:alert(1)) [y](a(b)c(d))", "x y"),
        ("[x](javascript:f(g(1)))", "[x] (javascript:f(g(1)))"),
        ("[x]: javascript:alert(1)", "[x] : javascript:alert(1)"),
    ],
)
def test_a_link_is_replaced_by_its_words(text, expected):
    assert make_inert(text) == expected
