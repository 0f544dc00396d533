"""Whether a sentence of an article bears out a statement that cites it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from rag.names import Known, exchanged, strange_names
from rag.quantities import borne_out
from rag.text import language, numbers, terms, trimmed
from rag.types import Citation, Hit, Span, Verdict

_SUPPORT: dict[bool, float] = {True: 0.60, False: 0.54}
"""Cosines of the sentence view above which a sentence is borne out by another, within a language and across: of 180
true statements about the sample articles (`eval/gold/statements.jsonl`) 98 % lie above, of made-up ones 75 % below."""
_BONUS = 0.1
"""For shared numbers, and as much for shared words, where two sentences of a passage are about as near."""
_LIST_MARK = re.compile(r"[•‣◦▪●]\s+")
_LEAD_CHARS = 500
"""Of the article's beginning, where the names that a passage takes for granted are given in full."""

Similarity = Callable[[str, Hit], Sequence[float]]
"""Cosines of a statement with each sentence of a hit."""


def evidence_for(statement: str, hits: Sequence[Hit], similarity: Similarity) -> list[Citation]:
    """For each of `hits`, its sentence that bears `statement` out best, as a citation that is not yet numbered.

    A statement may rest on several passages together, so its numbers and names may stand in any of them. Passages
    that do not bear it out are left out where another one does.
    """
    sound = _sound(statement, hits)
    found = [_best(statement, hit, similarity(statement, hit), sound) for hit in hits]
    if any(citation.verdict == "supported" for citation in found) and _exchanged(statement, found, hits):
        found = [replace(citation, verdict="unverified") for citation in found]
    return [citation for citation in found if citation.verdict != "unverified"] or found


def _sound(statement: str, hits: Sequence[Hit]) -> bool:
    """Whether every number, date, unit and name of `statement` stands in the passages it cites."""
    passages = "\n".join(hit.text for hit in hits)
    if not borne_out(statement, passages):
        return False
    return next(strange_names(statement, _known("\n".join(map(_surroundings, hits)))), None) is None


def _exchanged(statement: str, found: Sequence[Citation], hits: Sequence[Hit]) -> bool:
    """Whether a name of the quotes that bear `statement` out was exchanged for another one."""
    quotes = "\n".join(citation.quote for citation in found if citation.verdict != "unverified")
    sentences = [hit.article.text[slice(*span)] for hit in hits for span in hit.sentences]
    return exchanged(statement, quotes, "\n".join(hit.article.title for hit in hits), sentences)


def _surroundings(hit: Hit) -> str:
    return f"{hit.article.title}\n{hit.article.text[:_LEAD_CHARS]}\n{hit.text}"


@lru_cache(maxsize=64)
def _known(text: str) -> Known:
    return Known.of(text)


def _best(statement: str, hit: Hit, similarities: Sequence[float], sound: bool) -> Citation:
    text = hit.article.text
    wanted = numbers(statement)
    own = {stem for term in terms(statement) for stem in term.stems}

    def strength(at: int) -> float:
        sentence = text[slice(*hit.sentences[at])]
        shared = sum(any(stem in own for stem in term.stems) for term in terms(sentence))
        bonus = len(wanted & numbers(sentence)) / len(wanted) if wanted else 0.0
        return similarities[at] + _BONUS * (bonus + shared / (len(own) or 1))

    at = max(range(len(hit.sentences)), key=strength)
    quote = text[slice(*hit.sentences[at])]
    verdict = verdict_of(statement, quote, similarities[at]) if sound else "unverified"
    return cite(hit, hit.sentences[at], verdict, similarities[at])


def verdict_of(statement: str, quote: str, similarity: float) -> Verdict:
    """How far `quote` bears `statement` out, whose numbers and names stand."""
    said, stands = _words(statement), _words(quote)
    if said and said in stands:
        return "verbatim"
    return "supported" if similarity >= _SUPPORT[language(statement) == language(quote)] else "unverified"


def _words(text: str) -> str:
    return f" {' '.join(term.surface for term in terms(text))} "


def cite(hit: Hit, span: Span, verdict: Verdict, score: float, number: int = 0) -> Citation:
    """A citation of `span` of the hit's article: the quote is the stored text, by construction, a list's mark apart."""
    article = hit.article
    start, end = trimmed(article.text, span)
    if mark := _LIST_MARK.match(article.text, start, end):
        start = mark.end()
    return Citation(
        number=number,
        article_id=article.id,
        title=article.title,
        url=article.url,
        start=start,
        end=end,
        quote=article.text[start:end],
        verdict=verdict,
        score=round(min(1.0, max(0.0, float(score))), 4),
    )
