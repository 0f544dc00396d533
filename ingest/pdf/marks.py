"""Where the words of a quote stand on a page: the quote is looked for in the letters of the page, both folded."""

from collections.abc import Sequence, Set
from difflib import SequenceMatcher
from itertools import chain
from typing import NamedTuple

from rag.language.normalize import FoldedText, fold
from rag.types import Span

_MIN_RUN, _MIN_FOUND = 4, 0.8
"""Letters that stand together on the page as in the quote, and the share of the quote that such runs must be."""
_MAX_COMPARED = 4_000
"""Letters of a quote that are compared one by one with those of the page where it does not stand there as it is."""
_SAME_LINE = 0.5
"""Of the height of a letter: how far another one of its line may stand above or below."""


class Letter(NamedTuple):
    """A letter on a page, in shares of the page from its top left; a space has no width."""

    text: str
    left: float
    top: float
    width: float
    height: float


class Mark(NamedTuple):
    """A rectangle over words, in shares of the page from its top left."""

    left: float
    top: float
    width: float
    height: float


def find_marks(text: str, span: Span, letters: Sequence[Letter]) -> list[Mark]:
    """The rectangles over some words of a page, one for each piece of a line.

    Parameters
    ----------
    text : str
        Of the page, as the article has it.
    span : Span
        The words, in code points of it.
    letters : sequence of Letter
        Of the page, in reading order.

    Returns
    -------
    list of Mark
        None where the words are not found.
    """
    key, owners = _fold_letters(letters)
    folded = fold(text)
    wanted = _keep_words(folded.part(span))[0]
    if not wanted:
        return []
    places = _find_exactly(wanted, key, len(_keep_words(folded.part(Span(0, span.start)))[0]), folded)
    if not places:
        places = _find_nearly(wanted[:_MAX_COMPARED], key)
    return _join_letters(letters, {owners[at] for at in places})


def _fold_letters(letters: Sequence[Letter]) -> tuple[str, list[int]]:
    """The letters folded, and which letter each character of that is of."""
    source = list(chain.from_iterable([at] * len(letter.text) for at, letter in enumerate(letters)))
    key, offsets = _keep_words(fold("".join(letter.text for letter in letters)))
    return key, [source[offset] for offset in offsets]


def _keep_words(folded: FoldedText) -> tuple[str, list[int]]:
    """Letters and digits alone, with their offsets: spaces and signs are what ways of reading differ about."""
    kept = [(char, offset) for char, offset in zip(folded.text, folded.offsets, strict=True) if char.isalnum()]
    return "".join(char for char, _ in kept), [offset for _, offset in kept]


def _find_exactly(wanted: str, key: str, before: int, folded: FoldedText) -> Sequence[int]:
    """Where the words stand as they are; of several places, that which as many places of the text come before."""
    earlier = _keep_words(folded)[0][: before + len(wanted) - 1]
    number = _count(wanted, earlier)
    at = key.find(wanted)
    while number and (following := key.find(wanted, at + 1)) >= 0:
        at, number = following, number - 1
    return range(at, at + len(wanted)) if at >= 0 else ()


def _count(wanted: str, text: str) -> int:
    """How often a text stands in another, overlapping places too."""
    return sum(text.startswith(wanted, at) for at in range(len(text)))


def _find_nearly(wanted: str, key: str) -> list[int]:
    """Where most of the words stand, in runs of letters; nowhere where that is too little."""
    matcher = SequenceMatcher(None, key, wanted, autojunk=False)
    runs = [run for run in matcher.get_matching_blocks() if run.size >= min(_MIN_RUN, len(wanted))]
    if sum(run.size for run in runs) < _MIN_FOUND * len(wanted):
        return []
    return [at for run in runs for at in range(run.a, run.a + run.size)]


def _join_letters(letters: Sequence[Letter], wanted: Set[int]) -> list[Mark]:
    """Marks over those of the letters of a page that are wanted, one for what stands together on a line."""
    lines: list[list[int]] = []
    for at in sorted(wanted):
        if lines and _is_same_line(letters[lines[-1][-1]], letters[at]):
            lines[-1].append(at)
        else:
            lines.append([at])
    others = [one for at, one in enumerate(letters) if at not in wanted and one.text.isalnum()]
    return [mark for line in lines for mark in _join_line([letters[at] for at in line], others)]


def _is_same_line(one: Letter, other: Letter) -> bool:
    bottom, other_bottom = one.top + one.height, other.top + other.height
    return abs(bottom - other_bottom) < _SAME_LINE * min(one.height, other.height)


def _join_line(line: Sequence[Letter], others: Sequence[Letter]) -> list[Mark]:
    """Marks over letters of a line, parted where others stand between them."""
    top, bottom = min(one.top for one in line), max(one.top + one.height for one in line)
    beside = [one.left + one.width / 2 for one in others if _is_same_line(one, line[0])]
    pieces: list[tuple[float, float]] = []
    for letter in sorted(line, key=lambda one: one.left):
        right = letter.left + letter.width
        if pieces and not any(pieces[-1][1] < place < letter.left for place in beside):
            pieces[-1] = (pieces[-1][0], max(pieces[-1][1], right))
        else:
            pieces.append((letter.left, right))
    return [Mark(left, top, right - left, bottom - top) for left, right in pieces]
