"""PowerPoint (.pptx): each slide under its number and title, with its tables and the speaker's notes."""

from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import Any

from ingest.readers.base import ReadResult, Source, make_article
from ingest.readers.html_text import join_cells
from ingest.readers.metadata import ArticleFields, clean_line
from ingest.readers.package import open_package
from ingest.readers.sections import Section, choose_words, join_sections
from ingest.reasons import reason
from rag.errors import ReadError

_SLIDE = ("الشريحة", "Slide")
_NOTES = ("ملاحظات", "Notes")


def read_powerpoint(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a presentation, whose title is the first slide's; raises ReadError."""
    from pptx import Presentation  # where one is read: other commands start without it
    from pptx.exc import PythonPptxError

    with open_package(stream, "kind_powerpoint", PythonPptxError):
        slides = [_read_slide(slide) for slide in Presentation(stream).slides]
    if not any(text or notes for _, text, notes in slides):
        raise ReadError(reason("no_words"))
    words = "\n".join(text for _, text, _ in slides)
    label, notes_label = choose_words(words, *_SLIDE), choose_words(words, *_NOTES)
    sections = [
        Section(f"{label} {number}: {title}" if title else f"{label} {number}", _join(text, notes_label, notes))
        for number, (title, text, notes) in enumerate(slides, 1)
    ]
    yield from make_article(ArticleFields(), join_sections(sections), source, slides[0][0])


def _join(text: str, label: str, notes: str) -> str:
    return f"{text}\n\n{label}: {notes}".strip() if notes else text


def _read_slide(slide: Any) -> tuple[str, str, str]:
    """Title, words (with the title, where the slide has no others) and notes."""
    title = slide.shapes.title
    name = clean_line(title.text_frame.text) if title is not None else ""
    title_id = title.shape_id if title is not None else None
    blocks = [block for shape in slide.shapes if shape.shape_id != title_id for block in _read_shape(shape)]
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    notes = _read_lines(frame.text) if frame is not None else ""
    return name, "\n".join(filter(None, blocks)) or name, notes


def _read_shape(shape: Any) -> Iterator[str]:
    """The words of a shape, of a group's shapes, of a table's rows."""
    if hasattr(shape, "shapes"):
        for inner in shape.shapes:
            yield from _read_shape(inner)
    elif shape.has_text_frame:
        yield _read_lines(shape.text_frame.text)
    elif getattr(shape, "has_table", False):
        yield "\n".join(_read_rows(shape.table.rows))


def _read_rows(rows: Iterable[Any]) -> Iterator[str]:
    for row in rows:
        yield join_cells("" if cell.is_spanned else cell.text for cell in row.cells)


def _read_lines(text: str) -> str:
    """The paragraphs of a text that hold something; a break in a paragraph ends a line too."""
    return "\n".join(filter(None, map(clean_line, text.replace("\v", "\n").split("\n"))))
