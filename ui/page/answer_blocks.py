"""The blocks of an answer's text as HTML: what stands first, what leads to quotes, the quotes, with their citations
as chips that open the article."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, zip_longest
from typing import Literal, NamedTuple

from rag.answering.quotes import quote_words, title_words
from rag.grounding.markers import MARKER
from rag.language.direction import direction, find_embedded_runs
from rag.language.profile import Direction
from rag.language.sentences import CELL_SEPARATOR
from rag.types import Answer, Citation, Page
from ui.page.html import direction_of, render_macro
from ui.page.labels import Labels

BlockKind = Literal["direct", "lead", "unsure", "quote", "first", "block"]
"""What a block is: the few words that answer, a line before quotes, the word that these may not answer, a quote, the
first one where no such words stand before it, or a sentence of a model or of Dalil."""

_NUMBER = re.compile(r"\d+")
_BREAK = "\n\n"
_QUOTE_START = "«"
_LEAD_END = ":"
_OPEN_CHARS, _MIN_FOLDED_CHARS = 400, 160
"""What is seen of a long quote: about five lines, so that three quotes stand on a screen; less than two lines more are
seen too."""


class _Chip(NamedTuple):
    """A citation's number as a button; without its citation it only looks like one."""

    number: int
    citation: Citation | None


class _Piece(NamedTuple):
    """Text with the chips behind it. `tied_word` is the last word, kept on the line of the chips; `is_marked`: it is
    the answer within its quote; `is_folded`: it is seen when the reader asks for the rest of a long quote."""

    text: str
    tied_word: str = ""
    chips: Sequence[_Chip] = ()
    is_marked: bool = False
    is_folded: bool = False


class Place(NamedTuple):
    """Where a quote stands in its article: its headings, its page, and whether it was read by OCR."""

    section: tuple[str, ...]
    page: Page | None
    ocr: bool


class AnswerBlock(NamedTuple):
    """A block of an answer.

    Attributes
    ----------
    kind : BlockKind
        What it is.
    text : str
        With its markers.
    citations : tuple of Citation
        That its markers name; of a line that leads to quotes, the one whose article it names.
    """

    kind: BlockKind
    text: str
    citations: tuple[Citation, ...] = ()


def split_answer(answer: Answer) -> list[AnswerBlock]:
    """The blocks of an answer, in order."""
    by_number = {citation.number: citation for citation in answer.citations}
    texts = answer.text.split(_BREAK)
    blocks: list[AnswerBlock] = []
    for at, text in enumerate(texts):
        known = {block.kind for block in blocks}
        kind = _kind_of(text, at, answer, is_first_quote=not known & {"direct", "first", "block"})
        numbers = (int(found) for match in MARKER.finditer(text) for found in _NUMBER.findall(match.group()))
        citations = tuple(by_number[number] for number in numbers if number in by_number)
        if kind == "lead":
            citations = tuple(one for one in answer.citations if title_words(one.title) in text)[:1]
        blocks.append(AnswerBlock(kind, text, citations))
    return blocks


def find_answering_words(answer: Answer) -> str:
    """The words of the first quote that answer, as a quote shows them; empty where none are sure enough."""
    by_number = {citation.number: citation for citation in answer.citations}
    for span in answer.answer.spans if answer.answer else ():
        if citation := by_number.get(span.citation):
            return quote_words(citation.quote[span.start - citation.start : span.end - citation.start])
    return ""


def find_common_place(citations: Sequence[Citation], article_id: str) -> Place | None:
    """Where all quotes of an article stand; None where they stand in several places."""
    places = {Place(one.section, one.page, one.ocr) for one in citations if one.article_id == article_id}
    return places.pop() if len(places) == 1 else None


def render_blocks(answer: Answer, labels: Labels) -> Iterator[str]:
    """The blocks of an answer as HTML, each with its own direction."""
    by_number = {citation.number: citation for citation in answer.citations}
    marked = find_answering_words(answer)
    blocks = split_answer(answer)
    is_shown = False
    for block, following in zip_longest(blocks, blocks[1:]):
        kind, text, citations = block
        way = direction_of(answer.language)
        if is_shown:  # the names of columns, in the row before them
            is_shown = False
        elif following and (cells := _pair_cells(block, following)):
            is_shown = True
            chips = [_Chip(one.number, one) for one in (*citations, *following.citations)]
            at = _find_answering_cell(answer, citations[0])
            yield render_macro("turn", "row", cells=cells, chips=chips, marked=at, kind=kind, labels=labels)
        elif kind == "lead" and citations:
            yield _render_lead(text, citations[0], answer, labels)
        elif kind in ("quote", "first"):
            yield render_block(text, by_number, labels, None, kind, marked)
        else:
            yield render_block(text, by_number, labels, None if kind == "direct" else way, kind)


def _pair_cells(row: AnswerBlock, names: AnswerBlock) -> list[tuple[str, str]]:
    """The cells of a table's row, each behind the name of its column; empty where two blocks are no row and the names
    of its columns."""
    if not all(block.kind in ("quote", "first") and len(block.citations) == 1 for block in (row, names)):
        return []
    (of_row,), (of_names,) = row.citations, names.citations
    is_beneath = of_row.article_id == of_names.article_id and of_names.end <= of_row.start
    cells, columns = (quote_words(one.quote).split(CELL_SEPARATOR) for one in (of_row, of_names))
    return list(zip(columns, cells, strict=True)) if is_beneath and 1 < len(cells) == len(columns) else []


def _find_answering_cell(answer: Answer, row: Citation) -> int | None:
    """Which cell of a quoted row is the answer; None where none is."""
    starts = (span.start for span in (answer.answer.spans if answer.answer else ()) if span.citation == row.number)
    start = next(starts, None)
    return None if start is None else row.quote.count(CELL_SEPARATOR, 0, start - row.start)


def render_live_block(text: str, labels: Labels) -> str:
    """A block of an answer that is being written: its markers look like chips."""
    is_quote, is_lead = text.startswith(_QUOTE_START), text.endswith(_LEAD_END)
    return render_block(text, {}, labels, None, "quote" if is_quote else "lead" if is_lead else "block")


def render_block(
    block: str,
    by_number: Mapping[int, Citation],
    labels: Labels,
    way: Direction | None = None,
    kind: BlockKind = "block",
    marked: str = "",
) -> str:
    """One block of an answer; a marker whose citation is known becomes a chip, another one looks like it. `marked` are
    words that answer."""
    way = way or direction(MARKER.sub("", block))
    pieces: list[_Piece] = []
    at = 0
    for match in MARKER.finditer(block):
        numbers = map(int, _NUMBER.findall(match.group()))
        chips = [_Chip(number, by_number.get(number)) for number in numbers]
        text = block[at : match.start()].rstrip()
        before, words, after = text.partition(marked) if marked else ("", "", text)
        pieces += [_Piece(before), _Piece(words, is_marked=True)] if words else []
        pieces.append(_tie_chips(after if words else text, chips, way))
        at = match.end()
    pieces.append(_Piece(block[at:]))
    if kind in ("quote", "first"):
        pieces = _fold(pieces)
    return render_macro("turn", "block", pieces=pieces, way=way, kind=kind, labels=labels)


def _render_lead(text: str, citation: Citation, answer: Answer, labels: Labels) -> str:
    before, title, after = text.partition(title_words(citation.title))
    return render_macro(
        "turn",
        "lead",
        parts={"before": before, "title": title, "after": after.removesuffix(_LEAD_END)},
        citation=citation,
        place=find_common_place(answer.citations, citation.article_id),
        language=answer.language,
        labels=labels,
    )


def _kind_of(text: str, at: int, answer: Answer, is_first_quote: bool) -> BlockKind:
    if text.startswith(_QUOTE_START):
        return "first" if is_first_quote else "quote"
    if at == 0 and answer.state == "unsure" and answer.mode == "extractive":
        return "unsure"
    if at == 0 and answer.answer is not None:
        return "direct"
    return "lead" if text.endswith(_LEAD_END) else "block"


def _tie_chips(text: str, chips: Sequence[_Chip], way: Direction) -> _Piece:
    """Text whose last word stays on the line of its chips, unless that word is part of an isolated run."""
    start = text.rfind(" ") + 1
    splits_run = any(span.start < start < span.end for span in find_embedded_runs(text, way))
    return _Piece(text, "", chips) if splits_run else _Piece(text[:start], text[start:], chips)


def _fold(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces of a quote, with what is behind the first lines of a long one folded; what answers stays in view."""
    ends = [*accumulate(len(piece.text) + len(piece.tied_word) for piece in pieces)]
    fold_at = max([_OPEN_CHARS, *(end for piece, end in zip(pieces, ends, strict=True) if piece.is_marked)])
    if ends[-1] - fold_at < _MIN_FOLDED_CHARS:
        return [*pieces]
    folded: list[_Piece] = []
    for piece, end in zip(pieces, ends, strict=True):
        text = piece.text + piece.tied_word
        if end <= fold_at or not text:
            folded.append(piece)
        else:
            cut = text.rfind(" ", 0, max(0, fold_at - (end - len(text)))) + 1
            folded += [_Piece(text[:cut]), _Piece(text[cut:], is_folded=True), _Piece("", "", piece.chips)]
    return folded
