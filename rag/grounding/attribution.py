"""Whether a sentence of an article bears out a statement that cites it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

from rag.grounding.entities import Known, exchanged, strange_names
from rag.grounding.quantities import borne_out
from rag.grounding.substitution import replaced
from rag.language.text import language, numbers, terms, trimmed
from rag.types import Citation, Hit, Span, Verdict

_SUPPORT: dict[bool, float] = {True: 0.60, False: 0.54}
"""Cosines of the sentence view above which a sentence is borne out by another, within a language and across: of 180
true statements about the sample articles (`eval/gold/statements.jsonl`) 98 % lie above, of made-up ones 75 % below."""
_BONUS = 0.1
"""For shared numbers, and as much for shared words, where two sentences of a passage are about as near."""
_LIST_MARK = re.compile(r"[•‣◦▪●]\s+")
_LEAD_CHARS = 500
"""Of the article's beginning, where the names that a passage takes for granted are given in full."""

_SAME_NAME = 0.5
"""Cosine from which a name and words of a quote in the other language are the same: of 293 true English sentences of
XQuAD a name is strange in 0.13 by spelling and sound, in 0.04 with this too; of 408 with another answer put in 0.45,
0.37."""
_SAME_WORD = 0.4
"""Cosine from which words say the same within a language: 5 % of 102 pairs of synonyms lie below, of 380 answers put in
place of others 92 %."""


class Nearness(Protocol):
    """How near texts are in meaning: cosines of the sentence view."""

    def of_sentences(self, statement: str, hit: Hit) -> Sequence[float]:
        """Of a statement with each sentence of a hit."""

    def of_words(self, words: str, others: Sequence[str]) -> float:
        """Of a few words with the nearest of others."""


def evidence_for(statement: str, hits: Sequence[Hit], nearness: Nearness) -> list[Citation]:
    """For each of `hits`, its sentence that bears `statement` out best, as a citation that is not yet numbered.

    A statement may rest on several passages together, so its numbers and names may stand in any of them. Passages
    that do not bear it out are left out where another one does.
    """
    found = [_best(statement, hit, nearness.of_sentences(statement, hit)) for hit in hits]
    sound = _sound(statement, hits, [citation.quote for citation in found], nearness)
    if sound and any(citation.verdict == "supported" for citation in found):
        known = _known("\n".join(map(_surroundings, hits)))
        sound = not (_exchanged(statement, found, hits) or _replaced(statement, found, known, nearness))
    if not sound:
        return [replace(citation, verdict="unverified") for citation in found]
    return [citation for citation in found if citation.verdict != "unverified"] or found


def _sound(statement: str, hits: Sequence[Hit], quotes: Sequence[str], nearness: Nearness) -> bool:
    """Whether every number, date, unit and name of `statement` stands in the passages it cites."""
    if not borne_out(statement, "\n".join(hit.text for hit in hits)):
        return False
    strange = list(strange_names(statement, _known("\n".join(map(_surroundings, hits)))))
    if not strange:
        return True
    spoken = language(statement)
    others = [pair for quote in quotes if language(quote) != spoken for pair in _pairs(quote)]
    return bool(others) and all(nearness.of_words(name, others) >= _SAME_NAME for name in strange)


def _pairs(quote: str) -> list[str]:
    """The words of a quote, and each with the next."""
    words = [term.surface for term in terms(quote)]
    return [*words, *map(" ".join, pairwise(words))]


def _replaced(statement: str, found: Sequence[Citation], known: Known, nearness: Nearness) -> bool:
    """Whether `statement` repeats one of the quotes but for words that say something else there."""
    spoken = language(statement)
    return any(
        nearness.of_words(new, [old]) < _SAME_WORD
        for citation in found
        if citation.verdict == "supported" and language(citation.quote) == spoken
        for new, old in replaced(statement, citation.quote, known)
    )


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


def _best(statement: str, hit: Hit, similarities: Sequence[float]) -> Citation:
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
    verdict = verdict_of(statement, quote, similarities[at])
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
