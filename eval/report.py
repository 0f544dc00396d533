"""What a set shows: as one object, as Markdown, as a plot, and as TREC files."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.datasets import Dataset, Question, gold
from eval.measures import ARTICLE_MEASURES, Scores, means, refusal, scores
from eval.run import Progress, Result, ask, temporary
from eval.significance import interval
from eval.slices import labels, spellings
from ingest.readers import files, read
from rag.answering.assistant import Assistant
from rag.errors import DalilError
from rag.settings import Settings
from rag.types import Article

MAIN = str(ARTICLE_MEASURES[0])
_FEWEST = 5
"""Slices of fewer questions say nothing."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure beside retrieval."""

    answers: bool = False
    spelling: bool = False
    unanswerable: Sequence[Question] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`shown` is the object to print; the rest is for files and for comparison with a baseline."""

    shown: dict[str, Any]
    scores: Scores
    results: list[Result]


def measure(settings: Settings, dataset: Dataset, options: Options, progress: Progress) -> Report:
    """Index a set in a temporary store, ask its questions, measure."""
    counted = _Counted(dataset.articles)
    with temporary(settings, counted, progress) as assistant:
        started = time.perf_counter()
        results = ask(assistant, [*dataset.questions, *options.unanswerable], options.answers)
        seconds = round(time.perf_counter() - started, 2)
        found = scores(results)
        shown = {
            "measures": means(found),
            "questions": len(dataset.questions),
            "documents": counted.count,
            "seconds": seconds,
            "slices": sliced(results, found),
        }
        if options.answers:
            shown["citations"] = sum(len(result.answer.citations) for result in results if result.answer)
            shown["false_citations"] = sum(result.false_citations for result in results)
        if any(not result.question.relevant for result in results):
            shown["refusal"] = {
                language: refusal([result for result in results if result.question.language == language])
                for language in sorted({result.question.language for result in results})
            }
        if options.spelling:
            shown["spelling"] = spelling(assistant, dataset.questions, found)
    return Report(shown, found, results)


class _Counted:
    """Articles that are counted as they go by."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self._articles, self.count = articles, 0

    def __iter__(self) -> Any:
        for article in self._articles:
            self.count += 1
            yield article


def sliced(results: Sequence[Result], found: Scores) -> list[dict[str, Any]]:
    """The main measure in each slice of the answerable questions, with its 95 % bootstrap interval."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for result in results:
        if result.question.id in found[MAIN]:
            for name, value in labels(result.question).items():
                groups[name, value].append(found[MAIN][result.question.id])
    rows = []
    for (name, value), values in sorted(groups.items()):
        if len(values) >= _FEWEST:
            mean, low, high = interval(values)
            rows.append({"slice": name, "value": value, "questions": len(values), MAIN: mean, "low": low, "high": high})
    return rows


def spelling(assistant: Assistant, questions: Sequence[Question], found: Scores) -> dict[str, Any]:
    """How much the main measure drops when Arabic questions are spelt otherwise, on the questions that change."""
    spelt: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        for name, text in spellings(question.text).items() if question.language == "ar" and question.relevant else ():
            spelt[name].append(replace(question, text=text))
    drops = {}
    for name, asked in spelt.items():
        other = scores(ask(assistant, asked, answers=False))[MAIN]
        before = sum(found[MAIN][key] for key in other) / len(other)
        drops[name] = {
            "questions": len(other),
            "drop": round(before - sum(other.values()) / len(other), 4),
        }
    return {"by spelling": drops, "largest drop": max((row["drop"] for row in drops.values()), default=0.0)}


def gold_report(settings: Settings, articles: Path, spelling: bool = False) -> Report:
    """The gold set over the sample articles; `groups` has the measures by language and by kind of question."""
    report = measure(settings, Dataset(samples(settings, articles), gold()), Options(True, spelling), _quiet)
    groups = {}
    for name, kinds in {"ar": _PLAIN, "en": _PLAIN, "variant": {"variant"}, "dialect": {"dialect"}}.items():
        chosen = [result for result in report.results if result.question.kind in kinds]
        if name in ("ar", "en"):
            chosen = [result for result in chosen if result.question.language == name]
        groups[name] = means(scores(chosen)) | _refused_by_distance(chosen)
    return replace(report, shown={"groups": groups} | report.shown)


_PLAIN = {"answerable", "unanswerable"}


def samples(settings: Settings, folder: Path) -> list[Article]:
    """The articles of a folder."""
    found = [item for file, root in files([folder]) for item in read(file, root, settings.max_article_chars)]
    return [item for item in found if isinstance(item, Article)]


def _refused_by_distance(results: Sequence[Result]) -> dict[str, float]:
    by_distance: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        if result.question.distance and result.answer:
            by_distance[result.question.distance].append(result.answer.refused)
    return {f"refused, {name}": round(sum(values) / len(values), 4) for name, values in sorted(by_distance.items())}


def _quiet(done: int, total: int) -> None:
    pass


# Files


def write(report: Report, folder: Path) -> None:
    """report.json, report.md, slices.png, run.trec, qrels.trec and scores.json in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report.shown, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "scores.json").write_text(json.dumps(report.scores, ensure_ascii=False) + "\n", "utf-8")
    (folder / "report.md").write_text(markdown(report.shown), "utf-8")
    (folder / "run.trec").write_text("".join(_trec_run(report.results)), "utf-8")
    (folder / "qrels.trec").write_text("".join(_trec_qrels(report.results)), "utf-8")
    plot(report.shown["slices"], folder / "slices.png")


def markdown(shown: dict[str, Any]) -> str:
    """The report as tables."""
    lines = ["# Evaluation", "", f"{shown['questions']} questions, {shown['documents']} articles.", ""]
    lines += _table(["measure", "value"], list(shown["measures"].items()))
    for language, values in shown.get("refusal", {}).items():
        lines += ["", f"Refusal, {language}:", "", *_table(["measure", "value"], list(values.items()))]
    if "spelling" in shown:
        spelt = [(name, row["questions"], row["drop"]) for name, row in shown["spelling"]["by spelling"].items()]
        lines += ["", f"{MAIN} lost by spelling:", "", *_table(["spelling", "questions", "drop"], spelt)]
    rows = [
        (row["slice"], row["value"], row["questions"], row[MAIN], f"{row['low']} to {row['high']}")
        for row in shown["slices"]
    ]
    lines += ["", f"{MAIN} by slice, with 95 % bootstrap intervals:", ""]
    return "\n".join([*lines, *_table(["slice", "value", "questions", MAIN, "interval"], rows), ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    marks = ["|".join(["", *(" --- " for _ in head), ""])]
    return [_row(head), *marks, *(_row(row) for row in rows)]


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _trec_run(results: Sequence[Result]) -> Iterable[str]:
    for result in results:
        for rank, (key, score) in enumerate(result.articles, 1):
            yield f"{_key(result.question.id)} Q0 {_key(key)} {rank} {score} dalil\n"


def _trec_qrels(results: Sequence[Result]) -> Iterable[str]:
    for result in results:
        for key, grade in result.question.relevant.items():
            yield f"{_key(result.question.id)} 0 {_key(key)} {grade}\n"


def _key(key: str) -> str:
    return "_".join(key.split())  # columns of a TREC file are parted by white space


_ARABIC_NAMES = {
    "how many": "كم",
    "when": "متى",
    "where": "أين",
    "why": "لماذا",
    "how": "كيف",
    "who": "من",
    "what": "ما",
}


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """The slices with their intervals; raises DalilError when matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DalilError("Plots need matplotlib: pip install 'dalil[eval]'.") from None
    names = [
        # the mark keeps the count after an Arabic word at its right
        f"{row['slice']}: {_ARABIC_NAMES.get(row['value'], row['value'])}\u200e ({row['questions']})"
        for row in rows
    ]
    figure = Figure(figsize=(7, 0.6 + 0.28 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(rows))
    errors = [[row[MAIN] - row["low"] for row in rows], [row["high"] - row[MAIN] for row in rows]]
    axes.barh(places, [row[MAIN] for row in rows], xerr=errors, color="#4a7a8c", ecolor="#222222", height=0.6)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(min((row["low"] for row in rows), default=0.0) - 0.05, 1.0)
    axes.set_xlabel(MAIN)
    figure.savefig(path, dpi=110)
