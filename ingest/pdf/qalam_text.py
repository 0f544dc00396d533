"""The blocks of a plain copy as qalam reads them."""

from typing import Any

import qalam

from ingest.pdf.child import StepError


def read_blocks(path: str) -> list[list[dict[str, Any]]]:
    """The blocks of each page.

    Parameters
    ----------
    path : str
        A file that `prepare` wrote.

    Returns
    -------
    list of list of dict
        A block has `rows` (lists of cells, in reading order) where it is a table, else `lines` (text, baseline and
        size in points, from the bottom of the page), and `box` (left, bottom, right, top).

    Raises
    ------
    StepError
        When qalam cannot read it.
    """
    try:
        document = qalam.Document(path)
    except qalam.QalamError:
        raise StepError("read") from None
    return [[_describe(block) for block in page.blocks if block.kind != "image"] for page in document]


def _describe(block: Any) -> dict[str, Any]:
    if block.kind == "table":
        return {"rows": block.to_rows(), "box": block.bbox}
    return {"lines": [(line.text, line.baseline, line.size) for line in block.lines], "box": block.bbox}
