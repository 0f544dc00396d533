"""An answer that is made of quotes: its words, its citations, its statements."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from prompts import reader_message
from rag.grounding.attribution import cite
from rag.grounding.markers import MARKER
from rag.grounding.verifier import VerifiedAnswer, make_inert
from rag.language.controls import close_directions
from rag.language.passage_words import JoinedSentences, join_words
from rag.types import Citation, Hit, Language, Span, Statement

_BREAK = "\n\n"


class Quote(NamedTuple):
    """Words of an article that are to be shown.

    Attributes
    ----------
    hit : Hit
        Of their article.
    span : Span
        In offsets of the article.
    support : float
        How well they match what is asked, 0..1.
    """

    hit: Hit
    span: Span
    support: float

    def contains(self, hit: Hit, span: Span) -> bool:
        """Whether words of a hit stand in it."""
        return hit.article.id == self.hit.article.id and self.span.start <= span.start and span.end <= self.span.end

    def says(self, other: "Quote") -> bool:
        """Whether all that another quote says stands in it, whichever articles they are of."""
        sentences = [span for span in self.hit.sentences if self.span.start <= span.start and span.end <= self.span.end]
        text = self.hit.article.text
        own = JoinedSentences(join_words(text[slice(*span)]) for span in sentences or [self.span])
        return own.has_all([join_words(other.hit.article.text[slice(*other.span)])])


class _Block(NamedTuple):
    """A paragraph of an answer, and the number of its citation if it is a quote."""

    text: str
    number: int | None = None


class Section(NamedTuple):
    """Quotes under a line of their own.

    Attributes
    ----------
    opening : str
        What is said before them; empty: the titles of their articles.
    quotes : sequence of Quote
        In the order in which they are read.
    """

    opening: str
    quotes: Sequence[Quote]


def format_quotes(
    sections: Sequence[Section], answer_language: Language, opening: str = "", direct: str = "", first_number: int = 1
) -> VerifiedAnswer:
    """The sections one after the other, each quote with its citation; the same words have one number.

    Parameters
    ----------
    sections : sequence of Section
        In the order in which they are read.
    answer_language : Language
        Of the words around the quotes.
    opening : str
        What is said before all of them.
    direct : str
        The few words of the first quote that answer, in the reader's language; empty where none are sure enough.
    first_number : int
        Of the citations.
    """
    citations: list[Citation] = []
    blocks = [_Block(opening)] if opening else []
    blocks += [_Block(f"{title_words(direct)} [{first_number}]")] if direct else []
    title = None
    for section in sections:
        blocks += [_Block(title_words(section.opening))] if section.opening else []
        for quote in section.quotes:
            citation = _number_citation(quote, citations, first_number)
            if citation.title != title and not section.opening:
                blocks.append(_Block(reader_message(answer_language, "source", title=title_words(citation.title))))
            title = citation.title
            blocks.append(_Block(f"«{quote_words(citation.quote)}» [{citation.number}]", citation.number))
    text = _BREAK.join(block.text for block in blocks)
    return VerifiedAnswer(text, tuple(citations), tuple(_find_statements(text, blocks)))


def append_quotes(answer: VerifiedAnswer, quotes: Sequence[Quote], heading: str, language: Language) -> VerifiedAnswer:
    """An answer with quotes beneath it, numbered on from its own citations."""
    below = format_quotes([Section("", quotes)], language, heading, first_number=len(answer.citations) + 1)
    start = len(answer.text) + len(_BREAK)
    moved = [replace(one, start=one.start + start, end=one.end + start) for one in below.statements]
    text = f"{answer.text}{_BREAK}{below.text}"
    return VerifiedAnswer(text, (*answer.citations, *below.citations), (*answer.statements, *moved))


def title_words(title: str) -> str:
    """Words of an article's title, or of a reader, that turn nothing around them."""
    return close_directions(make_inert(title))


def quote_words(quote: str) -> str:
    """A quote on one line, which turns nothing around it. Brackets around a number are the article's own; in an answer
    they would look like a marker."""
    line = close_directions(" ".join(make_inert(quote).split()))
    return MARKER.sub(lambda match: f"({match.group()[1:-1]})", line)


def _number_citation(quote: Quote, citations: list[Citation], first_number: int) -> Citation:
    citation = cite(quote.hit, quote.span, "verbatim", quote.support, first_number + len(citations))
    place = (citation.article_id, citation.start, citation.end)
    for known in citations:
        if (known.article_id, known.start, known.end) == place:
            return known
    citations.append(citation)
    return citation


def _find_statements(text: str, blocks: Sequence[_Block]) -> Iterator[Statement]:
    """The quotes of an answer. The direct answer before them is no statement of its own: it is words of the first."""
    end = 0
    for block in blocks:
        start = text.index(block.text, end)
        end = start + len(block.text)
        if block.number is not None:
            yield Statement(start, end, "verbatim", (block.number,))
