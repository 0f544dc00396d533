import pytest

from rag.grounding.attribution import attribute, cite, judge_quote
from rag.grounding.passage import Passage
from rag.language import document
from rag.language.document import Document
from rag.types import Span
from tests.doubles import FixedSimilarity, count_calls, make_hit

BIRTH = "وُلد ابن بطوطة في طنجة."
FIVE = f"{BIRTH} وسافر إلى مكة سنة 1325م. ثم زار مصر والشام. وعاد بعد 24 سنة. ومات في المغرب سنة 1369م."


def min_supporting_similarity(statement):
    """The least similarity, in thousandths, at which `BIRTH` supports a statement."""
    verdicts = (judge_quote(Document(statement), Document(BIRTH), at / 1000) for at in range(1001))
    return next(at for at, verdict in enumerate(verdicts) if verdict == "supported")


def test_a_translation_is_supported_at_a_lower_similarity_than_a_paraphrase():
    across, within = map(min_supporting_similarity, ("He was born in Tangier", "مسقط رأسه طنجة"))
    assert 500 < across < within < 1000


def test_the_words_of_a_quote_are_verbatim_at_any_similarity():
    assert judge_quote(Document("ولد ابن بطوطه"), Document(BIRTH), -1.0) == "verbatim"
    assert judge_quote(Document("؟!"), Document(BIRTH), 0.0) == "unverified"


def test_a_citation_leaves_out_the_mark_of_a_list_item_and_white_space():
    hit = make_hit("• بند أول هنا. ")
    citation = cite(hit, Span(0, len(hit.article.text)), "verbatim", 0.51236, number=3)
    assert (citation.start, citation.end, citation.quote) == (2, 14, "بند أول هنا.")
    assert (citation.number, citation.verdict, citation.score) == (3, "verbatim", 0.5124)


@pytest.mark.parametrize(
    ("quote", "verdict"),
    [
        ("غادر الرحالة مدينته طنجة سنة 1325م، وعمل قاضيًا في دلهي سنين طويلة.", "supported"),
        ("غادر الرحالة مدينته طنجة سنة 1325م وعمل قاضيًا في دلهي.", "unverified"),
        ("لم يغادر الرحالة مدينته طنجة، ولم يعمل قاضيًا في دلهي.", "unverified"),
    ],
)
def test_one_clause_of_a_long_quote_supports_a_statement_that_says_the_same(quote, verdict):
    similarity = FixedSimilarity(0.3, words=0.8)
    (citation,) = attribute(Document("اشتغل الرحالة قاضيًا في مدينة دلهي"), [Passage(make_hit(quote))], similarity)
    assert citation.verdict == verdict


def test_a_statement_without_passages_has_no_citation():
    assert attribute(Document("وُلد في طنجة."), [], FixedSimilarity(1.0)) == []


def test_verifying_a_statement_analyses_each_text_once():
    """The statement, the text of the passage, its title, and what its names are looked up in are four texts; the five
    sentences are parts of the second."""
    statement, passage = "زار الرحالة مكة سنة 1325م", Passage(make_hit(FIVE))
    with count_calls(document, "fold") as folds, count_calls(document, "find_terms") as searches:
        (citation,) = attribute(Document(statement), [passage], FixedSimilarity(lambda *_: [0.1, 0.9, 0.1, 0.1, 0.1]))
    assert (citation.quote, citation.verdict) == ("وسافر إلى مكة سنة 1325م.", "supported")
    assert 0 < len(folds) <= 4
    assert 0 < len(searches) <= 4


def test_another_statement_over_the_same_passage_analyses_only_itself():
    passage, similarity = Passage(make_hit(FIVE)), FixedSimilarity(0.9)
    attribute(Document("زار الرحالة مكة سنة 1325م"), [passage], similarity)
    with count_calls(document, "fold") as folds, count_calls(document, "find_terms") as searches:
        attribute(Document("عاد الرحالة بعد 24 سنة"), [passage], similarity)
    assert (len(folds), len(searches)) == (1, 1)
