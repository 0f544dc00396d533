"""A run on the gold set and the cases compared with the committed baseline, so that no score falls unnoticed."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from eval.cases import MEASURE_PREFIX
from eval.measures import QuestionScores
from eval.significance import Interval, bootstrap_change
from rag.errors import InputError

BASELINE = Path(__file__).parent / "gold" / "baseline.json"
_MAX_DROP = 0.01
_ROUNDING = 0.001
"""Smaller changes of a question's score come from rounding."""
_WATCHED = (
    "quote@1", "quote@2", "direct EM", "direct F1", "answered", "refused", "refused inside", "abstained",
    "right language", "statements", "nDCG@10", "R@1", "answer nDCG@10",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside the baseline.

    Attributes
    ----------
    changes : dict of str to Interval
        Mean change of each watched measure.
    dropped : list of str
        Measures that fell by more than a point, beyond chance: the whole 95 % interval lies below zero. Of cases, kinds
        of which fewer are right, by however few: what a reader was shown is not to be lost.
    flipped : dict of str to dict
        By measure and question id, the change of each question whose score went up or down.
    missing : int
        Questions that the run does not have.
    """

    changes: dict[str, Interval] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    flipped: dict[str, dict[str, float]] = field(default_factory=dict)
    missing: int = 0


def compare_with_baseline(baseline: QuestionScores, scores: QuestionScores) -> Comparison:
    """Compare the scores of a run with those of the baseline; questions that the run does not have count as 0."""
    comparison = Comparison(missing=len(set(baseline["nDCG@10"]) - set(scores["nDCG@10"])))
    for name in filter(_is_watched, baseline):
        before = baseline[name]
        after = dict.fromkeys(before, 0.0) | scores.get(name, {})
        change = bootstrap_change(before, after)
        comparison.changes[name] = change
        if _has_dropped(name, change):
            comparison.dropped.append(name)
        differences = {key: after[key] - score for key, score in before.items()}
        flips = {key: round(value, 3) for key, value in differences.items() if abs(value) > _ROUNDING}
        if flips:
            comparison.flipped[name] = flips
    return comparison


def _is_watched(name: str) -> bool:
    return name in _WATCHED or name.startswith(MEASURE_PREFIX)


def _has_dropped(name: str, change: Interval) -> bool:
    if name.startswith(MEASURE_PREFIX):
        return change.mean < 0
    return change.mean < -_MAX_DROP and change.high < 0


def load_baseline(path: Path = BASELINE) -> QuestionScores:
    """The committed baseline; raises InputError when there is none."""
    try:
        scores: QuestionScores = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise InputError(f"There is no baseline in {path}: make one with `dalil eval gate --update`.") from None
    return scores


def save_baseline(scores: QuestionScores, path: Path = BASELINE) -> None:
    """Write a new baseline: the watched measures, rounded."""
    names = [
        *(name for name in _WATCHED if name in scores),
        *(name for name in scores if name.startswith(MEASURE_PREFIX)),
    ]
    kept = {name: {key: round(value, 4) for key, value in sorted(scores[name].items())} for name in names}
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n", "utf-8")
