"""Numbers, dates and units of a statement, held against the passages it cites."""

from collections.abc import Iterator, Sequence

from rag.language.document import Document
from rag.language.units import Quantity

_KINDS_OF_A_WHOLE = ("cardinal", "ordinal")
_UNCOUNTED_VALUES = (1, 2)
"""In words, without a unit: "one of them", "the second"."""
_MAX_COUNTED = 10
"""Of things that were named before: "the three parties", الدول الأربع."""
_PERCENT = "percent"
_ERA = "CE"
"""A year may go without it."""
_DEFINITE, _DEFINITE_PREFIXES = frozenset(("the", "these", "all")), ("ال", "وال", "بال", "لل")


def quantities_supported(statement: Document, passages: Sequence[Document]) -> bool:
    """Whether every number, date and unit of a statement stands in some passage, in whichever language and spelling."""
    return next(unsupported_quantities(statement, passages), None) is None


def unsupported_quantities(statement: Document, passages: Sequence[Document]) -> Iterator[str]:
    """What a statement says of numbers, dates and units that no passage says, in the statement's words; months by their
    English names."""
    yield from _unsupported_numbers(statement, passages)
    dates = [date for passage in passages for date in passage.dates]
    yield from (date.month for date in statement.dates if not any(date.may_equal(other) for other in dates))
    yield from sorted(statement.weekdays.difference(*(passage.weekdays for passage in passages)))
    yield from sorted(statement.seasons.difference(*(passage.seasons for passage in passages)))
    yield from sorted(statement.quarters.difference(*(passage.quarters for passage in passages)))


def is_pronoun(quantity: Quantity) -> bool:
    """Whether a number in words only points at something: "one of them", "the second"."""
    number, units = quantity
    return number.is_spelled and number.value in _UNCOUNTED_VALUES and not (units and number.kind == "cardinal")


def _unsupported_numbers(statement: Document, passages: Sequence[Document]) -> Iterator[str]:
    quantities = [quantity for passage in passages for quantity in passage.quantities]
    units = set[str]().union(*(passage.units for passage in passages))
    for quantity in statement.quantities:
        if not (_counts_named_things(statement, quantity) or _is_supported(quantity, quantities, units)):
            number = quantity.number
            yield " ".join(word.source for word in statement.words[number.first : number.end])
    yield from (min(unit) for unit in statement.single_units if not unit & units)


def _counts_named_things(statement: Document, quantity: Quantity) -> bool:
    """Whether a number in words counts what the statement takes for known, as "the three parties" does."""
    number = quantity.number
    if quantity.units or number.kind != "cardinal" or not number.is_spelled or number.value > _MAX_COUNTED:
        return False
    before = statement.words[number.first - 1].text if number.first else ""
    return before in _DEFINITE or statement.words[number.first].text.startswith(_DEFINITE_PREFIXES)


def _is_supported(quantity: Quantity, others: Sequence[Quantity], mentioned_units: set[str]) -> bool:
    number, units = quantity
    if is_pronoun(quantity):
        return True
    if any(_is_percentage_of(quantity, other) or _is_percentage_of(other, quantity) for other in others):
        return True
    equal = [other.units for other in others if _has_equal_number(other, quantity)]
    if not equal and number.is_spelled and number.value == 1:
        return bool(units & mentioned_units)  # the passage may say "a metre", or "every metre"
    return any(
        not units or units & other or (not other and (units & mentioned_units or _ERA in units)) for other in equal
    )


def _has_equal_number(one: Quantity, other: Quantity) -> bool:
    """Whether two numbers are equal; decades and parts of a whole only to their own kind."""
    if one.number.value != other.number.value:
        return False
    if other.number.kind in _KINDS_OF_A_WHOLE:
        return one.number.kind in _KINDS_OF_A_WHOLE
    return one.number.kind == other.number.kind


def _is_percentage_of(percentage: Quantity, part: Quantity) -> bool:
    """Whether one number says a part of a whole in hundredths: 50 % and a half."""
    return (
        part.number.kind == "part"
        and _PERCENT in percentage.units
        and percentage.number.value == 100 * part.number.value
    )
