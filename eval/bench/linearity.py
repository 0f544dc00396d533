"""Whether the time of the text functions and of reading Markdown grows as the text does:
`python -m eval.bench.linearity`.

Each function is timed on a text of one repeated piece and on one ten times as long. Prints one JSON object: of each
function and piece the ratio of the two times, about 10 when the time is linear and about 100 when it is quadratic, and
as `worst` the greatest one. Exits with 1 when it is over `--limit`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

from ingest.readers.bounded_markdown import parse_markdown
from rag.grounding.verifier import verify_draft
from rag.language.direction import direction
from rag.language.document import Document
from rag.language.languages import DEFAULT_LANGUAGE
from rag.language.normalize import fold, fold_text, normalize_for_embedding
from rag.language.sentences import find_sentences
from rag.types import Article, Hit, Scores, Span

_LENGTHENING = 10
_SHORT_CHARS = 4_000
_REPEATS = 3
_MIN_SECONDS = 0.001
"""A shorter time is that of the clock and of calls, and is rounded up to this."""
_LIMIT = 40.0
"""Between linear and quadratic, with room for a machine that is busy with something else."""

RULES: dict[str, Callable[[str], object]] = {
    "fold": fold,
    "fold_text": fold_text,
    "normalize_for_embedding": normalize_for_embedding,
    "find_sentences": find_sentences,
    "direction": direction,
    "terms": lambda text: Document(text).terms,
    "content_terms": lambda text: Document(text).content_terms,
    "numbers": lambda text: Document(text).numbers,
    "language": lambda text: Document(text).language,
    "sentence terms": lambda text: _analyse_sentences(text),
}
PIECES = (
    "a",
    "ا",
    "ب. ",
    "1. ",
    "د.",
    "…",
    "؟",
    "?!) ",
    "مُحَمَّد 1908 م. ",
    "1,234,567,",
    " ",
    "\n",
    "a\n",
    "\u200f",
    " \n",
    "1٬",
)
MARKDOWN = {
    "brackets": ("", "["),
    "images": ("", "!["),
    "half links": ("", "[a](<b"),
    "half references": ("", "[a]["),
    "small blocks": ("", "[" * 35 + "\n\n"),
    "brackets in images": ("![" * 40, "[" * 50 + "]" * 50 + "](b)"),
    "angles": ("", "<a@"),
    "marks": ("", "***a_b "),
    "backticks": ("", "` `` ``` ````"),
    "lazy lines": ("> " * 60 + "a\n", "b\n"),
    "quoted fences": ("", "> " * 40 + "```\n" + "b\n" * 40),
    "nested lists": ("", "- " * 40 + "a\n"),
    "short lists": ("", "- a\n+ a\n"),
    "table": ("|a|b|\n|-|-|\n", "|a|b|\n"),
    "definitions": ("", "[a]: b 'x\n\n"),
}
"""What Markdown is made of to be slow: what stands before, and the piece."""
DRAFT_PIECES = ("كلمة بلا دليل [9]. ", "[1", ".", "[ 1 , ", "كلمة [1] ", "كلمة. [1] ", ". [1] ")
_SHORT_DRAFT_PIECES = 200
_PASSAGES = ("وُلد ابن بطوطة في طنجة.", "شغّل المسبار محركاته مدة 27 دقيقة.", "ملوحته ٣٫٥ في المئة.")


def measure_texts() -> dict[str, dict[str, float]]:
    """The ratio of times of each text function, by piece."""
    return {
        name: {piece: _time_ratio(rule, piece, _SHORT_CHARS // len(piece)) for piece in PIECES}
        for name, rule in RULES.items()
    }


def measure_markdown() -> dict[str, float]:
    """The ratio of times of reading Markdown, by what it is made of."""

    def reader_behind(before: str) -> Callable[[str], object]:
        return lambda text: parse_markdown(before + text)

    return {
        name: _time_ratio(reader_behind(before), piece, max(1, _SHORT_CHARS // len(piece)))
        for name, (before, piece) in MARKDOWN.items()
    }


def measure_verifier() -> dict[str, float]:
    """The ratio of times of verifying a draft, by piece."""
    hits = [_make_hit(text, str(number)) for number, text in enumerate(_PASSAGES)]
    similarity = _FixedSimilarity()

    def verify(draft: str) -> object:
        return verify_draft(draft, hits, similarity, DEFAULT_LANGUAGE)

    return {piece: _time_ratio(verify, piece, _SHORT_DRAFT_PIECES) for piece in DRAFT_PIECES}


def _time_ratio(rule: Callable[[str], object], piece: str, pieces: int) -> float:
    """How many times as long a text of ten times as many pieces takes."""
    short, long = (_best_seconds(rule, piece * count) for count in (pieces, _LENGTHENING * pieces))
    return round(max(long, _MIN_SECONDS) / max(short, _MIN_SECONDS), 1)


def _best_seconds(rule: Callable[[str], object], text: str) -> float:
    """The least processor time of several runs."""
    times = []
    for _ in range(_REPEATS):
        started = time.process_time()
        rule(text)
        times.append(time.process_time() - started)
    return min(times)


def _analyse_sentences(text: str) -> None:
    document = Document(text)
    for span in document.sentences:
        _ = document.part(span).terms


def _make_hit(text: str, article_id: str) -> Hit:
    article = Article(article_id, "عنوان", text, DEFAULT_LANGUAGE, "1", "bench")
    span = Span(0, len(text))
    return Hit(article, *span, DEFAULT_LANGUAGE, (span,), 1.0, Scores(0.9, 0.9, 0.9), article_id)


class _FixedSimilarity:
    """Every sentence is as near."""

    def sentence_similarities(self, statement: str, hit: Hit) -> list[float]:
        return [0.95] * len(hit.sentences)

    def max_word_similarity(self, words: str, others: Sequence[str]) -> float:
        return 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and compare with the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=_LIMIT, help="the greatest ratio allowed (default: %(default)s)")
    limit: float = parser.parse_args(arguments).limit
    texts, markdown, verifier = measure_texts(), measure_markdown(), measure_verifier()
    of_texts = [ratio for of_pieces in texts.values() for ratio in of_pieces.values()]
    worst = max(*of_texts, *markdown.values(), *verifier.values())
    result = {"texts": texts, "markdown": markdown, "verifier": verifier, "worst": worst}
    print(json.dumps(result, ensure_ascii=False, indent=2))
    return int(worst > limit)


if __name__ == "__main__":
    sys.exit(main())
