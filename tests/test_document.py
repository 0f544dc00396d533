import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.language.document import Document
from rag.language.normalize import normalize_for_embedding
from rag.language.phonetics import consonant_skeleton, phonetic_keys
from rag.language.sentences import trim_span
from rag.types import Span
from tests.strategies import TEXTS, more_examples

ANALYSES = sorted(name for name in vars(Document) if not name.startswith("_") and name != "part")


def analyse(document):
    """What a part of a text must have as the same text alone has it."""
    return document.text, document.folded_text, document.terms, document.numbers


@more_examples
@given(TEXTS)
def test_no_text_raises(text):
    document = Document(text)
    for name in ANALYSES:
        getattr(document, name)
    normalize_for_embedding(text)
    consonant_skeleton(text)
    for term in document.terms:
        consonant_skeleton(term.surface)
        phonetic_keys(term, text)


@more_examples
@given(TEXTS)
@example("١٬٢٣٤\n٬٥٦٧. مُحَمَّدٌ\u200f 1,234.")
def test_a_sentence_as_a_part_is_analysed_as_its_text_alone(text):
    document = Document(text)
    for sentence in document.sentences:
        for span in (sentence, trim_span(text, sentence)):
            assert analyse(document.part(span)) == analyse(Document(text[slice(*span)]))


@more_examples
@given(TEXTS, st.data())
def test_a_part_has_the_text_of_its_span_and_terms_inside_it(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    part = Document(text).part(Span(start, end))
    assert part.text == text[start:end]
    assert part.folded_text.source == part.text
    assert len(part.folded_text.offsets) == len(part.folded_text.text)
    assert all(0 <= offset < len(part.text) for offset in part.folded_text.offsets)
    assert all(0 <= term.span.start < term.span.end <= len(part.text) for term in part.terms)


@pytest.mark.parametrize(("span", "surfaces"), [((0, 3), ["كتب"]), ((1, 3), ["تب"]), ((0, 6), ["كتب", "مح"])])
def test_a_word_that_is_cut_is_a_term_as_far_as_it_goes(span, surfaces):
    assert [term.surface for term in Document("كتب محمد").part(Span(*span)).terms] == surfaces


def test_a_part_keeps_the_default_language_of_its_text():
    assert [Document("123 456", code).part(Span(0, 3)).language for code in ("ar", "en")] == ["ar", "en"]


def test_each_analysis_is_made_once():
    document = Document("ولد ابن بطوطة في طنجة عام 1304.")
    for name in set(ANALYSES) - {"language", "direction"}:
        assert getattr(document, name) is getattr(document, name)
