"""The commands of `dalil eval`: what each takes, and what it gives back to be printed."""

import argparse
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.settings import Settings

if TYPE_CHECKING:
    from eval.datasets import Dataset
    from eval.report import Report
    from ingest.indexer import Progress


_PREVIEW_CHARS = 200


class CommandResult(NamedTuple):
    """What a command gives back.

    Attributes
    ----------
    data : dict
        One object, for `--json`.
    text : str
        The same for people.
    has_failed : bool
        Whether the command line is to fail.
    """

    data: dict[str, Any]
    text: str
    has_failed: bool = False


Command = Callable[[argparse.Namespace, Settings, "Progress"], CommandResult]
"""Takes the parsed options, the settings, and what to call as articles are indexed."""


def add_commands(subparsers: Any) -> list[argparse.ArgumentParser]:
    """Add a parser for each command.

    Parameters
    ----------
    subparsers
        As `argparse.ArgumentParser.add_subparsers` gives them.

    Returns
    -------
    list of ArgumentParser
        One for each command, whose function is the `evaluate` of its options, a `Command`.
    """

    def add(name: str, command: Command, description: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = subparsers.add_parser(name, help=description, description=description)
        parser.set_defaults(evaluate=command)
        return parser

    squad = add("squad", _run_squad, "A SQuAD-format file, each paragraph an article.")
    omos = add("omos", _run_omos, "A file of OMoS's format: pages, one sentence a line, and the lines that answer.")
    beir = add("beir", _run_beir, "A BEIR folder: corpus.jsonl, queries.jsonl, qrels.")
    gold = add("gold", _run_gold, "Answers, refusals and the search on the gold set of the sample articles.")
    gate = add("gate", _run_gate, "Compare the gold set and the cases with the committed baseline; fails when lower.")
    ablate = add("ablate", _run_ablate, "What each representation is worth on a SQuAD-format file.")
    statements = add("statements", _run_statements, "How many false statements about the sample articles are flagged.")
    planted = add(
        "planted", _run_planted, "How many true sentences of a SQuAD set, and how many false ones, are flagged."
    )
    cases = add("cases", _run_cases, "Questions and drafts with the right outcome, judged by what a reader sees.")
    fit = add("fit", _run_fit, "Fit fusion and abstention on a SQuAD set in two languages, and write them.")
    feedback = add("export-feedback", _run_export_feedback, "Readers' ratings as gold cases, one JSON object a line.")
    extract = add("extract", _run_extract, "How much of the words of documents is read: files whose text is known.")
    extract.add_argument("folder", metavar="FOLDER", help="documents of any format")
    extract.add_argument("--ocr", action="store_true", help="read scans and pictures by OCR; needs Tesseract")
    extract.add_argument("--truth", required=True, metavar="FOLDER", help="NAME.json with title and text for NAME*.*")
    for parser in (squad, ablate, fit, planted):
        parser.add_argument("corpus", metavar="CORPUS.json", help="a file in the format of SQuAD")
    omos.add_argument("file", metavar="FILE.jsonl", help="a file in the format of OMoS")
    omos.add_argument("--page", action="store_true", help="ask each question of its page alone")
    for parser in (squad, omos, ablate):
        parser.add_argument("--questions", metavar="FILE", help="ask the questions of this file instead, matched by id")
    fit.add_argument("questions", metavar="QUESTIONS.json", help="the same set in the other language")
    planted.add_argument("parallel", metavar="PARALLEL.json", help="the same set in the other language")
    squad.add_argument("--join", action="store_true", help="all paragraphs of an article are one article")
    beir.add_argument("folder", metavar="FOLDER", help="where the files of the set are")
    for parser in (squad, omos, beir):
        _add_set_options(parser)
    for parser in (squad, omos, beir, gold):
        _add_report_options(parser)
    cases.add_argument("file", metavar="FILE", help="one case a line, as eval/gold/cases.jsonl has them")
    several = "the articles, in place of the sample articles; again for each other collection that cases name"
    cases.add_argument("--articles", action="append", metavar="FOLDER", help=several)
    for parser in (gold, gate, statements, fit):
        parser.add_argument("--articles", default="articles", metavar="FOLDER", help="the sample articles")
    gate.add_argument("--update", action="store_true", help="make this run the baseline")
    return [squad, omos, beir, gold, gate, ablate, statements, planted, cases, fit, feedback, extract]


def _add_set_options(parser: argparse.ArgumentParser) -> None:
    """The options of what asks a set of one's own."""
    parser.add_argument(
        "--answers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="make the answers, and measure them first; without them the search alone is measured",
    )
    parser.add_argument("--unanswerable", metavar="FILE", help="SQuAD file of questions whose articles are absent")


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    """The options of what gives a report."""
    parser.add_argument("--spelling", action="store_true", help="ask Arabic questions in other spellings too")
    parser.add_argument("--out", metavar="FOLDER", help="write the report, plots, and TREC files there")


def _run_squad(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.datasets import read_squad

    dataset = read_squad(Path(options.corpus), _optional_path(options.questions), options.join)
    return _measure(options, settings, dataset, progress)


def _run_omos(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.omos import read_omos

    dataset = read_omos(Path(options.file), _optional_path(options.questions), options.page)
    return _measure(options, settings, dataset, progress)


def _run_beir(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.datasets import read_beir

    return _measure(options, settings, read_beir(Path(options.folder)), progress)


def _measure(
    options: argparse.Namespace, settings: Settings, dataset: "Dataset", progress: "Progress"
) -> CommandResult:
    from eval.datasets import read_unanswerable
    from eval.report import MeasureOptions, format_markdown, measure_set

    unanswerable = read_unanswerable(Path(options.unanswerable)) if options.unanswerable else []
    report = measure_set(settings, dataset, MeasureOptions(options.answers, options.spelling, unanswerable), progress)
    return _finish_report(options, report, format_markdown(report.summary))


def _run_gold(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.report import format_markdown, measure_gold_set

    report = measure_gold_set(settings, Path(options.articles), options.spelling)
    return _finish_report(options, report, format_markdown(report.summary))


def _finish_report(options: argparse.Namespace, report: "Report", text: str) -> CommandResult:
    from eval.report import write_report

    if options.out:
        write_report(report, Path(options.out))
    return CommandResult(report.summary, text)


def _run_gate(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.cases import CASES, ask_cases, read_cases, score_cases
    from eval.datasets import read_articles
    from eval.gate import BASELINE, compare_with_baseline, load_baseline, save_baseline
    from eval.report import measure_gold_questions
    from eval.run import open_temporary_assistant
    from eval.statements import flag_statements, score_flags

    baseline = {} if options.update else load_baseline()
    articles = Path(options.articles)
    with open_temporary_assistant(settings, read_articles(articles, settings.max_article_chars), progress) as assistant:
        scores = measure_gold_questions(assistant).scores
        scores |= score_cases(ask_cases(settings, read_cases(CASES), CASES, [articles], progress, assistant))
        scores |= {"statements": score_flags(flag_statements(assistant))}
    if options.update:
        save_baseline(scores)
        return CommandResult({"baseline": str(BASELINE)}, f"A new baseline is in {BASELINE}.")
    found = compare_with_baseline(baseline, scores)
    lines = [f"{name}: {mean:+.4f} ({low:+.4f} to {high:+.4f})" for name, (mean, low, high) in found.changes.items()]
    lines += [
        f"  {name} {change:+.3f} {key}" for name, row in found.flipped.items() for key, change in sorted(row.items())
    ]
    lines.append(f"Lower than the baseline: {', '.join(found.dropped)}." if found.dropped else "Not lower.")
    return CommandResult(asdict(found), "\n".join(lines), bool(found.dropped))


def _run_ablate(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.ablate import measure_representations
    from eval.datasets import read_squad

    dataset = read_squad(Path(options.corpus), _optional_path(options.questions))
    found = measure_representations(settings, dataset, progress)
    lines = ["  ".join(f"{value!s:<18}" for value in row.values()) for row in found["rows"]]
    lines += [f"{name}: {cost}" for name, cost in found["cost"].items()]
    return CommandResult(found, "\n".join(lines))


def _run_statements(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.datasets import read_articles
    from eval.run import open_temporary_assistant
    from eval.statements import flag_statements, summarize_flags

    articles = read_articles(Path(options.articles), settings.max_article_chars)
    with open_temporary_assistant(settings, articles, progress) as assistant:
        shares = summarize_flags(flag_statements(assistant))
    lines = [f"{name}: {row['flagged']} of {row['statements']}" for name, row in shares.items()]
    return CommandResult(shares, "\n".join(lines))


def _run_planted(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.substituted import measure_substitutions

    shares = measure_substitutions(settings, Path(options.corpus), Path(options.parallel), progress)
    lines = [f"{name}: {row['flagged']} of {row['sentences']}" for name, row in shares.items()]
    return CommandResult(shares, "\n".join(lines))


def _run_export_feedback(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.feedback import export_gold_cases
    from rag.embedding import embedding_spec
    from rag.records import open_records
    from rag.store import IndexConfig, open_store

    store = open_store(settings, IndexConfig.of(embedding_spec(settings), settings.chunk_tokens))
    with closing(open_records(settings)) as records, closing(store):
        cases = export_gold_cases(records, store)
    return CommandResult({"cases": cases}, "\n".join(json.dumps(case, ensure_ascii=False) for case in cases))


def _tell_unsure(count: dict[str, int]) -> str:
    """Of wrong answers those that say that they are not sure, which a reader is warned by."""
    return f" ({count['wrong but unsure']} wrong but not sure)" if count["wrong but unsure"] else ""


def _run_cases(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.cases import ask_cases, read_cases, summarize_cases

    file, folders = Path(options.file), [Path(folder) for folder in options.articles or ["articles"]]
    results = ask_cases(settings, read_cases(file), file, folders, progress)
    summary = summarize_cases(results)
    wrong = [
        f"wrong: {one.name}\n    {' '.join(one.text.split())[:_PREVIEW_CHARS]}" for one in results if not one.is_right
    ]
    lines = [
        *wrong,
        *(f"{kind}: {count['right']} of {count['of']}{_tell_unsure(count)}" for kind, count in summary.items()),
    ]
    return CommandResult({"kinds": summary, "cases": [asdict(one) for one in results]}, "\n".join(lines))


def _run_extract(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.extract import measure_extraction, summarize_extractions
    from ingest.ocr.options import OcrOptions

    ocr = OcrOptions.of(settings.ocr, settings.tesseract, options.ocr)
    found, unknown = measure_extraction(Path(options.folder), Path(options.truth), settings.max_article_chars, ocr)
    formats = dict(summarize_extractions(found))
    row = "{:<44} {:>8} {:>8} {:>9} {:>8} {:>7}"
    lines = [row.format("", "CER", "recall", "precision", "numbers", "ms")]
    for name, one in [*((one.file, asdict(one)) for one in found), *formats.items()]:
        figures = (f"{one[key]:.3f}" for key in ("character_error", "recall", "precision", "numbers"))
        lines.append(row.format(name, *figures, f"{one['milliseconds']:.0f}"))
    lines += [f"failed: {one.file}: {one.failure}" for one in found if one.failure]
    lines += [f"no truth is known: {', '.join(unknown)}"] if unknown else []
    data = {"formats": formats, "files": [asdict(one) for one in found], "unknown": unknown}
    return CommandResult(data, "\n".join(lines))


def _run_fit(options: argparse.Namespace, settings: Settings, progress: "Progress") -> CommandResult:
    from eval.calibrate.fit import fit_calibration

    quality = fit_calibration(settings, Path(options.corpus), Path(options.questions), Path(options.articles))
    return CommandResult(quality, json.dumps(quality, indent=1))


def _optional_path(path: str | None) -> Path | None:
    return Path(path) if path else None
