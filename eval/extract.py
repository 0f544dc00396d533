"""How much of the words of documents the readers keep: files whose text is known, by file and by format."""

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ingest.ocr.options import NO_OCR, OcrOptions
from ingest.readers import ReadFailure, find_files, format_of_file, read_file
from rag.errors import InputError
from rag.language.normalize import remove_marks
from rag.types import Article

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<![\w.,٫٬/-])-?\d(?:[\d.,٫٬]*\d)?")
_CELL_SEPARATOR, _BULLET = re.compile(r"\s\|\s"), re.compile(r"^• ", re.MULTILINE)
"""Our own marks, which no document holds."""
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
"""Old encodings lack the others: the digits of a page in one of them are written so."""
_BY_OCR = " by OCR"
_MIN_SHARED = 0.5
"""Of a truth's words in a file that is not named after it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a document says.

    Attributes
    ----------
    name : str
        In the names of the files that hold it.
    title, text : str
        The text has the title as its first line.
    """

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """How a file was read.

    Attributes
    ----------
    file, format : str
        Its path below the folder, and what it is.
    character_error : float
        Edits from what was read to the truth, as a share of its characters: after NFKC, white space as one space.
    recall, precision : float
        Of words without tashkeel, each as often as it stands there.
    numbers : float
        Share of the truth's numbers that were read, digit by digit.
    milliseconds : float
        Of processors that reading took, in this process and those that it started.
    failure : str
        Why it was not read; empty where it was.
    """

    file: str
    format: str
    character_error: float
    recall: float
    precision: float
    numbers: float
    milliseconds: float
    failure: str = ""


def measure_extraction(
    folder: Path, truth_folder: Path, max_chars: int, ocr: OcrOptions = NO_OCR
) -> tuple[list[Extraction], list[str]]:
    """Read every file below a folder, and compare it with its truth.

    Parameters
    ----------
    folder : Path
        Of documents.
    truth_folder : Path
        Of JSON objects with a `title` and a `text`. The truth of a file is the one whose name its own begins with or
        holds, else the one that shares most of its words with it.
    max_chars : int
        Longest article.
    ocr : OcrOptions
        Whether scans are read; those that are count as a format of their own.

    Returns
    -------
    list of Extraction, list of str
        And the files that no truth is known of.

    Raises
    ------
    InputError
        When there is no truth, or nothing to read.
    """
    truths = _read_truths(truth_folder)
    extractions, unknown = [], []
    for file, root in find_files([folder], [truth_folder], ocr):
        name = file.relative_to(root).as_posix()
        started = _processor_s()
        found = list(read_file(file, root, max_chars, ocr))
        milliseconds = 1000 * (_processor_s() - started)
        failures = [one.reason for one in found if isinstance(one, ReadFailure)]
        text = "\n".join(_with_title(one) for one in found if isinstance(one, Article))
        truth = _truth_of(file, text, truths)
        known = format_of_file(file)
        if truth is None or known is None:
            unknown.append(name)
        else:
            is_ocr = any(isinstance(one, Article) and one.ocr for one in found)
            kind = f"{known.name}{_BY_OCR * is_ocr}"
            extractions.append(_compare(name, kind, text, truth, milliseconds, " ".join(failures)))
    return extractions, unknown


def summarize_extractions(extractions: Sequence[Extraction]) -> Iterator[tuple[str, dict[str, float]]]:
    """The means of each format, with the number of its files and of failures."""
    for name in dict.fromkeys(one.format for one in extractions):
        ones = [one for one in extractions if one.format == name]
        measures = ("character_error", "recall", "precision", "numbers", "milliseconds")
        means = {measure: fmean(getattr(one, measure) for one in ones) for measure in measures}
        yield name, {"files": len(ones), "failed": sum(bool(one.failure) for one in ones), **means}


def _with_title(article: Article) -> str:
    """The text of an article with its title as its first line, once."""
    has_title = _plain(article.text).startswith(_plain(article.title))
    return article.text if has_title else f"{article.title}\n{article.text}"


def _read_truths(folder: Path) -> list[Truth]:
    truths = []
    for file in sorted(folder.glob("*.json")):
        values = json.loads(file.read_text("utf-8"))
        truths.append(Truth(file.stem, values["title"], values["text"]))
    if not truths:
        raise InputError(f"{folder} holds no truth: NAME.json with a title and a text.")
    return truths


def _truth_of(file: Path, text: str, truths: Sequence[Truth]) -> Truth | None:
    named = [truth for truth in truths if truth.name in file.stem]
    if named:
        return max(named, key=lambda truth: len(truth.name))
    words = _count_words(text)
    best = max(truths, key=lambda truth: _share(_count_words(truth.text), words))
    return best if _share(_count_words(best.text), words) >= _MIN_SHARED else None


def _compare(file: str, kind: str, text: str, truth: Truth, milliseconds: float, failure: str) -> Extraction:
    read, true = _plain(text), _plain(truth.text)
    read_words, true_words = _count_words(text), _count_words(truth.text)
    return Extraction(
        file,
        kind,
        _character_error(read, true),
        _share(true_words, read_words),
        _share(read_words, true_words),
        _share(_count_numbers(true), _count_numbers(read)),
        milliseconds,
        failure,
    )


def _character_error(read: str, true: str) -> float:
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(read, true) / max(1, len(true))


def _processor_s() -> float:
    return sum(os.times()[:4])


def _plain(text: str) -> str:
    """A text as characters are compared: without the marks that readers put between cells and before items."""
    unmarked = _CELL_SEPARATOR.sub(" ", _BULLET.sub("", text))
    return " ".join(unicodedata.normalize("NFKC", unmarked).split()).translate(_DIGITS)


def _count_words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(remove_marks(_plain(text))))


def _count_numbers(plain: str) -> Counter[str]:
    return Counter(_NUMBER.findall(plain))


def _share(wanted: Counter[str], found: Counter[str]) -> float:
    """How many of those wanted were found, each as often as it is wanted; 1 where none is."""
    return (wanted & found).total() / wanted.total() if wanted else 1.0
