"""What is said of an article that was read by OCR, beside the article."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import fmean

from ingest.ocr.scans import ScannedPage


def describe_ocr(pages: Sequence[ScannedPage]) -> Iterator[str]:
    """Which pages were read how surely, and which were not."""
    read = [page for page in pages if page.lines]
    if read:
        sure = fmean(page.confidence for page in read)
        yield (
            f"Read by OCR ({_name_pages(read)}; Tesseract is {sure:.0f} % sure of its letters): words may be wrong, "
            "and numbers above all. Citations say so, and no number of it is given as an answer by itself."
        )
    for problem in dict.fromkeys(page.problem for page in pages if page.problem):
        yield f"Not read: {_name_pages([page for page in pages if page.problem == problem])}. {problem}"


def describe_unread(numbers: Sequence[int]) -> str:
    """What is said where scans stand among pages of text and OCR is not asked for; numbers from 0."""
    return f"Not read: {_name_numbers(numbers)}, scanned. OCR reads them: `dalil ingest --ocr`, or DALIL_OCR=auto."


def _name_pages(pages: Sequence[ScannedPage]) -> str:
    return _name_numbers([page.number for page in pages])


def _name_numbers(numbers: Sequence[int]) -> str:
    """Pages from 1, those in a row as a range."""
    runs = ([number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]))
    named = [f"{run[0] + 1}" if len(run) == 1 else f"{run[0] + 1}-{run[-1] + 1}" for run in runs]
    return f"page{'s' * (len(numbers) > 1)} {', '.join(named)}"
