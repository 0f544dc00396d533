"""The measures of a set: as one object, as Markdown, as plots, and as TREC files."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.datasets import Dataset, Question, QuestionKind, read_articles, read_gold_set
from eval.measures import (
    ANSWER_MEASURES,
    MAIN_MEASURE,
    QuestionScores,
    average_scores,
    measure_abstention,
    score_questions,
)
from eval.plots import plot_reliability, plot_slices
from eval.reliability import ReliabilityBin, calibration_error, judge_answerable, judge_quotes, make_bins
from eval.run import QuestionResult, ask_questions, ignore_progress, open_temporary_assistant
from eval.significance import bootstrap_mean
from eval.slices import label_question, respell
from ingest.indexer import Progress
from rag.answering.assistant import Assistant
from rag.language.languages import LANGUAGES
from rag.settings import Settings
from rag.types import Article

_MIN_SLICE = 5
"""Slices of fewer questions say nothing."""
_STANDARD_KINDS: frozenset[QuestionKind] = frozenset({"answerable", "unanswerable"})
_OTHER_KINDS: tuple[QuestionKind, ...] = ("variant", "dialect")


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """What to measure beside the search.

    Attributes
    ----------
    with_answers : bool
        Whether to make the answers, and measure them first.
    with_spellings : bool
        Whether to ask the questions in other spellings too.
    unanswerable : sequence of Question
        To ask beside those of the set, whose articles are absent.
    """

    with_answers: bool = True
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
        What to measure beside the search.
    progress : callable
        Called after every batch that is indexed.
    """
    articles = _CountedArticles(dataset.articles)
    with open_temporary_assistant(settings, articles, progress) as assistant:
        return measure_questions(assistant, dataset.questions, articles.count, options)


def measure_questions(
    assistant: Assistant, questions: Sequence[Question], article_count: int, options: MeasureOptions
) -> Report:
    """Ask questions of an assistant, measure; parameters and report are those of `measure_set`."""
    started = time.perf_counter()
    results = ask_questions(assistant, [*questions, *options.unanswerable], options.with_answers)
    seconds = round(time.perf_counter() - started, 2)
    scores = score_questions(results)
    summary: dict[str, Any] = {}
    if options.with_answers:
        groups = {"all": results} | _group_by_language(results)
        summary["answers"] = {name: measure_answers(chosen) for name, chosen in groups.items()}
        summary["reliability"] = {name: _measure_reliability(chosen) for name, chosen in groups.items()}
        summary["citations"] = sum(len(result.answer.citations) for result in results if result.answer)
        summary["false_citations"] = sum(result.false_citations for result in results)
    summary |= {
        "measures": average_scores(scores),
        "questions": len(questions),
        "documents": article_count,
        "seconds": seconds,
        "slices": measure_slices(results, scores),
    }
    if any(not result.question.relevant for result in results):
        summary["refusal"] = {name: measure_abstention(chosen) for name, chosen in _group_by_language(results).items()}
    if options.with_spellings:
        summary["spelling"] = measure_spellings(assistant, questions, scores)
    return Report(summary, scores, results)


def measure_answers(results: Sequence[QuestionResult]) -> dict[str, float]:
    """What a reader sees, as one row of a table.

    Returns
    -------
    dict of str to float
        `questions`, their number; the means of `ANSWER_MEASURES`, with `false refusal` (neither an answer nor a
        doubtful one to an answerable question) in place of `answered`; `ECE`, of the confidence that the articles hold
        the answer. Measures that no question has are left out.
    """
    means = average_scores(score_questions(results))
    row: dict[str, float] = {"questions": len(results)}
    for name in ANSWER_MEASURES:
        if name == "answered" and name in means:
            row["false refusal"] = round(1 - means[name], 4)
        elif name in means:
            row[name] = means[name]
    bins = make_bins(judge_answerable(results))
    return row | ({"ECE": calibration_error(bins)} if bins else {})


def _measure_reliability(results: Sequence[QuestionResult]) -> dict[str, Any]:
    """The confidence beside what it should be: the share of questions that the articles answer, and beside the share
    whose first quote answers."""
    rows: dict[str, Any] = {}
    for name, judged in (("the articles answer", judge_answerable(results)), ("quote@1", judge_quotes(results))):
        if bins := make_bins(judged):
            rows[name] = {"ECE": calibration_error(bins), "bins": [one._asdict() for one in bins]}
    return rows


def _group_by_language(results: Sequence[QuestionResult]) -> dict[str, list[QuestionResult]]:
    languages = sorted({result.question.language for result in results})
    return {language: [result for result in results if result.question.language == language] for language in languages}


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
    with open_temporary_assistant(settings, read_articles(articles, settings.max_article_chars)) as assistant:
        return measure_gold_questions(assistant, with_spellings)


def measure_gold_questions(assistant: Assistant, with_spellings: bool = False) -> Report:
    """Measure the gold set over an assistant of the sample articles; the report is that of `measure_gold_set`."""
    options = MeasureOptions(with_spellings=with_spellings)
    report = measure_questions(assistant, read_gold_set(), assistant.store.count_articles(), options)
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
    answers = {name: measure_answers(results) | _refused_by_distance(results) for name, results in chosen.items()}
    return replace(report, summary=report.summary | {"answers": answers, "groups": groups})


def _refused_by_distance(results: Sequence[QuestionResult]) -> dict[str, float]:
    """The share of unanswerable questions that is refused, by how far they are from what the articles say."""
    by_distance: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        if result.question.distance and result.answer:
            by_distance[result.question.distance].append(result.answer.refused)
    return {f"refused, {name}": round(sum(values) / len(values), 4) for name, values in sorted(by_distance.items())}


# Files


def write_report(report: Report, folder: Path) -> None:
    """Write report.json, report.md, slices.png, run.trec, qrels.trec and scores.json to a folder; reliability.png too
    where answers were made.

    Raises
    ------
    DalilError
        When matplotlib is not installed; all files but the plots are written then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report.summary, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "scores.json").write_text(json.dumps(report.scores, ensure_ascii=False) + "\n", "utf-8")
    (folder / "report.md").write_text(format_markdown(report.summary), "utf-8")
    (folder / "run.trec").write_text("".join(_format_trec_run(report.results)), "utf-8")
    (folder / "qrels.trec").write_text("".join(_format_trec_qrels(report.results)), "utf-8")
    plot_slices(report.summary["slices"], folder / "slices.png")
    if curves := _reliability_curves(report.summary):
        plot_reliability(curves, folder / "reliability.png")


def _reliability_curves(summary: dict[str, Any]) -> dict[str, list[ReliabilityBin]]:
    return {
        f"{name}, {group}": [ReliabilityBin(**one) for one in row["bins"]]
        for group, rows in summary.get("reliability", {}).items()
        for name, row in rows.items()
    }


def format_markdown(summary: dict[str, Any]) -> str:
    """The summary of a report as tables: what the reader sees, then the search."""
    lines = ["# Evaluation", "", f"{summary['questions']} questions, {summary['documents']} articles."]
    if "answers" in summary:
        lines += ["", "What the reader sees:", "", *_format_groups(summary["answers"])]
        lines += ["", f"{summary['citations']} citations, {summary['false_citations']} of them false."]
        lines += _format_reliability(summary["reliability"])
    searched = {name: value for name, value in summary["measures"].items() if name not in ANSWER_MEASURES}
    lines += ["", "The search:", "", *_format_table(["measure", "value"], list(searched.items()))]
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


def _format_groups(groups: dict[str, dict[str, float]]) -> list[str]:
    """A table of measures, with a column for each group."""
    names = dict.fromkeys(name for row in groups.values() for name in row)
    rows = [(name, *(row.get(name, "") for row in groups.values())) for name in names]
    return _format_table(["measure", *groups], rows)


def _format_reliability(reliability: dict[str, Any]) -> list[str]:
    """A table of the bins of all answers, and the errors by group."""
    lines = ["", "Confidence, beside the share of which it is so:", ""]
    rows = [
        (name, f"{one['low']:.1f} to {one['high']:.1f}", one["questions"], one["confidence"], one["share"])
        for name, row in reliability.get("all", {}).items()
        for one in row["bins"]
    ]
    lines += _format_table(["what is so", "confidence", "answers", "mean confidence", "share"], rows)
    errors = {group: {f"ECE, {name}": row["ECE"] for name, row in rows.items()} for group, rows in reliability.items()}
    return [*lines, "", *_format_groups(errors)]


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
