"""From `[n]` markers to citations that were checked against the articles.

A citation's quote is always cut from the stored text, never taken from a model. What is checked is whether the
quote bears out the sentence it stands behind.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.quantities import borne_out
from rag.text import language, numbers, sentences, terms, trimmed
from rag.types import Citation, Hit, Language, Span, Verdict

MARKER = re.compile(r"\[\s*\d{1,3}(?:\s*[,،]\s*\d{1,3})*\s*\]")
_NUMBER = re.compile(r"\d+")
_HELD = re.compile("[\ue000-\uf8ff]")
_HELD_AFTER_END = re.compile(r"(?<![.!?؟۔…])(?P<end>[.!?؟۔…]+[\"'”’»›)\]}*]*)\s*(?P<held>(?:[\ue000-\uf8ff]\s*)+)")
_ABBREVIATED = re.compile(r"(?:^|[\s.])[^\W\d_]$")
"""Markers are held as private-use characters while a draft is cut into sentences, so that nothing splits them."""
_MOST_MARKERS = 0xF8FF - 0xE000
_ITEM_NUMBER = re.compile(r"^\s*\d{1,3}[.)]\s")

_SUPPORT_SAME = 0.815
_SUPPORT_CROSS = 0.765
"""Cosines above which a sentence is borne out by another. On sentence pairs of the development data 95 % of the best
sentences of other paragraphs lie below them (within Arabic; English to Arabic), and 95 % of translations above 0.79."""

Similarity = Callable[[str, Hit], Sequence[float]]
"""Cosines of a statement with each sentence of a hit."""

UNVERIFIED: dict[Language, str] = {"ar": "(غير موثَّق)", "en": "(unverified)"}


@dataclass(frozen=True, slots=True)
class Verified:
    """An answer's text with markers 1..n by first use, and the citations they number."""

    text: str
    citations: tuple[Citation, ...]

    @property
    def supported(self) -> bool:
        """Whether any sentence is borne out."""
        return any(citation.verdict != "unverified" for citation in self.citations)


def verify(draft: str, hits: Sequence[Hit], similarity: Similarity, answer_in: Language) -> Verified:
    """Check every sentence of a model's `draft` against the passages its markers name (`hits`, counted from 1).

    Markers that name no passage are removed. Each remaining one becomes a citation of the passage's sentence
    that bears the statement out best, with a verdict. A statement without any is marked as unverified.
    """
    held, named = _hold(draft.strip())
    book = _Book()
    parts = [_checked(held[slice(*span)], named, hits, similarity, answer_in, book) for span in sentences(held)]
    return Verified("".join(parts).strip(), tuple(book.citations))


def _hold(draft: str) -> tuple[str, dict[str, list[int]]]:
    """The draft with each marker as one character standing before its sentence's end, and the numbers behind each.

    What looks like a marker once another is taken out, is taken out as well.
    """
    named: dict[str, list[int]] = {}

    def hold(match: re.Match[str]) -> str:
        if len(named) >= _MOST_MARKERS:
            return ""
        sign = chr(0xE000 + len(named))
        named[sign] = [int(number) for number in _NUMBER.findall(match.group())]
        return sign

    held = MARKER.sub(hold, _HELD.sub("", draft))
    if MARKER.search(_HELD.sub("", held)):  # brackets within brackets: drop every bracket that is left
        held = re.sub(r"[\[\]]", "", held)
    return _HELD_AFTER_END.sub(_moved, held), named


def _moved(match: re.Match[str]) -> str:
    """Markers that follow the end of a sentence, put before it."""
    if match["end"] == "." and _ABBREVIATED.search(match.string[max(0, match.start() - 2) : match.start()]):
        return match.group()
    return f"{match['held'].strip()}{match['end']} "


class _Book:
    """Citations of one answer: the same evidence has one number, numbers go by first use."""

    def __init__(self) -> None:
        self.citations: list[Citation] = []

    def number(self, found: Citation) -> int:
        for at, known in enumerate(self.citations):
            if (known.article_id, known.start, known.end) == (found.article_id, found.start, found.end):
                # The weakest statement that rests on a quote decides how it is shown.
                self.citations[at] = min(known, replace(found, number=known.number), key=_strength)
                return known.number
        self.citations.append(replace(found, number=len(self.citations) + 1))
        return len(self.citations)


def _strength(citation: Citation) -> int:
    return ("unverified", "supported", "verbatim").index(citation.verdict)


def _checked(
    sentence: str,
    named: dict[str, list[int]],
    hits: Sequence[Hit],
    similarity: Similarity,
    answer_in: Language,
    book: _Book,
) -> str:
    asked = dict.fromkeys(number for sign in _HELD.findall(sentence) for number in named.get(sign, ()))
    cited = [hits[number - 1] for number in asked if 1 <= number <= len(hits)]
    bare = re.sub(r"[ \t]+(?=[ \t])", "", _HELD.sub("", sentence))
    statement = " ".join(_ITEM_NUMBER.sub("", bare).split())
    if not any(char.isalnum() for char in statement):
        return bare
    numbered = sorted({book.number(best_evidence(statement, hit, similarity(statement, hit))) for hit in cited})
    marks = "".join(f"[{number}]" for number in numbered) or UNVERIFIED[answer_in]
    words = bare.rstrip()
    at = len(words.rstrip(".!?؟۔…"))
    return f"{words[:at].rstrip()} {marks}{words[at:]}{bare[len(words) :] or ' '}"


def best_evidence(statement: str, hit: Hit, similarities: Sequence[float]) -> Citation:
    """The sentence of `hit` that bears `statement` out best, as a citation not yet numbered."""
    text = hit.article.text
    wanted = numbers(statement)
    own = {stem for term in terms(statement) for stem in term.stems}

    def strength(at: int) -> float:
        sentence = text[slice(*hit.sentences[at])]
        shared = sum(any(stem in own for stem in term.stems) for term in terms(sentence))
        bonus = 0.1 * len(wanted & numbers(sentence)) / len(wanted) if wanted else 0.0
        return similarities[at] + bonus + 0.1 * shared / (len(own) or 1)

    at = max(range(len(hit.sentences)), key=strength)
    verdict = verdict_of(statement, text[slice(*hit.sentences[at])], hit.text, similarities[at])
    return cite(hit, hit.sentences[at], verdict, similarities[at])


def verdict_of(statement: str, quote: str, passage: str, similarity: float) -> Verdict:
    """How far `quote`, a sentence of `passage`, bears `statement` out. A number it lacks is not borne out."""
    if not borne_out(statement, passage):
        return "unverified"
    said, stands = _words(statement), _words(quote)
    if said and said in stands:
        return "verbatim"
    needed = _SUPPORT_SAME if language(statement) == language(quote) else _SUPPORT_CROSS
    return "supported" if similarity >= needed else "unverified"


def _words(text: str) -> str:
    return f" {' '.join(term.surface for term in terms(text))} "


def cite(hit: Hit, span: Span, verdict: Verdict, score: float, number: int = 0) -> Citation:
    """A citation of `span` of the hit's article: the quote is the stored text, by construction."""
    start, end = trimmed(hit.article.text, span)
    article = hit.article
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
