"""Numbers, dates and units of a statement, held against the passage it cites."""

from collections.abc import Iterator, Sequence

from rag.language.dates import dates, days, seasons
from rag.language.numbers import quarters
from rag.language.units import Counted, counted, mentioned, single
from rag.language.word_tokens import Word, words

__all__ = ["borne_out", "misfits"]


def borne_out(statement: str, passage: str) -> bool:
    """Whether every number, date and unit of `statement` stands in `passage`, in whichever language and spelling."""
    return next(misfits(statement, passage), None) is None


def misfits(statement: str, passage: str) -> Iterator[str]:
    """What `statement` says of numbers, dates and units that `passage` does not, in the statement's words."""
    said, stands = words(statement), words(passage)
    yield from _numbers(said, stands)
    held = dates(stands)
    yield from (date.month for date in dates(said) if not any(date.meets(other) for other in held))
    for names in (days, seasons, quarters):
        yield from sorted(names(said) - names(stands))


def _numbers(said: Sequence[Word], stands: Sequence[Word]) -> Iterator[str]:
    held, named = counted(stands), mentioned(stands)
    for found in counted(said):
        if not _stands(found, held, named):
            yield " ".join(word.source for word in said[found.number.first : found.number.end])
    yield from (min(unit) for unit in single(said) if not unit & named)


def _stands(found: Counted, held: Sequence[Counted], named: set[str]) -> bool:
    number, unit = found
    if number.spelled and number.value in (1, 2) and not (unit and number.kind == "cardinal"):
        return True  # "one of them", "the second": no quantity
    whole = number.kind not in ("decade", "part")
    alike = [
        other.unit
        for other in held
        if other.number.value == number.value
        and (other.number.kind not in ("decade", "part") if whole else other.number.kind == number.kind)
    ]
    if not alike and number.spelled and number.value == 1:
        return bool(unit & named)  # the passage may say "a metre", or "every metre"
    return any(not unit or unit & other or (not other and unit & named) for other in alike)
