"""What the reader takes for the answer, held against what a model says."""

import pytest

from rag.grounding.expected import ExpectedAnswer
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
    return ExpectedAnswer(Document(words), probability, HIT, Span(*sentence))


def judge(draft: str, similarity: FixedSimilarity, expected: ExpectedAnswer | None) -> list[str]:
    verifier = StreamingVerifier([HIT], similarity, "en", QUESTION, expected)
    verifier.feed(draft)
    verifier.finish()
    return [statement.verdict for statement in verifier.answer().statements]


def test_a_short_statement_with_the_readers_number_is_supported_by_its_sentence():
    assert judge("About $47 million.", FAR, None) == ["unverified"]
    verifier = StreamingVerifier([HIT], FAR, "en", QUESTION, expect())
    verifier.feed("About $47 million.")
    verifier.finish()
    [statement], [citation] = verifier.answer().statements, verifier.answer().citations
    assert (statement.verdict, citation.quote) == ("supported", TEXT[TEXT.index("وقدّرت") :])
    assert judge("About $47 million.", FAR, expect(probability=0.05)) == ["unverified"]


def test_another_number_than_the_readers_is_marked():
    assert judge("It happened on 15 June [1].", NEAR, None) == ["supported"]
    assert judge("It happened on 15 June [1].", NEAR, expect()) == ["unverified"]
    assert judge("It happened on 15 June [1].", NEAR, expect(probability=0.2)) == ["supported"]


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
