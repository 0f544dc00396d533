"""A text analysed once."""

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property

from rag.language import direction, gazetteer
from rag.language.dates import DateMention, find_dates, find_quarters, find_seasons, find_weekdays
from rag.language.detect import language_of_words
from rag.language.gazetteer import ListedName
from rag.language.languages import DEFAULT_LANGUAGE
from rag.language.mentions import find_mentions
from rag.language.normalize import FoldedText, fold
from rag.language.numbers import find_numbers
from rag.language.profile import Direction
from rag.language.sentences import find_sentences
from rag.language.terms import Term, find_terms, is_content
from rag.language.units import Quantity, find_quantities, find_single_units, find_units
from rag.language.words import Word, find_words
from rag.types import Language, Span


class Document:
    """A text with its analysis, each part made when it is first asked for (as spaCy's `Doc`).

    All spans are code points of `text`. Safe to share between threads.

    Parameters
    ----------
    text : str
        The text as written.
    default_language : Language
        Taken for the language where the text does not tell it.
    """

    def __init__(self, text: str, default_language: Language = DEFAULT_LANGUAGE) -> None:
        self.text = text
        self._default_language = default_language

    def __repr__(self) -> str:
        return f"Document({self.text!r})"

    def part(self, span: Span) -> "Document":
        """The document of `text[span.start:span.end]`, which shares this one's folding and terms."""
        part = Document(self.text[slice(*span)], self._default_language)
        part.folded_text = self.folded_text.part(span)
        first = bisect_left(self._term_starts, span.start)
        end = bisect_left(self._term_starts, span.end)
        inside = self.terms[first:end]
        is_cut = first > 0 and self.terms[first - 1].span.end > span.start
        if not is_cut and not (inside and inside[-1].span.end > span.end):
            part.terms = [_shift(term, span.start) for term in inside]
        return part

    @cached_property
    def folded_text(self) -> FoldedText:
        """The search key of the text, with the way back."""
        return fold(self.text)

    @cached_property
    def terms(self) -> list[Term]:
        """Words and numbers in order, with their stems."""
        return find_terms(self.folded_text)

    @cached_property
    def content_terms(self) -> list[Term]:
        """The terms that are no function words."""
        return [term for term in self.terms if is_content(term)]

    @cached_property
    def stems(self) -> frozenset[str]:
        """Every stem of every term."""
        return _stems(self.terms)

    @cached_property
    def content_stems(self) -> frozenset[str]:
        """Every stem of the content terms."""
        return _stems(self.content_terms)

    @cached_property
    def language(self) -> Language:
        """The language: function words decide, then the script of most letters, then `default_language`."""
        return language_of_words((term.surface for term in self.terms), self.text, self._default_language)

    @cached_property
    def direction(self) -> Direction:
        """The direction in which the text is shown as one block."""
        return direction.direction(self.text)

    @cached_property
    def sentences(self) -> list[Span]:
        """Sentences that cover the text without gap or overlap, each with the white space behind it."""
        return find_sentences(self.text)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in digits, in one spelling."""
        return find_numbers(self.folded_text)

    @cached_property
    def words(self) -> list[Word]:
        """Words, numbers and percent signs, as quantities are read from them."""
        return find_words(self.folded_text)

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Numbers, in digits or words, each with the unit it counts."""
        return find_quantities(self.words)

    @cached_property
    def units(self) -> set[str]:
        """Every unit that some word may name."""
        return find_units(self.words)

    @cached_property
    def single_units(self) -> list[frozenset[str]]:
        """The units of which one is meant, or each."""
        return list(find_single_units(self.words))

    @cached_property
    def dates(self) -> list[DateMention]:
        """Months with the day and year beside them."""
        return find_dates(self.words)

    @cached_property
    def weekdays(self) -> set[str]:
        """Days of the week."""
        return find_weekdays(self.words)

    @cached_property
    def seasons(self) -> set[str]:
        """Seasons of the year."""
        return find_seasons(self.words)

    @cached_property
    def quarters(self) -> set[str]:
        """Quarters of a year, Q1 to Q4."""
        return find_quarters(self.words)

    @cached_property
    def mentions(self) -> list[Span]:
        """Names by how they are written; the text is taken for one sentence."""
        return list(find_mentions(self.folded_text))

    @cached_property
    def names(self) -> list[ListedName]:
        """Listed names that sound unlike in the two languages, the longest at each place."""
        return list(gazetteer.names().find(self.folded_text))

    @cached_property
    def nested_names(self) -> list[ListedName]:
        """The same, with those that are part of a longer one."""
        return list(gazetteer.names().find(self.folded_text, include_nested=True))

    @cached_property
    def places(self) -> list[ListedName]:
        """Listed countries and cities."""
        return list(gazetteer.places().find(self.folded_text))

    @cached_property
    def listed_names(self) -> list[ListedName]:
        """Listed names of both kinds: a place that overlaps a name of the other kind is left out."""
        spans = [name.span for name in self.names]
        return [*self.names, *(place for place in self.places if not any(map(place.span.overlaps, spans)))]

    @cached_property
    def _term_starts(self) -> list[int]:
        return [term.span.start for term in self.terms]


def _stems(terms: Iterable[Term]) -> frozenset[str]:
    return frozenset(stem for term in terms for stem in term.stems)


def _shift(term: Term, by: int) -> Term:
    return term._replace(span=Span(term.span.start - by, term.span.end - by))
