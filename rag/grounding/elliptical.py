"""Short statements, which leave out what their question says: judged together with it."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.embedding.bm25 import index_terms
from rag.language.document import Document
from rag.language.languages import PROFILES
from rag.language.terms import Term

_MAX_FRAGMENT_TERMS = 2
"""So few words say what a thing is, not that something is so: nothing in them is denied."""
_MIN_COVERED, _MAX_ELLIPTICAL_TERMS = 0.75, 8
"""Of the words of a short statement that its quote and its question have to hold; a longer one stands alone."""
_BY_SIMILARITY, _BY_WORDS, _BIAS = 4.4, 1.8, 0.3
"""Of the probability that a sentence is where a question is answered, by logistic regression over 1,195 answers to the
questions of XQuAD's development half, each in its paragraph, and answers to others in their place: AUC 0.82."""
_MIN_ANSWERING = 0.5
"""Keeps 0.86 of the true answers and sends off 0.62 of the others."""
_WORD = re.compile(r"\S+")


class Context(NamedTuple):
    """A question and what it makes of the sentences of a passage.

    Attributes
    ----------
    question : Document
        What a statement answers.
    similarities : sequence of float
        Cosine of the question to each sentence.
    sentences : sequence of Document
        The sentences.
    """

    question: Document
    similarities: Sequence[float]
    sentences: Sequence[Document]

    def is_answered_by(self, at: int) -> bool:
        """Whether a sentence is the one that tells what is asked, by how near it is to the question beside the other
        sentences, in meaning and in words."""
        others = [number for number in range(len(self.sentences)) if number != at]
        if not others:
            return True
        asked = index_keys(self.question)
        held = [len(asked & index_keys(sentence)) / (len(asked) or 1) for sentence in self.sentences]
        nearer = self.similarities[at] - max(self.similarities[other] for other in others)
        more_words = held[at] - max(held[other] for other in others)
        odds = _BY_SIMILARITY * nearer + _BY_WORDS * more_words + _BIAS
        return 1 / (1 + math.exp(-odds)) >= _MIN_ANSWERING


def is_elliptical(statement: Document) -> bool:
    """Whether a statement is short enough to leave out what its question says."""
    return len(statement.content_terms) <= _MAX_ELLIPTICAL_TERMS


def is_fragment(statement: Document) -> bool:
    """Whether a statement says what a thing is, not that something is so."""
    return len(statement.content_terms) <= _MAX_FRAGMENT_TERMS


def completes(statement: Document, question: Document, quote: Document) -> bool:
    """Whether a quote holds what a statement says beyond its question, which a sentence vector of few words misses.

    Within a language most of its words have to stand in the quote or the question; across languages what can be met are
    names and numbers, and all of them have to.
    """
    if not is_elliptical(statement) or (not is_fragment(statement) and denies(statement) != denies(quote)):
        return False
    asked, quoted = index_keys(question), index_keys(quote)
    is_across = statement.language != quote.language
    terms = [(term, keys) for term, keys in index_terms(statement) if not is_across or _crosses_languages(term, keys)]
    said = [set(keys) for term, keys in terms if not (is_across and _is_number(term))]
    # Whether all numbers are right is verified apart; "the four countries" may be counted by the reader.
    said += [{number} for number in _numbers(statement) & (asked | quoted)] if is_across else []
    new = [keys for keys in said if asked.isdisjoint(keys)]
    held = sum(not quoted.isdisjoint(keys) for keys in new)
    covered = len(said) - len(new) + held
    return held > 0 and covered / len(said) >= (1.0 if is_across else _MIN_COVERED)


def denies(document: Document) -> bool:
    """Whether a sentence holds a word that denies."""
    return bool(PROFILES[document.language].negations.search(document.folded_text.text))


def index_keys(document: Document) -> set[str]:
    """The index terms of a text, and its numbers in digits or words."""
    return {key for _, keys in index_terms(document) for key in keys} | _numbers(document)


def phrases(quote: Document, statement: Document) -> Iterator[str]:
    """The runs of words of a quote that are about as long as a statement."""
    words = [match.span() for match in _WORD.finditer(quote.text)]
    length = len(_WORD.findall(statement.text))
    for size in range(max(1, length - 1), length + 3):
        for first in range(max(1, len(words) - size + 1)):
            last = min(first + size, len(words)) - 1
            if last >= first:
                yield quote.text[words[first][0] : words[last][1]]


def _numbers(document: Document) -> set[str]:
    """Numbers in digits or words, in a spelling that no word has."""
    return {f"#{quantity.number.value}" for quantity in document.quantities}


def _crosses_languages(term: Term, keys: Sequence[str]) -> bool:
    """Whether a term can be met in another language: a number, or what has the sound of a name."""
    return len(keys) > len(term.stems) or _is_number(term)


def _is_number(term: Term) -> bool:
    return term.surface[:1].isdigit()
