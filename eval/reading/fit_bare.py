"""`python -m eval.reading.fit_bare SETS`: what the reader's words are worth against a bare answer of a model.

Each question of the fold that the reader was not trained on is read. Three answers stand for what a model may say in a
few words, citing the right passage: the right one, that to another question about this passage (other) and that to a
question about another one (elsewhere). Prints how many of each are supported by what the passage says alone, and with
the reader as the product has it; then, of the right and the other ones, by weights that were fitted on the other
articles, for several thresholds; then the weights fitted on all. A quarter of an hour on two cores.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from eval.datasets import Question
from eval.reading.examples import QuestionSet
from eval.reading.sets import read_sets
from eval.run import open_temporary_assistant
from rag.answering.assistant import Assistant
from rag.answering.candidates import MAX_HITS_READ
from rag.answering.passages import ReadPassages
from rag.answering.writer import find_expected
from rag.grounding.expected import BareEvidence, ExpectedAnswer, is_bare
from rag.grounding.verifier import StreamingVerifier
from rag.language.document import Document
from rag.settings import load_settings

_FOLD, _FOLDS = 0, 6
_OF_EACH_SET = 130
_THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.5)
_OVER = "English over Arabic"
_RIGHT, _OTHER, _ELSEWHERE = "right", "other", "elsewhere"

Spellings = Mapping[str, str]
"""The answer to a question in its own language, by its id."""


class _Example(NamedTuple):
    """A bare answer and what is known of it."""

    name: str
    article: str
    kind: str
    is_supported_alone: bool
    is_supported: bool
    evidence: BareEvidence


def _read_examples(one: QuestionSet, spelled: Spellings) -> Iterator[_Example]:
    questions = [question for question in one.dataset.questions if question.id in spelled and not question.page]
    of_article = defaultdict(list)
    for question in questions:
        of_article[question.article_id].append(spelled[question.id])
    chance = random.Random(0)
    chosen = [question for question in questions if one.fold_of(question) == _FOLD]
    chance.shuffle(chosen)
    with open_temporary_assistant(load_settings(), list(one.dataset.articles)) as assistant:
        for question in chosen[:_OF_EACH_SET]:
            right = spelled[question.id]
            others = [text for text in of_article[question.article_id] if not _overlap(text, right)]
            alike = [text for text in others if _has_digit(text) == _has_digit(right)] or others
            elsewhere = chance.choice([article for article in of_article if article != question.article_id])
            answers = {_RIGHT: right, _ELSEWHERE: chance.choice(of_article[elsewhere])} | (
                {_OTHER: chance.choice(alike)} if alike else {}
            )
            passages = assistant.read(assistant.search(question.text, reads=MAX_HITS_READ))
            for kind, text in answers.items():
                yield from _weigh(assistant, passages, question, text, kind, one.name)


def _weigh(
    assistant: Assistant, passages: ReadPassages, question: Question, text: str, kind: str, name: str
) -> Iterator[_Example]:
    """An example of a bare answer whose passage was found and read."""
    asked, answer, expected = passages.result.question, Document(text), find_expected(passages)
    hits = passages.result.hits
    start = question.answers[0].start
    cited = [
        number
        for number, hit in enumerate(hits, 1)
        if start is not None and hit.article.id == question.article_id and hit.start <= start < hit.end
    ]
    if not cited or expected is None or not is_bare(answer, asked):
        return
    similarity = assistant.similarity(hits)

    def is_supported(expectation: ExpectedAnswer | None) -> bool:
        verifier = StreamingVerifier(hits, similarity, question.language, asked, expectation)
        verifier.feed(f"{text} [{cited[0]}].")
        verifier.finish()
        return any(one.verdict != "unverified" for one in verifier.answer().statements)

    evidence = expected.weigh_bare(answer, similarity)
    yield _Example(name, question.article_id or "", kind, is_supported(None), is_supported(expected), evidence)


def _overlap(one: str, other: str) -> bool:
    return one.casefold() in other.casefold() or other.casefold() in one.casefold()


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _spellings(sets: Sequence[QuestionSet]) -> dict[str, Spellings]:
    """Of each set that is asked."""
    own = {
        one.name: {question.id: question.answers[0].text for question in one.dataset.questions if question.answers}
        for one in sets
        if one.has_spans and one.name != "gold"
    }
    english = {name.split(",")[0]: texts for name, texts in own.items() if name.endswith(", English")}
    asked = {name: texts for name, texts in own.items() if not name.endswith(", English")}
    return {name: english[name.split(",")[0]] if name.endswith(_OVER) else texts for name, texts in asked.items()}


def _share(values: Sequence[bool]) -> float:
    return round(float(np.mean(values)), 3) if len(values) else 0.0


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m eval.reading.fit_bare", description=__doc__)
    parser.add_argument("sets", type=Path)
    sets = list(read_sets(parser.parse_args().sets))
    spellings = _spellings(sets)
    examples = [
        example for one in sets if one.name in spellings for example in _read_examples(one, spellings[one.name])
    ]
    across = np.array([example.name.endswith(_OVER) for example in examples])
    for label, part in (("within", ~across), ("across", across)):
        chosen = [example for example, is_chosen in zip(examples, part, strict=True) if is_chosen]
        print(json.dumps({"languages": label} | _measure_product(chosen)))
    _fit([example for example in examples if example.kind != _ELSEWHERE])


def _measure_product(examples: Sequence[_Example]) -> dict[str, Any]:
    """Share of each kind that is supported by the passage alone, and with the reader."""
    by_kind = {kind: [one for one in examples if one.kind == kind] for kind in (_RIGHT, _OTHER, _ELSEWHERE)}
    return {
        kind: {
            "answers": len(of_kind),
            "alone": _share([one.is_supported_alone for one in of_kind]),
            "with the reader": _share([one.is_supported for one in of_kind]),
        }
        for kind, of_kind in by_kind.items()
    }


def _fit(examples: Sequence[_Example]) -> None:
    """Print the measures of weights that are fitted on other articles, and the weights fitted on all."""
    features = np.array([example.evidence for example in examples])
    right = np.array([example.kind == _RIGHT for example in examples])
    across = np.array([example.name.endswith(_OVER) for example in examples])
    model = LogisticRegression(max_iter=1000)
    groups = [example.article for example in examples]
    fitted = cross_val_predict(model, features, right, cv=GroupKFold(_FOLDS), groups=groups, method="predict_proba")
    for label, part in (("within", ~across), ("across", across)):
        row: dict[str, object] = {"languages": label, "examples": int(part.sum())}
        row["auc"] = round(float(roc_auc_score(right[part], fitted[part, 1])), 3)
        for least in _THRESHOLDS:
            is_likely = fitted[:, 1] >= least
            row[f"from {least}"] = [_share(is_likely[part & right]), _share(is_likely[part & ~right])]
        print(json.dumps(row))
    model.fit(features, right)
    weights = dict(zip(BareEvidence._fields, model.coef_[0].round(2).tolist(), strict=True))
    print(json.dumps({"weights": weights, "bias": round(float(model.intercept_[0]), 2)}))


if __name__ == "__main__":
    main()
