"""Training of the reader, and how good it is on articles that it was not trained on."""

import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from eval.reading.examples import Example
from eval.reading.model import RANK, ReaderModel, find_loss, make_batch
from eval.reading.sets import SHORT_SET
from eval.reading.taught import Logits
from rag.answering.reader import SEARCH_WEIGHT
from rag.answering.reader_model import FittedReader
from rag.embedding.build_e5_onnx import Weights
from rag.embedding.word_pieces import WordPieces

_BATCH = 16
_TEACHERS, _TEACHER_EPOCHS = 4, 2.5
EPOCHS = 2.4
"""With dropout, of 1.4, 2.5 and 4 the better two by far, and one of them takes less than two hours on two cores."""
_LAYERS_RATE, _WHOLE_RATE, _HEADS_RATE, _MIX_RATE = 5e-4, 1e-4, 1e-3, 1e-2
"""Of learning: of narrow matrices, of whole ones (at the topmost layer), of what makes scores, of the mix."""
_LOWER_RATE = 0.9
"""Of the rate of the layer above, where whole matrices are trained."""
_FINE_TUNING_RATE = 0.4
"""Of these rates, where a fitted reader is trained further. No other was tried."""
_OTHERS = 3000
"""Questions of other sets than the short ones in an epoch of fine-tuning, so that they are not forgotten."""
_WARM_UP_STEPS = 100
_WEIGHT_DECAY = 0.01
_MIN_RATE = 0.02
_REMOVED_SHARE, _ABSENT_SHARE = 0.22, 0.10
"""Of a question's turns in which its answer was taken out of the window, or its article out of the collection."""
_UNFOUND_SHARE = 0.6
"""Of the turns of a question whose answer no window holds, in which it is learned from at all."""
_STEPS_PER_LINE = 50


class Training(NamedTuple):
    """How a model is trained.

    Attributes
    ----------
    epochs : float
        How many times each question is learned from.
    rank : int or None
        As of `ReaderModel`.
    seed : int
        Of what is drawn.
    device : str
        Of PyTorch's.
    start : FittedReader, optional
        To fine-tune, at lower rates: each epoch then has all short questions and a few of the others.
    """

    epochs: float = EPOCHS
    rank: int | None = RANK
    seed: int = 0
    device: str = "cpu"
    start: FittedReader | None = None


def train_reader(
    weights: Weights,
    examples: Sequence[Example],
    pieces: WordPieces,
    taught: Mapping[bytes, Logits] | None = None,
    training: Training | None = None,
) -> ReaderModel:
    """A model trained on examples.

    Parameters
    ----------
    weights : Weights
        To begin with.
    examples : sequence of Example
        To learn from.
    pieces : WordPieces
        Gives word vectors.
    taught : mapping, optional
        What teachers say: as of `make_batch`.
    training : Training, optional
        How.
    """
    training = training or Training()
    torch.manual_seed(training.seed)
    model = ReaderModel(weights, training.rank).to(training.device)
    if training.start:
        model.load_fitted(training.start.arrays)
    optimizer = torch.optim.AdamW(_parameter_groups(model, training), betas=(0.9, 0.98))
    epochs = _Epochs(examples, training)
    steps = int(training.epochs * epochs.count / _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / _WARM_UP_STEPS) * max(_MIN_RATE, 1 - step / steps)
    )
    if training.device != "cpu":  # there compiled layers take twice as long
        for layer in model.layers:
            layer.compile(dynamic=True)
    started, mean = time.perf_counter(), 0.0
    for step, chosen in zip(range(1, steps + 1), epochs.draw_batches(), strict=False):
        batch = make_batch(chosen, pieces, taught).to(training.device)
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


def _parameter_groups(model: ReaderModel, training: Training) -> list[dict[str, Any]]:
    """What is trained, each with its rate."""
    share = _FINE_TUNING_RATE if training.start else 1.0
    groups: list[dict[str, Any]] = [
        {"params": model.heads(), "lr": share * _HEADS_RATE, "weight_decay": _WEIGHT_DECAY},
        {"params": [model.mix], "lr": share * _MIX_RATE, "weight_decay": 0.0},
    ]
    for above, layer in enumerate(reversed(model.layers)):
        rate = _LAYERS_RATE if training.rank else _WHOLE_RATE * _LOWER_RATE**above
        trained = [value for value in layer.parameters() if value.requires_grad]
        groups.append({"params": trained, "lr": share * rate, "weight_decay": _WEIGHT_DECAY})
    return groups


class _Epochs:
    """Batches of examples, one example of each question an epoch, in an order of its own each time."""

    def __init__(self, examples: Sequence[Example], training: Training) -> None:
        self._random = random.Random(training.seed)
        self._always, self._sometimes = list[list[Example]](), list[list[Example]]()
        for group in _by_question(examples):
            is_always = training.start is None or group[0].set_name.startswith(SHORT_SET)
            (self._always if is_always else self._sometimes).append(group)

    @property
    def count(self) -> int:
        """How many questions an epoch has."""
        return len(self._always) + self._others

    @property
    def _others(self) -> int:
        return min(_OTHERS, len(self._sometimes))

    def draw_batches(self) -> Iterator[list[Example]]:
        """Batches without end."""
        waiting = list[Example]()
        while True:
            while len(waiting) < _BATCH:
                drawn = [example for group in self._draw_questions() for example in _draw(group, self._random)]
                self._random.shuffle(drawn)
                waiting += drawn
            yield waiting[:_BATCH]
            waiting = waiting[_BATCH:]

    def _draw_questions(self) -> list[list[Example]]:
        return [*self._always, *self._random.sample(self._sometimes, self._others)]


def _by_question(examples: Sequence[Example]) -> list[list[Example]]:
    found: dict[tuple[str, str, str], list[Example]] = defaultdict(list)
    for example in examples:
        found[example.set_name, example.question, example.group].append(example)
    return list(found.values())


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
def read_examples(
    model: ReaderModel, examples: Sequence[Example], pieces: WordPieces
) -> Iterator[tuple[Example, Logits]]:
    """Each example with what the model says of it: logits of none, then of each sentence. Those of one length go
    together, so not in the order of `examples`."""
    model.eval()
    device = model.mix.device.type
    ordered = sorted(examples, key=lambda example: len(example.ids))
    for at in range(0, len(ordered), _BATCH):
        batch = make_batch(ordered[at : at + _BATCH], pieces).to(device)
        logits = model(batch).all.float().cpu().numpy()
        for example, row in zip(batch.examples, logits, strict=True):
            yield example, row[: 1 + len(example.sentences)]


def judge_reader(model: ReaderModel, examples: Sequence[Example], pieces: WordPieces) -> list[dict[str, Any]]:
    """How good a model is, by set and kind of example: share whose first sentence answers, as the product orders them
    and by the search's scores (`first`, `search`), and the mean probability that none does (`none`)."""
    found: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    for example, logits in read_examples(model, examples, pieces):
        search = np.array([sentence.score for sentence in example.sentences])
        firsts = [int(np.argmax(order)) for order in (logits[1:] + SEARCH_WEIGHT * search, search)]
        outcome = [float(example.sentences[first].may_answer) for first in firsts]
        shares = np.exp(logits - logits.max())
        found[example.set_name, example.kind].append((*outcome, float(shares[0] / shares.sum())))
    return [
        {"set": name, "kind": kind, "count": len(rows), **_mean_outcomes(rows)}
        for (name, kind), rows in sorted(found.items())
    ]


def _mean_outcomes(rows: Sequence[tuple[float, ...]]) -> dict[str, float]:
    names = ("first", "search", "none")
    return {name: round(float(np.mean(values)), 3) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def teach(
    weights: Weights, learned: Sequence[Example], read: Sequence[Example], pieces: WordPieces, device: str
) -> dict[bytes, Logits]:
    """What the mean of several teachers says.

    Parameters
    ----------
    weights : Weights
        To begin with.
    learned, read : sequence of Example
        What teachers learn from, and what they tell of.
    pieces : WordPieces
        Gives word vectors.
    device : str
        Of PyTorch's.
    """
    total: dict[bytes, Logits] = {}
    for seed in range(_TEACHERS):
        model = train_reader(weights, learned, pieces, training=Training(_TEACHER_EPOCHS, None, seed, device))
        for example, logits in read_examples(model, read, pieces):
            total[example.key] = total.get(example.key, 0.0) + logits / _TEACHERS
    return total
