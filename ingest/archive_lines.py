"""What the lines of an archive hold, and what must be so of them."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel

from rag.types import MAX_HEADING_LEVEL, Heading, Language, PageMap, Span

ARCHIVE_VERSION = 2
"""1 had none of the optional fields."""
OPTIONAL_FIELDS = ("pages", "ocr", "headings", "health", "original")
"""Written where an article has some."""


def _check_pages(pages: PageMap) -> PageMap:
    if any(start > following for start, following in pairwise((0, *pages.starts))):
        raise ValueError("the starts are not in order")
    if len(pages.labels) not in (0, len(pages.starts)):
        raise ValueError("there are not as many labels as starts")
    return pages


def _check_ocr(ocr: tuple[Span, ...]) -> tuple[Span, ...]:
    places = [place for span in ocr for place in span]
    if any(place > following for place, following in pairwise((0, *places))):
        raise ValueError("the parts are not in order")
    return ocr


def _check_headings(headings: tuple[Heading, ...]) -> tuple[Heading, ...]:
    ends = [0, *(place for heading in headings for place in (heading.start, heading.end))]
    if any(before > after for before, after in pairwise(ends)):
        raise ValueError("they are not in order")
    if any(not 1 <= heading.level <= MAX_HEADING_LEVEL for heading in headings):
        raise ValueError(f"a level is not from 1 to {MAX_HEADING_LEVEL}")
    return headings


class ArchiveHeader(BaseModel):
    """The first line of an archive: the version of the format, and of the Dalil that wrote it."""

    format: Literal["dalil-articles"] = "dalil-articles"
    version: int = ARCHIVE_VERSION
    dalil: str


class ArchiveArticle(BaseModel):
    """An article with all that is kept of it; what is optional stands there where it has some, `original` as a hash."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(min_length=1)
    title: str
    text: str
    language: Language
    revision: str
    source: str
    url: str | None = None
    date: str | None = None
    topic: str | None = None
    pages: Annotated[PageMap, AfterValidator(_check_pages)] | None = None
    original: str | None = Field(None, pattern="^[0-9a-f]{40}$")
    ocr: Annotated[tuple[Span, ...], AfterValidator(_check_ocr)] = ()
    health: str | None = None
    headings: Annotated[tuple[Heading, ...], AfterValidator(_check_headings)] = ()


class ArchiveEnd(BaseModel):
    """The last line of an archive: how many articles stand before it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    articles: int


class ArchiveLine(RootModel[ArchiveHeader | ArchiveArticle | ArchiveEnd]):
    """A line of an archive: the header first, then each article, the oldest first, and at last the end."""
