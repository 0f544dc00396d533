"""Fit the refusal model: `python -m eval.fit CORPUS.json QUESTIONS.json`.

Indexes half of the articles at a time, so that every question is asked once with its article there and once with it
withheld, over a SQuAD set in two languages and over the sample articles. Writes `rag/calibration.json` and prints the
cross-validated quality on the SQuAD set, folds never sharing an article. Fusion weights in that file are kept.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eval.datasets import Question, gold, paragraph_article, squad
from eval.run import temporary
from ingest.read import files, read
from ingest.sync import embed
from rag.assistant import Assistant
from rag.retrieval import REFUSAL_FEATURES
from rag.settings import Settings, load
from rag.types import Article

_FALSE_REFUSALS = 0.05
_ROUNDS = 3
_FOLDS = 6


@dataclass(frozen=True, slots=True)
class Case:
    """A question's features with its article in the index (`present`) or withheld; `group` never spans folds."""

    features: list[float]
    present: bool
    group: str
    language: str


def cases(
    settings: Settings, articles: Sequence[Article], asked: Sequence[Question], group: Callable[[str], str]
) -> Iterator[Case]:
    """Every question over several halves of the articles and over the other halves."""
    names = sorted({group(article.id) for article in articles})
    draw = random.Random(0)
    with temporary(settings, [], lambda done, total: None) as assistant:
        ready = list(embed(articles, settings.chunk_tokens, assistant.embedder))
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


def fitted(found: Sequence[Case]) -> dict[str, Any]:
    """A logistic regression over raw features, its threshold at 5 % false refusals of its own cases."""
    features, present = _matrix(found)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, present)
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    threshold = np.quantile(model.predict_proba(features[present])[:, 1], _FALSE_REFUSALS)
    return {
        "intercept": round(float(regression.intercept_[0] - weights @ scaler.mean_), 4),
        "weights": {name: round(float(weight), 4) for name, weight in zip(REFUSAL_FEATURES, weights, strict=True)},
        "threshold": round(float(threshold), 4),
    }


def quality(found: Sequence[Case]) -> dict[str, float]:
    """Cross-validated over articles: AUROC, and the share refused at 5 % false refusals."""
    features, present = _matrix(found)
    probability = np.zeros(len(found))
    for train, test in GroupKFold(_FOLDS).split(features, groups=[case.group for case in found]):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(features[train], present[train])
        probability[test] = model.predict_proba(features[test])[:, 1]
    threshold = np.quantile(probability[present], _FALSE_REFUSALS)
    return {
        "AUROC": round(float(roc_auc_score(present, probability)), 4),
        "refused at 5 % false": round(float((probability[~present] < threshold).mean()), 4),
        "cases": len(found),
    }


def _matrix(found: Sequence[Case]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([case.features for case in found]), np.array([case.present for case in found])


def _titles(corpus: Path) -> dict[str, str]:
    """The SQuAD article that each paragraph is of, so that no fold tests on an article it trained on."""
    entries = json.loads(corpus.read_text("utf-8"))["data"]
    return {
        paragraph_article(paragraph["context"]).id: str(number)
        for number, entry in enumerate(entries)
        for paragraph in entry["paragraphs"]
    }


def main() -> None:
    """Fit, print the quality, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--articles", type=Path, default=Path("articles"))
    options = parser.parse_args()
    settings = load()
    title_of = _titles(options.corpus)
    asked = [*squad(options.corpus).questions, *squad(options.corpus, options.questions).questions]
    paragraphs = list(cases(settings, squad(options.corpus).articles, asked, title_of.__getitem__))
    read_items = (item for file, root in files([options.articles]) for item in read(file, root, 10**6))
    samples = [item for item in read_items if isinstance(item, Article)]
    sample = list(cases(settings, samples, gold(), str))
    path = Path(str(resources.files("rag").joinpath("calibration.json")))
    data = json.loads(path.read_text("utf-8"))
    for language in ("ar", "en"):
        of_squad = [case for case in paragraphs if case.language == language]
        print(language, json.dumps(quality(of_squad)))
        data["refusal"][language] = fitted([*of_squad, *(case for case in sample if case.language == language)])
    path.write_text(json.dumps(data, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
