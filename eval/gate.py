"""Nobody lowers the gold set's scores unawares: a run against the committed baseline."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from eval.measures import Scores
from eval.significance import Interval, change
from rag.errors import InputError

BASELINE = Path(__file__).parent / "gold" / "baseline.json"
_LARGEST_DROP = 0.01
_ROUNDED = 0.001
_WATCHED = ("nDCG@10", "R@1", "answer nDCG@10", "quote@2", "answered", "refused", "right language", "statements")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Changes by measure, and the questions whose score went up or down."""

    changes: dict[str, Interval] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    """Measures that fell by more than a point, beyond chance (the whole 95 % interval below zero)."""
    flipped: dict[str, dict[str, float]] = field(default_factory=dict)
    missing: int = 0


def compare(before: Scores, after: Scores) -> Verdict:
    """The run `after` against the baseline `before`; questions that the run does not have count as 0."""
    verdict = Verdict(missing=len(set(before["nDCG@10"]) - set(after["nDCG@10"])))
    for name in (name for name in _WATCHED if name in before):
        now = dict.fromkeys(before[name], 0.0) | after.get(name, {})
        verdict.changes[name] = change(before[name], now)
        if verdict.changes[name].mean < -_LARGEST_DROP and verdict.changes[name].high < 0:
            verdict.dropped.append(name)
        flips = {
            key: round(now[key] - score, 3) for key, score in before[name].items() if abs(now[key] - score) > _ROUNDED
        }
        if flips:
            verdict.flipped[name] = flips
    return verdict


def load(path: Path = BASELINE) -> Scores:
    """The committed baseline; raises InputError when there is none."""
    try:
        found: Scores = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise InputError(f"There is no baseline in {path}: make one with `dalil eval gate --update`.") from None
    return found


def save(scores: Scores, path: Path = BASELINE) -> None:
    """Write a new baseline: the watched measures, rounded."""
    kept = {
        name: {key: round(value, 4) for key, value in sorted(scores[name].items())}
        for name in _WATCHED
        if name in scores
    }
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n", "utf-8")
