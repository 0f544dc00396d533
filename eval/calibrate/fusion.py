"""Fusion weights, fitted on ranked candidates so that the right article is the likeliest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.model_selection import GroupKFold

from eval.datasets import Question
from rag.answering.assistant import Assistant
from rag.language.languages import DEFAULT_LANGUAGE
from rag.retrieval.calibration import Fusion
from rag.store import REPRESENTATIONS
from rag.types import Hit, Language

_FOLDS = 6
_PENALTY = 1e-3
"""On squared weights of standardised scores: enough to keep a representation that tells nothing at nothing."""
_MIN_SCALE = 1e-9
_MAX_ITERATIONS = 500
_OWN_LANGUAGE_FIRST = 0.9
"""Share of questions. With 0.9 passages that are held in the other language alone lose about three points of nDCG@10 in
a collection of both languages, and with 0.95 about seven; the likeliest offset alone gives 0.72."""
_TOP_K = 100
"""More hits than there are candidates."""
_CUTOFF = 10
"""Of nDCG."""
_WEIGHTS = len(REPRESENTATIONS)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates of a question.

    Attributes
    ----------
    scores : array of float
        (candidates, 2 representations + 1). A candidate in the question's language has its scores in the first half,
        one in the other language in the second half, and a 1 for the offset in the last column: one set of weights
        ranks both together.
    is_right : array of bool
        Whether each is of the right article, (candidates,).
    articles : list of str
        Id of the article of each.
    group : str
        Rankings of one group are never in two folds.
    """

    scores: Floats
    is_right: NDArray[np.bool_]
    articles: list[str]
    group: str


def collect_rankings(assistant: Assistant, questions: Sequence[Question], group: Callable[[str], str]) -> list[Ranking]:
    """The candidates of every question whose right article is among them.

    Parameters
    ----------
    assistant : Assistant
        Over the articles.
    questions : sequence of Question
        To ask.
    group : callable
        From the id of a question's article to its group.
    """
    rankings = []
    for question in questions:
        hits = assistant.search(question.text, _TOP_K).hits
        is_right = np.array([hit.article.id == question.article_id for hit in hits])
        if is_right.any():
            scores = np.array([_score_row(hit, question.language) for hit in hits])
            articles = [hit.article.id for hit in hits]
            rankings.append(Ranking(scores, is_right, articles, group(question.article_id or "")))
    return rankings


def fit_fusion(rankings: Sequence[Ranking]) -> Floats:
    """Weights that make the right article the likeliest under a softmax over each question's candidates.

    The loss is convex. Weights of representations are not negative; the offset may be.

    Returns
    -------
    array of float
        (2 representations + 1,), in the order of the columns of `Ranking.scores`, on any scale.
    """
    rows = np.concatenate([ranking.scores for ranking in rankings])
    scale = np.array([max(np.std(column[column != 0]), _MIN_SCALE) if column.any() else 1.0 for column in rows.T])
    scale[-1] = 1.0
    penalty = np.array([*[_PENALTY] * 2 * _WEIGHTS, 0.0])

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, gradient = float(penalty * weights @ weights) / 2, penalty * weights
        for ranking in rankings:
            scores = ranking.scores / scale
            ranked = scores @ weights
            likelihood = np.exp(ranked - ranked.max())
            right = likelihood * ranking.is_right
            total -= float(np.log(right.sum() / likelihood.sum())) / len(rankings)
            gradient = gradient + (likelihood / likelihood.sum() - right / right.sum()) @ scores / len(rankings)
        return total, gradient

    bounds: list[tuple[float | None, None]] = [*[(0.0, None)] * 2 * _WEIGHTS, (None, None)]
    start, options = np.ones(len(bounds)), {"maxiter": _MAX_ITERATIONS}
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return np.asarray(best / scale)


def prefer_own_language(weights: Floats, rankings: Sequence[Ranking]) -> Floats:
    """Lower the offset until most questions have a first hit in their own language, which is what a reader would rather
    be shown when either would do.

    Parameters
    ----------
    weights : array of float
        As `fit_fusion` gives them.
    rankings : sequence of Ranking
        Over a collection that says everything in both languages.
    """
    leads = [_best_score(ranking, weights, 1.0) - _best_score(ranking, weights, 0.0) for ranking in rankings]
    lowered = weights.copy()
    lowered[-1] -= max(0.0, float(np.quantile(leads, _OWN_LANGUAGE_FIRST)))
    return lowered


def make_fusions(weights: Floats, query_language: Language) -> tuple[Fusion, Fusion]:
    """The weights over chunks of the question's language, and over chunks of the other.

    Their scale is that on which the dense score of a chunk in the default language weighs 1.
    """
    unit = weights[0 if query_language == DEFAULT_LANGUAGE else _WEIGHTS]
    *scaled, offset = (round(float(value), 4) for value in weights / unit)
    within, across = (dict(zip(REPRESENTATIONS, part, strict=True)) for part in (scaled[:_WEIGHTS], scaled[_WEIGHTS:]))
    return Fusion(**within, offset=0.0), Fusion(**across, offset=offset)


def cross_validate_fusion(parts: Mapping[str, Sequence[Ranking]], questions: int) -> dict[str, dict[str, float]]:
    """nDCG@10 and R@1 on each part, by weights fitted on the other groups of all parts.

    Parameters
    ----------
    parts : mapping of str to sequence of Ranking
        The same questions over several collections.
    questions : int
        Number of questions of a part: those that found nothing count, too.
    """
    rankings = [(name, ranking) for name, part in parts.items() for ranking in part]
    ranks: dict[str, list[int]] = {name: [] for name in parts}
    for train, test in GroupKFold(_FOLDS).split(rankings, groups=[ranking.group for _, ranking in rankings]):
        weights = fit_fusion([rankings[at][1] for at in train])
        for at in test:
            name, ranking = rankings[at]
            ranks[name].append(_rank_right_article(ranking, weights))
    return {name: _average_ranks(part, questions) for name, part in ranks.items()}


def _score_row(hit: Hit, query_language: Language) -> list[float]:
    scores = [asdict(hit.scores)[name] for name in REPRESENTATIONS]
    zeros = [0.0] * _WEIGHTS
    return [*scores, *zeros, 0.0] if hit.language == query_language else [*zeros, *scores, 1.0]


def _best_score(ranking: Ranking, weights: Floats, is_across: float) -> float:
    """Of the candidates in the other language where `is_across` is 1, in the question's own where it is 0."""
    return float(max(ranking.scores[ranking.scores[:, -1] == is_across] @ weights, default=-np.inf))


def _rank_right_article(ranking: Ranking, weights: Floats) -> int:
    """The place of the right article among the articles, from 0."""
    order = np.argsort(-(ranking.scores @ weights), kind="stable")
    first = next(at for at in order if ranking.is_right[at])
    return list(dict.fromkeys(ranking.articles[at] for at in order)).index(ranking.articles[first])


def _average_ranks(ranks: Sequence[int], questions: int) -> dict[str, float]:
    gains = [1 / np.log2(rank + 2) for rank in ranks if rank < _CUTOFF]
    return {"nDCG@10": round(float(sum(gains)) / questions, 4), "R@1": round(ranks.count(0) / questions, 4)}
