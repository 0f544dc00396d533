"""Whether a text holds some words, and how far two answers agree: exact match and F1, after folding."""

import re
from collections import Counter
from collections.abc import Iterable

from rag.language.normalize import fold_text

_WORD = re.compile(r"[^\W_]+(?:[.][0-9]+)?")


def contains_words(text: str, words: str) -> bool:
    """Whether a text holds words, folded, with white space as one space; a number is not part of a longer one."""
    wanted = _key(words)
    before = r"(?<![0-9])(?<![0-9][.])" if wanted[:1].isdigit() else ""
    behind = r"(?![0-9])(?![.][0-9])" if wanted[-1:].isdigit() else ""
    return bool(wanted) and re.search(f"{before}{re.escape(wanted)}{behind}", _key(text)) is not None


def measure_exact_match(answer: str, right: Iterable[str]) -> float:
    """1 when an answer has the words of one of the right ones, in their order, else 0 (Rajpurkar et al. 2016)."""
    words = _words(answer)
    return float(any(words == _words(one) for one in right))


def measure_f1(answer: str, right: Iterable[str]) -> float:
    """The harmonic mean of precision and recall of an answer's words, against the right answer that it is nearest to.

    Words are compared folded, without their order (Rajpurkar et al. 2016); 0 when nothing agrees.
    """
    words = Counter(_words(answer))
    return max((_f1(words, Counter(_words(one))) for one in right), default=0.0)


def _f1(words: Counter[str], right: Counter[str]) -> float:
    common = (words & right).total()
    return 2 * common / (words.total() + right.total()) if common else 0.0


def _key(text: str) -> str:
    return " ".join(fold_text(text).split())


def _words(text: str) -> list[str]:
    return _WORD.findall(fold_text(text))
