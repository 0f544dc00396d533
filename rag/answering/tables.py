"""The tables of an article: their rows, cells and the names of their columns."""

from collections.abc import Iterator
from typing import NamedTuple

from rag.answering.lists import is_row
from rag.language.sentences import CELL_SEPARATOR
from rag.types import Span

_LINE_BREAK = "\n"
_MAX_ROWS = 400
"""Of a table on either side of the line that was found."""


class Table(NamedTuple):
    """A table of an article.

    Attributes
    ----------
    columns : tuple of Span
        The cells of its first row, which name the columns.
    rows : tuple of tuple of Span
        The cells of the others that have as many.
    """

    columns: tuple[Span, ...]
    rows: tuple[tuple[Span, ...], ...]


def find_table(text: str, at: int) -> Table | None:
    """The table of which the line at an offset is a row; None where it is none.

    Parameters
    ----------
    text : str
        Of the article.
    at : int
        Offset within the line.
    """
    first = text.rfind(_LINE_BREAK, 0, at) + 1
    lines = list(_rows_before(text, first))[::-1]
    lines += _rows_from(text, first)
    if len(lines) < 2:
        return None
    columns, *rows = (tuple(_find_cells(text, line)) for line in lines)
    return Table(columns, tuple(row for row in rows if len(row) == len(columns)))


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


def _rows_before(text: str, first: int) -> Iterator[Span]:
    """The rows right before a line that begins at an offset, the last one first."""
    for _ in range(_MAX_ROWS):
        start = text.rfind(_LINE_BREAK, 0, first - 1) + 1 if first else 0
        if not first or not is_row(text[start : first - 1]):
            return
        yield Span(start, first - 1)
        first = start


def _rows_from(text: str, first: int) -> Iterator[Span]:
    """The rows from a line that begins at an offset on."""
    for _ in range(_MAX_ROWS):
        end = text.find(_LINE_BREAK, first)
        end = len(text) if end < 0 else end
        if not is_row(text[first:end]):
            return
        yield Span(first, end)
        first = end + 1


def _find_cells(text: str, line: Span) -> Iterator[Span]:
    start = line.start
    for cell in text[slice(*line)].split(CELL_SEPARATOR):
        lead = len(cell) - len(cell.lstrip())
        yield Span(start + lead, start + lead + len(cell.strip()))
        start += len(cell) + len(CELL_SEPARATOR)
