"""Pages whose letters run backwards, or were decoded wrongly, put right line by line, while there are lines."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.pdf.pages import Line
from rag.language.health import heal_parts

_LINE_END = "\n"


def mend_pages(pages: Sequence[Sequence[Line]]) -> tuple[list[list[Line]], bool]:
    """The lines of each page, mended where that is safe, and whether any were.

    Paragraphs would be turned round as a whole, the last line first.
    """
    mended, health = heal_parts([_LINE_END.join(line.text for line in page) for page in pages])
    if health.state != "mended":
        return [list(page) for page in pages], False
    return [
        [replace(line, text=text) for line, text in zip(page, of_page.split(_LINE_END), strict=True)] if page else []
        for page, of_page in zip(pages, mended, strict=True)
    ], True
