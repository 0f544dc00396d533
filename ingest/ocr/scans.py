"""The lines of scanned pages, and which pages are too bad to be used."""

import json
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ingest.ocr.options import OcrOptions
from ingest.ocr.tesseract import find_models
from ingest.pdf.child import StepError, run_step
from ingest.pdf.pages import Line
from ingest.reasons import reason
from rag.errors import ReadError
from rag.language.arabic.ocr_text import repair_ocr_line
from rag.language.health import judge_ocr

OCR_SECONDS = 3600.0
"""For one file: what is left of a longer one is told, and can be read as a file of its own."""
_SECONDS_PER_PAGE, _SECONDS_TO_START = 120.0, 30.0
_COPY_SECONDS = 120.0
_MAX_PAGES = 2000
_MAX_KEPT_PAGES = 1000
"""Of the files that were read last: a plan and what comes of it read each file, and OCR takes 2 s a page."""
_SIZE = 10.0
"""Of all lines: heights that OCR tells say little of the size of letters."""
_TITLE_WORDS, _TITLE_CONFIDENCE = 2, 70.0


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """What OCR read of a page.

    Attributes
    ----------
    number : int
        From 0.
    lines : tuple of Line
        In order of reading; none where it is not to be used.
    titles : tuple of str
        The lines that are sure enough to be a title.
    confidence : float
        Mean of its letters, 0 to 100, as Tesseract has it.
    problem : str
        Why it is not to be used; empty where it is, or is blank.
    words : tuple of (str, float, float, float, float)
        Of the lines, each with left, top, width and height in shares of the page.
    """

    number: int
    lines: tuple[Line, ...]
    titles: tuple[str, ...]
    confidence: float
    problem: str = ""
    words: tuple[tuple[str, float, float, float, float], ...] = ()


def read_scans(path: Path, options: OcrOptions, numbers: Sequence[int] | None = None) -> list[ScannedPage]:
    """Read pages by OCR.

    Parameters
    ----------
    path : Path
        A PDF, or a picture.
    options : OcrOptions
        With the program.
    numbers : sequence of int, optional
        Pages of a PDF, from 0; unset: it is a picture, of one page or several.

    Raises
    ------
    ReadError
        When Tesseract or its model for Arabic is missing, or the file cannot be opened.
    """
    models = find_models(options.program)
    if numbers is not None and len(numbers) > _MAX_PAGES:
        raise ReadError(reason("ocr_pages", count=len(numbers), limit=_MAX_PAGES))
    values = {"path": str(path), "numbers": numbers, "program": options.program, "models": models}
    found = _recognize(path, values)
    pages = [_judge(number, lines) for number, lines in found["pages"]]
    left_out = {*(numbers or ())} - {page.number for page in pages}
    no_time = reason("ocr_no_time", minutes=OCR_SECONDS / 60)
    pages += [ScannedPage(number, (), (), 0.0, no_time) for number in sorted(left_out)]
    return pages


def describe_words(pages: Sequence[ScannedPage]) -> bytes:
    """Where the words of pages stand, as JSON: by the number of the page, from 1; empty where there are none."""
    words = {page.number + 1: page.words for page in pages if page.words}
    return json.dumps(words, ensure_ascii=False).encode() if words else b""


def copy_as_pdf(path: Path) -> bytes:
    """The pages of a picture as a PDF, to be shown.

    Raises
    ------
    ReadError
        When it cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="dalil-picture-") as folder:
        copy = Path(folder, "copy.pdf")
        try:
            run_step("copy", {"path": str(path), "copy": str(copy)}, _COPY_SECONDS)
        except StepError:
            raise ReadError(reason("ocr_step")) from None
        return copy.read_bytes()


def find_title(page: ScannedPage, lines: Sequence[Line]) -> str:
    """The first of the lines of a page that may be its title; empty where none is sure enough.

    Parameters
    ----------
    page : ScannedPage
        The first one.
    lines : sequence of Line
        What is left of it without running heads.
    """
    return next((line.text for line in lines if line.text in page.titles), "")


def _recognize(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    key = blake2b(path.read_bytes() + repr([values["numbers"], values["models"]]).encode(), digest_size=16).digest()
    if (kept := _recent.get(key)) is not None:
        return kept
    count = _MAX_PAGES if values["numbers"] is None else len(values["numbers"])
    seconds = min(OCR_SECONDS, _SECONDS_TO_START + count * _SECONDS_PER_PAGE)
    values |= {"max_pages": _MAX_PAGES, "seconds": seconds}
    try:
        with _one_at_a_time:
            found: dict[str, Any] = run_step("ocr", values, seconds + _SECONDS_PER_PAGE + _SECONDS_TO_START)
    except StepError:
        raise ReadError(reason("ocr_step")) from None
    _recent.keep(key, found)
    return found


def _judge(number: int, lines: Sequence[Any] | None) -> ScannedPage:
    """A page that was read, without its lines where they are too bad."""
    if lines is None:
        return ScannedPage(number, (), (), 0.0, reason("ocr_failed"))
    repaired = [(repair_ocr_line(text), baseline, confidence) for text, baseline, confidence, _ in lines]
    letters = sum(len(text) for text, _, _ in repaired)
    confidence = sum(len(text) * sure for text, _, sure in repaired) / max(1, letters)
    health = judge_ocr("\n".join(text for text, _, _ in repaired), confidence)
    if not health.is_good:
        return ScannedPage(number, (), (), confidence, reason(health.code, sure=confidence))
    titles = tuple(
        text for text, _, sure in repaired if len(text.split()) >= _TITLE_WORDS and sure >= _TITLE_CONFIDENCE
    )
    kept = tuple(Line(text, baseline, _SIZE) for text, baseline, _ in repaired if text)
    words = tuple(tuple(word) for *_, of_line in lines for word in of_line)
    return ScannedPage(number, kept, titles, confidence, words=words)


class _RecentPages:
    """What was read last, by file. Safe to use from several threads."""

    def __init__(self) -> None:
        self._found: dict[bytes, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: bytes) -> dict[str, Any] | None:
        """What was read of a file; None where it was not, or long ago."""
        with self._lock:
            return self._found.get(key)

    def keep(self, key: bytes, found: dict[str, Any]) -> None:
        """Keep what was read, in place of the oldest."""
        with self._lock:
            self._found[key] = found
            while len(self._found) > 1 and sum(len(one["pages"]) for one in self._found.values()) > _MAX_KEPT_PAGES:
                del self._found[next(iter(self._found))]


_recent = _RecentPages()
_one_at_a_time = threading.Lock()
"""Files: the pages of one are read side by side, on as many processors as there are."""
