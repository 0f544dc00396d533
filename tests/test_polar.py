import pytest

from rag.answering.polar import find_polarity
from rag.language.document import Document


def polarity(question, quote, title=""):
    return find_polarity(Document(question), Document(quote), Document(title))


@pytest.mark.parametrize(
    ("question", "quote", "title", "is_so"),
    [
        ("هل تعيش أسماك في البحيرة؟", "تعيش في البحيرة أسماك صغيرة.", "", True),
        ("هل تعيش أسماك في البحيرة؟", "ولا تعيش في هذه المياه أسماك.", "البحيرة المالحة", False),
        ("وهل يشمل القطع المستشفى؟", "لا يشمل القطع المستشفى، فله خزان.", "", False),
        ("Does the rule cover seasonal workers?", "The rule covers seasonal workers in full.", "", True),
        ("Does the rule cover seasonal workers?", "It does not cover seasonal workers.", "The rule", False),
    ],
)
def test_yes_and_no_are_said_where_the_quote_says_them(question, quote, title, is_so):
    assert polarity(question, quote, title) is is_so


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("كم سمكة تعيش في البحيرة؟", "تعيش في البحيرة مئة سمكة."),  # not asked whether
        ("هل تعيش أسماك في البحيرة؟", "تعيش في البحيرة طيور."),  # of something else
        ("هل تعيش أسماك في البحيرة؟", "تعيش في البحيرة أسماك لم يرها أحد."),  # something else is denied
        ("هل لا تعيش أسماك في البحيرة؟", "تعيش في البحيرة أسماك."),  # what yes would mean is unclear
        ("Is it hot or cold?", "It is hot, and never cold."),
        ("Does the rule cover workers?", "لا تشمل اللائحة العمال."),  # in another language
    ],
)
def test_nothing_is_said_where_the_quote_does_not(question, quote):
    assert polarity(question, quote) is None
