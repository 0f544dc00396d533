"""Facts that a sentence tells of something else than a statement does: the days of the drone, said of the worker."""

import re
from collections.abc import Iterator

from rag.embedding.bm25 import index_terms
from rag.language.document import Document
from rag.language.gazetteer import ListedName
from rag.types import Span

_CLAUSE = re.compile(r"[^،,؛;:]+")
_NEXT_NUMBER = re.compile(r"\s(?=(?:و|and\s)\s?[0-9٠-٩])")
"""Within a clause, where another number is told beside the first: 320 دينارا للآلي و180 دينارا للتنور."""


def has_misplaced_fact(statement: Document, quote: Document) -> bool:
    """Whether a fact of a statement stands in another clause of its quote than all else that both say, while the clause
    that says this has another fact of the kind.

    Facts are numbers that count the same unit, and listed names. What both say is met by stems within a language, by
    names across.
    """
    clauses = list(_clauses(quote))
    if len(clauses) < 2:
        return False
    said = _keys(statement)
    shared = [said & _keys(clause) for clause in clauses]
    distinctive = [
        keys - set().union(*(other for at, other in enumerate(shared) if at != here))
        for here, keys in enumerate(shared)
    ]
    kinds = [_facts(clause) for clause in clauses]
    return any(_is_elsewhere(kind, value, _facts(statement), kinds, distinctive) for kind, value in _facts(statement))


def _is_elsewhere(
    kind: str,
    value: str,
    said: set[tuple[str, str]],
    facts: list[set[tuple[str, str]]],
    distinctive: list[set[str]],
) -> bool:
    """Whether no clause with a fact has words of the statement that tell it from the others, and one with another fact
    of its kind has."""
    own = [at for at, of_clause in enumerate(facts) if (kind, value) in of_clause]
    rivals = [
        at
        for at, of_clause in enumerate(facts)
        if at not in own and any(other == kind and (other, rival) not in said for other, rival in of_clause)
    ]
    return bool(own) and not any(distinctive[at] for at in own) and any(distinctive[at] for at in rivals)


def _clauses(quote: Document) -> Iterator[Document]:
    for match in _CLAUSE.finditer(quote.text):
        start = match.start()
        for end in [*(split.start() for split in _NEXT_NUMBER.finditer(quote.text, *match.span())), match.end()]:
            if quote.text[start:end].strip():
                yield quote.part(Span(start, end))
            start = end


def _facts(document: Document) -> set[tuple[str, str]]:
    """Numbers by what they count, and listed names."""
    numbers = {(unit, str(one.number.value)) for one in document.quantities for unit in one.units}
    names = {("name", canonical) for name in _names(document) for canonical in name.canonical_names}
    return numbers | names


def _keys(document: Document) -> set[str]:
    """Index terms of the content words that are no part of a fact."""
    spans = [name.span for name in _names(document)]
    units = {
        word.source for one in document.quantities for word in document.words[one.number.first : one.number.end + 1]
    }
    return {
        key
        for term, keys in index_terms(document)
        if not any(map(term.span.overlaps, spans)) and document.text[slice(*term.span)] not in units
        for key in keys
    }


def _names(document: Document) -> list[ListedName]:
    return [name for name in document.listed_names if name.unambiguous]
