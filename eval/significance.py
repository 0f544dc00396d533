"""Bootstrap intervals over questions (Efron 1979; paired, as Sakai 2006 advises for retrieval)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

_RESAMPLES = 2000
_SEED = 7


class Interval(NamedTuple):
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(values: Sequence[float]) -> Interval:
    """The mean of `values`, which must not be empty; the same values always give the same interval."""
    array = np.asarray(values, float)
    draws = np.random.default_rng(_SEED).integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.quantile(array[draws].mean(axis=1), (0.025, 0.975))
    return Interval(round(float(array.mean()), 4), round(float(low), 4), round(float(high), 4))


def bootstrap_change(before: Mapping[str, float], after: Mapping[str, float]) -> Interval:
    """The mean change of the questions that both hold; there must be one."""
    return bootstrap_mean([after[key] - before[key] for key in before if key in after])
