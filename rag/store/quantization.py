"""Vectors in whole numbers from 0 to 255, the octets that Qdrant can keep and compare: half the memory of half
precision and half the time of a comparison, and every engine computes the very same numbers.

A passage's vector that sums to zero is stretched, rounded, and moved by 128, a question's vector too, whatever it sums
to. The moves add to the product of the two what the question alone decides, so the nearest vector stays the nearest,
and the score is what is left without it. To sum to zero costs one dimension.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Rows of one length."""

_MOVED = 128
_STRETCHED = 29.0
"""Times the root of the dimension, by how much vectors of length 1 are stretched: of 8,118 tokens and 358 sentences of
the sample articles one value is cut off by it, and cosines are off by 0.001 and less (standard deviation)."""


def of_passage(vectors: Vectors) -> Vectors:
    """Vectors of length 1 as octets."""
    exact = (vectors - vectors.mean(axis=1, keepdims=True)) * np.float32(_stretched(vectors))
    rounded = np.rint(exact)
    # What rounding adds to the sum would be moved as well: values that were rounded furthest that way are taken back.
    sums = rounded.sum(axis=1, keepdims=True)
    furthest = np.argsort(np.argsort((exact - rounded) * np.sign(sums), axis=1), axis=1)
    octets: Vectors = np.clip(rounded - np.sign(sums) * (furthest < np.abs(sums)) + _MOVED, 0, 255)
    return octets


class Asked(NamedTuple):
    """A question's vectors as octets, and what takes the octets' products back to those of the vectors."""

    octets: Vectors
    moved: float
    stretched: float

    def scores(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of each vector's greatest product with some passage's, from that of the octets."""
        scores: NDArray[np.float64] = (sums - self.moved) / self.stretched
        return scores


def of_question(vectors: Vectors) -> Asked:
    """Vectors of any lengths as octets, stretched as far as they go; they need not sum to zero: a passage's do."""
    stretched = (255 - _MOVED) / max(float(np.abs(vectors).max(initial=0.0)), 1e-9)
    whole = np.rint(vectors * np.float32(stretched))
    moved = _MOVED * float(whole.sum()) + _MOVED**2 * whole.size
    return Asked(whole + _MOVED, moved, stretched * _stretched(vectors))


def as_vectors(octets: Vectors) -> Vectors:
    """What `of_passage` was given, nearly, without its mean."""
    return (octets - _MOVED) / np.float32(_stretched(octets))


def _stretched(vectors: Vectors) -> float:
    return _STRETCHED * math.sqrt(vectors.shape[1])
