"""What the reader takes for the answer, held against what a model says."""

import pytest

from rag.grounding.expected import ExpectedAnswer, ReadAnswer, is_bare
from rag.grounding.verifier import StreamingVerifier
from rag.language.document import Document
from rag.types import Span
from tests.doubles import FixedSimilarity, make_hit

TEXT = "توقفت المحطة شهورًا بسبب تسرب. وقدّرت الشركة خسائر ذلك بنحو 47 مليون دولار، ثم عادت في 15 يونيو."
HIT = make_hit(TEXT)
QUESTION = Document("What did the leak cost?")
NEAR = FixedSimilarity(0.95)
FAR = FixedSimilarity(lambda statement, hit: [0.5, 0.1] if statement == QUESTION.text else [0.1, 0.1])
"""The question is nearest to the first sentence, which names the leak, and not to the one that answers."""


def expect(words: str = "47 مليون دولار", probability: float = 0.5) -> ExpectedAnswer:
    start = TEXT.index(words)
    sentence = next(span for span in HIT.sentences if span.start <= start < span.end)
    return ExpectedAnswer((ReadAnswer(Document(words), 0.9, probability / 0.9, HIT, Span(*sentence)),))


def judge(draft: str, similarity: FixedSimilarity, expected: ExpectedAnswer | None) -> list[str]:
    verifier = StreamingVerifier([HIT], similarity, "en", QUESTION, expected)
    verifier.feed(draft)
    verifier.finish()
    return [statement.verdict for statement in verifier.answer().statements]


def test_a_short_statement_with_the_readers_number_is_supported_by_its_sentence():
    draft = "The leak cost about $47 million."
    assert judge(draft, FAR, None) == ["unverified"]
    verifier = StreamingVerifier([HIT], FAR, "en", QUESTION, expect())
    verifier.feed(draft)
    verifier.finish()
    [statement], [citation] = verifier.answer().statements, verifier.answer().citations
    assert (statement.verdict, citation.quote) == ("supported", TEXT[TEXT.index("وقدّرت") :])
    assert judge(draft, FAR, expect(probability=0.05)) == ["unverified"]


def test_another_number_than_the_readers_is_marked():
    draft = "The leak cost them 15 June [1]."
    assert judge(draft, NEAR, None) == ["supported"]
    assert judge(draft, NEAR, expect()) == ["unverified"]
    assert judge(draft, NEAR, expect(probability=0.2)) == ["supported"]


@pytest.mark.parametrize(("answer", "verdict"), [("47 million dollars", "supported"), ("15 June", "unverified")])
def test_of_bare_answers_only_the_readers_is_supported(answer, verdict):
    similarity = FAR._replace(words=0.9 if verdict == "supported" else 0.1)
    assert judge(f"{answer} [1].", similarity, expect(probability=0.8)) == [verdict]


def test_a_bare_answer_that_the_passage_does_not_bear_by_itself_cites_the_readers_sentence():
    similarity = FAR._replace(words=0.9)
    assert judge("47 million.", similarity, None) == ["unverified"]
    verifier = StreamingVerifier([HIT], similarity, "en", QUESTION, expect(probability=0.8))
    verifier.feed("47 million.")
    verifier.finish()
    [citation] = verifier.answer().citations
    assert citation.quote == TEXT[TEXT.index("وقدّرت") :]


def test_a_bare_answer_that_is_like_the_readers_with_another_number_is_not_supported():
    alike = FAR._replace(words=0.6)
    assert judge("47 million dollars [1].", alike, expect(probability=0.8)) == ["supported"]
    assert judge("99 million dollars [1].", alike, expect(probability=0.8)) == ["unverified"]


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("15 June", "Which months did it stop in?"),
        ("15 June", "Did it come back in June?"),
        ("The leak", "What did the leak cost?"),
        ("Its storage of molten salt had leaked into the ground", "What happened?"),
        ("It is so", "What happened?"),
    ],
    ids=["several things", "yes or no", "words of the question", "too long", "no terms"],
)
def test_what_is_no_answer_alone_is_not_bare(statement, question):
    assert not is_bare(Document(statement), Document(question))
    assert is_bare(Document("15 June"), QUESTION)


def test_neither_an_item_of_a_list_nor_a_later_statement_is_bare():
    far_words = NEAR._replace(words=0.0)
    unlike = expect(probability=0.8)
    assert judge("It stopped [1].", far_words, unlike) == ["unverified"]
    assert judge("- It stopped [1].", far_words, unlike) == ["supported"]
    assert judge("The leak cost 47 million dollars [1]. It stopped [1].", far_words, unlike) == ["supported"] * 2


def test_only_the_first_number_is_held_against_the_readers():
    draft = "It cost 47 million dollars [1]. It came back on 15 June [1]."
    assert judge(draft, NEAR, expect()) == ["supported", "supported"]


def test_a_number_of_another_unit_answers_something_else():
    text = Document("It took 15 days.")
    assert not expect().doubts(text, QUESTION)
    assert expect().doubts(Document("It cost 15 dollars."), QUESTION)


@pytest.mark.parametrize("statement", ["One of them leaked.", "The leak was costly.", "It leaked."])
def test_a_statement_without_a_number_is_neither_supported_nor_doubted(statement):
    assert not expect().supports(Document(statement), QUESTION)
    assert not expect().doubts(Document(statement), QUESTION)


def test_a_number_of_the_question_is_no_answer():
    asked = Document("What did the leak of 15 June cost?")
    assert not expect().doubts(Document("The leak of 15 June was costly."), asked)
