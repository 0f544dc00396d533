"""Words that a statement says in place of those of the sentence that it repeats for the rest."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from rag.grounding.entities import EntityIndex
from rag.language.document import Document
from rag.language.terms import Term

_MIN_REPEATED = 0.75
"""Share of a statement's content words, in the order of the sentence, from which it repeats that sentence. Of 90 true
Arabic paraphrases written for this 1 repeats so much and says another word, of 407 sentences of XQuAD with another
answer put in place of theirs 380."""


def find_substitutions(statement: Document, quote: Document, known: EntityIndex) -> Iterator[tuple[str, str]]:
    """What a statement says that the article does not know, each with what the quote says there.

    Parameters
    ----------
    statement, quote : Document
        Sentences in one language.
    known : EntityIndex
        The words and names of the article.

    Yields
    ------
    tuple of str
        Folded words of the statement, and those of the quote in their place.
    """
    said, quoted = statement.content_terms, quote.content_terms
    stem_of = {stem: term.stems[0] for term in reversed(quoted) for stem in term.stems}
    aligned = [next((stem_of[stem] for stem in term.stems if stem in stem_of), term.stems[0]) for term in said]
    changes = SequenceMatcher(None, aligned, [term.stems[0] for term in quoted], autojunk=False).get_opcodes()
    repeated = sum(end - start for kind, start, end, _, _ in changes if kind == "equal")
    if repeated < _MIN_REPEATED * len(said):
        return
    for kind, start, end, first, last in changes:
        new = [term for term in said[start:end] if not known.contains_word(term)]
        # A number may be written out in place of its digits: numbers are verified elsewhere.
        if kind == "replace" and new and not any(_is_number(term) for term in (*new, *quoted[first:last])):
            yield _join(new), _join(quoted[first:last])


def _is_number(term: Term) -> bool:
    return term.surface[0].isdigit()


def _join(terms: Sequence[Term]) -> str:
    return " ".join(term.surface for term in terms)
