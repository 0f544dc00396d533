"""What teachers say of the reader's windows, that it learns from beside the sets.

A teacher is the reader's model with all its matrices trained as a whole, which is too large to be shipped; the reader
learns from the mean of four of them (distillation: Hinton et al. 2015). What they say is kept in `taught.npz`, so that
the reader is fitted without them.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.floating]
"""Of one window: of none of its sentences, then of each."""
TAUGHT = Path(__file__).with_name("taught.npz")
"""What the teachers of this version's reader say: `keys` of windows (`Example.key`), how many `counts` of `logits` each
has, and these one after the other."""


def read_taught(path: Path = TAUGHT) -> dict[bytes, Logits]:
    """What teachers say, by `Example.key`."""
    with np.load(path) as stored:
        keys, counts, logits = (stored[name] for name in ("keys", "counts", "logits"))
    parts = np.split(logits, np.cumsum(counts)[:-1])
    return {key.tobytes(): part for key, part in zip(keys, parts, strict=True)}


def write_taught(taught: Mapping[bytes, Logits], path: Path) -> None:
    """Write what `read_taught` reads."""
    np.savez_compressed(
        path,
        keys=np.array([np.frombuffer(key, np.uint8) for key in taught]),
        counts=np.array([len(logits) for logits in taught.values()], np.uint8),
        logits=np.concatenate(list(taught.values())).astype(np.float16),
    )
