"""Fusion weights from ranked candidates: the weights that make the right article likeliest."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.model_selection import GroupKFold

from eval.datasets import Question
from rag.answering.assistant import Assistant
from rag.retrieval.calibration import Fusion
from rag.store import VIEWS
from rag.types import Hit, Language

_FOLDS = 6
_PENALTY = 1e-3
"""On squared weights of standardised signals: enough to keep a view that tells nothing at nothing."""
_OWN_FIRST = 0.9
"""Share of questions. With 0.9 passages that are held in the other language alone lose about three points of nDCG@10 in
a collection of both languages, and with 0.95 about seven; the likeliest offset alone gives 0.72."""
_ALL = 100
"""More hits than there are candidates."""
_WEIGHTS = len(VIEWS)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """A question's candidates: signals of shape (candidates, 2 views + 1), and which are of the right article.

    A candidate in the question's language has its signals in the first half, one in the other language in the second
    half, and a 1 for the offset in the last column: one set of weights ranks both together.
    """

    signals: Floats
    right: NDArray[np.bool_]
    articles: list[str]
    group: str


def rankings(assistant: Assistant, asked: Sequence[Question], group: Callable[[str], str]) -> list[Ranking]:
    """The candidates of every question whose right article is among them."""
    found = []
    for question in asked:
        hits = assistant.search(question.text, _ALL).hits
        right = np.array([hit.article.id == question.article_id for hit in hits])
        if right.any():
            signals = np.array([_row(hit, question.language) for hit in hits])
            found.append(Ranking(signals, right, [hit.article.id for hit in hits], group(question.article_id or "")))
    return found


def _row(hit: Hit, asked_in: Language) -> list[float]:
    signals = [asdict(hit.signals)[view] for view in VIEWS]
    nothing = [0.0] * _WEIGHTS
    return [*signals, *nothing, 0.0] if hit.language == asked_in else [*nothing, *signals, 1.0]


def fit(found: Sequence[Ranking]) -> Floats:
    """Weights that make the right article likeliest under a softmax over each question's candidates, on any scale.

    The loss is convex. Weights of views are not negative; the offset may be.
    """
    rows = np.concatenate([one.signals for one in found])
    scale = np.array([max(np.std(column[column != 0]), 1e-9) if column.any() else 1.0 for column in rows.T])
    scale[-1] = 1.0
    penalised = np.array([*[_PENALTY] * 2 * _WEIGHTS, 0.0])

    def loss(weight: Floats) -> tuple[float, Floats]:
        total, slope = float(penalised * weight @ weight) / 2, penalised * weight
        for one in found:
            signals = one.signals / scale
            score = signals @ weight
            likely = np.exp(score - score.max())
            right = likely * one.right
            total -= float(np.log(right.sum() / likely.sum())) / len(found)
            slope = slope + (likely / likely.sum() - right / right.sum()) @ signals / len(found)
        return total, slope

    bounds: list[tuple[float | None, None]] = [*[(0.0, None)] * 2 * _WEIGHTS, (None, None)]
    best = (
        minimize(loss, np.ones(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
        / scale
    )
    return np.asarray(best)


def preferring(weight: Floats, found: Sequence[Ranking]) -> Floats:
    """`weight` with its offset lowered until most questions of a collection that says everything in both languages
    (`found`) have a first hit in their own: what a reader would rather be shown when either would do."""
    lead = [_best(one, weight, 1.0) - _best(one, weight, 0.0) for one in found]
    lowered = weight.copy()
    lowered[-1] -= max(0.0, float(np.quantile(lead, _OWN_FIRST)))
    return lowered


def _best(one: Ranking, weight: Floats, across: float) -> float:
    return float(max(one.signals[one.signals[:, -1] == across] @ weight, default=-np.inf))


def fusions(weight: Floats, asked_in: Language) -> tuple[Fusion, Fusion]:
    """The weights over chunks of the question's language, and over chunks of the other, on the scale on which the dense
    view of an Arabic chunk weighs 1."""
    *views, offset = (round(float(value), 4) for value in weight / weight[0 if asked_in == "ar" else _WEIGHTS])
    same, cross = (dict(zip(VIEWS, part, strict=True)) for part in (views[:_WEIGHTS], views[_WEIGHTS:]))
    return Fusion(**same, offset=0.0), Fusion(**cross, offset=offset)


def quality(parts: dict[str, list[Ranking]], asked: int) -> dict[str, dict[str, float]]:
    """nDCG@10 and R@1 on each part by weights fitted on the other articles of all parts.

    `asked` is the number of questions of a part: those that found nothing count, too.
    """
    everything = [(name, one) for name, found in parts.items() for one in found]
    ranks: dict[str, list[int]] = {name: [] for name in parts}
    for train, test in GroupKFold(_FOLDS).split(everything, groups=[one.group for _, one in everything]):
        weight = fit([everything[at][1] for at in train])
        for at in test:
            name, one = everything[at]
            ranks[name].append(_rank(one, weight))
    return {name: _means(found, asked) for name, found in ranks.items()}


def _means(ranks: Sequence[int], asked: int) -> dict[str, float]:
    gains = [1 / np.log2(rank + 2) for rank in ranks if rank < 10]
    return {"nDCG@10": round(float(sum(gains)) / asked, 4), "R@1": round(ranks.count(0) / asked, 4)}


def _rank(one: Ranking, weight: Floats) -> int:
    order = np.argsort(-(one.signals @ weight), kind="stable")
    first = next(at for at in order if one.right[at])
    return list(dict.fromkeys(one.articles[at] for at in order)).index(one.articles[first])
