"""Rows of tables: where the other engine finds a table, its words as the glyphs give them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ingest.pdf.pages import Line
from rag.language.arabic.text_layers import repair_cell, repair_glyphs
from rag.language.normalize import remove_marks

_SIZE = 10.0
"""Of the letters of rows, where nobody asks for it."""
_MIN_ALIKE = 0.95
"""Of the words of a table, those that both engines read."""
_MARGIN = 2.0
"""Points by which a line may reach out of its table."""

Block = dict[str, Any]


def rows_of(block: Block) -> list[Line]:
    """The rows of a table of the other engine."""
    top, bottom = block["box"][3], block["box"][1]
    rows = [" | ".join(filter(None, map(repair_cell, row))) for row in block["rows"]]
    step = (top - bottom) / max(1, len(rows))
    return [Line(row, top - step * at, _SIZE, is_row=True) for at, row in enumerate(rows, 1) if row]


def lines_with_rows(found: Sequence[dict[str, Any]], tables: Sequence[Block]) -> list[Line]:
    """The lines of a page, those that stand in tables as rows.

    Parameters
    ----------
    found : sequence of dict
        `TextLine` by its names.
    tables : sequence of dict
        Blocks with `rows` and `box`, points from the bottom left of the page.
    """
    places = [next((at for at, table in enumerate(tables) if _is_in(line, table["box"])), None) for line in found]
    lines: list[Line] = []
    for at, (line, place) in enumerate(zip(found, places, strict=True)):
        if place is None:
            lines.append(Line(repair_glyphs(line["text"]), line["baseline"], line["size"]))
        elif place not in places[:at]:
            inner = [one for one, other in zip(found, places, strict=True) if other == place]
            lines += _rows(inner, tables[place])
    return [line for line in lines if line.text]


def _is_in(line: dict[str, Any], box: Sequence[float]) -> bool:
    left, bottom, right, top = box
    is_level = bottom <= line["baseline"] <= top
    return bool(is_level and left - _MARGIN <= line["left"] and line["right"] <= right + _MARGIN)


def _rows(lines: Sequence[dict[str, Any]], table: Block) -> list[Line]:
    """A row for each line, or those of the table where its cells have several lines."""
    own = [
        Line(
            " | ".join(repair_cell(repair_glyphs(cell)) for cell in line["cells"]), line["baseline"], _SIZE, is_row=True
        )
        for line in lines
    ]
    rows = rows_of(table)
    if len(own) == len(rows):
        return own
    words, others = _words(own), _words(rows)
    is_alike = (words & others).total() >= _MIN_ALIKE * max(words.total(), others.total())
    return rows if is_alike else own


def _words(lines: Sequence[Line]) -> Counter[str]:
    return Counter(word for line in lines for word in remove_marks(line.text).replace("|", " ").split())
