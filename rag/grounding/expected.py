"""What the reader takes for the answer, held against what a model says: the same number, or another one."""

from fractions import Fraction
from typing import NamedTuple

from rag.grounding.quantities import is_pronoun
from rag.language.document import Document
from rag.language.units import Quantity
from rag.types import Hit, Span

_MIN_AGREEING, _MIN_DENYING = 0.1, 0.3
"""Probability of the reader's words from which their number supports a statement, or casts doubt on one with another
number. Of 416 questions for a number over articles that the reader was not trained on it supports the right number for
0.68 and casts doubt on it for 0.05; on another number of the same passages for 0.50. From 0.2 on these are 0.09 and
0.65, from 0.4 on 0.02 and 0.36."""


class ExpectedAnswer(NamedTuple):
    """The words that the reader takes for the answer.

    Attributes
    ----------
    words : Document
        They.
    probability : float
        That they answer, 0..1.
    hit : Hit
        Where they stand.
    sentence : Span
        Which holds them, in offsets of the article.
    """

    words: Document
    probability: float
    hit: Hit
    sentence: Span

    def supports(self, statement: Document, question: Document) -> bool:
        """Whether a statement tells this number, and no other that the question does not tell."""
        stated, own = _new_numbers(statement, question), _new_numbers(self.words, question)
        return self.probability >= _MIN_AGREEING and bool(stated) and set(stated) <= set(own)

    def doubts(self, statement: Document, question: Document) -> bool:
        """Whether a statement tells another number in place of this one, of the same thing as far as units say."""
        stated, own = _new_numbers(statement, question), _new_numbers(self.words, question)
        if self.probability < _MIN_DENYING or not stated or not own or not set(stated).isdisjoint(own):
            return False
        units, own_units = _units(stated), _units(own)
        return not units or not own_units or not units.isdisjoint(own_units)


def has_new_number(statement: Document, question: Document) -> bool:
    """Whether a statement tells a number that its question does not."""
    return bool(_new_numbers(statement, question))


def _new_numbers(document: Document, question: Document) -> dict[Fraction, Quantity]:
    asked = {quantity.number.value for quantity in question.quantities}
    counted = (quantity for quantity in document.quantities if not is_pronoun(quantity))
    return {quantity.number.value: quantity for quantity in counted if quantity.number.value not in asked}


def _units(numbers: dict[Fraction, Quantity]) -> frozenset[str]:
    return frozenset[str]().union(*(quantity.units for quantity in numbers.values()))
