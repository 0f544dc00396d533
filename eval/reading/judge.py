"""`python -m eval.reading.judge SETS`: what a reader sees, for questions over articles that were not learned from.

`SETS` is as for `python -m eval.reading`. Each question of the fold that the product's reader was not trained on is
asked as a person would ask it; those that were written for the reader are counted apart. Some ten minutes on two cores.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

from eval.measures import ANSWER_MEASURES, average_scores, score_questions
from eval.reading.examples import WRITTEN_PREFIX, QuestionSet
from eval.reading.sets import read_sets
from eval.reliability import calibration_error, judge_answerable, make_bins
from eval.run import QuestionResult, ask_questions, open_temporary_assistant
from rag.settings import load_settings

_FOLD = 0
"""That is left out of what the product ships."""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m eval.reading.judge", description="Judge the reader.")
    parser.add_argument("sets", type=Path)
    parser.add_argument("--fold", type=int, default=_FOLD)
    options = parser.parse_args()
    everything: list[QuestionResult] = []
    for one in read_sets(options.sets):
        for name, results in _ask_fold(one, options.fold).items():
            scores = average_scores(score_questions(results))
            shown = {measure: value for measure, value in scores.items() if measure in ANSWER_MEASURES}
            print(json.dumps({"set": name, "questions": len(results), **shown}), flush=True)
            everything += results
    print(json.dumps({"ECE": round(calibration_error(make_bins(judge_answerable(everything))), 3)}))


def _ask_fold(one: QuestionSet, fold: int) -> dict[str, list[QuestionResult]]:
    """What came of the questions of a fold, those that were written apart."""
    questions = [question for question in one.dataset.questions if one.fold_of(question) == fold]
    found: dict[str, list[QuestionResult]] = defaultdict(list)
    with open_temporary_assistant(load_settings(), list(one.dataset.articles)) as assistant:
        for result in ask_questions(assistant, questions, with_answers=True):
            is_written = result.question.id.startswith(WRITTEN_PREFIX)
            found[f"{one.name}, written" if is_written else one.name].append(result)
    return found


if __name__ == "__main__":
    main()
