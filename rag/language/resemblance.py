"""How far two texts say the same, by a few numbers of each: told for a whole index without reading its texts."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from heapq import nsmallest

from rag.language.normalize import fold_text

_WORD = re.compile(r"\w+")
_SHINGLE_WORDS = 4
_SKETCH_SIZE = 32
"""Hashes kept of a text: the share of equal shingles is then known to within 0.07."""


def sketch_text(text: str) -> tuple[int, ...]:
    """The least hashes of the runs of four words of a text, as folded: a bottom-k sketch (Cohen and Kaplan, 2007).

    Returns
    -------
    tuple of int
        Up to 32 of 32 bits, ascending; equal for texts of equal words.
    """
    words = _WORD.findall(fold_text(text))
    runs = {" ".join(words[at : at + _SHINGLE_WORDS]) for at in range(max(1, len(words) - _SHINGLE_WORDS + 1))}
    return tuple(nsmallest(_SKETCH_SIZE, {_hash(run) for run in runs}))


def measure_resemblance(one: Sequence[int], other: Sequence[int]) -> float:
    """The share of runs of words that two texts have in common, 0 to 1, by their sketches."""
    least = nsmallest(_SKETCH_SIZE, {*one, *other})
    return len({*least} & {*one} & {*other}) / len(least) if least else 0.0


def _hash(run: str) -> int:
    return int.from_bytes(blake2b(run.encode("utf-8", "replace"), digest_size=4).digest(), "big")
