"""Pages in two columns: which words belong together, and in which order the parts are read."""

from collections.abc import Sequence
from itertools import groupby
from statistics import median, quantiles
from typing import NamedTuple

_GUTTER_FROM, _GUTTER_TO, _GUTTER_STEPS = 0.35, 0.65, 150
"""Where a gutter is looked for, as shares of the width of the text."""
_FULL_LINE = 0.75
"""Of the width that a quarter of the boxes exceed."""
_HALF_GUTTER = 3.5
"""Points that are free on both sides of its middle: a space between words is seldom wider than 6, and the gutters of
the test files are 9 to 30."""
_MAX_CROSSING, _FEW = 0.3, 3
"""Of the lines of a column, those over the gutter: titles, running heads, a table that is too wide; and how many there
may be beside a short column."""
_MIN_LINES = 3
"""Of each column."""
_MIN_FILLED = 0.6
"""Of the width of a column, which half of its lines fill: cells of a table do not."""
_MAX_PARTS = 12
"""A page that falls into more is no page of columns."""


class Box(NamedTuple):
    """Where something stands on a page, in points from its bottom left."""

    left: float
    bottom: float
    right: float
    top: float


Part = frozenset[int] | None
"""Positions of the boxes of a part; None for all of them."""


def part_columns(boxes: Sequence[Box], is_large: Sequence[bool] = ()) -> list[Part]:
    """The parts of a page in order of reading.

    Parameters
    ----------
    boxes : sequence of Box
        Of its words or lines, in the order in which the file draws them: it tells which column comes first.
    is_large : sequence of bool, optional
        Which of them are larger than most text: a title that stands above the other column belongs to both.

    Returns
    -------
    list of Part
        One that is None where the page has no two columns.
    """
    gutter = _find_gutter(boxes)
    if gutter is None:
        return [None]
    sides = _choose_sides(boxes, gutter)
    if is_large:
        sides = [0 if is_large[at] and _is_above(at, boxes, sides) else side for at, side in enumerate(sides)]
    first = _first_side(sides)
    parts: list[Part] = []
    downwards = sorted(range(len(boxes)), key=lambda at: -_middle(boxes[at]))
    for spans, run in groupby(downwards, key=lambda at: sides[at] == 0):
        group = list(run)
        order = (0,) if spans else (first, -first)
        parts += filter(None, (frozenset(at for at in group if sides[at] == side) for side in order))
    return parts if len(parts) <= _MAX_PARTS else [None]


def _find_gutter(boxes: Sequence[Box]) -> float | None:
    """The middle of the space between two columns; None where the page has no two columns."""
    if len(boxes) < 2 * _MIN_LINES:
        return None
    left, right = _margins(boxes)
    shares = [_GUTTER_FROM + (_GUTTER_TO - _GUTTER_FROM) * step / _GUTTER_STEPS for step in range(_GUTTER_STEPS + 1)]
    places = [left + (right - left) * share for share in shares]
    crossing = [sum(_side(box, place) == 0 for box in boxes) for place in places]
    best = [place for place, count in zip(places, crossing, strict=True) if count == min(crossing)]
    gutter = best[len(best) // 2]
    over = len(_lines([box for box in boxes if _side(box, gutter) == 0]))
    for side, width in ((-1, gutter - left), (1, right - gutter)):
        lines = _lines([box for box in boxes if _side(box, gutter) == side])
        if len(lines) < _MIN_LINES or over > max(_FEW, _MAX_CROSSING * len(lines)):
            return None
        if median(end - start for start, end in lines) < _MIN_FILLED * width:
            return None
    return gutter


def _margins(boxes: Sequence[Box]) -> tuple[float, float]:
    """Where the full lines begin and end: cells of a table may stand beyond the margins, and beyond the page."""
    full = _FULL_LINE * quantiles([box.right - box.left for box in boxes])[-1]
    wide = [box for box in boxes if box.right - box.left >= full]
    return min(box.left for box in wide), max(box.right for box in wide)


def _side(box: Box, gutter: float) -> int:
    """-1 left of the gutter, 1 right of it, 0 over it."""
    if box.right <= gutter - _HALF_GUTTER:
        return -1
    return 1 if box.left >= gutter + _HALF_GUTTER else 0


def _lines(boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """Where each line of a column begins and ends."""
    lines: list[list[Box]] = []
    for box in sorted(boxes, key=_middle):
        if lines and _middle(box) < lines[-1][0].top:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [(min(box.left for box in line), max(box.right for box in line)) for line in lines]


def _choose_sides(boxes: Sequence[Box], gutter: float) -> list[int]:
    """The side of each box, 0 for what stands over both columns: a wide one, whereas a narrow one that reaches over
    the gutter belongs to the column that is drawn before it."""
    column = (max(box.right for box in boxes) - min(box.left for box in boxes)) / 2
    sides: list[int] = []
    for box in boxes:
        side = _side(box, gutter)
        if side == 0 and box.right - box.left < column and sides:
            side = sides[-1]
        sides.append(side)
    wide = [box for box, side in zip(boxes, sides, strict=True) if side == 0]
    return [0 if any(_is_beside(box, one) for one in wide) else side for box, side in zip(boxes, sides, strict=True)]


def _is_above(at: int, boxes: Sequence[Box], sides: Sequence[int]) -> bool:
    """Whether a box stands above all of the other column."""
    tops = [box.top for box, side in zip(boxes, sides, strict=True) if side == -sides[at]]
    return boxes[at].bottom > max(tops, default=0.0)


def _is_beside(box: Box, wide: Box) -> bool:
    """Whether a box is part of the line of a wide one."""
    return wide.bottom <= _middle(box) <= wide.top


def _first_side(sides: Sequence[int]) -> int:
    """The side whose boxes are drawn first."""
    places = {side: [at for at, one in enumerate(sides) if one == side] for side in (-1, 1)}
    return -1 if median(places[-1]) < median(places[1]) else 1


def _middle(box: Box) -> float:
    return (box.bottom + box.top) / 2
