"""What was fitted on development data, as one small data file: fusion weights and the refusal model.

`eval/fit.py` writes the file; nothing else does.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from rag.types import Language, Signals


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights beside the dense cosine, whose own weight is 1.

    `offset` lifts chunks of the other language to the level of the question's own: cosines across languages
    are lower by about 0.06, and one English paragraph would otherwise come before every Arabic article.
    """

    sentence: float
    lexical: float
    offset: float

    def score(self, signals: Signals) -> float:
        """The fused score of a chunk."""
        return self.offset + signals.dense + self.sentence * signals.sentence + self.lexical * signals.lexical


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
class Calibration:
    """Fitted for one embedder. `same` and `cross`: question and chunk in one language, or in two."""

    embedder: str
    same: Fusion
    cross: Fusion
    refusal: dict[Language, Logistic]
    spread: float
    """Standard deviation of the dense scores among a question's candidates, to scale another embedder to."""

    def fusion(self, question: Language, chunk: Language) -> Fusion:
        """The weights for a question in one language over a chunk in another."""
        return self.same if question == chunk else self.cross


def load() -> Calibration:
    """The calibration that ships with Dalil."""
    data = json.loads(resources.files("rag").joinpath("calibration.json").read_text("utf-8"))
    return Calibration(
        embedder=data["embedder"],
        same=Fusion(**data["fusion"]["same"]),
        cross=Fusion(**data["fusion"]["cross"]),
        refusal={language: Logistic(**model) for language, model in data["refusal"].items()},
        spread=data["spread"],
    )
