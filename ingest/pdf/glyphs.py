"""The glyphs of the pages of a PDF: what each says, and where it stands."""

from collections.abc import Iterator
from typing import NamedTuple

import playa
from playa.content import GlyphObject
from playa.page import Page
from playa.utils import decode_text

from ingest.pdf.glyph_names import DrawnGlyph, GlyphNames

_MAX_SLOPE = 0.1
"""Of a line of text that counts as level: rise over run."""


class Glyph(NamedTuple):
    """One glyph on a page, in points from its bottom left.

    Attributes
    ----------
    text : str
        What it says, in the order of writing: a letter, several of a ligature, a mark; empty where nothing tells.
    left, right : float
        Where the pen stands before and after it; the same for a mark.
    baseline, size : float
        Of its letters.
    """

    text: str
    left: float
    right: float
    baseline: float
    size: float


def read_glyphs(path: str) -> Iterator[list[Glyph] | None]:
    """The glyphs of each page, in the order in which the file draws them.

    Parameters
    ----------
    path : str
        A PDF that needs no password.

    Yields
    ------
    list of Glyph or None
        None for a page whose lines are not level, or which cannot be read.
    """
    names = GlyphNames()
    with playa.open(path, space="page") as document:
        for page in document.pages:
            yield _read_page(page, names)


def read_page_glyphs(page: Page) -> list[Glyph] | None:
    """The glyphs of one page of a file that is opened with the space "page", as `read_glyphs` gives them."""
    return _read_page(page, GlyphNames())


def _read_page(page: Page, names: GlyphNames) -> list[Glyph] | None:
    found: list[DrawnGlyph] = []
    levels: list[bool] = []
    for glyph in _glyphs(page):  # its values change as the page goes on, so they are taken at once
        across, up, *_ = glyph.matrix
        levels.append(abs(up) <= _MAX_SLOPE * abs(across))
        found.append(_take(glyph))
    if levels.count(True) < len(levels) / 2:
        return None
    places = [
        Glyph(text, min(one.x, one.x + one.advance), max(one.x, one.x + one.advance), one.y, one.size)
        for one, text, is_level in zip(found, names.name(found), levels, strict=True)
        if is_level
    ]
    return [one for one in places if 0 <= one.baseline <= page.height]


def _glyphs(page: Page) -> Iterator[GlyphObject]:
    for text in page.texts:
        for glyph in text:
            if isinstance(glyph, GlyphObject):
                yield glyph


def _take(glyph: GlyphObject) -> DrawnGlyph:
    x, y = glyph.origin
    return DrawnGlyph(glyph.font, glyph.cid, glyph.text, x, y, glyph.displacement[0], abs(glyph.size), _span_of(glyph))


def _span_of(glyph: GlyphObject) -> tuple[int, str] | None:
    """The innermost part of the page with a text of its own, as tools mark ligatures."""
    for part in reversed(glyph.mcstack):
        text = part.props.get("ActualText") if part.props else None
        if isinstance(text, bytes) and part.tag == "Span":
            return id(part), decode_text(text)
    return None
