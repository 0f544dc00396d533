"""Plots of a report; they need matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.measures import MAIN_MEASURE
from eval.reliability import ReliabilityBin
from rag.errors import DalilError

_QUESTION_WORDS = {
    "how many": "كم",
    "when": "متى",
    "where": "أين",
    "why": "لماذا",
    "how": "كيف",
    "who": "من",
    "what": "ما",
}
"""How the plot names the types of questions."""
_LEFT_TO_RIGHT_MARK = "\u200e"


def plot_slices(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plot the rows of `measure_slices` with their intervals; raises DalilError when matplotlib is not installed."""
    figure, axes = _open_figure(7, 0.6 + 0.28 * len(rows))
    places = range(len(rows))
    errors = [[row[MAIN_MEASURE] - row["low"] for row in rows], [row["high"] - row[MAIN_MEASURE] for row in rows]]
    means = [row[MAIN_MEASURE] for row in rows]
    axes.barh(places, means, xerr=errors, color="#4a7a8c", ecolor="#222222", height=0.6)
    axes.set_yticks(places, [_label_row(row) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(min((row["low"] for row in rows), default=0.0) - 0.05, 1.0)
    axes.set_xlabel(MAIN_MEASURE)
    figure.savefig(path, dpi=110)


def _label_row(row: dict[str, Any]) -> str:
    # The mark keeps the count at the right of an Arabic word.
    name = _QUESTION_WORDS.get(row["value"], row["value"])
    return f"{row['slice']}: {name}{_LEFT_TO_RIGHT_MARK} ({row['questions']})"


def plot_reliability(curves: Mapping[str, Sequence[ReliabilityBin]], path: Path) -> None:
    """Draw a reliability diagram: a line for each name, with the diagonal on which confidence can be believed.

    Raises
    ------
    DalilError
        When matplotlib is not installed.
    """
    figure, axes = _open_figure(5, 5)
    axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", linewidth=1)
    for name, bins in curves.items():
        label = f"{name} ({sum(one.questions for one in bins)} answers)"
        axes.plot([one.confidence for one in bins], [one.share for one in bins], marker="o", markersize=4, label=label)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share")
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=110)


def _open_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of so many inches, and its axes."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DalilError("Plots need matplotlib: pip install 'dalil[eval]'.") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()
