"""`python -m eval.reading.judge_expected SETS`: what the reader's number is worth against a model's.

Each question for a number of the fold that the reader was not trained on is read. Its right number, and another one of
the passages that were read, stand for what a model may say. Prints, for each probability of the reader's words, how
often they support the right number, doubt it, and doubt the other one. Ten minutes on two cores.
"""

import argparse
import json
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from eval.datasets import Question
from eval.reading.examples import HELD_OUT_FOLD, QuestionSet
from eval.reading.sets import read_sets
from eval.run import open_temporary_assistant
from rag.answering.assistant import Assistant
from rag.answering.candidates import MAX_HITS_READ
from rag.answering.writer import find_expected
from rag.language.document import Document
from rag.settings import load_settings

_PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5)
_PASSAGES = 2
"""From which another number is taken."""


class _Reading(NamedTuple):
    """What the reader makes of a question for a number."""

    probability: float
    own: frozenset[Fraction]
    right: frozenset[Fraction]
    other: Fraction | None


def _read_numbers(one: QuestionSet) -> Iterator[_Reading]:
    questions = [question for question in one.dataset.questions if one.fold_of(question) == HELD_OUT_FOLD]
    chosen = [question for question in questions if _right_numbers(question)]
    if not chosen:
        return
    chance = random.Random(0)
    with open_temporary_assistant(load_settings(), list(one.dataset.articles)) as assistant:
        for question in chosen:
            yield _read_number(assistant, question, chance)


def _read_number(assistant: Assistant, question: Question, chance: random.Random) -> _Reading:
    passages = assistant.read(assistant.search(question.text, reads=MAX_HITS_READ))
    asked, right = _numbers(question.text), _right_numbers(question)
    mentioned = {number for hit in passages.hits_read[:_PASSAGES] for number in _numbers(hit.text)}
    others = sorted(mentioned - right - asked)
    expected = find_expected(passages)
    own = _numbers(expected.read[0].words.text) - asked if expected else frozenset()
    return _Reading(expected.probability if expected else 0.0, own, right, chance.choice(others) if others else None)


def _right_numbers(question: Question) -> frozenset[Fraction]:
    return frozenset[Fraction]().union(*(_numbers(answer.text) for answer in question.answers)) - _numbers(
        question.text
    )


def _numbers(text: str) -> frozenset[Fraction]:
    return frozenset(quantity.number.value for quantity in Document(text).quantities)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m eval.reading.judge_expected", description=__doc__)
    parser.add_argument("sets", type=Path)
    options = parser.parse_args()
    sets = [one for one in read_sets(options.sets) if one.has_spans and one.name != "gold"]
    readings = [reading for one in sets for reading in _read_numbers(one)]
    others = [reading for reading in readings if reading.other is not None]
    for least in _PROBABILITIES:
        sure = [reading for reading in readings if reading.probability >= least and reading.own]
        supported = sum(bool(reading.own & reading.right) for reading in sure)
        doubted = sum(reading.other not in reading.own for reading in others if reading in sure)
        shares = {
            "right supported": supported / len(readings),
            "right doubted": (len(sure) - supported) / len(readings),
            "other doubted": doubted / len(others),
        }
        print(json.dumps({"from": least, **{name: round(share, 3) for name, share in shares.items()}}))


if __name__ == "__main__":
    main()
