import pytest

from rag.grounding.attribution import attribute
from rag.grounding.elliptical import Context, completes, phrases
from rag.grounding.passage import Passage
from rag.language.document import Document
from tests.doubles import FixedSimilarity, make_hit

LENGTH, WEIGHT = "بلغ طول القارب 40 مترًا.", "وبلغ وزن المرساة 3 أطنان."


def verdict_of(statement, question, similarity, text=f"{LENGTH} {WEIGHT}"):
    given = similarity if isinstance(similarity, FixedSimilarity) else FixedSimilarity(similarity)
    (citation,) = attribute(Document(statement), [Passage(make_hit(text))], given, Document(question))
    return citation.verdict, citation.quote


def near_to_question(text, hit):
    """The first sentence is nearer to what is asked."""
    return [0.5, 0.2]


@pytest.mark.parametrize(("statement", "verdict"), [("40 مترًا", "supported"), ("3 أطنان", "unverified")])
def test_a_fragment_is_supported_only_where_the_question_is_answered(statement, verdict):
    """What stands in the other sentence is no answer, though its words do occur."""
    assert verdict_of(statement, "كم بلغ طول القارب؟", near_to_question)[0] == verdict


def test_the_question_makes_a_short_statement_near():
    def similarity(text, hit):
        return [0.9, 0.1] if "القارب" in text else [0.3, 0.1]

    passage = Passage(make_hit("طول القارب خطى واسعة كثيرة. وبلغ وزن المرساة كثيرًا."))
    for question, verdict in ((Document("كم طول القارب؟"), "supported"), (None, "unverified")):
        (citation,) = attribute(Document("عشرات الأذرع"), [passage], FixedSimilarity(similarity), question)
        assert citation.verdict == verdict


@pytest.mark.parametrize(("words", "verdict"), [(0.9, "supported"), (0.3, "unverified")])
def test_a_short_statement_in_another_language_is_supported_by_a_phrase_that_means_the_same(words, verdict):
    similarity = FixedSimilarity(lambda *_: [0.4, 0.1], words)
    text = "أكثر الأسباب شيوعًا ضعف التهوية. وبلغ عددها كثيرًا."
    assert verdict_of("Poor ventilation", "What was the most common reason?", similarity, text)[0] == verdict


@pytest.mark.parametrize(
    ("statement", "quote", "expected"),
    [
        ("At least 21 years", "أن يكون قد أتم الحادية والعشرين", True),
        ("At least 22 years", "أن يكون قد أتم الحادية والعشرين", False),
    ],
)
def test_a_number_in_digits_is_held_by_one_in_words(statement, quote, expected):
    assert completes(Document(statement), Document("How old?"), Document(quote)) is expected


def test_phrases_are_about_as_long_as_the_statement():
    assert set(phrases(Document("a b c d"), Document("x"))) == {
        "a",
        "b",
        "c",
        "d",
        "a b",
        "b c",
        "c d",
        "a b c",
        "b c d",
    }


def test_the_only_sentence_answers_the_question():
    assert Context(Document("كم؟"), [0.0], [Document(LENGTH)]).is_answered_by(0)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        (f"طول القارب\n\n{LENGTH}", LENGTH),
        ("أين بلغ القارب؟\n\nبلغ القارب ميناء بعيدًا في آخر الصيف.", "بلغ القارب ميناء بعيدًا في آخر الصيف."),
        ("بلغ القارب 40", "بلغ القارب 40"),
        ("الطول 40\nالوزن 3", "الطول 40"),
    ],
)
def test_a_heading_is_no_evidence_where_there_is_a_sentence(text, quote):
    hit = make_hit(text)
    similarities = [0.9, 0.8][: len(hit.sentences)]
    assert verdict_of("وصل المركب", "إلى أين وصل؟", lambda *_: similarities, text)[1] == quote
