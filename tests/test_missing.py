"""Names and years of a question that an article lacks."""

import pytest

from eval.run import open_temporary_assistant
from rag.answering.missing import weigh_articles
from rag.answering.reader import Reading, ReadSentence
from rag.answering.years import find_years
from rag.language.document import Document
from rag.retrieval.calibration import odds_of
from rag.settings import load_settings
from rag.types import NO_FILTERS, Filters
from tests.doubles import article, make_hit
from tests.test_reader import score

CUP = "أقيمت كأس العالم في قطر سنة ٢٠٢٢. وفازت بها الأرجنتين."


@pytest.mark.parametrize(
    ("question", "is_missing"),
    [
        ("Who won the World Cup in Qatar?", False),
        ("Who won the World Cup in Brazil?", True),
        ("Who won the 2022 World Cup?", False),
        ("Who won the 2026 World Cup?", True),
        ("من فاز بكأس العالم ٢٠٢٢؟", False),
        ("من فاز بكأس العالم ٢٠٢٦؟", True),
        ("Who won?", False),
    ],
)
def test_an_article_without_what_the_question_names_is_less_likely_to_answer(question, is_missing):
    (weight,) = weigh_articles(Document(question), [make_hit(CUP)]).values()
    assert 0 < weight <= 1
    assert (weight < 1) == is_missing


def test_years_count_where_names_do_not():
    hits = [make_hit(CUP)]
    assert weigh_articles(Document("Who won the World Cup in Brazil?"), hits, has_names=False) == {"a": 1.0}
    assert weigh_articles(Document("Who won the 2026 World Cup?"), hits, has_names=False)["a"] < 1


def test_an_article_that_lacks_a_name_comes_behind_one_that_has_it():
    cup, coffee = make_hit(CUP, article_id="cup"), make_hit("زُرع البن في البرازيل.", article_id="coffee")
    sentences = [*score(cup), *score(coffee)]
    reading = Reading([ReadSentence(one, share) for one, share in zip(sentences, (0.3, 0.3, 0.2), strict=True)], 0.8)
    weighed = reading.weigh_articles({"cup": 0.2, "coffee": 1.0})
    assert weighed.sentences[0].sentence.hit.article.id == "coffee"
    assert sum(one.probability for one in weighed.sentences) == pytest.approx(weighed.probability)
    assert weighed.probability == pytest.approx((0.6 * 0.2 + 0.2) / (0.6 * 0.2 + 0.2 + 0.2))


def test_years_are_found_in_any_digits():
    assert find_years("سنة ١٣٢٥م، أي 725 هـ، ثم 2022 و٢٠٢٦؛ 12345 و0999 و2100") == {1325, 2022, 2026}


def test_a_missing_name_counts_where_the_article_was_not_chosen():
    with open_temporary_assistant(load_settings(), [article(CUP, "cup")]) as assistant:

        def read(question, filters):
            return odds_of(assistant.read(assistant.search(question, filters=filters)).reading.probability)

        chosen, of_language = Filters(articles=("cup",)), Filters(languages=("ar",))
        missing, named = "Who won the World Cup in Brazil?", "Who won the World Cup in Qatar?"
        assert read(missing, NO_FILTERS) < 0.5 * read(missing, chosen)
        assert read(missing, of_language) == pytest.approx(read(missing, NO_FILTERS))
        assert read(named, NO_FILTERS) == pytest.approx(read(named, chosen))
