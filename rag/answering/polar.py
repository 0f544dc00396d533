"""Yes or no, where a quote says it."""

from rag.language.document import Document
from rag.language.languages import PROFILES


def find_polarity(question: Document, quote: Document, title: Document) -> bool | None:
    """Whether a quote affirms what a question asks; None for another kind of question, or where the quote does not say.

    It says so where it, or the title of its article, has every term of the question: it affirms where nothing in it
    denies, and denies where the denial stands before one of these terms. A quote in another language never says it.

    Parameters
    ----------
    question : Document
        That was asked.
    quote : Document
        That answers.
    title : Document
        Of the quote's article.
    """
    profile = PROFILES[question.language]
    asks = profile.asks_whether.match(question.folded_text.text)
    if quote.language != question.language or not asks or profile.negations.search(question.folded_text.text):
        return None
    behind = question.folded_text.source_span(0, asks.end()).end
    asked = [frozenset(term.stems) for term in question.content_terms if term.span.start >= behind]
    if not asked or any(quote.stems.isdisjoint(stems) and title.stems.isdisjoint(stems) for stems in asked):
        return None
    denials = list(profile.negations.finditer(quote.folded_text.text))
    if not denials:
        return True
    wanted = frozenset[str]().union(*asked)
    return False if any(_denies(quote, denial.end(), wanted) for denial in denials) else None


def _denies(quote: Document, end: int, wanted: frozenset[str]) -> bool:
    """Whether the term behind a denial that ends at an offset of the folded text is one that was asked for."""
    at = quote.folded_text.source_span(0, end).end
    following = next((term for term in quote.content_terms if term.span.start >= at), None)
    return following is not None and not wanted.isdisjoint(following.stems)
