"""Fit fusion weights and the refusal model (`dalil eval fit`).

Takes a SQuAD set with its questions in two languages, and the sample articles with the gold set. Writes
`rag/calibration.json` and prints the quality on the SQuAD set, cross-validated over its articles.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eval.datasets import GOLD, Question, gold, squad, text_article
from eval.report import samples
from eval.run import temporary
from ingest.sync import embed
from rag.assistant import Assistant
from rag.calibration import Fusion
from rag.retrieval import REFUSAL_FEATURES, VIEWS
from rag.settings import Settings
from rag.types import Article, Hit, Language

_FALSE_REFUSALS = 0.05
_ROUNDS = 3
_FOLDS = 6
_PENALTY = 1e-3
"""On squared weights of standardised signals: enough to keep a view that tells nothing at nothing."""
_FREEDOM = 0.03
"""The inverse of the refusal model's penalty: with 1 or 0.03 the cross-validated AUROC differs by less than 0.001."""
_GOLD_TIMES = 3
"""So that the gold set, where people ask in dialect, counts about as much as the larger SQuAD set."""
_ALL = 100
"""More hits than there are candidates."""

Floats = NDArray[np.float64]
CALIBRATION = Path(str(resources.files("rag").joinpath("calibration.json")))


# Fusion


@dataclass(frozen=True, slots=True)
class Ranking:
    """A question's candidates: signals (candidates, views), and which of them are of the right article."""

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
            articles = [hit.article.id for hit in hits]
            found.append(Ranking(_signals(hits), right, articles, group(question.article_id or "")))
    return found


def _signals(hits: Sequence[Hit]) -> Floats:
    return np.array([[asdict(hit.signals)[view] for view in VIEWS] for hit in hits])


def weights(found: Sequence[Ranking]) -> Floats:
    """The weight of each view, dense 1, that makes the right article likeliest under a softmax over candidates."""
    scale = np.concatenate([one.signals for one in found]).std(axis=0)

    def loss(weight: Floats) -> tuple[float, Floats]:
        total, slope = _PENALTY * float(weight @ weight) / 2, _PENALTY * weight
        for one in found:
            signals = one.signals / scale
            score = signals @ weight
            likely = np.exp(score - score.max())
            right = likely * one.right
            total -= float(np.log(right.sum() / likely.sum())) / len(found)
            slope = slope + (likely / likely.sum() - right / right.sum()) @ signals / len(found)
        return total, slope

    best = minimize(loss, np.ones(len(VIEWS)), jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(VIEWS)).x / scale
    return np.asarray(best / best[0])


def fusion_quality(found: Sequence[Ranking], asked: int) -> dict[str, float]:
    """nDCG@10 and R@1 by weights fitted on other articles; `asked` counts the questions that found nothing, too."""
    ranks = []
    for train, test in GroupKFold(_FOLDS).split(found, groups=[one.group for one in found]):
        weight = weights([found[at] for at in train])
        ranks += [_rank(found[at], weight) for at in test]
    gains = [1 / np.log2(rank + 2) for rank in ranks if rank < 10]
    return {"nDCG@10": round(sum(gains) / asked, 4), "R@1": round(ranks.count(0) / asked, 4)}


def _rank(one: Ranking, weight: Floats) -> int:
    order = np.argsort(-(one.signals @ weight), kind="stable")
    first = next(at for at in order if one.right[at])
    return list(dict.fromkeys(one.articles[at] for at in order)).index(one.articles[first])


def _level(found: Sequence[Ranking], weight: Floats) -> float:
    return float(np.mean([max(one.signals[one.right] @ weight) for one in found]))


# Refusal


@dataclass(frozen=True, slots=True)
class Case:
    """A question's features with its article in the index (`present`) or withheld; `group` never spans folds."""

    features: list[float]
    present: bool
    group: str
    language: Language


def cases(
    assistant: Assistant, articles: Sequence[Article], asked: Sequence[Question], group: Callable[[str], str]
) -> Iterator[Case]:
    """Every question over several halves of the articles and over the other halves."""
    names = sorted({group(article.id) for article in articles})
    draw = random.Random(0)
    ready = list(embed(articles, assistant.settings.chunk_tokens, assistant.encoder))
    for _ in range(_ROUNDS):
        draw.shuffle(names)
        half = set(names[: len(names) // 2])
        for kept in (half, set(names) - half):
            assistant.store.remove([article.id for article in articles])
            for article, chunks in ready:
                if group(article.id) in kept:
                    assistant.store.write(article, chunks)
            assistant.store.settle()
            yield from (_case(assistant, question, kept, group) for question in asked if question.article_id)


def _case(assistant: Assistant, question: Question, kept: set[str], group: Callable[[str], str]) -> Case:
    found = assistant.search(question.text)
    name = group(question.article_id or "")
    return Case([found.features[key] for key in REFUSAL_FEATURES], name in kept, name, question.language)


def fitted(found: Sequence[Case], names: Sequence[str] = REFUSAL_FEATURES) -> dict[str, Any]:
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


def refusal_quality(found: Sequence[Case], names: Sequence[str] = REFUSAL_FEATURES) -> dict[str, float]:
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


def _matrix(found: Sequence[Case], names: Sequence[str]) -> tuple[Floats, NDArray[np.bool_]]:
    kept = [REFUSAL_FEATURES.index(name) for name in names]
    return np.array([case.features for case in found])[:, kept], np.array([case.present for case in found])


# Both


def _titles(corpus: Path) -> dict[str, str]:
    """The SQuAD article that each paragraph is of, so that no fold tests on an article it trained on."""
    entries = json.loads(corpus.read_text("utf-8"))["data"]
    return {
        text_article(paragraph["context"]).id: str(number)
        for number, entry in enumerate(entries)
        for paragraph in entry["paragraphs"]
    }


def fit(settings: Settings, corpus: Path, questions: Path, articles: Path) -> dict[str, Any]:
    """Fit everything, write the file, and return the cross-validated quality by language."""
    own, other = squad(corpus), squad(corpus, questions)
    asked: dict[Language, list[Question]] = {"ar": own.questions, "en": other.questions}
    title_of = _titles(corpus)
    data = json.loads(CALIBRATION.read_text("utf-8"))
    data["fitted_on"] = {path.name: _hash(path) for path in (corpus, questions, GOLD)}
    quality: dict[str, Any] = {}
    with temporary(settings, own.articles, _quiet) as assistant:
        found = {language: rankings(assistant, asked[language], title_of.__getitem__) for language in asked}
    weight = {language: weights(found[language]) for language in asked}
    pairs: tuple[tuple[Language, str], ...] = (("ar", "same"), ("en", "cross"))
    for language, name in pairs:
        quality[language] = fusion_quality(found[language], len(asked[language]))
        offset = _level(found["ar"], weight["ar"]) - _level(found[language], weight[language])
        values = [*(round(float(value), 4) for value in weight[language][1:]), round(offset, 4)]
        data["fusion"][name] = asdict(Fusion(*values))
    _write(data)
    paragraphs = list(own.articles)
    with temporary(settings, [], _quiet) as assistant:
        observed = list(cases(assistant, paragraphs, [*asked["ar"], *asked["en"]], title_of.__getitem__))
        assistant.store.remove([article.id for article in paragraphs])
        sample = list(cases(assistant, samples(settings, articles), gold(), str))
    without = [name for name in REFUSAL_FEATURES if name != "dense"]
    for language in asked:
        mine = [case for case in observed if case.language == language]
        quality[language] |= refusal_quality(mine) | {"without dense": refusal_quality(mine, without)}
        both = [*mine, *[case for case in sample if case.language == language] * _GOLD_TIMES]
        data["refusal"][language] = fitted(both)
        data["refusal_without_dense"][language] = fitted(both, without)
    _write(data)
    return quality


def _quiet(done: int, total: int) -> None:
    pass


def _hash(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _write(data: dict[str, Any]) -> None:
    CALIBRATION.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
