"""The commands of `dalil eval`: what each takes, and what it gives back to be shown."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.settings import Settings

if TYPE_CHECKING:
    from eval.datasets import Dataset
    from eval.report import Report
    from eval.run import Progress


class Outcome(NamedTuple):
    """One object, the same in words, and whether the command is to fail."""

    value: dict[str, Any]
    words: str
    failed: bool = False


Command = Callable[[argparse.Namespace, Settings, "Progress"], Outcome]


def add(sets: Any) -> list[argparse.ArgumentParser]:
    """The parsers of all commands; each names its function as `evaluate`."""

    def command(name: str, run: Command, about: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = sets.add_parser(name, help=about, description=about)
        added.set_defaults(evaluate=run)
        return added

    squad = command("squad", _squad, "A SQuAD-format file, each paragraph an article.")
    beir = command("beir", _beir, "A BEIR folder: corpus.jsonl, queries.jsonl, qrels.")
    gold = command("gold", _gold, "Retrieval, answers and refusals on the gold set of the sample articles.")
    gate = command("gate", _gate, "Compare the gold set with the committed baseline; fails when lower.")
    ablate = command("ablate", _ablate, "What each view is worth on a SQuAD-format file.")
    statements = command("statements", _statements, "How many lies about the sample articles are flagged.")
    planted = command("planted", _planted, "How many true sentences of a SQuAD set and how many lies are flagged.")
    fit = command("fit", _fit, "Fit fusion and refusal on a SQuAD set in two languages, and write them.")
    feedback = command("export-feedback", _feedback, "Readers' ratings as gold cases, one JSON object a line.")
    for added in (squad, ablate, fit, planted):
        added.add_argument("corpus", metavar="CORPUS.json")
    for added in (squad, ablate):
        added.add_argument("--questions", metavar="FILE", help="ask the questions of this file instead, matched by id")
    fit.add_argument("questions", metavar="QUESTIONS.json")
    planted.add_argument("parallel", metavar="PARALLEL.json", help="the same set in the other language")
    squad.add_argument("--join", action="store_true", help="all paragraphs of an article are one article")
    beir.add_argument("folder", metavar="FOLDER")
    for added in (squad, beir):
        added.add_argument("--answers", action="store_true", help="make the answers too, and check them")
        added.add_argument("--unanswerable", metavar="FILE", help="SQuAD file of questions whose articles are absent")
    for added in (squad, beir, gold):
        added.add_argument("--spelling", action="store_true", help="ask Arabic questions in other spellings too")
        added.add_argument("--out", metavar="FOLDER", help="write the report, plots, and TREC files there")
    for added in (gold, gate, statements, fit):
        added.add_argument("--articles", default="articles", metavar="FOLDER", help="the sample articles")
    gate.add_argument("--update", action="store_true", help="make this run the baseline")
    return [squad, beir, gold, gate, ablate, statements, planted, fit, feedback]


def _squad(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval.datasets import squad

    return _set(options, settings, squad(Path(options.corpus), _path(options.questions), options.join), progress)


def _beir(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval.datasets import beir

    return _set(options, settings, beir(Path(options.folder)), progress)


def _set(options: argparse.Namespace, settings: Settings, dataset: "Dataset", progress: "Progress") -> Outcome:
    from eval import report
    from eval.datasets import unanswerable

    withheld = unanswerable(Path(options.unanswerable)) if options.unanswerable else []
    wanted = report.Options(options.answers, options.spelling, withheld)
    found = report.measure(settings, dataset, wanted, progress)
    return _written(options, found, report.markdown(found.shown))


def _gold(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval.report import gold_report

    found = gold_report(settings, Path(options.articles), options.spelling)
    lines = [f"{group}: {name} {value}" for group, row in found.shown["groups"].items() for name, value in row.items()]
    lines.append(f"citations {found.shown['citations']}, false ones {found.shown['false_citations']}")
    return _written(options, found, "\n".join(lines))


def _written(options: argparse.Namespace, found: "Report", words: str) -> Outcome:
    from eval.report import write

    if options.out:
        write(found, Path(options.out))
    return Outcome(found.shown, words)


def _gate(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval import gate, statements
    from eval.report import gold_report

    before = {} if options.update else gate.load()
    articles = Path(options.articles)
    checked = statements.scores(statements.flagged(settings, articles))
    after = gold_report(settings, articles).scores | {"statements": checked}
    if options.update:
        gate.save(after)
        return Outcome({"baseline": str(gate.BASELINE)}, f"A new baseline is in {gate.BASELINE}.")
    verdict = gate.compare(before, after)
    lines = [f"{name}: {mean:+.4f} ({low:+.4f} to {high:+.4f})" for name, (mean, low, high) in verdict.changes.items()]
    lines += [
        f"  {name} {change:+.3f} {key}" for name, row in verdict.flipped.items() for key, change in sorted(row.items())
    ]
    lines.append(f"Lower than the baseline: {', '.join(verdict.dropped)}." if verdict.dropped else "Not lower.")
    return Outcome(asdict(verdict), "\n".join(lines), bool(verdict.dropped))


def _ablate(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval.ablate import table
    from eval.datasets import squad

    found = table(settings, squad(Path(options.corpus), _path(options.questions)), progress)
    lines = ["  ".join(f"{value!s:<18}" for value in row.values()) for row in found["rows"]]
    lines += [f"{view}: {cost}" for view, cost in found["cost"].items()]
    return Outcome(found, "\n".join(lines))


def _statements(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval import statements

    found = statements.summary(statements.flagged(settings, Path(options.articles)))
    return Outcome(found, "\n".join(f"{name}: {row['flagged']} of {row['statements']}" for name, row in found.items()))


def _planted(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval import planted

    found = planted.summary(settings, Path(options.corpus), Path(options.parallel), progress)
    return Outcome(found, "\n".join(f"{name}: {row['flagged']} of {row['sentences']}" for name, row in found.items()))


def _feedback(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval.feedback import cases
    from rag.answering.assistant import pipeline_of
    from rag.embedding import known_views
    from rag.store import open_store

    store = open_store(settings, pipeline_of(settings, known_views(settings)))
    try:
        found = cases(settings.feedback_file, store)
    finally:
        store.close()
    return Outcome({"cases": found}, "\n".join(json.dumps(case, ensure_ascii=False) for case in found))


def _fit(options: argparse.Namespace, settings: Settings, progress: "Progress") -> Outcome:
    from eval.calibrate.fit import fit

    quality = fit(settings, Path(options.corpus), Path(options.questions), Path(options.articles))
    return Outcome(quality, json.dumps(quality, indent=1))


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None
