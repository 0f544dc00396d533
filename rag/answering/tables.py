"""The tables of an article: their rows, cells and the names of their columns."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from rag.language.sentences import CELL_SEPARATOR
from rag.types import Span

_LINE_BREAK = "\n"
_MAX_ROWS = 60
"""Of a table that are read on either side of a line: to look a question up in 120 takes some 25 ms, in 800 200 ms."""
_WINDOW_CHARS = 50_000
"""Before a line, within which the first row of its table is looked for."""


class Table(NamedTuple):
    """A table of an article.

    Attributes
    ----------
    columns : tuple of Span
        The cells of its first row, which name the columns.
    rows : tuple of tuple of Span
        The cells of the others that have as many, of a long table those around the line that it was found by.
    is_whole : bool
        Whether all rows are there.
    """

    columns: tuple[Span, ...]
    rows: tuple[tuple[Span, ...], ...]
    is_whole: bool


def is_row(line: str) -> bool:
    """Whether a line is a row of a table."""
    return CELL_SEPARATOR in line


def find_table(text: str, at: int) -> Table | None:
    """The table of which the line at an offset is a row; None where it is none, or begins too far above.

    Parameters
    ----------
    text : str
        Of the article.
    at : int
        Offset within the line.
    """
    start = text.rfind(_LINE_BREAK, 0, at) + 1
    first = _find_first_row(text, start)
    if first is None:
        return None
    above = [*islice(_rows_above(text, start), _MAX_ROWS)][::-1]
    below = [*islice(_rows_from(text, start), _MAX_ROWS + 2)]
    lines = [*above, *below[: _MAX_ROWS + 1]]
    columns = tuple(_find_cells(text, next(_rows_from(text, first))))
    rows = tuple(tuple(_find_cells(text, line)) for line in lines if line.start > first)
    is_whole = lines[0].start == first and len(below) <= _MAX_ROWS + 1
    return Table(columns, tuple(row for row in rows if len(row) == len(columns)), is_whole) if rows else None


def find_column_names(text: str, at: int) -> Span | None:
    """The first row of the table of which the line at an offset is another row; None where it is none.

    Parameters
    ----------
    text : str
        Of the article.
    at : int
        Offset within the line.
    """
    start = text.rfind(_LINE_BREAK, 0, at) + 1
    first = _find_first_row(text, start)
    return next(_rows_from(text, first)) if first is not None and first < start else None


def find_column_name(text: str, cell: Span) -> str | None:
    """The name of the column in which a cell of a table stands, as it is written; None for what is no cell, and for the
    first column, which names the rows.

    Parameters
    ----------
    text : str
        Of the article.
    cell : Span
        In offsets of it.
    """
    table = find_table(text, cell.start)
    row = next((row for row in table.rows if cell in row), None) if table else None
    at = row.index(cell) if row else 0
    return text[slice(*table.columns[at])] if table and at else None


def _find_first_row(text: str, start: int) -> int | None:
    """Where the first row of a table begins, of which the line that begins at an offset is a row; None where it is
    none, or that is too far above."""
    if next(_rows_from(text, start), None) is None:
        return None
    first = start
    for row in _rows_above(text, start):
        first = row.start
        if start - first > _WINDOW_CHARS:
            return None
    return first


def _rows_above(text: str, start: int) -> Iterator[Span]:
    """The rows right above a line that begins at an offset, the nearest first."""
    while start:
        above = text.rfind(_LINE_BREAK, 0, start - 1) + 1
        if not is_row(text[above : start - 1]):
            return
        yield Span(above, start - 1)
        start = above


def _rows_from(text: str, start: int) -> Iterator[Span]:
    """The rows from a line that begins at an offset on."""
    while start < len(text):
        end = text.find(_LINE_BREAK, start)
        end = len(text) if end < 0 else end
        if not is_row(text[start:end]):
            return
        yield Span(start, end)
        start = end + 1


def _find_cells(text: str, line: Span) -> Iterator[Span]:
    start = line.start
    for cell in text[slice(*line)].split(CELL_SEPARATOR):
        lead = len(cell) - len(cell.lstrip())
        yield Span(start + lead, start + lead + len(cell.strip()))
        start += len(cell) + len(CELL_SEPARATOR)
