"""Scores of single questions, and measures of whole sets. Every question counts: a failure scores 0."""

import re
from collections.abc import Callable, Sequence

import ir_measures
import numpy as np
from ir_measures import RR, Measure, Qrel, R, ScoredDoc, nDCG
from numpy.typing import NDArray

from eval.run import Result
from rag.language.text import direction

ARTICLE_MEASURES: tuple[Measure, ...] = (nDCG @ 10, R @ 1, R @ 3, R @ 10, RR @ 10)
_THE_ANSWER = "the chunk with the answer"
FALSE_REFUSALS = 0.05
_QUOTED = re.compile("«.*»|“.*”")  # in a line, with whatever quotes stand inside

Scores = dict[str, dict[str, float]]
"""By measure, then by question id."""


def scores(results: Sequence[Result]) -> Scores:
    """Every measure that a question has: trec_eval's over articles, the same over chunks that hold the whole answer
    (`answer ...`), `quote@2`, and of answers `answered` or `refused`, `right language`."""
    with_article = [result for result in results if result.question.relevant]
    with_answer = [result for result in with_article if result.question.answers]
    found = _trec("", with_article, _articles) | _trec("answer ", with_answer, _chunks)
    found["quote@2"] = {result.question.id: float(_quoted(result)) for result in with_answer}
    replied = [result for result in results if result.answer is not None]
    if replied:
        found["answered"] = {
            result.question.id: float(not _refused(result)) for result in replied if result.question.relevant
        }
        found["refused"] = {
            result.question.id: float(_refused(result)) for result in replied if not result.question.relevant
        }
        found["right language"] = {result.question.id: float(_right_language(result)) for result in replied}
    return {name: values for name, values in found.items() if values}


def means(found: Scores) -> dict[str, float]:
    """Each measure over all its questions."""
    return {name: round(float(np.mean(list(values.values()))), 4) for name, values in found.items()}


def refusal(results: Sequence[Result]) -> dict[str, float]:
    """How well the probability tells answerable from unanswerable questions; nothing without both kinds."""
    present = np.array([bool(result.question.relevant) for result in results])
    probability = np.array([result.probability for result in results])
    if present.all() or not present.any():
        return {}
    threshold = np.quantile(probability[present], FALSE_REFUSALS)
    return {
        "AUROC": round(_auroc(probability[present], probability[~present]), 4),
        "refused at 5 % false": round(float((probability[~present] < threshold).mean()), 4),
    }


def _auroc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """How often a value of the one lies above one of the other; a tie counts half (Mann and Whitney)."""
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / 2 / len(lower))


def _trec(prefix: str, results: Sequence[Result], ranked: Callable[[Result], list[tuple[str, float]]]) -> Scores:
    qrels = [
        Qrel(result.question.id, key, grade)
        for result in results
        for key, grade in (result.question.relevant.items() if not prefix else [(_THE_ANSWER, 1)])
    ]
    run = [ScoredDoc(result.question.id, key, score) for result in results for key, score in ranked(result)]
    values: Scores = {f"{prefix}{measure}": {} for measure in ARTICLE_MEASURES}
    for metric in ir_measures.iter_calc(ARTICLE_MEASURES, qrels, run) if run else ():
        values[f"{prefix}{metric.measure}"][metric.query_id] = float(metric.value)
    for found in values.values():
        for result in results:
            found.setdefault(result.question.id, 0.0)
    return values


def _articles(result: Result) -> list[tuple[str, float]]:
    # By rank, not by score: ties would otherwise be broken by the id.
    return [(key, 1.0 / (1 + rank)) for rank, (key, _) in enumerate(result.articles)]


def _chunks(result: Result) -> list[tuple[str, float]]:
    """The first chunk that holds the answer is the relevant one."""
    first = result.holds.index(True) if True in result.holds else -1
    return [(_THE_ANSWER if at == first else f"chunk {at}", 1.0 / (1 + at)) for at in range(len(result.holds))]


def _quoted(result: Result) -> bool:
    return any(answer.text in quote for answer in result.question.answers for quote in result.quotes)


def _refused(result: Result) -> bool:
    return result.answer is None or result.answer.refused


def _right_language(result: Result) -> bool:
    """Whether the answer says so, and the words around its quotes are in that script."""
    answer = result.answer
    if answer is None or answer.language != result.question.language:
        return False
    frame = _QUOTED.sub("", answer.text)
    return direction(frame) == ("rtl" if answer.language == "ar" else "ltr")
