"""What was fitted on development data, as one small data file: fusion weights and refusal models.

Each holds for a pair of languages, the question's and the chunk's. `eval/fit.py` writes the file; nothing else does.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from rag.types import Language, Signals

LanguagePair = tuple[Language, Language]
"""A question's language, and that of a chunk it is held against."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights of the views.

    `offset` brings chunks of the other language to the level of the question's own: cosines across languages are
    lower, how much depends on both, and a collection may hold both languages.
    """

    dense: float
    tokens: float
    sentence: float
    lexical: float
    offset: float

    def score(self, signals: Signals) -> float:
        """The fused score of a chunk, comparable between chunks of either language."""
        return float(self.scores(np.array([astuple(signals)]))[0])

    def scores(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Those of many chunks: `signals` (chunks, views), the views in the order of the fields of `Signals`."""
        scores: NDArray[np.float64] = self.offset + signals @ [self.dense, self.tokens, self.sentence, self.lexical]
        return scores


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression over named features."""

    intercept: float
    weights: dict[str, float]
    threshold: float
    """Below this probability the question is refused: 5 % of the answerable development questions lie below."""

    def probability(self, features: Mapping[str, float]) -> float:
        """Probability that the articles hold the answer."""
        score = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, score))))


@dataclass(frozen=True, slots=True)
class Pair:
    """What holds for one pair of languages. `refusal` is fitted for the dense view of one embedder,
    `refusal_without_dense` for any."""

    fusion: Fusion
    refusal: Logistic
    refusal_without_dense: Logistic


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything fitted, and the embedder that it is fitted for."""

    embedder: str
    pairs: dict[LanguagePair, Pair]
    spread: float
    """Standard deviation of the dense scores among a question's candidates, to scale another embedder to."""

    def refusal(self, pair: LanguagePair, embedder: str) -> Logistic:
        """The refusal model for a question whose best chunk makes `pair`, with the dense view of `embedder`."""
        models = self.pairs[pair]
        return models.refusal if embedder == self.embedder else models.refusal_without_dense


LANGUAGES: tuple[Language, ...] = ("ar", "en")
PAIRS: dict[LanguagePair, str] = {(asked, held): f"{asked} over {held}" for asked in LANGUAGES for held in LANGUAGES}
"""Every pair, and its name in the file."""


def load() -> Calibration:
    """The calibration that ships with Dalil."""
    data = json.loads(resources.files("rag.retrieval").joinpath("calibration.json").read_text("utf-8"))
    pairs = {
        pair: Pair(
            Fusion(**data["pairs"][name]["fusion"]),
            Logistic(**data["pairs"][name]["refusal"]),
            Logistic(**data["pairs"][name]["refusal_without_dense"]),
        )
        for pair, name in PAIRS.items()
    }
    return Calibration(data["embedder"], pairs, data["spread"])
