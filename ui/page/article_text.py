"""The text of an article as it is shown: headings, paragraphs, lists and tables, the marked words within them.

Every character of the text stays where its offsets count it: what is selected is told by them, and what a quote
marks is marked wherever it stands.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, starmap
from typing import Literal, NamedTuple

from rag.language.direction import direction
from rag.language.profile import Direction
from rag.types import Article, Page, Span

BlockKind = Literal["heading", "paragraph", "bullets", "numbers", "table"]
PartKind = Literal["words", "marker", "separator"]

_FIRST_TAG = 3
"""The title of the article is an h2."""
_LINE = re.compile(r"[^\n]+")
_BULLET = re.compile(r"\s*[•●▪◦‣]\s+")
_DASH = re.compile(r"\s*[*–—-]\s+")
_NUMBER = re.compile(r"\s*[(\[]?\d{1,3}[.)\]-]\s+")
_MARKERS: tuple[tuple[re.Pattern[str], BlockKind, int], ...] = (
    (_BULLET, "bullets", 1),
    (_DASH, "bullets", 2),
    (_NUMBER, "numbers", 2),
)
"""What begins an item, and how many one after another are a list: a dash may begin speech, a number a sentence."""
_SEPARATOR = re.compile(r" \| ")
"""Between the cells of a row, as the readers write it."""
_MIN_ROWS = 2


class Part(NamedTuple):
    """Words before, within and behind the marked ones; `kind`: of a line, an item's marker, or what parts two cells."""

    kind: PartKind
    before: str
    marked: str
    after: str


class Line(NamedTuple):
    """A line, an item or a cell: where it begins in the article's text, its direction, and its parts in order."""

    start: int
    way: Direction
    parts: list[Part]


class Block(NamedTuple):
    """Lines that belong together.

    Attributes
    ----------
    kind : BlockKind
        What they are.
    tag : str
        Of HTML.
    page : Page or None
        Where the block is the first on it.
    way : Direction
        Of all of it.
    rows : list of list of Line
        The cells of each row of a table; else one line each.
    has_header : bool
        Whether the first row names the columns.
    """

    kind: BlockKind
    tag: str
    page: Page | None
    way: Direction
    rows: list[list[Line]]
    has_header: bool = False


class _Source(NamedTuple):
    """A line of the text, or the part of one that stands on one page, and what it looks like."""

    span: Span
    kind: BlockKind
    tag: str
    page: Page | None
    text: str


def split_blocks(article: Article, window: Span, marked: Span) -> list[Block]:
    """What of an article stands within a window, in order; `marked` may be empty."""
    lines = list(_read_lines(article, window))
    blocks = []
    for (kind, tag, _), group in groupby(_number_runs(lines), key=lambda one: one[1:]):
        blocks.append(_make_block([line for line, *_ in group], kind, tag, marked))
    return blocks


def _read_lines(article: Article, window: Span) -> Iterator[_Source]:
    starts = article.pages.starts if article.pages else ()
    tags = _tag_headings(article)
    before = None
    for match in _LINE.finditer(article.text):
        for part in _split_at(Span(*match.span()), starts):
            if not part.overlaps(window):
                continue
            page = article.find_page(part.start)
            span = Span(max(part.start, window.start), min(part.end, window.end))
            text = article.text[slice(*span)]
            tag = tags.get(span.start + len(text) - len(text.lstrip()))
            yield _Source(
                span, "heading" if tag else _kind_of(text), tag or "p", page if page != before else None, text
            )
            before = page


def _split_at(line: Span, starts: Sequence[int]) -> Iterator[Span]:
    within = starts[bisect_right(starts, line.start) : bisect_left(starts, line.end)]
    return starmap(Span, pairwise([line.start, *dict.fromkeys(within), line.end]))


def _tag_headings(article: Article) -> dict[int, str]:
    """The tag of the line that each heading begins; those of the lowest level are one below the title."""
    first = min((heading.level for heading in article.headings), default=1)
    return {heading.start: f"h{min(heading.level - first + _FIRST_TAG, 6)}" for heading in article.headings}


def _kind_of(text: str) -> BlockKind:
    if _SEPARATOR.search(text):
        return "table"
    return next((kind for pattern, kind, _ in _MARKERS if pattern.match(text)), "paragraph")


def _number_runs(lines: Sequence[_Source]) -> Iterator[tuple[_Source, BlockKind, str, int]]:
    """Each line with the kind and tag of its block, and a number that lines of one block share."""
    run = 0
    for _, group in groupby(lines, key=lambda line: line.kind):
        together = list(group)
        kind = together[0].kind if len(together) >= _least(together[0]) else "paragraph"
        is_joined = kind in ("bullets", "numbers", "table")
        for at, line in enumerate(together):
            run += at == 0 or not is_joined or line.page is not None
            yield line, kind, line.tag, run


def _least(line: _Source) -> int:
    """How many such lines one after another are what they look like."""
    if line.kind == "table":
        return _MIN_ROWS
    return next((least for pattern, kind, least in _MARKERS if kind == line.kind and pattern.match(line.text)), 1)


def _make_block(lines: Sequence[_Source], kind: BlockKind, tag: str, marked: Span) -> Block:
    rows = [list(_split_line(line, kind, marked)) for line in lines]
    way = direction(" ".join(line.text for line in lines))
    has_header = kind == "table" and len(rows) >= _MIN_ROWS and _names_columns(lines[0].text)
    return Block(kind, tag, lines[0].page, way, rows, has_header)


def _names_columns(row: str) -> bool:
    cells = _SEPARATOR.split(row)
    return all(cell.strip() and not re.search(r"\d", cell) for cell in cells)


def _split_line(line: _Source, kind: BlockKind, marked: Span) -> Iterator[Line]:
    if kind == "table":
        at = 0
        for end, next_start in [*(match.span() for match in _SEPARATOR.finditer(line.text)), (len(line.text),) * 2]:
            yield _make_line(line, [("words", at, end), ("separator", end, next_start)], marked)
            at = next_start
        return
    marker = _find_marker(line.text) if kind in ("bullets", "numbers") else 0
    yield _make_line(line, [("marker", 0, marker), ("words", marker, len(line.text))], marked)


def _find_marker(text: str) -> int:
    """Where the marker of an item ends."""
    return next((match.end() for pattern, *_ in _MARKERS if (match := pattern.match(text))), 0)


def _make_line(line: _Source, parts: Sequence[tuple[PartKind, int, int]], marked: Span) -> Line:
    begins, ends = parts[0][1], parts[-1][2]
    found = [_make_part(kind, line, Span(start, end), marked) for kind, start, end in parts if start < end]
    return Line(line.span.start + begins, direction(line.text[begins:ends]), found)


def _make_part(kind: PartKind, line: _Source, span: Span, marked: Span) -> Part:
    """A part of a line, given by offsets within the line; `marked` counts in the article's text."""
    start, end = (min(max(at - line.span.start, span.start), span.end) for at in marked)
    return Part(kind, line.text[span.start : start], line.text[start:end], line.text[end : span.end])
