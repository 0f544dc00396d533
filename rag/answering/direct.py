"""The direct answer: the few words of a sentence that answer, in the reader's language."""

import re
from collections.abc import Sequence

from rag.answering.reader import ReadSentence
from rag.answering.tables import find_column_name
from rag.language.dates import is_year
from rag.language.document import Document
from rag.language.glosses import find_spelling, strip_gloss
from rag.language.languages import PROFILES
from rag.language.normalize import fold_text
from rag.language.units import units_of_word
from rag.types import Hit, Language, Span

_MAX_WORDS = 12
"""Of a direct answer: what is longer is read in its sentence."""
_MAX_NAME_WORDS = 5
_ASKS_FOR_NAME = ("who", "where")
_NEXT_WORD = re.compile(r"[ \u00a0]([^\W\d_][^\s.,،;:؛!؟?()«»\"]*)")
_WORD_CHARS = re.compile(r"\w")
_EDGES = " \t\n.,;:،؛…!؟?-–—\"'"
_IN_BRACKETS, _LESS_BRACKETS = re.compile(r"\s*\(([^()]*)\)"), r", \1"
"""Of a column's name, which stands in brackets itself."""
_BRACKETS = {"(": ")", "«": "»", "[": "]", "“": "”"}


def direct_answer_text(
    question: Document, read: ReadSentence, answer_language: Language, texts: Sequence[str] = ()
) -> str | None:
    """The words that answer, as the reader is told them; None where they are no answer by themselves or would have to
    be translated freely.

    Parameters
    ----------
    question : Document
        That was asked.
    read : ReadSentence
        With the words.
    answer_language : Language
        Of the reader.
    texts : sequence of str
        That may spell a name in the reader's letters, besides the one that is quoted.

    Returns
    -------
    str or None
        A cell of a table with the name of its column, but of the first, behind it.
    """
    span = answer_span(read)
    words = " ".join(read.sentence.hit.article.text[slice(*span)].split())
    if not 0 < len(words.split()) <= _MAX_WORDS or words == read.sentence.text.strip(_EDGES):
        return None
    shown = _in_language(question, read, words, answer_language, texts)
    column = find_column_name(read.sentence.hit.article.text, span)
    return f"{shown} ({_IN_BRACKETS.sub(_LESS_BRACKETS, column)})" if shown and column else shown


def _in_language(
    question: Document, read: ReadSentence, words: str, answer_language: Language, texts: Sequence[str]
) -> str | None:
    profile = PROFILES[answer_language]
    name = strip_gloss(words)
    if Document(name).language == answer_language:
        return words
    if rendered := profile.render(words):
        return rendered
    if _asks_for_name(question) and 0 < len(name.split()) <= _MAX_NAME_WORDS:
        spelled = find_spelling(name, (read.sentence.hit.article.text, *texts)) or profile.spell_name(name)
        return f"{spelled} ({name})"
    return None


def rests_on_ocr_number(hit: Hit, span: Span) -> bool:
    """Whether some words of an article have a number and were read by OCR, which gets numbers wrong: they are no answer
    by themselves."""
    article = hit.article
    return article.is_ocr(span) and has_number(article.text[slice(*span)])


def has_number(text: str) -> bool:
    """Whether there is a number in a text, in digits or in words."""
    return any(char.isdigit() for char in text) or bool(Document(text).quantities)


def answer_span(read: ReadSentence) -> Span:
    """The words that answer in offsets of the article: whole words, without the marks around them."""
    assert read.answer is not None
    text, (start, end), outer = read.sentence.hit.article.text, read.answer, read.sentence.span
    while start > outer.start and _WORD_CHARS.match(text[start]) and _WORD_CHARS.match(text[start - 1]):
        start -= 1
    while end < outer.end and _WORD_CHARS.match(text[end]) and _WORD_CHARS.match(text[end - 1]):
        end += 1
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    return _with_counted(text, _close_brackets(text, Span(start, end), outer), outer)


def _with_counted(text: str, span: Span, outer: Span) -> Span:
    """With what a number at the end counts: 825 kinds, 1.75 dirhams. A year counts nothing: what stands behind it is
    the next word of the sentence."""
    document = Document(text[slice(*span)])
    last = document.quantities[-1].number if document.quantities else None
    following = _NEXT_WORD.match(text, span.end, outer.end)
    if last is None or last.end < len(document.words) or not following or not Document(following[1]).content_terms:
        return span
    counts_unit = bool(units_of_word(fold_text(following[1])))
    return span if is_year(document.words, last) and not counts_unit else Span(span.start, following.end(1))


def _close_brackets(text: str, span: Span, outer: Span) -> Span:
    """With the closing bracket where one is opened in it and stands right behind; without a bracket that is alone."""
    start, end = span
    for opening, closing in _BRACKETS.items():
        inside = text[start:end]
        if inside.count(opening) > inside.count(closing) and end < outer.end and text[end] == closing:
            end += 1
        elif inside.startswith(opening) and closing not in inside:
            start += 1
        elif inside.endswith(closing) and opening not in inside:
            end -= 1
    return Span(start, end)


def _asks_for_name(question: Document) -> bool:
    types = PROFILES[question.language].question_types
    folded = question.folded_text.text
    return any(re.search(rf"(?<!\w)(?:{types[name]})(?!\w)", folded) for name in _ASKS_FOR_NAME)
