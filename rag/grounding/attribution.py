"""Which sentences of the cited passages support a statement, and how well."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import NamedTuple, Protocol

from rag.grounding.elliptical import Context, completes, denies, is_elliptical, is_fragment, phrases
from rag.grounding.entities import EntityIndex, has_swapped_entity, unsupported_entities
from rag.grounding.misplaced import has_misplaced_fact
from rag.grounding.passage import Passage
from rag.grounding.quantities import quantities_supported
from rag.grounding.substitution import find_substitutions
from rag.language.document import Document
from rag.language.sentences import trim_span
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
_MIN_IN_CONTEXT_WITHIN, _MIN_IN_CONTEXT_ACROSS = 0.51, 0.49
"""Mean of a statement's cosine alone and of that behind its question, from which a sentence supports it."""
_MIN_PHRASE = 0.65
"""Cosine from which a short statement and some words of a quote in another language say the same: of true English
answers to questions about Arabic text a third lies above, of other answers from the same sentences an eighth."""
_LIST_MARK = re.compile(r"[•‣◦▪●]\s+")
_MIN_CLAUSE = 0.7
"""Cosine of a statement to a clause of a long quote from which it supports the statement: of 62 true drafts over the
sample articles and others 3 more are supported, of 35 false ones 1 (`dalil eval cases eval/gold/drafts-tune.jsonl`)."""
_CLAUSE = re.compile(r"[^،,؛;:()—–]+")
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
    matches = [_match_sentence(statement, passage, similarity, question) for passage in passages]
    citations = [
        _cite_match(statement, passage, match, similarity, question)
        for passage, match in zip(passages, matches, strict=True)
    ]
    quotes = [passage.sentences[match.at] for passage, match in zip(passages, matches, strict=True)]
    known = _index_entities(passages)
    if not _facts_supported(statement, passages, quotes, known, similarity) or _is_altered(
        statement, passages, citations, quotes, known, similarity
    ):
        # Where a quote says the same but for a fact, it says otherwise; else nothing is known.
        is_same_but = any(citation.verdict != "unverified" for citation in citations)
        return [replace(citation, verdict="contradicted" if is_same_but else "unverified") for citation in citations]
    return [citation for citation in citations if citation.verdict != "unverified"] or citations


class _Match(NamedTuple):
    """How a sentence of a passage fits a statement.

    Attributes
    ----------
    at : int
        Number of the sentence.
    similarity : float
        Its cosine to the statement.
    in_context : float
        Mean of that and of its cosine to the question with the statement; the same where there is no question.
    is_answer : bool
        Whether it tells what the question asks; True where there is no question.
    """

    at: int
    similarity: float
    in_context: float
    is_answer: bool


def judge_quote(
    statement: Document,
    quote: Document,
    similarity: float,
    question: Document | None = None,
    *,
    in_context: float = 0.0,
    is_answer: bool = True,
) -> Verdict:
    """How far a quote supports a statement whose numbers and names are supported.

    Parameters
    ----------
    statement, quote : Document
        The two sentences.
    similarity : float
        Cosine of their sentence vectors.
    question : Document, optional
        What the statement answers.
    in_context : float
        Mean of `similarity` and of the cosine of the question with the statement to the quote.
    is_answer : bool
        Whether the quote tells what the question asks: a few words that stand elsewhere support nothing.
    """
    if not is_answer and is_fragment(statement):
        return "unverified"
    said, quoted = _padded_words(statement), _padded_words(quote)
    if said and said in quoted and len(statement.terms) >= _MIN_VERBATIM_TERMS:
        return "verbatim"
    is_within = statement.language == quote.language
    if similarity >= (_MIN_SIMILARITY_WITHIN if is_within else _MIN_SIMILARITY_ACROSS):
        return "supported"
    if question is None:
        return "unverified"
    is_near = in_context >= (_MIN_IN_CONTEXT_WITHIN if is_within else _MIN_IN_CONTEXT_ACROSS)
    is_supported = is_near or (is_answer and completes(statement, question, quote))
    return "supported" if is_supported else "unverified"


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
        page=article.find_page(start),
        section=article.find_section(start),
        ocr=article.is_ocr(Span(start, end)),
    )


def holds_facts(statement: Document, passage: Passage, quote: Document, similarity: Similarity) -> bool:
    """Whether a quote has every number, date and unit of a statement, and the quote or its passage every name."""
    return quantities_supported(statement, [quote]) and _facts_supported(
        statement, [passage], [quote], passage.entities, similarity
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
    if all(has_misplaced_fact(statement, quote) for quote in supporting):
        return True
    return any(
        similarity.max_word_similarity(new, [old]) < _SAME_WORD
        for citation, quote in zip(citations, quotes, strict=True)
        if citation.verdict == "supported" and quote.language == statement.language
        for new, old in find_substitutions(statement, quote, known)
    )


def _match_sentence(statement: Document, passage: Passage, similarity: Similarity, question: Document | None) -> _Match:
    """The sentence of a passage that supports a statement best; a heading where there is nothing else."""
    alone = similarity.sentence_similarities(statement.text, passage.hit)
    context: Context | None = None
    in_context = alone
    if question is not None:
        asked = similarity.sentence_similarities(question.text, passage.hit)
        both = similarity.sentence_similarities(f"{question.text} {statement.text}", passage.hit)
        context = Context(question, asked, passage.sentences)
        in_context = [(one + other) / 2 for one, other in zip(alone, both, strict=True)]

    def strength(at: int) -> float:
        sentence = passage.sentences[at]
        shared_words = sum(not statement.stems.isdisjoint(term.stems) for term in sentence.terms)
        shared_numbers = len(statement.numbers & sentence.numbers)
        word_share = shared_words / (len(statement.stems) or 1)
        is_completion = question is not None and completes(statement, question, sentence)
        overlap = shared_numbers / (len(statement.numbers) or 1) + word_share
        return in_context[at] + _OVERLAP_WEIGHT * overlap + _COMPLETION_WEIGHT * is_completion

    at = max(passage.evidence, key=strength)
    return _Match(at, alone[at], in_context[at], context is None or context.is_answered_by(at))


def _cite_match(
    statement: Document, passage: Passage, match: _Match, similarity: Similarity, question: Document | None
) -> Citation:
    quote = passage.sentences[match.at]
    verdict = judge_quote(
        statement, quote, match.similarity, question, in_context=match.in_context, is_answer=match.is_answer
    )
    if verdict == "unverified" and question is not None and match.is_answer:
        verdict = "supported" if _is_translation_in(statement, quote, similarity) else verdict
    if verdict == "unverified" and _is_clause_of(statement, quote, similarity):
        verdict = "supported"
    return cite(passage.hit, passage.hit.sentences[match.at], verdict, match.similarity)


def _is_clause_of(statement: Document, quote: Document, similarity: Similarity) -> bool:
    """Whether one clause of a quote of several says what a statement says, which the vector of the whole hides."""
    if is_fragment(statement):
        return False
    clauses = [quote.part(trim_span(quote.text, Span(*found.span()))) for found in _CLAUSE.finditer(quote.text)]
    alike = [one.text for one in clauses if not is_fragment(one) and denies(one) == denies(statement)]
    has_others = len(clauses) > 1 and bool(alike)
    return has_others and similarity.max_word_similarity(statement.text, alike) >= _MIN_CLAUSE


def _is_translation_in(statement: Document, quote: Document, similarity: Similarity) -> bool:
    """Whether some words of a quote in another language say what a short statement says."""
    if statement.language == quote.language or not is_elliptical(statement):
        return False
    return similarity.max_word_similarity(statement.text, list(phrases(quote, statement))) >= _MIN_PHRASE


def _words_and_pairs(document: Document) -> list[str]:
    """The words of a text, and each with the next."""
    words = [term.surface for term in document.terms]
    return [*words, *map(" ".join, pairwise(words))]


def _padded_words(document: Document) -> str:
    return f" {' '.join(term.surface for term in document.terms)} "
