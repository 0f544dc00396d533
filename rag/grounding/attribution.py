"""Which sentences of the cited passages support a statement, and how well."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import Protocol

from rag.embedding.bm25 import index_terms
from rag.grounding.entities import EntityIndex, has_swapped_entity, unsupported_entities
from rag.grounding.passage import Passage
from rag.grounding.quantities import quantities_supported
from rag.grounding.substitution import find_substitutions
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.sentences import trim_span
from rag.language.terms import Term
from rag.types import Citation, Hit, Span, Verdict

_MIN_SIMILARITY_WITHIN, _MIN_SIMILARITY_ACROSS = 0.60, 0.54
"""Cosines of sentence vectors above which one sentence supports another, within a language and across: of 180 true
statements about the sample articles (`eval/gold/statements.jsonl`) 98 % lie above, of made-up ones 75 % below."""
_OVERLAP_WEIGHT = 0.1
"""For shared numbers, and as much for shared words, where two sentences of a passage are about as near."""
_MIN_VERBATIM_TERMS = 3
"""Fewer words occur somewhere whatever they are said of."""
_COMPLETION_WEIGHT = 0.3
"""For a sentence that completes a short statement: more than cosines of so few words differ by."""
_MAX_FRAGMENT_TERMS = 2
"""So few words say what a thing is, not that something is so: nothing in them is denied."""
_MIN_COVERED, _MAX_ELLIPTICAL_TERMS = 0.75, 8
"""Of the words of a short statement that its quote and its question have to hold; a longer one stands alone."""
_LIST_MARK = re.compile(r"[•‣◦▪●]\s+")
_SAME_NAME = 0.5
"""Cosine from which a name and words of a quote in the other language are the same: of 293 true English sentences of
XQuAD a name is unsupported in 0.13 by spelling and sound, in 0.04 with this too; of 408 with another answer put in
0.45, 0.37."""
_SAME_WORD = 0.4
"""Cosine from which words say the same within a language: 5 % of 102 pairs of synonyms lie below, of 380 answers put in
place of others 92 %."""


class Similarity(Protocol):
    """How near texts are in meaning, by cosines of sentence vectors."""

    def sentence_similarities(self, statement: str, hit: Hit) -> Sequence[float]:
        """Of a statement to each sentence of a hit."""

    def max_word_similarity(self, words: str, others: Sequence[str]) -> float:
        """Of a few words to the nearest of others."""


def attribute(
    statement: Document, passages: Sequence[Passage], similarity: Similarity, question: Document | None = None
) -> list[Citation]:
    """The sentence of each passage that supports a statement best.

    A statement may rest on several passages together, so its numbers and names may stand in any of them. Passages
    that do not support it are left out where another one does.

    Parameters
    ----------
    statement : Document
        A sentence of an answer.
    passages : sequence of Passage
        What it cites.
    similarity : Similarity
        Compares texts by meaning.
    question : Document, optional
        What the statement answers: a short one may leave out what the question says.

    Returns
    -------
    list of Citation
        Not yet numbered. All are `contradicted` when a quote supports the statement but for a number, date, unit or
        name, or a word in place of another; `unverified` when such a fact stands in no passage and no quote is near.
    """
    if not passages:
        return []
    best = [_best_sentence(statement, passage, similarity, question) for passage in passages]
    citations = [
        _cite_sentence(statement, passage, at, score, question)
        for passage, (at, score) in zip(passages, best, strict=True)
    ]
    quotes = [passage.sentences[at] for passage, (at, _) in zip(passages, best, strict=True)]
    known = _index_entities(passages)
    if not _facts_supported(statement, passages, quotes, known, similarity) or _is_altered(
        statement, passages, citations, quotes, known, similarity
    ):
        # Where a quote says the same but for a fact, it says otherwise; else nothing is known.
        is_same_but = any(citation.verdict != "unverified" for citation in citations)
        return [replace(citation, verdict="contradicted" if is_same_but else "unverified") for citation in citations]
    return [citation for citation in citations if citation.verdict != "unverified"] or citations


def judge_quote(statement: Document, quote: Document, similarity: float, question: Document | None = None) -> Verdict:
    """How far a quote supports a statement whose numbers and names are supported.

    Parameters
    ----------
    statement, quote : Document
        The two sentences.
    similarity : float
        Cosine of their sentence vectors.
    question : Document, optional
        What the statement answers.
    """
    said, quoted = _padded_words(statement), _padded_words(quote)
    if said and said in quoted and len(statement.terms) >= _MIN_VERBATIM_TERMS:
        return "verbatim"
    is_same_language = statement.language == quote.language
    minimum = _MIN_SIMILARITY_WITHIN if is_same_language else _MIN_SIMILARITY_ACROSS
    is_supported = similarity >= minimum or (question is not None and _completes(statement, question, quote))
    return "supported" if is_supported else "unverified"


def _completes(statement: Document, question: Document, quote: Document) -> bool:
    """Whether a quote holds what a statement says beyond its question, which a sentence vector of few words misses.

    Within a language most of its words have to stand in the quote or the question; across languages what can be met are
    names and numbers, and all of them have to.
    """
    is_clause = len(statement.content_terms) > _MAX_FRAGMENT_TERMS
    if len(statement.content_terms) > _MAX_ELLIPTICAL_TERMS or (is_clause and _denies(statement) != _denies(quote)):
        return False
    asked, quoted = _keys(question), _keys(quote)
    is_across = statement.language != quote.language
    said = [set(keys) for term, keys in index_terms(statement) if not is_across or _crosses_languages(term, keys)]
    # Whether all numbers are right is verified apart; "the four countries" may be counted by the reader.
    said += [{number} for number in _numbers(statement) & (asked | quoted)] if is_across else []
    new = [keys for keys in said if asked.isdisjoint(keys)]
    held = sum(not quoted.isdisjoint(keys) for keys in new)
    covered = len(said) - len(new) + held
    return held > 0 and covered / len(said) >= (1.0 if is_across else _MIN_COVERED)


def _keys(document: Document) -> set[str]:
    return {key for _, keys in index_terms(document) for key in keys} | _numbers(document)


def _numbers(document: Document) -> set[str]:
    """Numbers in digits or words, in a spelling that no word has."""
    return {f"#{quantity.number.value}" for quantity in document.quantities}


def _crosses_languages(term: Term, keys: Sequence[str]) -> bool:
    """Whether a term can be met in another language: a number, or what has the sound of a name."""
    return len(keys) > len(term.stems) or term.surface[:1].isdigit()


def _denies(document: Document) -> bool:
    """Whether a sentence holds a word that denies."""
    return bool(PROFILES[document.language].negations.search(document.folded_text.text))


def cite(hit: Hit, span: Span, verdict: Verdict, score: float, number: int = 0) -> Citation:
    """A citation of a sentence of a hit: the quote is the stored text, without the mark of a list item.

    Parameters
    ----------
    hit : Hit
        The passage.
    span : Span
        The sentence, in offsets of the article.
    verdict : Verdict
        How far it supports what cites it.
    score : float
        Support; cut to 0..1.
    number : int
        Of the citation in its answer, 0 when not yet numbered.
    """
    article = hit.article
    start, end = trim_span(article.text, span)
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


def _index_entities(passages: Sequence[Passage]) -> EntityIndex:
    return reduce(EntityIndex.union, (passage.entities for passage in passages))


def _facts_supported(
    statement: Document,
    passages: Sequence[Passage],
    quotes: Sequence[Document],
    known: EntityIndex,
    similarity: Similarity,
) -> bool:
    """Whether every number, date, unit and name of a statement stands in the passages it cites."""
    if not quantities_supported(statement, [passage.document for passage in passages]):
        return False
    names = list(unsupported_entities(statement, known))
    if not names:
        return True
    other_words = [
        words for quote in quotes if quote.language != statement.language for words in _words_and_pairs(quote)
    ]
    return bool(other_words) and all(similarity.max_word_similarity(name, other_words) >= _SAME_NAME for name in names)


def _is_altered(
    statement: Document,
    passages: Sequence[Passage],
    citations: Sequence[Citation],
    quotes: Sequence[Document],
    known: EntityIndex,
    similarity: Similarity,
) -> bool:
    """Whether a statement repeats a supporting quote with another name or another word in it."""
    if not any(citation.verdict == "supported" for citation in citations):
        return False
    supporting = [quote for citation, quote in zip(citations, quotes, strict=True) if citation.verdict != "unverified"]
    titles = [passage.title for passage in passages]
    sentences = (sentence for passage in passages for sentence in passage.sentences)
    if has_swapped_entity(statement, supporting, titles, sentences):
        return True
    return any(
        similarity.max_word_similarity(new, [old]) < _SAME_WORD
        for citation, quote in zip(citations, quotes, strict=True)
        if citation.verdict == "supported" and quote.language == statement.language
        for new, old in find_substitutions(statement, quote, known)
    )


def _best_sentence(
    statement: Document, passage: Passage, similarity: Similarity, question: Document | None
) -> tuple[int, float]:
    """The number of the sentence that supports a statement best, and its cosine to the statement."""
    similarities = similarity.sentence_similarities(statement.text, passage.hit)

    def strength(at: int) -> float:
        sentence = passage.sentences[at]
        shared_words = sum(not statement.stems.isdisjoint(term.stems) for term in sentence.terms)
        shared_numbers = len(statement.numbers & sentence.numbers)
        word_share = shared_words / (len(statement.stems) or 1)
        completes = question is not None and _completes(statement, question, sentence)
        overlap = shared_numbers / (len(statement.numbers) or 1) + word_share
        return similarities[at] + _OVERLAP_WEIGHT * overlap + _COMPLETION_WEIGHT * completes

    at = max(range(len(passage.sentences)), key=strength)
    return at, similarities[at]


def _cite_sentence(
    statement: Document, passage: Passage, at: int, similarity: float, question: Document | None
) -> Citation:
    verdict = judge_quote(statement, passage.sentences[at], similarity, question)
    return cite(passage.hit, passage.hit.sentences[at], verdict, similarity)


def _words_and_pairs(document: Document) -> list[str]:
    """The words of a text, and each with the next."""
    words = [term.surface for term in document.terms]
    return [*words, *map(" ".join, pairwise(words))]


def _padded_words(document: Document) -> str:
    return f" {' '.join(term.surface for term in document.terms)} "
