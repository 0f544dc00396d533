"""Abstention models, fitted on questions whose articles are in the index and the same questions with them withheld."""

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
from eval.measures import MAX_FALSE_ABSTENTIONS
from eval.run import open_indexer
from rag.answering.assistant import Assistant
from rag.retrieval.answerability import ANSWERABILITY_FEATURES
from rag.retrieval.calibration import LanguagePair
from rag.types import Article

_ROUNDS = 3
_FOLDS = 6
_INVERSE_PENALTY = 0.03
"""With 1 or 0.03 the cross-validated AUROC differs by less than 0.001."""


@dataclass(frozen=True, slots=True)
class AbstentionExample:
    """A question asked over some of the articles.

    Attributes
    ----------
    features : list of float
        In the order of `ANSWERABILITY_FEATURES`.
    is_present : bool
        Whether its article was in the index, or withheld.
    group : str
        Examples of one group are never in two folds.
    pair : LanguagePair
        The question's language, and that of the best chunk.
    """

    features: list[float]
    is_present: bool
    group: str
    pair: LanguagePair


def collect_examples(
    assistant: Assistant, articles: Sequence[Article], questions: Sequence[Question], group: Callable[[str], str]
) -> Iterator[AbstentionExample]:
    """Ask every question over several halves of the articles, and over the other halves.

    Parameters
    ----------
    assistant : Assistant
        Over an empty index, which is left empty.
    articles : sequence of Article
        To put in the index.
    questions : sequence of Question
        Those that no article answers are left out.
    group : callable
        From an article's id to its group; a half holds whole groups.
    """
    groups = sorted({group(article.id) for article in articles})
    draw = random.Random(0)
    indexer = open_indexer(assistant)
    embedded = list(indexer.embed(articles))
    for _ in range(_ROUNDS):
        draw.shuffle(groups)
        half = set(groups[: len(groups) // 2])
        for present in (half, set(groups) - half):
            for article, chunks in embedded:
                if group(article.id) in present:
                    assistant.store.write(article, chunks)
            assistant.store.optimize()
            for question in questions:
                if question.article_id is not None:
                    yield _make_example(assistant, question, group(question.article_id), present)
            indexer.remove([article.id for article in articles])


def _make_example(assistant: Assistant, question: Question, group: str, present: set[str]) -> AbstentionExample:
    result = assistant.search(question.text)
    features = [result.features[name] for name in ANSWERABILITY_FEATURES]
    return AbstentionExample(features, group in present, group, (question.language, result.hits[0].language))


def fit_abstention(
    examples: Sequence[AbstentionExample], names: Sequence[str] = ANSWERABILITY_FEATURES
) -> dict[str, Any]:
    """Fit a logistic regression.

    Parameters
    ----------
    examples : sequence of AbstentionExample
        Of one pair of languages.
    names : sequence of str
        Features to use.

    Returns
    -------
    dict
        The fields of a `LogisticModel`, over features as they are; its threshold is at 5 % false abstentions on these
        examples.
    """
    features, is_present = _to_arrays(examples, names)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_INVERSE_PENALTY)).fit(features, is_present)
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    threshold = np.quantile(model.predict_proba(features[is_present])[:, 1], MAX_FALSE_ABSTENTIONS)
    return {
        "intercept": round(float(regression.intercept_[0] - weights @ scaler.mean_), 4),
        "weights": {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)},
        "threshold": round(float(threshold), 4),
    }


def cross_validate_abstention(
    examples: Sequence[AbstentionExample], names: Sequence[str] = ANSWERABILITY_FEATURES
) -> dict[str, float]:
    """AUROC, and the share refused at 5 % false abstentions, by models fitted on other groups.

    The parameters are those of `fit_abstention`.
    """
    features, is_present = _to_arrays(examples, names)
    probability = np.zeros(len(examples))
    for train, test in GroupKFold(_FOLDS).split(features, groups=[example.group for example in examples]):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=_INVERSE_PENALTY))
        probability[test] = model.fit(features[train], is_present[train]).predict_proba(features[test])[:, 1]
    threshold = np.quantile(probability[is_present], MAX_FALSE_ABSTENTIONS)
    return {
        "AUROC": round(float(roc_auc_score(is_present, probability)), 4),
        "refused at 5 % false": round(float((probability[~is_present] < threshold).mean()), 4),
    }


def _to_arrays(
    examples: Sequence[AbstentionExample], names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Features of shape (examples, names), and whether each article was present."""
    columns = [ANSWERABILITY_FEATURES.index(name) for name in names]
    features = np.array([example.features for example in examples])[:, columns]
    return features, np.array([example.is_present for example in examples])
