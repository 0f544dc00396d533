"""Fit fusion weights and the refusal models (`dalil eval fit`).

Takes a SQuAD set in two languages, question by question and paragraph by paragraph the same, and the sample articles
with the gold set. Writes `calibration.json` and prints the quality on the SQuAD set, cross-validated over its
articles: of both languages asked over paragraphs of either, and over collections that hold half of each.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

from eval.calibrate import abstention as refusal
from eval.calibrate import fusion
from eval.calibrate.abstention import Case
from eval.calibrate.fusion import Ranking
from eval.datasets import GOLD, Dataset, gold, squad, text_article
from eval.report import samples
from eval.run import temporary
from rag.retrieval.calibration import LANGUAGES, PAIRS
from rag.retrieval.retriever import REFUSAL_FEATURES
from rag.settings import Settings
from rag.types import Language

_GOLD_TIMES = 3
"""So that the gold set, where people ask in dialect, counts about as much as the larger SQuAD set."""
_WITHOUT_DENSE = tuple(name for name in REFUSAL_FEATURES if name != "dense")

CALIBRATION = Path(str(resources.files("rag.retrieval").joinpath("calibration.json")))


def fit(settings: Settings, arabic: Path, english: Path, articles: Path) -> dict[str, Any]:
    """Fit everything, write the file, and return the cross-validated quality."""
    group = (_titles(arabic) | _titles(english)).__getitem__
    collections = _collections(arabic, english)
    data = json.loads(CALIBRATION.read_text("utf-8"))
    data["fitted_on"] = {path.name: _hash(path) for path in (arabic, english, GOLD)}
    quality: dict[str, Any] = {"fusion": {}, "refusal": {}}
    for language, found in _rankings(settings, collections, group).items():
        both = found.pop("both")
        quality["fusion"][language] = fusion.quality(found, _count(collections["ar"], language))
        weight = fusion.fit([one for part in found.values() for one in part])
        same, cross = fusion.fusions(fusion.preferring(weight, both), language)
        for held in LANGUAGES:
            data["pairs"][PAIRS[language, held]]["fusion"] = asdict(same if held == language else cross)
    _write(data)
    with temporary(settings, [], _quiet) as assistant:
        observed: list[Case] = []
        for held in LANGUAGES:
            one = collections[held]
            observed += refusal.cases(assistant, list(one.articles), one.questions, group)
        sample = list(refusal.cases(assistant, samples(settings, articles), gold(), str))
    for pair, name in PAIRS.items():
        mine = [case for case in observed if case.pair == pair]
        quality["refusal"][name] = refusal.quality(mine) | {"without dense": refusal.quality(mine, _WITHOUT_DENSE)}
        mine += [case for case in sample if case.pair == pair] * _GOLD_TIMES
        data["pairs"][name]["refusal"] = refusal.fit(mine)
        data["pairs"][name]["refusal_without_dense"] = refusal.fit(mine, _WITHOUT_DENSE)
    _write(data)
    return quality


def _rankings(
    settings: Settings, collections: dict[str, Dataset], group: Callable[[str], str]
) -> dict[Language, dict[str, list[Ranking]]]:
    """Each language's questions over each collection."""
    found: dict[Language, dict[str, list[Ranking]]] = {language: {} for language in LANGUAGES}
    for name, collection in collections.items():
        with temporary(settings, collection.articles, _quiet) as assistant:
            for language in LANGUAGES:
                asked = [question for question in collection.questions if question.language == language]
                found[language][name] = fusion.rankings(assistant, asked, group)
    return found


def _count(collection: Dataset, language: Language) -> int:
    return sum(question.language == language for question in collection.questions)


def _collections(arabic: Path, english: Path) -> dict[str, Dataset]:
    """The paragraphs in Arabic, in English, and every other one in the other language; both languages ask."""
    held = {"ar": _asked_in_both(arabic, english), "en": _asked_in_both(english, arabic)}
    return held | {
        "mixed": _mixed(held["ar"], held["en"], 0),
        "mixed otherwise": _mixed(held["ar"], held["en"], 1),
        "both": Dataset([*held["ar"].articles, *held["en"].articles], held["ar"].questions),
    }


def _asked_in_both(corpus: Path, other: Path) -> Dataset:
    own, translated = squad(corpus), squad(corpus, other)
    renamed = [replace(question, id=f"{question.id} {question.language}") for question in translated.questions]
    return Dataset(own.articles, [*(replace(one, id=f"{one.id} {one.language}") for one in own.questions), *renamed])


def _mixed(arabic: Dataset, english: Dataset, first: int) -> Dataset:
    """Every second Arabic paragraph, beginning with number `first`, and the others in English."""
    kept = {article.id for article in list(arabic.articles)[first::2]}
    translated = {question.id: question for question in english.questions}
    questions = [one if one.article_id in kept else translated.get(one.id, one) for one in arabic.questions]
    wanted = {question.article_id for question in questions}
    articles = [article for article in [*arabic.articles, *english.articles] if article.id in wanted]
    return Dataset(articles, questions)


def _titles(corpus: Path) -> dict[str, str]:
    """The SQuAD article that each paragraph is of, so that no fold tests on an article it trained on."""
    entries = json.loads(corpus.read_text("utf-8"))["data"]
    return {
        text_article(paragraph["context"]).id: str(number)
        for number, entry in enumerate(entries)
        for paragraph in entry["paragraphs"]
    }


def _quiet(done: int, total: int) -> None:
    pass


def _hash(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _write(data: dict[str, Any]) -> None:
    CALIBRATION.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
