"""Excel (.xlsx): each sheet under its name, a row a line, numbers as the sheet shows them."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from io import BufferedReader
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.html_text import join_cells
from ingest.readers.metadata import ArticleFields
from ingest.readers.package import open_package
from ingest.readers.sections import Section, join_sections
from ingest.reasons import reason
from rag.errors import ReadError

_MAX_CELLS = 5_000_000
"""Empty ones between others counted, and empty rows as one: 5 s of a processor for these."""
_SIGNIFICANT_DIGITS = 15
"""As Excel itself shows: 0.1 + 0.2 is 0.3."""
_PERCENT = re.compile(r'^[^"]*%')


def read_excel(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a workbook, whose title is the file's name; raises ReadError."""
    # Imported where a workbook is read: of most collections none is, and it takes a third of a command's start.
    from openpyxl.utils.exceptions import InvalidFileException

    with open_package(stream, "kind_excel", InvalidFileException):
        sections = list(_read_sheets(stream, source.max_chars))
    yield from make_article(ArticleFields(), join_sections(sections), source, PurePosixPath(source.name).name)


def _read_sheets(stream: BufferedReader, max_chars: int) -> Iterator[Section]:
    """The sheets. A formula whose value was never computed stands as it was written."""
    from openpyxl import load_workbook

    values = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    formulas = load_workbook(stream, read_only=True, data_only=False, keep_links=False)
    budget = _Budget(max_chars)
    for sheet, written in zip(values.worksheets, formulas.worksheets, strict=True):
        for one in (sheet, written):
            one.reset_dimensions()  # what the file says of its size may be wrong
        rows = (_read_row(*pair, budget) for pair in zip_longest(sheet.iter_rows(), written.iter_rows(), fillvalue=()))
        yield Section(sheet.title, "\n".join(filter(None, rows)))


class _Budget:
    """How much may still be read; raises ReadError when it is used up."""

    def __init__(self, max_chars: int) -> None:
        self._chars, self._cells = max_chars, _MAX_CELLS

    def take(self, cells: int, chars: int) -> None:
        """Count a row."""
        self._cells -= cells
        self._chars -= chars
        if self._cells < 0 or self._chars < 0:
            raise ReadError(reason("sheets_too_large"))


def _read_row(cells: tuple[Any, ...], written: tuple[Any, ...], budget: _Budget) -> str:
    row = join_cells(_show(cell) or _show(formula) for cell, formula in zip_longest(cells, written))
    budget.take(max(1, len(cells), len(written)), len(row))  # empty rows, too, may be without end
    return row


def _show(cell: Any) -> str:
    """A cell as the sheet shows it; empty where there is none."""
    value = cell.value if cell is not None else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        is_share = _PERCENT.match(cell.number_format or "") is not None
        return f"{_show_number(value * 100)}%" if is_share else _show_number(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _show_number(value: float) -> str:
    """Without exponent and without the digits that floating point adds."""
    return str(value) if isinstance(value, int) else format(Decimal(f"{value:.{_SIGNIFICANT_DIGITS}g}"), "f")
