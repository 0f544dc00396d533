"""Training of the reader, and how good it is on articles that it was not trained on."""

import math
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eval.reading.examples import Example
from eval.reading.model import Batch, LowerLayers, ReaderModel, find_loss, make_batch
from rag.answering.reader import SEARCH_WEIGHT
from rag.embedding.build_e5_onnx import Weights
from rag.embedding.word_pieces import WordPieces

_BATCH = 16
EPOCHS = 1.4
"""Trained on half as many questions, what was not learned from got worse from 2.5 on."""
_LEARNING_RATES = (5e-4, 1e-3, 1e-2)
"""Of the layers, of the heads, of the mix."""
_WARM_UP_STEPS = 100
_MIN_RATE = 0.02
_REMOVED_SHARE, _ABSENT_SHARE = 0.22, 0.10
"""Of a question's turns in which its answer was taken out of the window, or its article out of the collection."""
_UNFOUND_SHARE = 0.6
"""Of the turns of a question whose answer no window holds, in which it is learned from at all."""
_STEPS_PER_LINE = 50
_PER_STATE_BATCH = 16


class StateCache:
    """The states of windows after the lower layers, on disk: they never change in training.

    Parameters
    ----------
    path : Path
        Of a file of two bytes for each number, made where it is missing.
    examples : sequence of Example
        Whose windows they are.
    weights : Weights
        Of the model.
    pieces : WordPieces
        Gives word vectors.
    """

    def __init__(self, path: Path, examples: Sequence[Example], weights: Weights, pieces: WordPieces) -> None:
        lengths = [len(example.ids) for example in examples]
        self._starts = dict(zip(map(id, examples), np.cumsum([0, *lengths]).tolist(), strict=False))
        shape = sum(lengths), weights.hidden
        is_new = not path.exists()
        self._states = torch.from_file(str(path), shared=True, size=math.prod(shape), dtype=torch.bfloat16).view(shape)
        if is_new:
            self._fill(examples, LowerLayers(weights), pieces)

    def _fill(self, examples: Sequence[Example], lower: LowerLayers, pieces: WordPieces) -> None:
        ordered = sorted(examples, key=lambda example: len(example.ids))
        for at in range(0, len(ordered), _PER_STATE_BATCH):
            group = ordered[at : at + _PER_STATE_BATCH]
            for example, state in zip(group, lower.run([pieces.embed(one.ids.tolist()) for one in group]), strict=True):
                self.read(example).copy_(state)

    def read(self, example: Example) -> Tensor:
        """The states of an example's window, (tokens, hidden)."""
        start = self._starts[id(example)]
        return self._states[start : start + len(example.ids)]

    def batch(self, examples: Sequence[Example]) -> Batch:
        """Examples side by side."""
        return make_batch(examples, [self.read(example) for example in examples])


def train_reader(
    weights: Weights, examples: Sequence[Example], states: StateCache, epochs: float = EPOCHS
) -> ReaderModel:
    """A model trained on examples.

    Parameters
    ----------
    weights : Weights
        To begin with.
    examples : sequence of Example
        To learn from.
    states : StateCache
        Of their windows.
    epochs : float
        How many times each question is learned from.
    """
    torch.manual_seed(0)
    model = ReaderModel(weights)
    layers = [value for name, value in model.named_parameters() if name.startswith("layers.")]
    groups: list[dict[str, Any]] = [
        {"params": params, "lr": rate, "weight_decay": 0.0 if params == [model.mix] else 0.01}
        for params, rate in zip((layers, model.heads(), [model.mix]), _LEARNING_RATES, strict=True)
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    questions = list(_by_question(examples).values())
    steps = int(epochs * len(questions) / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / _WARM_UP_STEPS) * max(_MIN_RATE, 1 - step / steps)
    )
    for layer in model.layers:
        layer.compile(dynamic=True)
    started, mean = time.perf_counter(), 0.0
    for step, chosen in zip(range(1, steps + 1), _draw_batches(questions), strict=False):
        batch = states.batch(chosen)
        loss = find_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
        if step % _STEPS_PER_LINE == 0:
            pace = (time.perf_counter() - started) / step
            print(f"step {step} of {steps}, loss {mean:.3f}, {pace:.2f} s a step", file=sys.stderr, flush=True)
    return model


def _by_question(examples: Sequence[Example]) -> dict[tuple[str, str, str], list[Example]]:
    found: dict[tuple[str, str, str], list[Example]] = defaultdict(list)
    for example in examples:
        found[example.set_name, example.question, example.group].append(example)
    return found


def _draw_batches(questions: Sequence[list[Example]]) -> Iterator[list[Example]]:
    """One example of each question an epoch, in an order of its own each time, without end."""
    random_numbers, waiting = random.Random(0), list[Example]()
    while True:
        while len(waiting) < _BATCH:
            drawn = [example for group in questions for example in _draw(group, random_numbers)]
            random_numbers.shuffle(drawn)
            waiting += drawn
        yield waiting[:_BATCH]
        waiting = waiting[_BATCH:]


def _draw(group: Sequence[Example], random_numbers: random.Random) -> Iterator[Example]:
    by_kind: dict[str, list[Example]] = defaultdict(list)
    for example in group:
        by_kind[example.kind].append(example)
    number = random_numbers.random()
    for kind, is_drawn in (
        ("removed", number < _REMOVED_SHARE),
        ("absent", number < _REMOVED_SHARE + _ABSENT_SHARE),
        ("answered", True),
        ("unanswered", True),
        ("absent", number < _UNFOUND_SHARE),
    ):
        if is_drawn and by_kind[kind]:
            yield random_numbers.choice(by_kind[kind])
            return


@torch.no_grad()
def judge_reader(model: ReaderModel, examples: Sequence[Example], states: StateCache) -> list[dict[str, Any]]:
    """How good a model is, by set and kind of example: share whose first sentence answers, as the product orders them
    (`first`), by the search's scores and by the model's alone (`search`, `model`), and the mean probability that none
    does (`none`)."""
    model.eval()
    found: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    ordered = sorted(examples, key=lambda example: len(example.ids))
    for at in range(0, len(ordered), _BATCH):
        batch = states.batch(ordered[at : at + _BATCH])
        scores = model(batch)
        none = torch.cat([scores.none[:, None], scores.sentences], 1).softmax(1)[:, 0]
        for row, example in enumerate(batch.examples):
            orders = (scores.sentences + SEARCH_WEIGHT * batch.relative, batch.relative, scores.sentences)
            firsts = [order[row].masked_fill(~batch.is_sentence[row], -torch.inf).argmax() for order in orders]
            outcome = [float(example.sentences[int(first)].may_answer) for first in firsts]
            found[example.set_name, example.kind].append((*outcome, float(none[row])))
    return [
        {"set": name, "kind": kind, "count": len(rows), **_mean_outcomes(rows)}
        for (name, kind), rows in sorted(found.items())
    ]


def _mean_outcomes(rows: Sequence[tuple[float, ...]]) -> dict[str, float]:
    names = ("first", "search", "model", "none")
    return {name: round(float(np.mean(values)), 3) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
