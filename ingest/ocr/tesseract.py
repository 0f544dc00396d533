"""Tesseract, called as a program: where it is, which models it has, the words that it reads in a picture."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rag.errors import ReadError

_MODELS = (("Arabic", "script/Arabic"), ("ara",))
"""Each by the names that it may have. A text is read by all that are installed, and each word is that of the model that
is surest of it; `eng` beside them costs far more than it gives (docs/explanation/decisions.md has the figures)."""
_LAYOUT = "3"
"""Page segmentation mode: finds columns and paragraphs by itself."""
_ANSWER_SECONDS = 20
_WORD_LEVEL = "5"
_MISSING = (
    "It is to be read by OCR, and Tesseract, which does it, is not installed ({program} is not found). Debian, Ubuntu: "
    "`apt install tesseract-ocr tesseract-ocr-ara tesseract-ocr-script-arab`; macOS: `brew install tesseract "
    "tesseract-lang`; Windows: `winget install UB-Mannheim.TesseractOCR`, with Arabic chosen. If it is elsewhere: "
    "DALIL_TESSERACT=PATH."
)
_NO_MODEL = (
    "It is to be read by OCR, and Tesseract has no model for Arabic. Debian, Ubuntu: `apt install tesseract-ocr-ara "
    "tesseract-ocr-script-arab`; macOS: `brew install tesseract-lang`; Windows: install it anew, with Arabic chosen."
)


class OcrWord(NamedTuple):
    """A word as Tesseract reads it.

    Attributes
    ----------
    line : tuple of int
        Of its block, paragraph and line.
    left, top, width, height : int
        In pixels from the upper left.
    confidence : float
        0 to 100.
    text : str
        Its letters.
    """

    line: tuple[int, int, int]
    left: int
    top: int
    width: int
    height: int
    confidence: float
    text: str


def find_models(program: str) -> str:
    """The models to read Arabic with, as Tesseract's option has them.

    Parameters
    ----------
    program : str
        A path, or a name on the PATH.

    Raises
    ------
    ReadError
        When there is no such program, or it has none; says how to get it.
    """
    path = shutil.which(program)
    if path is None:
        raise ReadError(_MISSING.format(program=program), "ocr_missing")
    installed = _list_models(path, Path(path).stat().st_mtime_ns)
    found = [name for names in _MODELS if (name := next((one for one in names if one in installed), None))]
    if not found:
        raise ReadError(_NO_MODEL, "ocr_no_model")
    return "+".join(found)


@lru_cache(maxsize=8)
def _list_models(path: str, changed_at: int) -> frozenset[str]:
    try:
        done = subprocess.run([path, "--list-langs"], capture_output=True, timeout=_ANSWER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(done.stdout.decode(errors="replace").split())


def recognize_words(program: str, picture: Path, models: str, dpi: int, seconds: float) -> list[OcrWord] | None:
    """The words of a picture in order of reading.

    Parameters
    ----------
    program : str
        Tesseract.
    picture : Path
        Of one page, upright, as PNG.
    models : str
        Those of `find_models`.
    dpi : int
        Of the picture.
    seconds : float
        After which it is ended.

    Returns
    -------
    list of OcrWord or None
        None where Tesseract failed, or took too long.
    """
    options = ["-l", models, "--dpi", str(dpi), "--psm", _LAYOUT, "tsv"]
    # One thread a page: pages are read side by side, and its own threads gain little.
    environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            [program, str(picture), "stdout", *options],
            capture_output=True,
            timeout=seconds,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    return _parse_words(done.stdout.decode("utf-8", "replace").split("\n")[1:])


def _parse_words(rows: Sequence[str]) -> list[OcrWord]:
    """Level, page, block, paragraph, line, word, left, top, width, height, confidence, text."""
    words = []
    for row in rows:
        level, *fields = row.split("\t")
        if level == _WORD_LEVEL and len(fields) == 11 and fields[10].strip():
            _, block, paragraph, line, _, left, top, width, height = map(int, fields[:9])
            place, text = (block, paragraph, line), fields[10].strip()
            words.append(OcrWord(place, left, top, width, height, float(fields[9]), text))
    return words
