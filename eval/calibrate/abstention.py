"""Refusal models from questions whose articles are there, and the same questions with the articles withheld."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eval.datasets import Question
from ingest.sync import embed
from rag.answering.assistant import Assistant
from rag.retrieval.calibration import LanguagePair
from rag.retrieval.retriever import REFUSAL_FEATURES
from rag.types import Article

_FALSE_REFUSALS = 0.05
_ROUNDS = 3
_FOLDS = 6
_FREEDOM = 0.03
"""The inverse of the model's penalty: with 1 or 0.03 the cross-validated AUROC differs by less than 0.001."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question's features with its article in the index (`present`) or withheld; `group` never spans folds."""

    features: list[float]
    present: bool
    group: str
    pair: LanguagePair


def cases(
    assistant: Assistant, articles: Sequence[Article], asked: Sequence[Question], group: Callable[[str], str]
) -> Iterator[Case]:
    """Every question over several halves of the articles and over the other halves; the store is left empty."""
    names = sorted({group(article.id) for article in articles})
    draw = random.Random(0)
    ready = list(embed(articles, assistant.settings.chunk_tokens, assistant.encoder))
    for _ in range(_ROUNDS):
        draw.shuffle(names)
        half = set(names[: len(names) // 2])
        for kept in (half, set(names) - half):
            for article, chunks in ready:
                if group(article.id) in kept:
                    assistant.store.write(article, chunks)
            assistant.store.settle()
            yield from (_case(assistant, question, kept, group) for question in asked if question.article_id)
            assistant.store.remove([article.id for article in articles])


def _case(assistant: Assistant, question: Question, kept: set[str], group: Callable[[str], str]) -> Case:
    found = assistant.search(question.text)
    name = group(question.article_id or "")
    pair = (question.language, found.hits[0].language)
    return Case([found.features[key] for key in REFUSAL_FEATURES], name in kept, name, pair)


def fit(found: Sequence[Case], names: Sequence[str] = REFUSAL_FEATURES) -> dict[str, Any]:
    """A logistic regression over raw features, its threshold at 5 % false refusals of its own cases."""
    features, present = _matrix(found, names)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_FREEDOM)).fit(features, present)
    scaler, regression = model[0], model[1]
    weight = regression.coef_[0] / scaler.scale_
    threshold = np.quantile(model.predict_proba(features[present])[:, 1], _FALSE_REFUSALS)
    return {
        "intercept": round(float(regression.intercept_[0] - weight @ scaler.mean_), 4),
        "weights": {name: round(float(value), 4) for name, value in zip(names, weight, strict=True)},
        "threshold": round(float(threshold), 4),
    }


def quality(found: Sequence[Case], names: Sequence[str] = REFUSAL_FEATURES) -> dict[str, float]:
    """Cross-validated over articles: AUROC, and the share refused at 5 % false refusals."""
    features, present = _matrix(found, names)
    probability = np.zeros(len(found))
    for train, test in GroupKFold(_FOLDS).split(features, groups=[case.group for case in found]):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=_FREEDOM)).fit(features[train], present[train])
        probability[test] = model.predict_proba(features[test])[:, 1]
    threshold = np.quantile(probability[present], _FALSE_REFUSALS)
    return {
        "AUROC": round(float(roc_auc_score(present, probability)), 4),
        "refused at 5 % false": round(float((probability[~present] < threshold).mean()), 4),
    }


def _matrix(found: Sequence[Case], names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    kept = [REFUSAL_FEATURES.index(name) for name in names]
    return np.array([case.features for case in found])[:, kept], np.array([case.present for case in found])
