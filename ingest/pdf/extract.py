"""The words of a PDF: both engines, the better text of each page, paragraphs."""

import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import dropwhile, pairwise, takewhile
from pathlib import Path
from typing import Any

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.ocr.scans import ScannedPage, find_title, read_scans
from ingest.pdf.child import Deadline, StepError, run_step
from ingest.pdf.pages import Line, drop_running_heads
from ingest.pdf.paragraphs import join_paragraphs
from ingest.pdf.tables import lines_with_rows, rows_of
from rag.errors import ReadError
from rag.language.arabic.text_layers import pair_brackets, repair_line, repair_plain_line
from rag.language.health import score_text
from rag.language.normalize import remove_marks

_SECONDS = 50.0
"""For one file, so that with what goes before and after it ends within a minute."""
_PREPARE_SHARE = 0.6
"""Of the time: the rest is for the other engine."""
_GLYPH_SHARE = 0.8
"""Of the time that is left: the rest is for the last page, and to hand over what was read."""
_MIN_GAIN, _MIN_ORDER_GAIN = 0.15, 0.02
"""By how much PDFium's text of a page must be better, and by how much more of its pairs of words must stand together in
the parts of a page, to be taken."""
_MIN_WORDS = 0.6
"""Share of PDFium's letters that the other engine must have."""
_PLAIN_SIZE = 10.0
_PLAIN_GAP = 12.0
"""Where PDFium's lines are taken, whose places are not asked for."""
_WORD = re.compile(r"[^\W_]+")

Blocks = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PdfText:
    """What was read of a PDF.

    Attributes
    ----------
    text : str
        A paragraph a line; empty where no page has words.
    page_starts : list of int
        Where in `text` each page begins, code points; the first at 0.
    page_labels : list of str
        What the file calls each page; empty where it says nothing.
    title : str
        The lines of the first page that have its largest letters; empty where its text has no smaller ones.
    headings : str
        The lines that are set in another size than most of the text.
    has_image : bool
        Whether a page has a picture.
    scans : list of int
        Pages that are pictures and were not read, from 0.
    scanned : list of ScannedPage
        Those that were read by OCR, or were to be.
    """

    text: str
    page_starts: list[int]
    page_labels: list[str]
    title: str
    headings: str
    has_image: bool
    scans: list[int]
    scanned: list[ScannedPage]

    @property
    def page_texts(self) -> list[str]:
        """The text of each page, with what parts it from the next."""
        return [self.text[start:end] for start, end in pairwise([*self.page_starts, len(self.text)])]


def extract_text(content: bytes, max_chars: int, seconds: float = _SECONDS, ocr: OcrOptions = NO_OCR) -> PdfText:
    """The words of a PDF in reading order.

    Parameters
    ----------
    content : bytes
        Of the file.
    max_chars : int
        Most characters that are read.
    seconds : float
        After which reading is given up, but for OCR, which has a time of its own.
    ocr : OcrOptions
        Whether pages that are pictures are read.

    Raises
    ------
    ReadError
        When it is encrypted, damaged, too long, or takes too much time or memory, or OCR is missing.
    """
    deadline = Deadline(seconds)
    with tempfile.TemporaryDirectory(prefix="dalil-pdf-") as folder:
        path, copy = Path(folder, "file.pdf"), Path(folder, "copy.pdf")
        path.write_bytes(content)
        prepared = _prepare(path, copy, max_chars, deadline)
        with ThreadPoolExecutor(2) as pool:
            of_glyphs = pool.submit(_read_glyphs, path, prepared, deadline)
            blocks = _read_copy(copy, prepared, deadline)
            found = of_glyphs.result()
        scans = [number for number, page in enumerate(prepared["pages"]) if page["is_scan"]]
        scanned = read_scans(path, ocr, scans) if scans and ocr.is_on else []
    pages = _choose_pages(prepared, blocks, found)
    for page in scanned:
        pages[page.number] = list(page.lines) or pages[page.number]
    article = drop_running_heads(pages)
    text, starts = join_paragraphs(article)
    has_image = any(page["has_image"] for page in prepared["pages"])
    labels = [page["label"] for page in prepared["pages"]]
    lines = [line for page in article for line in page]
    title = _find_title(article[0], _body_size(lines)) if article else ""
    if scanned and scanned[0].number == 0:
        title = find_title(scanned[0], article[0])
    unread = [] if scanned else scans
    return PdfText(text, starts, labels, title, _join(_find_headings(lines)), has_image, unread, scanned)


def _body_size(lines: Sequence[Line]) -> int:
    """The size of most letters, 0 where there are none."""
    sizes: Counter[int] = Counter()
    for line in lines:
        sizes[round(line.size)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0


def _find_headings(lines: Sequence[Line]) -> list[Line]:
    body = _body_size(lines)
    return [line for line in lines if round(line.size) != body and not line.is_row]


def _find_title(page: Sequence[Line], body: int) -> str:
    """The first lines of the largest letters of a page, where these are larger than those of the text."""
    largest = max((round(line.size) for line in page if not line.is_row), default=0)
    from_title = dropwhile(lambda line: round(line.size) != largest, page if largest > body else ())
    return " ".join(line.text for line in takewhile(lambda line: round(line.size) == largest, from_title))


def _prepare(path: Path, copy: Path, max_chars: int, deadline: Deadline) -> dict[str, Any]:
    values = {"path": str(path), "copy": str(copy), "max_chars": max_chars}
    try:
        prepared: dict[str, Any] = run_step("prepare", values, deadline.left(_PREPARE_SHARE))
    except StepError:
        raise ReadError(
            "It takes too much time or memory to read: it is damaged, or has far too many pages or words."
        ) from None
    return prepared


def _read_copy(copy: Path, prepared: dict[str, Any], deadline: Deadline) -> list[Blocks]:
    """The blocks of each page of the copy; none where the engine fails, so that PDFium's text stands in."""
    if not prepared["parts"]:
        return []
    try:
        blocks: list[Blocks] = run_step("read", {"path": str(copy)}, deadline.left())
    except StepError:
        return []
    return blocks if len(blocks) == len(prepared["parts"]) else []


def _read_glyphs(path: Path, prepared: dict[str, Any], deadline: Deadline) -> list[Blocks | None]:
    """The lines of each page by its glyphs; None for those for which time or file do not suffice."""
    count = len(prepared["pages"])
    seconds = deadline.left()
    try:
        found: list[Blocks | None] = run_step("glyphs", {"path": str(path), "seconds": seconds * _GLYPH_SHARE}, seconds)
    except StepError:
        found = []
    return [*found, *[None] * count][:count]


def _choose_pages(prepared: dict[str, Any], blocks: list[Blocks], found: Sequence[Blocks | None]) -> list[list[Line]]:
    """The lines of each page, by the engine and the way of parting columns that did better."""
    wholes: dict[int, list[dict[str, Any]]] = {}
    parted: dict[int, list[dict[str, Any]]] = {}
    for (number, is_whole), of_page in zip(prepared["parts"], blocks, strict=bool(blocks)):
        (wholes if is_whole else parted).setdefault(number, []).extend(of_page)
    return [
        _choose_lines(page["text"], wholes.get(number, []), parted.get(number, []), found[number])
        for number, page in enumerate(prepared["pages"])
    ]


def _choose_lines(plain_text: str, whole: Blocks, parted: Blocks, found: Blocks | None) -> list[Line]:
    """The best of four readings of a page: by its glyphs, qalam's, the same with columns parted, PDFium's."""
    plain = _plain_lines(plain_text)
    best = _lines_of(whole)
    if parted and _order(plain, _lines_of(parted)) > _order(plain, best) + _MIN_ORDER_GAIN:
        best = _lines_of(parted)
    if _is_better(plain, best):
        best = plain
    if found is not None:
        glyphs = lines_with_rows(found, [block for block in whole if "rows" in block])
        if not _is_better(best, glyphs):
            return glyphs
    texts = pair_brackets([line.text for line in best])
    return [Line(text, line.baseline, line.size, line.is_row) for text, line in zip(texts, best, strict=True) if text]


def _is_better(lines: Sequence[Line], others: Sequence[Line]) -> bool:
    """Whether lines are to be taken for others: they look much more like text, or more where the others lack words."""
    text, other = _join(lines), _join(others)
    is_lacking = len(_WORD.findall(other)) == 0 or _count_letters(other) < _MIN_WORDS * _count_letters(text)
    return score_text(text) > score_text(other) + (0 if is_lacking else _MIN_GAIN)


def _join(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines)


def _count_letters(text: str) -> int:
    return sum(char.isalpha() for char in text)


def _order(plain: Sequence[Line], lines: Sequence[Line]) -> float:
    """The share of the pairs of neighbouring words of PDFium, which reads in the order of the file, that stand together
    in other lines as well."""
    pairs, others = _word_pairs(plain), _word_pairs(lines)
    return (pairs & others).total() / max(1, pairs.total())


def _word_pairs(lines: Sequence[Line]) -> Counter[tuple[str, str]]:
    words = _WORD.findall(remove_marks(unicodedata.normalize("NFKC", _join(lines))))
    return Counter(pairwise(words))


def _lines_of(blocks: Blocks) -> list[Line]:
    """The lines of blocks, repaired; the rows of a table as lines."""
    lines: list[Line] = []
    for block in blocks:
        if "rows" in block:
            lines += rows_of(block)
        else:
            lines += [Line(repair_line(text), baseline, size) for text, baseline, size in block["lines"]]
    return lines


def _plain_lines(text: str) -> list[Line]:
    """Lines of PDFium, as though they stood one below the other."""
    lines = [repair_plain_line(line) for line in text.split("\n")]
    return [Line(line, -_PLAIN_GAP * at, _PLAIN_SIZE) for at, line in enumerate(lines) if line]
