"""The measures of a set: as one object, as Markdown, as a plot, and as TREC files."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.datasets import Dataset, Question, QuestionKind, read_articles, read_gold_set
from eval.measures import MAIN_MEASURE, QuestionScores, average_scores, measure_abstention, score_questions
from eval.run import QuestionResult, ask_questions, ignore_progress, open_temporary_assistant
from eval.significance import bootstrap_mean
from eval.slices import label_question, respell
from ingest.indexer import Progress
from rag.answering.assistant import Assistant
from rag.errors import DalilError
from rag.language.languages import LANGUAGES
from rag.settings import Settings
from rag.types import Article

_MIN_SLICE = 5
"""Slices of fewer questions say nothing."""
_STANDARD_KINDS: frozenset[QuestionKind] = frozenset({"answerable", "unanswerable"})
_OTHER_KINDS: tuple[QuestionKind, ...] = ("variant", "dialect")


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """What to measure beside retrieval.

    Attributes
    ----------
    with_answers : bool
        Whether to make the answers, and measure them.
    with_spellings : bool
        Whether to ask the questions in other spellings too.
    unanswerable : sequence of Question
        To ask beside those of the set, whose articles are absent.
    """

    with_answers: bool = False
    with_spellings: bool = False
    unanswerable: Sequence[Question] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured.

    Attributes
    ----------
    summary : dict
        The object to print.
    scores : QuestionScores
        Of single questions, for files and for the comparison with a baseline.
    results : list of QuestionResult
        What the scores were made of.
    """

    summary: dict[str, Any]
    scores: QuestionScores
    results: list[QuestionResult]


def measure_set(
    settings: Settings, dataset: Dataset, options: MeasureOptions, progress: Progress = ignore_progress
) -> Report:
    """Index a set in a temporary store, ask its questions, measure.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    dataset : Dataset
        Articles and questions.
    options : MeasureOptions
        What to measure beside retrieval.
    progress : callable
        Called after every batch that is indexed.
    """
    articles = _CountedArticles(dataset.articles)
    with open_temporary_assistant(settings, articles, progress) as assistant:
        started = time.perf_counter()
        results = ask_questions(assistant, [*dataset.questions, *options.unanswerable], options.with_answers)
        seconds = round(time.perf_counter() - started, 2)
        scores = score_questions(results)
        summary = {
            "measures": average_scores(scores),
            "questions": len(dataset.questions),
            "documents": articles.count,
            "seconds": seconds,
            "slices": measure_slices(results, scores),
        }
        if options.with_answers:
            summary["citations"] = sum(len(result.answer.citations) for result in results if result.answer)
            summary["false_citations"] = sum(result.false_citations for result in results)
        if any(not result.question.relevant for result in results):
            summary["refusal"] = _measure_abstention_by_language(results)
        if options.with_spellings:
            summary["spelling"] = measure_spellings(assistant, dataset.questions, scores)
    return Report(summary, scores, results)


class _CountedArticles:
    """Articles that are counted as they are read."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self._articles, self.count = articles, 0

    def __iter__(self) -> Iterator[Article]:
        for article in self._articles:
            self.count += 1
            yield article


def measure_slices(results: Sequence[QuestionResult], scores: QuestionScores) -> list[dict[str, Any]]:
    """The main measure in each slice of the answerable questions, with its 95 % bootstrap interval.

    Slices of fewer than five questions are left out.
    """
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for result in results:
        if result.question.id in scores[MAIN_MEASURE]:
            for name, value in label_question(result.question).items():
                groups[name, value].append(scores[MAIN_MEASURE][result.question.id])
    rows = []
    for (name, value), values in sorted(groups.items()):
        if len(values) >= _MIN_SLICE:
            mean, low, high = bootstrap_mean(values)
            row = {"slice": name, "value": value, "questions": len(values)}
            rows.append(row | {MAIN_MEASURE: mean, "low": low, "high": high})
    return rows


def measure_spellings(assistant: Assistant, questions: Sequence[Question], scores: QuestionScores) -> dict[str, Any]:
    """How much the main measure drops when questions are spelt otherwise.

    Parameters
    ----------
    assistant : Assistant
        Over the articles of the set.
    questions : sequence of Question
        Those that no article answers are left out.
    scores : QuestionScores
        Of the questions as they are.

    Returns
    -------
    dict
        `by spelling`: the number of questions that a spelling changes, and the mean drop over them; `largest drop`.
    """
    respelt: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        for name, text in respell(question).items() if question.relevant else ():
            respelt[name].append(replace(question, text=text))
    drops = {}
    for name, changed in respelt.items():
        after = score_questions(ask_questions(assistant, changed, with_answers=False))[MAIN_MEASURE]
        before = sum(scores[MAIN_MEASURE][key] for key in after) / len(after)
        drops[name] = {"questions": len(after), "drop": round(before - sum(after.values()) / len(after), 4)}
    return {"by spelling": drops, "largest drop": max((row["drop"] for row in drops.values()), default=0.0)}


def measure_gold_set(settings: Settings, articles: Path, with_spellings: bool = False) -> Report:
    """Measure the gold set over the sample articles, answers included.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    articles : Path
        Folder of the sample articles.
    with_spellings : bool
        Whether to ask the questions in other spellings too.

    Returns
    -------
    Report
        Its summary has `groups` too: the measures by language, and by the kinds that are worded in a special way.
    """
    dataset = Dataset(read_articles(articles, settings.max_article_chars), read_gold_set())
    report = measure_set(settings, dataset, MeasureOptions(with_answers=True, with_spellings=with_spellings))
    standard = [result for result in report.results if result.question.kind in _STANDARD_KINDS]
    chosen: dict[str, list[QuestionResult]] = {
        language: [result for result in standard if result.question.language == language] for language in LANGUAGES
    }
    for kind in _OTHER_KINDS:
        chosen[kind] = [result for result in report.results if result.question.kind == kind]
    groups = {
        name: average_scores(score_questions(results)) | _refused_by_distance(results)
        for name, results in chosen.items()
    }
    return replace(report, summary={"groups": groups} | report.summary)


def _measure_abstention_by_language(results: Sequence[QuestionResult]) -> dict[str, dict[str, float]]:
    return {
        language: measure_abstention([result for result in results if result.question.language == language])
        for language in sorted({result.question.language for result in results})
    }


def _refused_by_distance(results: Sequence[QuestionResult]) -> dict[str, float]:
    """The share of unanswerable questions that is refused, by how far they are from what the articles say."""
    by_distance: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        if result.question.distance and result.answer:
            by_distance[result.question.distance].append(result.answer.refused)
    return {f"refused, {name}": round(sum(values) / len(values), 4) for name, values in sorted(by_distance.items())}


# Files


def write_report(report: Report, folder: Path) -> None:
    """Write report.json, report.md, slices.png, run.trec, qrels.trec and scores.json to a folder.

    Raises
    ------
    DalilError
        When matplotlib is not installed; all files but the plot are written then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report.summary, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "scores.json").write_text(json.dumps(report.scores, ensure_ascii=False) + "\n", "utf-8")
    (folder / "report.md").write_text(format_markdown(report.summary), "utf-8")
    (folder / "run.trec").write_text("".join(_format_trec_run(report.results)), "utf-8")
    (folder / "qrels.trec").write_text("".join(_format_trec_qrels(report.results)), "utf-8")
    plot_slices(report.summary["slices"], folder / "slices.png")


def format_markdown(summary: dict[str, Any]) -> str:
    """The summary of a report as tables."""
    lines = ["# Evaluation", "", f"{summary['questions']} questions, {summary['documents']} articles.", ""]
    lines += _format_table(["measure", "value"], list(summary["measures"].items()))
    for language, values in summary.get("refusal", {}).items():
        lines += ["", f"Refusal, {language}:", "", *_format_table(["measure", "value"], list(values.items()))]
    if "spelling" in summary:
        drops = [(name, row["questions"], row["drop"]) for name, row in summary["spelling"]["by spelling"].items()]
        lines += ["", f"{MAIN_MEASURE} lost by spelling:", "", *_format_table(["spelling", "questions", "drop"], drops)]
    rows = [
        (row["slice"], row["value"], row["questions"], row[MAIN_MEASURE], f"{row['low']} to {row['high']}")
        for row in summary["slices"]
    ]
    lines += ["", f"{MAIN_MEASURE} by slice, with 95 % bootstrap intervals:", ""]
    lines += _format_table(["slice", "value", "questions", MAIN_MEASURE, "interval"], rows)
    return "\n".join([*lines, ""])


def _format_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    rule = "|".join(["", *(" --- " for _ in head), ""])
    return [_format_row(head), rule, *map(_format_row, rows)]


def _format_row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _format_trec_run(results: Sequence[QuestionResult]) -> Iterator[str]:
    for result in results:
        for rank, (key, score) in enumerate(result.articles, 1):
            yield f"{_trec_id(result.question.id)} Q0 {_trec_id(key)} {rank} {score} dalil\n"


def _format_trec_qrels(results: Sequence[QuestionResult]) -> Iterator[str]:
    for result in results:
        for key, grade in result.question.relevant.items():
            yield f"{_trec_id(result.question.id)} 0 {_trec_id(key)} {grade}\n"


def _trec_id(key: str) -> str:
    return "_".join(key.split())  # columns of a TREC file are parted by white space


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
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DalilError("Plots need matplotlib: pip install 'dalil[eval]'.") from None
    figure = Figure(figsize=(7, 0.6 + 0.28 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
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
