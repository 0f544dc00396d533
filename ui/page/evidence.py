"""The panel beside the chat: an article opened at the very words, with what can be done with them."""

import re
from typing import NamedTuple

from rag.errors import NotFoundError
from rag.language.direction import direction
from rag.language.profile import Direction
from rag.store import Store
from rag.types import Article, Citation, Span
from ui.page.html import render_macro
from ui.page.labels import Labels
from ui.page.turns import format_reference

_CHARS_AROUND = 30_000
"""Code points shown on either side of a quote; the rest of a longer article is left out."""
_BLOCK = re.compile(r"[^\n]+")


class EvidenceRequest(NamedTuple):
    """What a reader wants to see.

    Attributes
    ----------
    article_id : str
        Of the article.
    span : Span
        The words to mark, in code points of its text; empty to mark none.
    verdict : str
        Of the citation that is opened; empty where none is.
    answer_id : str
        Of the answer that it is opened from; empty where it is opened from the list.
    """

    article_id: str
    span: Span
    verdict: str = ""
    answer_id: str = ""


class _Block(NamedTuple):
    """A line of an article: where it begins, and its words before, within and behind the marked ones."""

    start: int
    way: Direction
    before: str
    marked: str
    after: str


def render_hint(labels: Labels) -> str:
    """What the panel says before anything is opened."""
    return render_macro("evidence", "hint", labels=labels)


def render_article(store: Store, request: EvidenceRequest, labels: Labels) -> str:
    """The article that was asked for, its words marked."""
    try:
        article = store.get_article(request.article_id)
    except NotFoundError:
        return render_macro("evidence", "missing", labels=labels)
    end = min(request.span.end, len(article.text))
    span = Span(min(request.span.start, end), end)
    window = Span(max(0, span.start - _CHARS_AROUND), min(len(article.text), span.end + _CHARS_AROUND))
    return render_macro(
        "evidence",
        "article",
        article=article,
        span=span,
        blocks=_split_blocks(article.text, window, span),
        is_part=window != (0, len(article.text)),
        verdict=request.verdict if request.verdict in labels else "",
        answer_id=request.answer_id,
        reference=_reference_to(article, span) if span.end > span.start else "",
        labels=labels,
    )


def _reference_to(article: Article, span: Span) -> str:
    quote = article.text[slice(*span)]
    citation = Citation(1, article.id, article.title, article.url, *span, quote, "verbatim", 1.0)
    return format_reference(citation)


def _split_blocks(text: str, window: Span, marked: Span) -> list[_Block]:
    """The lines of a text within a window."""
    spans = (Span(*match.span()) for match in _BLOCK.finditer(text))
    return [
        _split_block(text, Span(max(span.start, window.start), min(span.end, window.end)), marked)
        for span in spans
        if span.overlaps(window)
    ]


def _split_block(text: str, block: Span, marked: Span) -> _Block:
    start, end = (min(max(at, block.start), block.end) for at in marked)
    way = direction(text[slice(*block)])
    return _Block(block.start, way, text[block.start : start], text[start:end], text[end : block.end])
