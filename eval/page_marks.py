"""How well the words of a citation are marked on pages of PDF files: `python -m eval.page_marks FOLDER [PRODUCER...]`.

The folder has one for each tool that makes PDF files. Each sentence of each article is taken for a citation. It is
covered when the letters of PDFium, whose places the marks are not made of, that stand under its marks are its own:
0.9 of them and no more than a tenth others. Where PDFium itself lacks letters (ligatures, tatweel), it is not.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ingest.page_images import choose_marks, split_pages
from ingest.pdf.child import run_step
from ingest.pdf.marks import Mark
from ingest.readers import read_file
from rag.language.document import Document
from rag.language.normalize import fold_text
from rag.types import Article, Span

_MAX_CHARS = 10_000_000
_MIN_LETTERS = 8
"""Of a sentence that is taken for a citation."""
_MIN_COVERED = 0.9
_SECONDS = 300.0


class _Outcome(NamedTuple):
    """Whether all pages of a citation have marks, and whether these cover its words and no others."""

    is_marked: bool
    is_covered: bool


def measure_marks(path: Path) -> Iterator[_Outcome]:
    """What becomes of each sentence of a file.

    Parameters
    ----------
    path : Path
        A PDF; nothing comes of one that is refused.
    """
    for article in read_file(path, path.parent, _MAX_CHARS):
        if isinstance(article, Article) and article.pages:
            numbers = list(range(1, len(article.pages.starts) + 1))
            letters = run_step("letters", {"path": str(path), "pages": numbers}, _SECONDS)
            for sentence in Document(article.text).sentences:
                if _letters_of(article.text[slice(*sentence)]).total() >= _MIN_LETTERS:
                    yield _judge(article, Span(*sentence), letters)


def _judge(article: Article, sentence: Span, letters: Sequence[dict[str, Any]]) -> _Outcome:
    under: Counter[str] = Counter()
    is_marked = True
    for page, of_page, words in split_pages(article, sentence):
        marks = choose_marks(article, of_page, words, letters[page.number - 1])
        is_marked = is_marked and bool(marks)
        under += _letters_of("".join(_letters_under(marks, letters[page.number - 1]["chars"])))
    wanted = _letters_of(article.text[slice(*sentence)])
    is_covered = (wanted & under).total() >= _MIN_COVERED * max(wanted.total(), under.total())
    return _Outcome(is_marked, is_marked and is_covered)


def _letters_under(marks: Sequence[Mark], chars: Sequence[tuple[str, float, float, float, float]]) -> Iterator[str]:
    for char, left, top, width, height in chars:
        across, down = left + width / 2, top + 0.6 * height
        for mark in marks:
            if mark.left <= across <= mark.left + mark.width and mark.top <= down <= mark.top + mark.height:
                yield char
                break


def _letters_of(text: str) -> Counter[str]:
    return Counter(char for char in fold_text(text) if char.isalnum())


def main() -> None:
    """Print the shares of each producer, and of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("producers", nargs="*", help="only these folders of it")
    options = parser.parse_args()
    outcomes: defaultdict[str, list[_Outcome]] = defaultdict(list)
    for path in sorted(options.folder.glob("*/*.pdf")):
        if not options.producers or path.parent.name in options.producers:
            outcomes[path.parent.name] += measure_marks(path)
    outcomes["all"] = [one for of_producer in list(outcomes.values()) for one in of_producer]
    print("| producer | citations | marked | covered |\n|---|---|---|---|")
    for name, found in ((name, found) for name, found in outcomes.items() if found):
        marked, covered = (sum(values) / len(found) for values in zip(*found, strict=True))
        print(f"| {name} | {len(found)} | {marked:.3f} | {covered:.3f} |")


if __name__ == "__main__":
    main()
