"""Fit fusion weights and abstention models (`dalil eval fit`).

Takes a SQuAD set in two languages, question by question and paragraph by paragraph the same, and the sample articles
with the gold set. Writes `calibration.json` and returns the quality on the SQuAD set, cross-validated over its
articles: of both languages asked over paragraphs of either, and over collections that hold half of each.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

from eval.calibrate.abstention import (
    AbstentionExample,
    collect_examples,
    cross_validate_abstention,
    fit_abstention,
)
from eval.calibrate.fusion import (
    Ranking,
    collect_rankings,
    cross_validate_fusion,
    fit_fusion,
    make_fusions,
    prefer_own_language,
)
from eval.datasets import (
    GOLD_QUESTIONS,
    Dataset,
    make_text_article,
    read_articles,
    read_gold_set,
    read_squad,
)
from eval.run import open_temporary_assistant
from rag.language.languages import DEFAULT_LANGUAGE, LANGUAGES, other_language
from rag.retrieval.answerability import ANSWERABILITY_FEATURES
from rag.retrieval.calibration import PAIR_NAMES
from rag.settings import Settings
from rag.types import Language

CALIBRATION = Path(str(resources.files("rag.retrieval").joinpath("calibration.json")))

_GOLD_TIMES = 3
"""So that the gold set, where people ask in dialect, counts about as much as the larger SQuAD set."""
_WITHOUT_DENSE = tuple(name for name in ANSWERABILITY_FEATURES if name != "dense")
_BOTH = "both"
"""The collection that says everything in both languages."""

Group = Callable[[str], str]
"""From an article's id to what must not be in two folds."""


def fit_calibration(settings: Settings, arabic: Path, english: Path, articles: Path) -> dict[str, Any]:
    """Fit everything, and write `calibration.json`.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    arabic, english : Path
        SQuAD-format files.
    articles : Path
        Folder of the sample articles.

    Returns
    -------
    dict
        The cross-validated quality of `fusion` and `refusal`.
    """
    files: dict[Language, Path] = dict(zip(LANGUAGES, (arabic, english), strict=True))
    group = {key: name for path in files.values() for key, name in _group_paragraphs(path).items()}.__getitem__
    collections = _read_collections(files)
    data = json.loads(CALIBRATION.read_text("utf-8"))
    data["fitted_on"] = {path.name: _hash_file(path) for path in (*files.values(), GOLD_QUESTIONS)}
    fusion = _fit_fusions(settings, collections, group, data["pairs"])
    _write_calibration(data)  # the examples of abstention are ranked by the new weights
    abstention = _fit_abstentions(settings, collections, group, articles, data["pairs"])
    _write_calibration(data)
    return {"fusion": fusion, "refusal": abstention}


def _fit_fusions(
    settings: Settings, collections: Mapping[str, Dataset], group: Group, pairs: dict[str, Any]
) -> dict[str, Any]:
    """Put the fusion of every pair into `pairs`; gives their quality by language of the questions."""
    quality: dict[str, Any] = {}
    for language, rankings in _collect_all_rankings(settings, collections, group).items():
        over_both = rankings.pop(_BOTH)
        quality[language] = cross_validate_fusion(rankings, _count(collections[DEFAULT_LANGUAGE], language))
        weights = fit_fusion([ranking for part in rankings.values() for ranking in part])
        within, across = make_fusions(prefer_own_language(weights, over_both), language)
        pairs[PAIR_NAMES[language, language]]["fusion"] = asdict(within)
        pairs[PAIR_NAMES[language, other_language(language)]]["fusion"] = asdict(across)
    return quality


def _fit_abstentions(
    settings: Settings, collections: Mapping[str, Dataset], group: Group, folder: Path, pairs: dict[str, Any]
) -> dict[str, Any]:
    """Put the abstention models of every pair into `pairs`; gives their quality by pair."""
    examples: list[AbstentionExample] = []
    with open_temporary_assistant(settings, []) as assistant:
        for chunk_language in LANGUAGES:
            dataset = collections[chunk_language]
            examples += collect_examples(assistant, list(dataset.articles), dataset.questions, group)
        samples = read_articles(folder, settings.max_article_chars)
        gold = list(collect_examples(assistant, samples, read_gold_set(), str))
    quality: dict[str, Any] = {}
    for pair, name in PAIR_NAMES.items():
        of_pair = [example for example in examples if example.pair == pair]
        quality[name] = cross_validate_abstention(of_pair) | {
            "without dense": cross_validate_abstention(of_pair, _WITHOUT_DENSE)
        }
        of_pair += [example for example in gold if example.pair == pair] * _GOLD_TIMES
        pairs[name]["abstention"] = fit_abstention(of_pair)
        pairs[name]["abstention_without_dense"] = fit_abstention(of_pair, _WITHOUT_DENSE)
    return quality


def _collect_all_rankings(
    settings: Settings, collections: Mapping[str, Dataset], group: Group
) -> dict[Language, dict[str, list[Ranking]]]:
    """Of each language's questions over each collection."""
    rankings: dict[Language, dict[str, list[Ranking]]] = {language: {} for language in LANGUAGES}
    for name, collection in collections.items():
        with open_temporary_assistant(settings, collection.articles) as assistant:
            for language in LANGUAGES:
                questions = [question for question in collection.questions if question.language == language]
                rankings[language][name] = collect_rankings(assistant, questions, group)
    return rankings


def _count(collection: Dataset, language: Language) -> int:
    return sum(question.language == language for question in collection.questions)


def _read_collections(files: Mapping[Language, Path]) -> dict[str, Dataset]:
    """The paragraphs in each language, every other one in the other language, and all in both; both languages ask."""
    in_one: dict[str, Dataset] = {
        language: _read_for_both_languages(path, files[other_language(language)]) for language, path in files.items()
    }
    first, second = in_one.values()
    return in_one | {
        "mixed": _mix_languages(first, second, 0),
        "mixed otherwise": _mix_languages(first, second, 1),
        _BOTH: Dataset([*first.articles, *second.articles], first.questions),
    }


def _read_for_both_languages(corpus: Path, other: Path) -> Dataset:
    """The paragraphs of one file, with the questions of both."""
    own, translated = read_squad(corpus), read_squad(corpus, other)
    questions = [*own.questions, *translated.questions]
    return Dataset(own.articles, [replace(each, id=f"{each.id} {each.language}") for each in questions])


def _mix_languages(first: Dataset, second: Dataset, start: int) -> Dataset:
    """Every second paragraph of the first language, beginning with number `start`, and the others in the second."""
    kept = {article.id for article in list(first.articles)[start::2]}
    translated = {question.id: question for question in second.questions}
    questions = [each if each.article_id in kept else translated.get(each.id, each) for each in first.questions]
    used = {question.article_id for question in questions}
    articles = [article for article in [*first.articles, *second.articles] if article.id in used]
    return Dataset(articles, questions)


def _group_paragraphs(corpus: Path) -> dict[str, str]:
    """The number of the SQuAD article that each paragraph is of, so that no fold tests on an article it trained on."""
    entries = json.loads(corpus.read_text("utf-8"))["data"]
    return {
        make_text_article(paragraph["context"]).id: str(number)
        for number, entry in enumerate(entries)
        for paragraph in entry["paragraphs"]
    }


def _hash_file(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _write_calibration(data: dict[str, Any]) -> None:
    CALIBRATION.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
