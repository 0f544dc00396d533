"""The glyphs of a page in lines of text: marks on their letters, words apart, in the order of reading."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from ingest.pdf.columns import Box, part_columns
from ingest.pdf.glyph_marks import Letter, put_marks
from ingest.pdf.glyph_order import Cluster, make_cluster, order_clusters, read_order
from ingest.pdf.glyphs import Glyph
from rag.language.arabic.letters import LETTER_CLASS
from rag.language.arabic.text_layers import count_unpaired

_SAME_LINE = 0.35
"""Of the size: letters whose baselines differ by less stand on one line, raised ones too."""
_MIN_SPACE, _MIN_SPACE_BESIDE = 0.13, 0.3
"""Free width, in sizes, that parts two words: on a page whose file has no glyphs for spaces, and on others. XeTeX
shrinks spaces to 0.17, kerning opens less than 0.1, and justified lines of WeasyPrint leave 0.05 beside a space."""
_TWICE = 0.12
"""A glyph that is drawn again that near to itself, in sizes, is bold print."""
_OVERLAP, _MIN_COVERED = 0.5, 4
"""Share of a letter over which another one is drawn, and how many letters of a line that must be."""
_MIN_CELL_GAP = 1.0
"""Free width between two cells of a table, in sizes."""
_MAX_SPACE = 0.55
"""Between words of a column, in sizes: wider ones may be the space between columns."""
_LARGE = 1.2
"""In usual sizes of a page: letters of a title."""
_MIN_TOGETHER = 0.002
"""By how much more of the words must stand beside those that the file draws beside them for columns to be parted."""
_ARABIC, _LATIN = re.compile(f"[{LETTER_CLASS}]"), re.compile("[A-Za-z]")
_BRACKET = re.compile(r"[()\[\]{}«»‹›]")


class TextLine(NamedTuple):
    """A line, with its place in points from the bottom left of the page.

    Attributes
    ----------
    text : str
        In the order of reading.
    cells : list of str
        The same, cut where much space is free.
    baseline, size, left, right : float
        Where it stands.
    """

    text: str
    cells: list[str]
    baseline: float
    size: float
    left: float
    right: float


@dataclass(slots=True)
class _Word:
    """Letters that stand together, from left to right; `drawn` is the place of the first in the file."""

    letters: list[Letter]

    @property
    def drawn(self) -> int:
        return min(letter.drawn for letter in self.letters)

    @property
    def left(self) -> float:
        return self.letters[0].left

    @property
    def right(self) -> float:
        return self.letters[-1].right

    @property
    def size(self) -> float:
        return max(letter.size for letter in self.letters)


def read_lines(glyphs: Sequence[Glyph]) -> list[TextLine]:
    """The lines of a page in reading order, columns one after the other.

    Parameters
    ----------
    glyphs : sequence of Glyph
        In the order in which the file draws them.
    """
    order, is_arabic = _order_lines(glyphs)
    plain = [_read_line(line, is_arabic, mirrors=False) for line in order]
    if not _BRACKET.search(_join(plain)):
        return plain
    mirrored = [_read_line(line, is_arabic, mirrors=True) for line in order]
    return mirrored if count_unpaired(_join(mirrored)) < count_unpaired(_join(plain)) else plain


def read_letters(glyphs: Sequence[Glyph]) -> list[list[Letter]]:
    """The letters of each line that `read_lines` gives, in reading order; an empty one stands between words."""
    order, is_arabic = _order_lines(glyphs)
    return [_read_letters(line, is_arabic) for line in order]


def _read_letters(words: Sequence[_Word], is_arabic_page: bool) -> list[Letter]:
    letters = [letter for word in words for letter in word.letters]
    space = Letter("", 0.0, 0.0, 0.0, 0.0, -1)
    ordered = order_clusters(_clusters(words), _runs_rightwards(letters, is_arabic_page), mirrors=False)
    return [letters[cluster.place] if cluster.place >= 0 else space for cluster in ordered]


def _order_lines(glyphs: Sequence[Glyph]) -> tuple[list[list[_Word]], bool]:
    """The words of each line, lines in reading order, and whether the page is an Arabic one."""
    letters = put_marks(glyphs)
    lines = [_words(line, _least_space(letters)) for line in _part_lines(letters)]
    return _choose_order(lines), _is_arabic("".join(letter.text for letter in letters))


def _join(lines: Sequence[TextLine]) -> str:
    return " ".join(line.text for line in lines)


def _is_arabic(text: str) -> bool:
    return len(_ARABIC.findall(text)) >= max(1, len(_LATIN.findall(text)))


def _least_space(letters: Sequence[Letter]) -> float:
    spaces = sum(letter.text.isspace() for letter in letters)
    return _MIN_SPACE_BESIDE if spaces > len(letters) / 20 else _MIN_SPACE


def _part_lines(letters: Sequence[Letter]) -> list[list[Letter]]:
    """The letters of each line, lines from the top, letters from the left."""
    lines: list[list[Letter]] = []
    for letter in sorted(letters, key=lambda one: -one.baseline):
        if lines and lines[-1][0].baseline - letter.baseline <= _SAME_LINE * max(letter.size, lines[-1][0].size):
            lines[-1].append(letter)
        else:
            lines.append([letter])
    return [_from_left(_without_doubles(line)) for line in lines]


def _without_doubles(line: Sequence[Letter]) -> list[Letter]:
    """The letters of a line in the order of drawing, those that are drawn twice once."""
    kept: list[Letter] = []
    places: defaultdict[str, list[float]] = defaultdict(list)
    for letter in sorted(line, key=lambda one: one.drawn):
        if not any(abs(letter.left - place) < _TWICE * letter.size for place in places[letter.text]):
            places[letter.text].append(letter.left)
            kept.append(letter)
    return kept


def _from_left(line: Sequence[Letter]) -> list[Letter]:
    """Letters from left to right, but texts that are drawn over one another one after the other."""
    placed = sorted(line, key=_middle)
    covered = sum(_covers(one, other) for one, other in pairwise(placed))
    if covered < _MIN_COVERED:
        return placed
    runs: list[list[Letter]] = []
    for letter in line:
        before = runs[-1][-1] if runs else letter
        gap = max(letter.left - before.right, before.left - letter.right)
        if runs and gap < letter.size:
            runs[-1].append(letter)
        else:
            runs.append([letter])
    runs.sort(key=lambda run: min(one.left for one in run) + max(one.right for one in run))
    return [letter for run in runs for letter in sorted(run, key=_middle)]


def _middle(letter: Letter) -> float:
    return letter.left + letter.right


def _covers(one: Letter, other: Letter) -> bool:
    """Whether two letters are drawn over one another."""
    narrower = min(one.right - one.left, other.right - other.left)
    common = min(one.right, other.right) - max(one.left, other.left)
    return narrower > 0 and common > _OVERLAP * narrower and not one.text.isspace() and not other.text.isspace()


def _words(line: Sequence[Letter], least: float) -> list[_Word]:
    words: list[_Word] = []
    previous: Letter | None = None
    for letter in line:
        if letter.text.isspace():
            previous = None
            continue
        if previous is not None and _is_next(previous, letter, least):
            words[-1].letters.append(letter)
        else:
            words.append(_Word([letter]))
        previous = letter
    return words


def _is_next(letter: Letter, other: Letter, least: float) -> bool:
    """Whether two letters belong to one word, the second to the right of the first."""
    size = max(letter.size, other.size)
    return _middle(other) >= _middle(letter) - size and other.left - letter.right <= least * size


def _choose_order(lines: Sequence[list[_Word]]) -> list[list[_Word]]:
    """The lines of the page, or those of its columns where more words that are drawn together then stand together."""
    whole = [line for line in lines if line]
    pieces = sorted((piece for line in whole for piece in _pieces(line)), key=lambda piece: piece[0].drawn)
    boxes = [_box(piece) for piece in pieces]
    sizes = [max(letter.size for letter in piece[0].letters) for piece in pieces]
    usual = median(sizes) if sizes else 0.0
    parts = part_columns(boxes, [size > _LARGE * usual for size in sizes])
    if len(parts) < 2:
        return whole
    part_of = {id(word): at for at, part in enumerate(parts) for one in part or () for word in pieces[one]}
    parted = [
        kept
        for at in range(len(parts))
        for line in whole
        if (kept := [word for word in line if part_of.get(id(word)) == at])
    ]
    return parted if _together(parted) > _together(whole) + _MIN_TOGETHER else whole


def _pieces(line: Sequence[_Word]) -> list[list[_Word]]:
    """The words of a line, cut where the free space may be that between columns."""
    pieces = [[line[0]]]
    for before, word in pairwise(line):
        space = word.left - before.right
        if not -_OVERLAP * word.size < space <= _MAX_SPACE * word.size:
            pieces.append([])
        pieces[-1].append(word)
    return pieces


def _box(words: Sequence[_Word]) -> Box:
    baseline, size = words[0].letters[0].baseline, max(word.size for word in words)
    return Box(words[0].left, baseline - 0.2 * size, words[-1].right, baseline + 0.8 * size)


def _together(lines: Sequence[list[_Word]]) -> float:
    """The share of words that stand beside the word that the file draws before or behind them, at line ends too."""
    order = {id(word): at for at, word in enumerate(sorted((w for line in lines for w in line), key=lambda w: w.drawn))}
    inside = sum(abs(order[id(one)] - order[id(other)]) == 1 for line in lines for one, other in pairwise(line))
    ends = [(order[id(line[0])], order[id(line[-1])]) for line in lines]
    across = sum(min(abs(end - start) for end in one for start in other) == 1 for one, other in pairwise(ends))
    return (inside + across) / max(1, len(order))


def _read_line(words: Sequence[_Word], is_arabic_page: bool, mirrors: bool) -> TextLine:
    letters = [letter for word in words for letter in word.letters]
    size = median(letter.size for letter in letters)
    groups: list[list[_Word]] = [[words[0]]]
    for before, word in pairwise(words):
        if word.left - before.right > _MIN_CELL_GAP * size:
            groups.append([])
        groups[-1].append(word)
    is_rightwards = _runs_rightwards(letters, is_arabic_page)
    cells = [read_order(_clusters(group), is_rightwards, mirrors) for group in groups]
    return TextLine(
        read_order(_clusters(words), is_rightwards, mirrors),
        cells if is_rightwards else cells[::-1],
        median(letter.baseline for letter in letters),
        size,
        letters[0].left,
        letters[-1].right,
    )


def _clusters(words: Sequence[_Word]) -> list[Cluster]:
    clusters: list[Cluster] = []
    place = 0
    for word in words:
        if clusters:
            clusters.append(Cluster(" ", "neutral"))
        for letter in word.letters:
            clusters.append(make_cluster(letter.text, place))
            place += 1
    return clusters


def _runs_rightwards(letters: Sequence[Letter], is_arabic_page: bool) -> bool:
    """Whether a line is read from left to right: one of Latin words alone too, unless its full stop stands first."""
    text = "".join(letter.text for letter in letters)
    if not is_arabic_page:
        return not _is_arabic(text)
    if _ARABIC.search(text) or not _LATIN.search(text):
        return False
    return text[0].isalnum() or not text[-1].isalnum()
