"""What the glyphs of a PDF say, where its tool named them by clusters.

A text shaper draws a letter with its marks as several glyphs, a cluster. Many tools (WeasyPrint, fpdf2, LibreOffice)
give the letters and marks of all to one of its glyphs and nothing to the others, and keep that name wherever the glyph
is drawn again. Where a cluster stands first in the file it is parted; what then has no name is found in the table of
characters of the font.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any, NamedTuple

from fontTools.ttLib import TTFont, TTLibError
from playa.font import Font
from playa.pdftypes import stream_value

from rag.language.arabic.letters import LETTER_CLASS, MARK_CLASS, SHADDA

_LETTER, _MARK = re.compile(f"[{LETTER_CLASS}]"), re.compile(f"[{MARK_CLASS}]")
_NOT_MARKS = re.compile(f"[^{MARK_CLASS}]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_MAX_MARK_ADVANCE = 1e-3
"""In sizes of the font: a mark moves the pen nowhere."""
_MAX_STROKE = 0.2
"""In sizes: what is narrower and has no name joins two letters."""
_REACH = 1.5
"""In sizes: glyphs of a cluster stand nearer to one another."""
_MAX_SPAN = 8
"""Glyphs or characters of a span that is a ligature; a longer one is a phrase, whose words have places of their own."""
LOST = "\ufffd"
"""A letter that nothing tells."""

_Key = tuple[int, int]


class DrawnGlyph(NamedTuple):
    """A glyph as the file draws it.

    Attributes
    ----------
    font : Font
        In which `cid` is its code.
    cid : int
        Of the glyph.
    text : str or None
        What the font says that it is.
    x, y, advance, size : float
        Where the pen stands, how far it moves, and the size of the letters, in points.
    span : tuple of (int, str) or None
        The part of the page with a text of its own that it is drawn in: a number, and that text.
    """

    font: Font
    cid: int
    text: str | None
    x: float
    y: float
    advance: float
    size: float
    span: tuple[int, str] | None


class GlyphNames:
    """Learns what glyphs say, page by page."""

    def __init__(self) -> None:
        self._fonts: dict[int, _FontNames] = {}
        self._own: dict[_Key, str] = {}
        self._partners: dict[_Key, _Key | None] = {}
        self._given: dict[_Key, str] = {}

    def name(self, glyphs: Sequence[DrawnGlyph]) -> list[str]:
        """What each of the glyphs says, which stand in the order of drawing."""
        texts = [self._font(glyph).name(glyph) for glyph in glyphs]
        for at, text in enumerate(texts):
            if text and len(text) > 1 and _MARK.search(text) and glyphs[at].span is None:
                self._part_cluster(glyphs, texts, at)
        named = [text or self._find_lost(one, text) for one, text in zip(glyphs, texts, strict=True)]
        for at, text in _texts_of_spans(glyphs):
            named[at] = text
        return named

    def _part_cluster(self, glyphs: Sequence[DrawnGlyph], texts: list[str | None], at: int) -> None:
        """Leave a glyph its own part of a cluster, and give the other to the glyph beside it that has no name."""
        key, whole = _key(glyphs[at]), texts[at] or ""
        has_letter = bool(_LETTER.search(whole))
        wants_mark = not (_is_mark(glyphs[at]) and has_letter)  # the letter of a mark, or a further mark
        beside = [
            near
            for near in (at + 1, at - 1)
            if 0 <= near < len(texts)
            and not texts[near]
            and _is_mark(glyphs[near]) == wants_mark
            and _are_near(glyphs[at], glyphs[near])
        ]
        if key not in self._partners:
            self._partners[key] = _key(glyphs[beside[0]]) if beside else None
        partner = self._partners[key]
        own, other = _part(whole, _is_mark(glyphs[at]))
        if partner is None and wants_mark:
            return
        texts[at] = own
        for near in beside:
            if _key(glyphs[near]) == partner:
                texts[near] = other
                self._given.setdefault(_key(glyphs[near]), other)
                return

    def _find_lost(self, glyph: DrawnGlyph, text: str | None) -> str:
        """What is known of a glyph without a name: None for one that the file does not mention, which is often but a
        further glyph of a cluster."""
        name = self._font(glyph).in_table(glyph.cid) or self._given.get(_key(glyph), "")
        is_letter = text is not None and abs(glyph.advance) > _MAX_STROKE * glyph.size
        return name or (LOST if is_letter else "")

    def _font(self, glyph: DrawnGlyph) -> "_FontNames":
        if id(glyph.font) not in self._fonts:
            self._fonts[id(glyph.font)] = _FontNames(glyph.font)
        return self._fonts[id(glyph.font)]


def _texts_of_spans(glyphs: Sequence[DrawnGlyph]) -> Iterator[tuple[int, str]]:
    """For each glyph that is drawn within a span, what it says: the text of the span is given to its first letter."""
    for span, run in groupby(enumerate(glyphs), key=lambda pair: pair[1].span):
        places = list(run)
        if span is None or len(places) > _MAX_SPAN or len(span[1]) > _MAX_SPAN:
            continue
        holder = next((at for at, glyph in places if not _is_mark(glyph)), places[0][0])
        for at, _ in places:
            yield at, span[1] if at == holder else ""


class _FontNames:
    """The names that a font has for its codes; keeps the font, since it is known by where it lies in memory."""

    def __init__(self, font: Font) -> None:
        self._font = font
        names = getattr(font, "tounicode", None)
        self._defined = None if names is None else {int.from_bytes(code, "big") for code in names.bytes2unicode}
        self._table: dict[int, str] | None = None

    def name(self, glyph: DrawnGlyph) -> str | None:
        """The text that the file gives a glyph; None where it does not mention it."""
        if self._defined is not None and glyph.cid not in self._defined:
            return None
        return _CONTROLS.sub("", glyph.text or "")

    def in_table(self, code: int) -> str:
        """What the font's own table of characters says that a code is; empty where it does not."""
        if self._table is None:
            self._table = _read_table(self._font)
        return self._table.get(code, "")


def _part(whole: str, is_mark: bool) -> tuple[str, str]:
    """The part of a cluster's text that a glyph says itself, and what the other glyph of it says."""
    letters, marks = _MARK.sub("", whole), _NOT_MARKS.sub("", whole)
    if letters:
        return (marks, letters) if is_mark else (letters, marks)
    first = SHADDA if SHADDA in marks else marks[0]
    return first, marks.replace(first, "", 1)


def _is_mark(glyph: DrawnGlyph) -> bool:
    return abs(glyph.advance) <= _MAX_MARK_ADVANCE * glyph.size


def _are_near(one: DrawnGlyph, other: DrawnGlyph) -> bool:
    return max(abs(one.x - other.x), abs(one.y - other.y)) < _REACH * one.size


def _key(glyph: DrawnGlyph) -> _Key:
    return id(glyph.font), glyph.cid


def _read_table(font: Font) -> dict[int, str]:
    """Codes of a font to the characters that its table of characters gives them."""
    embedded = font.descriptor.get("FontFile2")
    to_glyph: Any = getattr(font, "cid2gid", None)
    if embedded is None or to_glyph is None:
        return {}
    try:
        program = TTFont(BytesIO(stream_value(embedded).buffer), lazy=True)
        characters = program["cmap"].getBestCmap() or {}
        numbers = {program.getGlyphID(name): char for char, name in characters.items()}
        codes = to_glyph if isinstance(to_glyph, dict) else {number: number for number in numbers}
    except (TTLibError, LookupError, TypeError, ValueError, AssertionError):
        return {}
    return {code: unicodedata.normalize("NFKC", chr(numbers[to])) for code, to in codes.items() if to in numbers}
