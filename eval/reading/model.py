"""The reader in PyTorch, as it is trained; the product computes the same from `rag/answering/reader_model.py`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from eval.reading.examples import Example
from rag.embedding.build_e5_onnx import Weights

FIRST_LAYER = 6
"""Of 12, from which layers are changed. What the lower ones give never changes, so it is computed once."""
_RANK = 32
_MATRICES = ("q", "k", "v", "ao", "fi", "fo")
_NORMS = ("aln", "oln")
_MASKED = -1e4
_MIX = (8.0, 0.0, -0.3, -2.0)
"""To begin with: weight of a sentence's score relative to the best, of the score itself, of the search's log odds for
"none answers", and what is added to that."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows side by side, padded.

    Attributes
    ----------
    states : Tensor
        After the lower layers, (windows, tokens, hidden).
    is_token, parts : Tensor
        Which places hold a token, and 0 for those of the question, 1 for others, (windows, tokens).
    membership : Tensor
        1 where a token belongs to a sentence, (windows, sentences, tokens).
    relative, score : Tensor
        Of each sentence, (windows, sentences).
    is_sentence, answers, is_neutral : Tensor
        Which places hold a sentence, which of them answer, which may do so elsewhere than the set says.
    search : Tensor
        Log odds of the search, (windows,).
    examples : sequence of Example
        What was put in.
    """

    states: Tensor
    is_token: Tensor
    parts: Tensor
    membership: Tensor
    relative: Tensor
    score: Tensor
    is_sentence: Tensor
    answers: Tensor
    is_neutral: Tensor
    search: Tensor
    examples: Sequence[Example]


class Scores:
    """What the model gives for a batch: logits of sentences, of none of them, and of where answers start and end."""

    def __init__(self, sentences: Tensor, none: Tensor, spans: Tensor) -> None:
        self.sentences, self.none, self.spans = sentences, none, spans


class _AdaptedLinear(nn.Module):
    """A matrix that stays as it is, plus the product of two narrow ones that are learned."""

    def __init__(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.weight, self.bias = nn.Buffer(torch.tensor(weight).bfloat16()), nn.Buffer(torch.tensor(bias).bfloat16())
        self.A = nn.Parameter(torch.randn(_RANK, columns) / math.sqrt(columns))
        self.B = nn.Parameter(torch.zeros(rows, _RANK))

    def forward(self, value: Tensor) -> Tensor:
        narrow = F.linear(value, self.A.to(value.dtype))
        return F.linear(value, self.weight, self.bias) + F.linear(narrow, self.B.to(value.dtype))


class _Layer(nn.Module):
    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        self.heads, self.hidden, self.epsilon = weights.heads, weights.hidden, weights.epsilon
        for matrix in _MATRICES:
            columns = weights.feed_forward if matrix == "fo" else weights.hidden
            values = weights.matrix(f"{name}.{matrix}.w", columns), np.array(weights.vector(f"{name}.{matrix}.b"))
            setattr(self, matrix, _AdaptedLinear(*values))
        for norm in _NORMS:
            for part in "wb":
                setattr(
                    self, f"{norm}_{part}", nn.Buffer(torch.tensor(np.array(weights.vector(f"{name}.{norm}.{part}"))))
                )

    def forward(self, state: Tensor, mask: Tensor) -> Tensor:
        windows, tokens, _ = state.shape

        def split(value: Tensor) -> Tensor:
            return value.view(windows, tokens, self.heads, self.hidden // self.heads).transpose(1, 2)

        queries, keys, values = (split(getattr(self, part)(state)) for part in "qkv")
        context = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        state = self._norm("aln", state + self.ao(context.transpose(1, 2).reshape(state.shape)))
        return self._norm("oln", state + self.fo(F.gelu(self.fi(state))))

    def _norm(self, name: str, value: Tensor) -> Tensor:
        scale, bias = getattr(self, f"{name}_w"), getattr(self, f"{name}_b")
        return F.layer_norm(value.float(), (self.hidden,), scale, bias, self.epsilon).bfloat16()


class LowerLayers:
    """The layers that stay as they are: from a window's word vectors to its states."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._table = torch.tensor(weights.vector("emb.pos").reshape(-1, weights.hidden)) + torch.tensor(
            np.array(weights.vector("emb.type")[: weights.hidden])
        )
        self._norm = [torch.tensor(np.array(weights.vector(f"emb.ln.{part}"))) for part in "wb"]
        self._layers = nn.ModuleList(_Layer(weights, f"l{at}") for at in range(FIRST_LAYER)).eval()
        for layer in self._layers:
            layer.compile(dynamic=True)

    @torch.no_grad()
    def run(self, embeddings: Sequence[NDArray[np.float32]]) -> list[Tensor]:
        """The states of windows, each (tokens, hidden)."""
        longest, hidden = max(map(len, embeddings)), self._weights.hidden
        state, is_token = (
            torch.zeros(len(embeddings), longest, hidden),
            torch.zeros(len(embeddings), longest, dtype=torch.bool),
        )
        for at, rows in enumerate(embeddings):
            state[at, : len(rows)], is_token[at, : len(rows)] = torch.tensor(rows), True
        state = F.layer_norm(state + self._table[:longest], (hidden,), *self._norm, self._weights.epsilon).bfloat16()
        mask = _attention_mask(is_token)
        for layer in self._layers:
            state = layer(state, mask)
        return [state[at, : len(rows)].clone() for at, rows in enumerate(embeddings)]


class ReaderModel(nn.Module):
    """The layers that are changed, and what makes scores of their states."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        hidden = weights.hidden
        self.layers = nn.ModuleList(_Layer(weights, f"l{at}") for at in range(FIRST_LAYER, weights.layers))
        self.kinds = nn.Parameter(torch.zeros(2, hidden))
        self.sent, self.null, self.span = nn.Linear(2 * hidden, 1), nn.Linear(hidden, 1), nn.Linear(hidden, 2)
        for head in (self.sent, self.null, self.span):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        self.mix = nn.Parameter(torch.tensor(_MIX))

    def forward(self, batch: Batch) -> Scores:
        """The scores of a batch."""
        state = batch.states + self.kinds[batch.parts].bfloat16()
        mask = _attention_mask(batch.is_token)
        for layer in self.layers:
            state = layer(state, mask)
        state = state.float()
        inside = batch.membership
        mean = inside @ state / inside.sum(-1, keepdim=True).clamp(min=1)
        largest = state.unsqueeze(1).masked_fill(~inside.bool().unsqueeze(-1), _MASKED).amax(2)
        sentences = self.sent(torch.cat([mean, largest], -1)).squeeze(-1)
        sentences = sentences + self.mix[0] * batch.relative + self.mix[1] * batch.score
        none = self.null(state[:, 0]).squeeze(-1) + self.mix[2] * batch.search + self.mix[3]
        return Scores(sentences.masked_fill(~batch.is_sentence, _MASKED), none, self.span(state))

    def heads(self) -> list[nn.Parameter]:
        """The parameters that are no part of a layer, without `mix`."""
        return [*self.sent.parameters(), *self.null.parameters(), *self.span.parameters(), self.kinds]

    def fitted_arrays(self) -> dict[str, NDArray[np.floating]]:
        """What the product is shipped with, in 16 bits: `rag.answering.reader_model.FittedReader.arrays`."""
        arrays: dict[str, NDArray[np.floating]] = {"mix": self.mix.detach().numpy().astype(np.float32)}
        for name, value in self.named_parameters():
            parts = name.replace("._orig_mod", "").split(".")
            if parts[0] == "layers":
                arrays[f"l{int(parts[1]) + FIRST_LAYER}.{parts[2]}.{parts[3]}"] = _in_16_bits(value)
            elif parts[0] != "mix":
                arrays[".".join(parts)] = _in_16_bits(value)
        return arrays


def find_loss(scores: Scores, batch: Batch) -> Tensor:
    """That the right sentence, or none, is told from the others; that it is ranked first; and that its words are found.

    What holds the answer's words elsewhere than the set says is neither right nor wrong.
    """
    has_answer = batch.answers.any(1)
    others = scores.sentences.masked_fill(batch.is_neutral & ~batch.answers, _MASKED)
    right = scores.sentences.masked_fill(~batch.answers, _MASKED).logsumexp(1)
    among_all = torch.cat([scores.none[:, None], others], 1).logsumexp(1) - torch.where(has_answer, right, scores.none)
    loss = among_all.mean()
    if has_answer.any():
        loss = loss + 0.5 * (others.logsumexp(1) - right)[has_answer].mean()
    spans = [_span_loss(scores.spans[at], example) for at, example in enumerate(batch.examples) if example.answer]
    return loss + 0.25 * torch.stack(spans).mean() if spans else loss


def _span_loss(logits: Tensor, example: Example) -> Tensor:
    assert example.answer is not None
    at, answer = example.answer
    tokens = example.sentences[at].tokens
    shares = F.log_softmax(logits[slice(*tokens)], 0)
    return -shares[answer.start - tokens.start, 0] - shares[answer.end - 1 - tokens.start, 1]


def make_batch(examples: Sequence[Example], states: Sequence[Tensor]) -> Batch:
    """Examples side by side, with the states of their windows after the lower layers."""
    windows, longest = len(examples), max(len(example.ids) for example in examples)
    most = max(len(example.sentences) for example in examples)
    hidden = states[0].shape[-1]
    batch = Batch(
        torch.zeros(windows, longest, hidden, dtype=torch.bfloat16),
        torch.zeros(windows, longest, dtype=torch.bool),
        torch.ones(windows, longest, dtype=torch.long),
        torch.zeros(windows, most, longest),
        torch.zeros(windows, most),
        torch.zeros(windows, most),
        torch.zeros(windows, most, dtype=torch.bool),
        torch.zeros(windows, most, dtype=torch.bool),
        torch.zeros(windows, most, dtype=torch.bool),
        torch.tensor([_log_odds(example.probability) for example in examples]),
        examples,
    )
    for at, (example, state) in enumerate(zip(examples, states, strict=True)):
        batch.states[at, : len(state)], batch.is_token[at, : len(state)] = state, True
        batch.parts[at, : example.question_tokens] = 0
        best = max(sentence.score for sentence in example.sentences)
        for place, sentence in enumerate(example.sentences):
            batch.membership[at, place, slice(*sentence.tokens)] = 1
            batch.relative[at, place], batch.score[at, place] = sentence.score - best, sentence.score
            batch.is_sentence[at, place] = True
            batch.answers[at, place] = sentence.answers and example.kind == "answered"
            batch.is_neutral[at, place] = sentence.may_answer and not sentence.answers
    return batch


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(clipped / (1 - clipped))


def _attention_mask(is_token: Tensor) -> Tensor:
    return torch.zeros(is_token.shape, dtype=torch.bfloat16).masked_fill(~is_token, _MASKED)[:, None, None, :]


def _in_16_bits(value: Tensor) -> NDArray[np.floating]:
    return value.detach().numpy().astype(np.float16)
