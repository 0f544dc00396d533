"""An answer with its evidence as a Word document, each paragraph in the direction of its own words."""

from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.text import WD_COLOR_INDEX
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Cm, Pt

from rag.language.controls import replace_controls
from rag.language.direction import direction
from rag.types import Answer
from ui.page.answer_blocks import find_answering_words, split_answer
from ui.page.labels import Labels
from ui.page.storage import Turn
from ui.page.turns import format_source

_LETTERS = "Arial"
"""Of every office program, with both scripts."""
_DIRECT_SIZE, _LEAD_SIZE = Pt(16), Pt(10)
_QUOTE_INDENT = Cm(0.8)


def to_word(turn: Turn, labels: Labels) -> bytes:
    """The question, the answer with its markers, and the words that each marker stands for.

    Parameters
    ----------
    turn : Turn
        A question with its answer.
    labels : Labels
        Of the interface, for the headings.
    """
    document = Document()
    for style in ("Normal", "Title", "Heading 2"):
        _set_letters(document.styles[style].element.get_or_add_rPr())
    _add(document, turn.question, "Title")
    if turn.answer:
        _add_answer(document, turn.answer)
        _add_sources(document, turn.answer, labels)
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


def _add_answer(document: Any, answer: Answer) -> None:
    marked = find_answering_words(answer)
    for kind, text, _ in split_answer(answer):
        is_quote = kind in ("quote", "first")
        paragraph = _add(document, "" if is_quote else text)
        if is_quote:
            paragraph.paragraph_format.left_indent = _QUOTE_INDENT
            _set_direction(paragraph, text)
            before, words, after = text.partition(marked) if marked else (text, "", "")
            for part, is_marked in ((before, False), (words, True), (after, False)):
                _add_run(paragraph, part, is_marked)
        for run in paragraph.runs:
            run.font.bold = kind == "direct" or run.font.bold
            run.font.size = {"direct": _DIRECT_SIZE, "lead": _LEAD_SIZE}.get(kind)


def _add_sources(document: Any, answer: Answer, labels: Labels) -> None:
    if answer.citations:
        _add(document, labels["sources"], "Heading 2")
    for citation in answer.citations:
        _add(document, f"[{citation.number}] {format_source(citation, answer.language)}").runs[0].font.bold = True
        quote = _add(document, f"«{' '.join(citation.quote.split())}»")
        quote.paragraph_format.left_indent = _QUOTE_INDENT


def _add(document: Any, text: str, style: str = "Normal") -> Any:
    paragraph = document.add_paragraph(style=style)
    _set_direction(paragraph, text)
    _add_run(paragraph, text)
    return paragraph


def _add_run(paragraph: Any, text: str, is_marked: bool = False) -> None:
    if not text:
        return
    run = paragraph.add_run(replace_controls(text))
    run.font.rtl = direction(text) == "rtl"
    if is_marked:
        run.font.highlight_color = WD_COLOR_INDEX.YELLOW


def _set_direction(paragraph: Any, text: str) -> None:
    """The base direction of a paragraph, which python-docx has no property for: "start" is then its right side."""
    if direction(text) == "rtl":
        paragraph.paragraph_format.element.get_or_add_pPr().insert_element_before(
            OxmlElement("w:bidi"), "w:spacing", "w:ind", "w:jc", "w:rPr"
        )


def _set_letters(properties: Any) -> None:
    fonts = properties.get_or_add_rFonts()
    for name in ("w:ascii", "w:hAnsi", "w:cs"):
        fonts.set(qn(name), _LETTERS)
    for name in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
        fonts.attrib.pop(qn(name), None)
