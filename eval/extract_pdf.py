"""How well PDF files are read: `python -m eval.extract_pdf FOLDER` prints a table, one row a file.

The folder holds `PRODUCER/ARTICLE-KIND.pdf` and `truth/ARTICLE.json`, whose `text` is what a reader sees without
running heads. A kind that begins with 2 has two columns.
"""

import argparse
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.readers import read_file
from rag.language.arabic.letters import LETTER_CLASS
from rag.language.normalize import remove_marks
from rag.types import Article

_MAX_CHARS = 2_000_000
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:[.,٫٬]\d+)*[٪%]?")
_BRACKET = re.compile(r"(?=([«(\[]\s*\w+|\b\w+[.؟!]?\s*[»)\]]))")
"""A bracket with the word at its inner side."""
_ARABIC = re.compile(f"[{LETTER_CLASS}]")


class Fidelity(NamedTuple):
    """How much of a text was read.

    Attributes
    ----------
    character_error : float
        Edit distance over the length of the truth, after NFKC, white space and the bars between cells as one space.
    words, numbers, brackets : float
        Share of those of the truth that were read; words without tashkeel.
    reversed_lines : int
        Lines in which more Arabic words are words of the truth backwards than forwards.
    """

    character_error: float
    words: float
    numbers: float
    brackets: float
    reversed_lines: int


def measure_fidelity(truth: str, text: str) -> Fidelity:
    """What of `truth` stands in `text`."""
    right, read = _normalize(truth), _normalize(text)
    bare_right, bare_read = remove_marks(right), remove_marks(read)
    error = edit_distance(right, read) / max(1, len(right))
    words, numbers, brackets = (_recall(one, bare_right, bare_read) for one in (_WORD, _NUMBER, _BRACKET))
    return Fidelity(error, words, numbers, brackets, _count_reversed(text, frozenset(_WORD.findall(bare_right))))


def edit_distance(one: str, other: str) -> int:
    """Levenshtein distance of two texts in code points."""
    second = _codes(other)
    places = np.arange(len(second) + 1)
    row = places.copy()
    for code in _codes(one):
        swapped = np.concatenate(([row[0] + 1], row[:-1] + (second != code)))
        row = np.minimum.accumulate(np.minimum(row + 1, swapped) - places) + places
    return int(row[-1])


def _codes(text: str) -> NDArray[np.int64]:
    return np.array([ord(char) for char in text], np.int64)


def _normalize(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.replace("|", " ")).split())


def _recall(pattern: re.Pattern[str], truth: str, text: str) -> float:
    wanted, found = (Counter(part.replace(" ", "") for part in pattern.findall(of)) for of in (truth, text))
    return (wanted & found).total() / wanted.total() if wanted else 1.0


def _count_reversed(text: str, known: frozenset[str]) -> int:
    count = 0
    for line in text.split("\n"):
        words = [word for word in _WORD.findall(remove_marks(line)) if _ARABIC.search(word)]
        turned = sum(word[::-1] in known and word not in known for word in words)
        count += turned > sum(word in known for word in words)
    return count


def _read(path: Path) -> str:
    """The text of a file, empty where it was refused."""
    found = read_file(path, path.parent, _MAX_CHARS)
    return "".join(one.text for one in found if isinstance(one, Article))


def _rows(folder: Path, producers: Sequence[str]) -> Iterable[tuple[str, str, Fidelity]]:
    for path in sorted(folder.glob("*/*.pdf")):
        article, _, kind = path.stem.rpartition("-")
        truth = folder / "truth" / f"{article}.json"
        if truth.exists() and (not producers or path.parent.name in producers):
            columns = "two columns" if kind.startswith("2") else "one column"
            text = json.loads(truth.read_text("utf-8"))["text"]
            yield f"{path.parent.name}, {columns}", path.stem, measure_fidelity(text, _read(path))


def _format(name: str, values: Iterable[float]) -> str:
    error, words, numbers, brackets, turned = values
    return f"| {name} | {error:.3f} | {words:.3f} | {numbers:.3f} | {brackets:.3f} | {turned:.0f} |"


def main() -> None:
    """Read the files of a folder and print how well each was read, and the mean of each producer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("producers", nargs="*", help="only these folders of it")
    options = parser.parse_args()
    groups: defaultdict[str, list[Fidelity]] = defaultdict(list)
    print("| file | character error | words | numbers | brackets | lines reversed |\n|---|---|---|---|---|---|")
    for group, name, fidelity in _rows(options.folder, options.producers):
        groups[group].append(fidelity)
        print(_format(f"{group}: {name}", fidelity), flush=True)
    for group, found in groups.items():
        print(_format(f"**{group}**, mean of {len(found)}", map(mean, zip(*found, strict=True))))


if __name__ == "__main__":
    main()
