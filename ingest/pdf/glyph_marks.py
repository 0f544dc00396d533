"""Marks of Arabic put on the letters that they are drawn with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from ingest.pdf.glyphs import Glyph
from rag.language.arabic.letters import MARK_CLASS

_ONLY_MARKS = re.compile(f"[{MARK_CLASS}]+")
_LAM_ALEF = re.compile("ل[اٱ]")
_SWAPPED_LAM_ALEF = re.compile("^([اأإآٱ])ل$")
_REACH = 0.6
"""How far from a letter, in sizes, the pen may stand that draws its mark."""
_MAX_RISE = 1.5
"""How far above or below its line, in sizes."""


@dataclass(slots=True)
class Letter:
    """A glyph that is no mark, the marks that stand on it, and its place.

    Attributes
    ----------
    text : str
        In the order of writing; several letters of a ligature.
    left, right, baseline, size : float
        In points.
    drawn : int
        Its place in the file.
    marks : list of (str, float)
        In the order of writing, each with where the pen stands that draws it.
    """

    text: str
    left: float
    right: float
    baseline: float
    size: float
    drawn: int
    marks: list[tuple[str, float]] = field(default_factory=list)


def put_marks(glyphs: Sequence[Glyph]) -> list[Letter]:
    """The letters of a page in the order of drawing, with their marks.

    Parameters
    ----------
    glyphs : sequence of Glyph
        In the order of drawing.
    """
    letters: list[Letter] = []
    waiting: list[tuple[Glyph, int]] = []
    for at, glyph in enumerate(glyphs):
        if _ONLY_MARKS.fullmatch(glyph.text):
            waiting.append((glyph, len(letters)))
        elif glyph.text:
            text = _SWAPPED_LAM_ALEF.sub(r"ل\1", glyph.text)
            letters.append(Letter(text, glyph.left, glyph.right, glyph.baseline, glyph.size, at))
    for mark, place in waiting:
        owner, is_behind = _find_owner(mark, letters, place)
        if owner is not None:  # what is drawn before its letter is drawn from left to right, last mark first
            owner.marks.insert(0 if is_behind else len(owner.marks), (mark.text, mark.left))
    _write_marks(letters)
    return letters


def _find_owner(mark: Glyph, letters: Sequence[Letter], place: int) -> tuple[Letter | None, bool]:
    """The letter of a mark, and whether it is drawn behind it: the one that goes on where the mark stands."""
    before = letters[place - 1] if place else None
    behind = letters[place] if place < len(letters) else None
    before = before if before and _reaches(mark, before) else None
    behind = behind if behind and _reaches(mark, behind) else None
    if before is None or behind is None:
        return (behind or before), behind is not None
    beside_space = before.text.isspace() != behind.text.isspace()
    is_behind = before.text.isspace() if beside_space else before.left < behind.left
    return (behind if is_behind else before), is_behind


def _reaches(mark: Glyph, letter: Letter) -> bool:
    if abs(mark.baseline - letter.baseline) > _MAX_RISE * letter.size:
        return False
    return letter.left - _REACH * letter.size <= mark.left <= letter.right + _REACH * letter.size


def _write_marks(letters: Sequence[Letter]) -> None:
    """Put the marks of each letter into its text."""
    marked = [letter for letter in letters if letter.marks]
    offsets = [
        ((letter.left + letter.right) / 2 - place) / letter.size
        for letter in marked
        if len(letter.text) == 1 and letter.size
        for _, place in letter.marks
    ]
    offset = median(offsets) if offsets else 0.0
    for letter in marked:
        written = [""] * len(letter.text)
        for mark, place in letter.marks:
            at = _position(letter, place + offset * letter.size)
            written[at] += "".join(one for one in mark if one not in written[at])
        letter.text = "".join(char + marks for char, marks in zip(letter.text, written, strict=True))


def _position(letter: Letter, place: float) -> int:
    """Which letter of a ligature a mark stands on whose middle is at a place; on lam-alef it is the lam."""
    count = len(letter.text)
    if count == 1 or _LAM_ALEF.fullmatch(letter.text):
        return 0
    if letter.text[0] == "ل" and count == 2 and letter.text[1] in "أإآ":
        return 1
    share = (letter.right - place) / max(letter.right - letter.left, 1e-6)
    return min(count - 1, max(0, int(share * count)))
