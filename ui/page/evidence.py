"""The panel beside the chat: an article opened at the very words, with what can be done with them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, starmap
from typing import NamedTuple

from ingest.page_images import PageImages
from rag.errors import NotFoundError
from rag.language.direction import direction
from rag.language.profile import Direction
from rag.store import Store
from rag.types import Article, Citation, Language, Page, Span
from ui.page.citation_styles import ArticleDetails, format_styles
from ui.page.html import render_macro
from ui.page.labels import Labels

_CHARS_AROUND = 30_000
"""Code points shown on either side of a quote; the rest of a longer article is left out."""
_FIRST_TAG = 3
"""The title of the article is an h2."""
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
    title, quote : str
        As the answer has kept them, for an article that has gone since.
    """

    article_id: str
    span: Span
    verdict: str = ""
    answer_id: str = ""
    title: str = ""
    quote: str = ""


class _Block(NamedTuple):
    """A line of an article, or the part of one that stands on one page: where it begins, its tag of HTML, the page
    where it is the first of one, and its words before, within and behind the marked ones."""

    start: int
    tag: str
    page: Page | None
    way: Direction
    before: str
    marked: str
    after: str


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
        blocks=_split_blocks(article, window, span),
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


def _split_blocks(article: Article, window: Span, marked: Span) -> list[_Block]:
    """The lines of an article within a window, those that go over the end of a page parted there."""
    starts = article.pages.starts if article.pages else ()
    lines = (Span(*match.span()) for match in _BLOCK.finditer(article.text))
    parts = (part for line in lines for part in _split_at(line, starts) if part.overlaps(window))
    blocks: list[_Block] = []
    tags = _tag_headings(article)
    before = None
    for part in parts:
        page = article.find_page(part.start)
        block = Span(max(part.start, window.start), min(part.end, window.end))
        blocks.append(_split_block(article.text, block, tags, marked, page if page != before else None))
        before = page
    return blocks


def _split_at(line: Span, starts: Sequence[int]) -> Iterator[Span]:
    within = starts[bisect_right(starts, line.start) : bisect_left(starts, line.end)]
    return starmap(Span, pairwise([line.start, *dict.fromkeys(within), line.end]))


def _tag_headings(article: Article) -> dict[int, str]:
    """The tag of the line that each heading begins; those of the lowest level are one below the title."""
    first = min((heading.level for heading in article.headings), default=1)
    return {heading.start: f"h{min(heading.level - first + _FIRST_TAG, 6)}" for heading in article.headings}


def _split_block(text: str, block: Span, tags: Mapping[int, str], marked: Span, page: Page | None) -> _Block:
    start, end = (min(max(at, block.start), block.end) for at in marked)
    way = direction(text[slice(*block)])
    tag = tags.get(block.start + len(text[slice(*block)]) - len(text[slice(*block)].lstrip()), "p")
    return _Block(block.start, tag, page, way, text[block.start : start], text[start:end], text[end : block.end])
