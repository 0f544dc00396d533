"""The page of the document that an article was read from, beside its text, with the words marked."""

from typing import Any, NamedTuple
from urllib.parse import quote

from ingest.page_images import PageImages, PageMarks
from rag.errors import DalilError
from rag.types import Article, Language, Page, Span
from ui.page.html import render_macro
from ui.page.labels import Labels

_WIDTH = 1200
"""Of a picture, in pixels: sharp in the panel on a fine screen, and when it is enlarged on others."""


class PageRequest(NamedTuple):
    """Which page a reader wants to see.

    Attributes
    ----------
    span : Span
        The words to mark, in code points of the article's text; empty to mark none.
    number : int or None
        Of the page, from 1; None for the one that the words begin on.
    key : str
        Of the place where the browser will put it.
    """

    span: Span
    number: int | None = None
    key: str = ""


def render_page_image(
    pages: PageImages, article: Article, request: PageRequest, labels: Labels, language: Language
) -> dict[str, Any]:
    """A page with its marks as HTML, and the key of where it goes; no HTML where the pages cannot be shown."""
    if article.pages is None or not pages.has_pages(article):
        return {"key": request.key, "html": ""}
    page = _choose_page(article, request)
    found = _find_marks(pages, article, request.span, page)
    html = render_macro(
        "page_image",
        "page_image",
        article=article,
        page=page,
        count=len(article.pages.starts),
        address=f"../v1/articles/{quote(article.id, safe='')}/pages/{page.number}.png?width={_WIDTH}",
        ratio=found.ratio if found else None,
        marks=found.marks if found else [],
        request=request,
        language=language,
        labels=labels,
    )
    return {"key": request.key, "html": html}


def _choose_page(article: Article, request: PageRequest) -> Page:
    count = len(article.pages.starts) if article.pages else 1
    begins = article.find_page(request.span.start) or Page(1)
    if request.number is None:
        return begins
    number = min(max(1, request.number), count)
    labels = article.pages.labels if article.pages else ()
    return Page(number, (labels[number - 1] if labels else "") or None)


def _find_marks(pages: PageImages, article: Article, span: Span, page: Page) -> PageMarks | None:
    """Where the words stand on a page; None where that cannot be told: the page is shown without."""
    try:
        found = pages.find_marks(article, span)
    except DalilError:
        return None
    return next((one for one in found if one.page.number == page.number), None)
