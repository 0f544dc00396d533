"""How far the confidence of answers can be believed: reliability tables, expected calibration error."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from eval.run import QuestionResult

BINS = 10
"""Of equal width, as in Guo et al. 2017."""

Judged = tuple[float, bool]
"""A confidence, and whether what it is the confidence of is so."""


class ReliabilityBin(NamedTuple):
    """The answers whose confidence lies between two bounds.

    Attributes
    ----------
    low, high : float
        The bounds; the upper one belongs to the next bin, 1 to the last.
    questions : int
        How many there are.
    confidence : float
        Their mean confidence.
    share : float
        The share of which it is so: equal to the mean confidence where that can be believed.
    """

    low: float
    high: float
    questions: int
    confidence: float
    share: float


def judge_answerable(results: Iterable[QuestionResult]) -> list[Judged]:
    """The confidence of each answer that has one, with whether the articles hold the answer."""
    return [
        (result.answer.confidence, bool(result.question.relevant))
        for result in results
        if result.answer is not None and result.answer.confidence is not None
    ]


def judge_quotes(results: Iterable[QuestionResult]) -> list[Judged]:
    """The confidence of each answer that has one, with whether its first quote holds the answer; without the questions
    of which it is not known where they are answered."""
    return [
        (result.answer.confidence, any(result.quotes_with_answer[:1]))
        for result in results
        if result.answer is not None
        and result.answer.confidence is not None
        and (result.question.answers or not result.question.relevant)
    ]


def make_bins(judged: Sequence[Judged]) -> list[ReliabilityBin]:
    """The bins that hold an answer, from the lowest confidence."""
    found = []
    for low, high in pairwise(at / BINS for at in range(BINS + 1)):
        inside = [one for one in judged if low <= one[0] < high or (one[0] == high == 1)]
        if inside:
            confidence = sum(one[0] for one in inside) / len(inside)
            share = sum(one[1] for one in inside) / len(inside)
            found.append(ReliabilityBin(low, high, len(inside), round(confidence, 4), round(share, 4)))
    return found


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """The expected calibration error: the mean distance of confidence and share, over all answers (Naeini et al. 2015).

    0 is best; there must be an answer.
    """
    total = sum(one.questions for one in bins)
    return round(sum(one.questions * abs(one.confidence - one.share) for one in bins) / total, 4)
