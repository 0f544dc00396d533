"""Pictures of pages into lines of text, page beside page: a step of `ingest.pdf.child`."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from ingest.ocr.pictures import Picture, draw_pages, open_frames
from ingest.ocr.tesseract import OcrWord, recognize_words
from rag.language.direction import direction

_PAGE_SECONDS = 120
"""For one page: a full one takes 2 s, on a busy machine 20."""
_MAX_AT_ONCE = 4
"""Pages that are read side by side; each takes some 0.3 GB."""
_POINTS_PER_INCH = 72
_DIGITS = 5
_MIN_HEIGHT, _MAX_HEIGHT = 0.3, 3.0
"""Of a word, in usual heights of the page: others are specks and pictures."""


WordPlace = tuple[str, float, float, float, float]
"""A word with left, top, width and height in shares of the page."""
OcrLine = tuple[str, float, float, list[WordPlace]]
"""Text, baseline, confidence, and the words of a line."""


def recognize_pages(
    path: str,
    numbers: Sequence[int] | None,
    program: str,
    models: str,
    max_pages: int,
    seconds: float,
    password: str | None,
) -> dict[str, Any]:
    """The lines of pages.

    Parameters
    ----------
    path : str
        A PDF, or a picture.
    numbers : sequence of int or None
        Pages of a PDF, from 0; None: it is a picture.
    program, models : str
        Tesseract, and what it is to read with.
    max_pages : int
        Most pages of a picture.
    seconds : float
        After which no further page is begun.
    password : str or None
        Of the PDF.

    Returns
    -------
    dict
        `pages`: for each page its number, and its lines: text, baseline (points from the bottom), letters' confidence
        (0 to 100), words with left, top, width and height in shares of the page; None where Tesseract failed.
        `is_whole`: whether the time sufficed for all.

    Raises
    ------
    ReadError
        When the picture cannot be opened, or is too large.
    """
    end = time.monotonic() + seconds
    at_once = min(_MAX_AT_ONCE, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)

    def read(picture: Picture) -> list[OcrLine] | None:
        left = min(_PAGE_SECONDS, end - time.monotonic())
        words = recognize_words(program, picture.path, models, picture.dpi, left) if left > 0 else None
        picture.path.unlink()
        return None if words is None else list(_join_lines(words, picture))

    with tempfile.TemporaryDirectory(prefix="dalil-ocr-") as folder, ThreadPoolExecutor(at_once) as pool:
        pictures = (
            open_frames(path, Path(folder), max_pages)
            if numbers is None
            else draw_pages(path, Path(folder), numbers, password)
        )
        waiting: list[tuple[int, Future[Any]]] = []
        for picture in _take_until(pictures, end):
            if len(waiting) >= at_once:  # no more pictures at once than are read, since each takes room on the disk
                waiting[-at_once][1].result()
            waiting.append((picture.number, pool.submit(read, picture)))
        pages = [(number, future.result()) for number, future in waiting]
    return {"pages": pages, "is_whole": time.monotonic() < end}


def _take_until(pictures: Iterable[Picture], end: float) -> Iterator[Picture]:
    for picture in pictures:
        yield picture
        if time.monotonic() > end:
            return


def _in_order(line: list[OcrWord]) -> list[OcrWord]:
    """The words of a line in order of reading: of a short one, Tesseract may take the wrong side for its beginning."""
    runs_right = all(one.left < other.left for one, other in pairwise(line))
    is_rtl = direction(" ".join(word.text for word in line)) == "rtl"
    return line[::-1] if runs_right and is_rtl else line


def _join_lines(words: Sequence[OcrWord], picture: Picture) -> Iterator[OcrLine]:
    """The words of each line with its baseline, its confidence and where they stand; what is no letter by its height is
    left out."""
    usual = median(word.height for word in words) if words else 0
    kept = [word for word in words if _MIN_HEIGHT * usual <= word.height <= _MAX_HEIGHT * usual]
    for _, group in groupby(kept, lambda word: word.line):
        line = _in_order(list(group))
        letters = sum(len(word.text) for word in line)
        confidence = sum(word.confidence * len(word.text) for word in line) / letters
        bottom = max(word.top + word.height for word in line)
        baseline = (picture.height - bottom) / picture.dpi * _POINTS_PER_INCH
        places = [_place(word, picture) for word in line]
        yield " ".join(word.text for word in line), round(baseline, 1), round(confidence, 1), places


def _place(word: OcrWord, picture: Picture) -> WordPlace:
    across, down = picture.width, picture.height
    shares = (word.left / across, word.top / down, word.width / across, word.height / down)
    left, top, width, height = (round(share, _DIGITS) for share in shares)
    return word.text, left, top, width, height
