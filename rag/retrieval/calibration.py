"""What was fitted on development data, as one small data file: fusion weights and abstention models.

Each holds for a pair of languages, the query's and the chunk's. `eval/calibrate/fit.py` writes the file; nothing else
does.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from rag.language.languages import LANGUAGES
from rag.types import Language, Scores

_TINY = 1e-9

LanguagePair = tuple[Language, Language]
"""A query's language, and that of a chunk."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights of the representations.

    Attributes
    ----------
    dense, tokens, sentence, lexical : float
        Weight of each score.
    offset : float
        Brings chunks of the other language to the level of the query's own: cosines across languages are lower, how
        much depends on both, and a collection may hold both languages.
    """

    dense: float
    tokens: float
    sentence: float
    lexical: float
    offset: float

    def fuse(self, scores: Scores) -> float:
        """The fused score of a chunk, comparable between chunks of either language."""
        return float(self.fuse_all(np.array([astuple(scores)]))[0])

    def fuse_all(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The fused scores of many chunks.

        Parameters
        ----------
        scores : array of float
            (chunks, representations), in the order of the fields of `Scores`.

        Returns
        -------
        array of float
            (chunks,).
        """
        fused: NDArray[np.float64] = self.offset + scores @ [self.dense, self.tokens, self.sentence, self.lexical]
        return fused


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A logistic regression over named features.

    Attributes
    ----------
    intercept : float
        Of the linear part.
    weights : dict of str to float
        Of each feature.
    threshold : float
        Below this probability a question is not answered: 5 % of the answerable development questions lie below.
    """

    intercept: float
    weights: dict[str, float]
    threshold: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Probability that the articles hold the answer."""
        score = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, score))))


@dataclass(frozen=True, slots=True)
class PairModels:
    """What holds for one pair of languages.

    Attributes
    ----------
    fusion : Fusion
        Ranks chunks.
    abstention : LogisticModel
        Fitted for the dense vectors of one embedder.
    abstention_without_dense : LogisticModel
        For any embedder.
    """

    fusion: Fusion
    abstention: LogisticModel
    abstention_without_dense: LogisticModel


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything fitted.

    Attributes
    ----------
    embedder : str
        That it is fitted for.
    pairs : dict of LanguagePair to PairModels
        One for every pair.
    spread : float
        Standard deviation of the dense scores among a query's candidates, to scale another embedder to.
    """

    embedder: str
    pairs: dict[LanguagePair, PairModels]
    spread: float

    def abstention(self, pair: LanguagePair, embedder: str) -> LogisticModel:
        """The abstention model for a query whose best chunk makes `pair`, with the dense vectors of `embedder`."""
        models = self.pairs[pair]
        return models.abstention if embedder == self.embedder else models.abstention_without_dense


PAIR_NAMES: dict[LanguagePair, str] = {
    (query, chunk): f"{query} over {chunk}" for query in LANGUAGES for chunk in LANGUAGES
}
"""Every pair, and its name in the file."""


def load_calibration() -> Calibration:
    """The calibration that ships with Dalil."""
    data = json.loads(resources.files(__package__).joinpath("calibration.json").read_text("utf-8"))
    pairs = {
        pair: PairModels(
            Fusion(**data["pairs"][name]["fusion"]),
            LogisticModel(**data["pairs"][name]["abstention"]),
            LogisticModel(**data["pairs"][name]["abstention_without_dense"]),
        )
        for pair, name in PAIR_NAMES.items()
    }
    return Calibration(data["embedder"], pairs, data["spread"])


def odds_of(probability: float) -> float:
    """The odds of a probability; finite for 1."""
    return probability / max(1 - probability, _TINY)
