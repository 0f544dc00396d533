"""`python -m eval.reading.judge SETS`: what a reader sees, for questions over articles that were not learned from.

`SETS` is as for `python -m eval.reading`. Each question of the fold that the product's reader was not trained on is
asked as a person would ask it; those that were written for the reader are counted apart. Some ten minutes on two cores.

The passages of XQuAD, TyDi, MLQA and ARCD are asked without their titles, though some of them never name what they are
about; with `--titled` each has that of its article, as an article that somebody writes has one. With `--in-page` each
is asked of its passage alone.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from eval.measures import ANSWER_MEASURES, average_scores, score_questions
from eval.reading.examples import HELD_OUT_FOLD, WRITTEN_PREFIX, QuestionSet
from eval.reading.sets import read_sets, read_short_set
from eval.reliability import calibration_error, judge_answerable, make_bins
from eval.run import QuestionResult, ask_questions, open_temporary_assistant
from rag.answering.candidates import MAX_HITS_READ
from rag.settings import Settings, load_settings


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m eval.reading.judge", description="Judge the reader.")
    parser.add_argument("sets", type=Path)
    parser.add_argument("--fold", type=int, default=HELD_OUT_FOLD)
    parser.add_argument("--only", default="", metavar="NAME", help="sets whose name begins with this")
    parser.add_argument("--short", action="store_true", help="the short questions alone")
    parser.add_argument("--titled", action="store_true", help="passages have the titles of their articles")
    parser.add_argument("--in-page", action="store_true", help="questions are asked of their own passage")
    parser.add_argument("--refuse-below", type=float, help="probability, as DALIL_REFUSE_BELOW has it")
    options = parser.parse_args()
    settings = load_settings(refuse_below=options.refuse_below)
    everything: list[QuestionResult] = []
    for one in [read_short_set()] if options.short else read_sets(options.sets):
        if not one.name.startswith(options.only):
            continue
        asked = _add_titles(one) if options.titled else one
        asked = _ask_within_page(asked) if options.in_page else asked
        for name, results in _ask_fold(asked, options.fold, settings).items():
            scores = average_scores(score_questions(results))
            shown = {measure: value for measure, value in scores.items() if measure in ANSWER_MEASURES}
            shown["passage read"] = _share_read(results)
            print(json.dumps({"set": name, "questions": len(results), **shown}), flush=True)
            everything += results
    print(json.dumps({"ECE": round(calibration_error(make_bins(judge_answerable(everything))), 3)}))


def _add_titles(one: QuestionSet) -> QuestionSet:
    """The set with the title under which each passage stands; articles that have one keep it."""
    articles = [replace(article, title=article.title or one.group(article.id)) for article in one.dataset.articles]
    return one._replace(dataset=replace(one.dataset, articles=articles))


def _ask_within_page(one: QuestionSet) -> QuestionSet:
    """The set with each question asked of the article that answers it."""
    questions = [
        replace(question, page=question.page or next(iter(question.relevant), None))
        for question in one.dataset.questions
    ]
    return one._replace(dataset=replace(one.dataset, questions=questions))


def _share_read(results: list[QuestionResult]) -> float:
    """Of the questions with an answer: whether a passage that holds it is among those that are read."""
    answerable = [any(result.chunks_with_answer[:MAX_HITS_READ]) for result in results if result.question.answers]
    return round(sum(answerable) / len(answerable), 4) if answerable else 0.0


def _ask_fold(one: QuestionSet, fold: int, settings: Settings) -> dict[str, list[QuestionResult]]:
    """What came of the questions of a fold, those that were written apart."""
    questions = [question for question in one.dataset.questions if one.fold_of(question) == fold]
    found: dict[str, list[QuestionResult]] = defaultdict(list)
    with open_temporary_assistant(settings, list(one.dataset.articles)) as assistant:
        for result in ask_questions(assistant, questions, with_answers=True):
            is_written = result.question.id.startswith(WRITTEN_PREFIX)
            found[f"{one.name}, written" if is_written else one.name].append(result)
    return found


if __name__ == "__main__":
    main()
