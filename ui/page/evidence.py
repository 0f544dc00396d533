"""The panel beside the chat: an article opened at the very words, with what can be done with them."""

from typing import NamedTuple

from ingest.page_images import PageImages
from rag.errors import NotFoundError
from rag.store import Store
from rag.types import Article, Citation, Language, Span
from ui.page.article_text import split_blocks
from ui.page.citation_styles import ArticleDetails, format_styles
from ui.page.html import render_macro
from ui.page.labels import Labels

_CHARS_AROUND = 30_000
"""Code points shown on either side of a quote; the rest of a longer article is left out."""


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
    title, quote : str
        As the answer has kept them, for an article that has gone since.
    """

    article_id: str
    span: Span
    verdict: str = ""
    answer_id: str = ""
    title: str = ""
    quote: str = ""


def render_hint(labels: Labels) -> str:
    """What the panel says before anything is opened."""
    return render_macro("evidence", "hint", labels=labels)


def render_article(
    store: Store, request: EvidenceRequest, labels: Labels, language: Language, pages: PageImages | None = None
) -> str:
    """The article that was asked for, its words marked, with a place for its page where `pages` has some; `language` is
    that of the labels."""
    try:
        article = store.get_article(request.article_id)
    except NotFoundError:
        return render_macro("evidence", "missing", title=request.title, quote=request.quote, labels=labels)
    end = min(request.span.end, len(article.text))
    span = Span(min(request.span.start, end), end)
    window = Span(max(0, span.start - _CHARS_AROUND), min(len(article.text), span.end + _CHARS_AROUND))
    return render_macro(
        "evidence",
        "article",
        article=article,
        span=span,
        page=article.find_page(span.start) if span.end > span.start else None,
        is_ocr=article.is_ocr(span if span.end > span.start else Span(0, len(article.text))),
        section=article.find_section(span.start) if span.end > span.start else (),
        blocks=split_blocks(article, window, span),
        is_part=window != (0, len(article.text)),
        verdict=request.verdict if request.verdict in labels else "",
        answer_id=request.answer_id,
        has_pages=pages is not None and pages.has_pages(article),
        styles=_styles_of(article, span, language) if span.end > span.start else {},
        language=language,
        labels=labels,
    )


def _styles_of(article: Article, span: Span, language: Language) -> dict[str, str]:
    quote = article.text[slice(*span)]
    page, section, is_ocr = article.find_page(span.start), article.find_section(span.start), article.is_ocr(span)
    about = (article.id, article.title, article.url)
    citation = Citation(1, *about, *span, quote, "verbatim", 1.0, page, ocr=is_ocr, section=section)
    return format_styles(citation, ArticleDetails(article.date, article.topic), language)
