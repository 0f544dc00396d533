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
    """Weights beside the dense view's, which is 1.

    `offset` lifts chunks of the other language to the level of the question's own: cosines across languages
    are lower by about 0.06, and one English paragraph would otherwise come before every Arabic article.
    """

    tokens: float
    sentence: float
    lexical: float
    offset: float

    def score(self, signals: Signals) -> float:
        """The fused score of a chunk."""
        fine = self.tokens * signals.tokens + self.sentence * signals.sentence
        return self.offset + signals.dense + fine + self.lexical * signals.lexical


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
    """`same` and `cross`: question and chunk in one language, or in two. `refusal` is fitted for the dense view of one
    embedder; `refusal_without_dense` for any."""

    embedder: str
    same: Fusion
    cross: Fusion
    refusal: dict[Language, Logistic]
    refusal_without_dense: dict[Language, Logistic]
    spread: float
    """Standard deviation of the dense scores among a question's candidates, to scale another embedder to."""

    def fusion(self, question: Language, chunk: Language) -> Fusion:
        """The weights for a question in one language over a chunk in another."""
        return self.same if question == chunk else self.cross

    def refusal_of(self, embedder: str) -> dict[Language, Logistic]:
        """The refusal models for an embedder, by the question's language."""
        return self.refusal if embedder == self.embedder else self.refusal_without_dense


def load() -> Calibration:
    """The calibration that ships with Dalil."""
    data = json.loads(resources.files("rag").joinpath("calibration.json").read_text("utf-8"))
    return Calibration(
        embedder=data["embedder"],
        same=Fusion(**data["fusion"]["same"]),
        cross=Fusion(**data["fusion"]["cross"]),
        refusal={language: Logistic(**model) for language, model in data["refusal"].items()},
        refusal_without_dense={
            language: Logistic(**model) for language, model in data["refusal_without_dense"].items()
        },
        spread=data["spread"],
    )
