"""The reader in PyTorch, as it is trained; the product computes the same from `rag/answering/reader_model.py`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from eval.reading.examples import Example
from rag.embedding.build_e5_onnx import Weights
from rag.embedding.word_pieces import WordPieces

RANK = 32
DROPOUT = 0.1
"""Of what each layer adds and of what scores are made of, in training. The first sentence answers for 0.746 of the
answered windows of two folds that were not learned from where the upper six layers are changed, 1.4 epochs, without
it; 0.755 with it, 2.5 epochs; 0.757 and 0.774 where all twelve are."""
_TAUGHT_WEIGHT = 0.7
"""Of what the teachers say beside what the set says. Without teachers, on one fold: 0.773 and, as told from windows
without an answer, an AUC of 0.893; with them 0.787 and 0.908."""
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
    embeddings : Tensor
        Word vectors, (windows, tokens, hidden).
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
    taught : Tensor
        What the teachers say, as logits: of none, then of each sentence, (windows, 1 + sentences).
    is_taught : Tensor
        1 for a window that the teachers read, (windows,).
    examples : sequence of Example
        What was put in.
    """

    embeddings: Tensor
    is_token: Tensor
    parts: Tensor
    membership: Tensor
    relative: Tensor
    score: Tensor
    is_sentence: Tensor
    answers: Tensor
    is_neutral: Tensor
    search: Tensor
    taught: Tensor
    is_taught: Tensor
    examples: Sequence[Example]

    def to(self, device: str) -> "Batch":
        """The same on another device of PyTorch's."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: one.to(device) for name, one in values.items() if isinstance(one, Tensor)})


class Scores:
    """What the model gives for a batch: logits of sentences, of none of them, and of where answers start and end."""

    def __init__(self, sentences: Tensor, none: Tensor, spans: Tensor) -> None:
        self.sentences, self.none, self.spans = sentences, none, spans

    @property
    def all(self) -> Tensor:
        """Logits of none, then of each sentence, (windows, 1 + sentences)."""
        return torch.cat([self.none[:, None], self.sentences], 1)


class _Linear(nn.Module):
    """A matrix that is trained as a whole, or stays as it is and has the product of two narrow ones added."""

    def __init__(self, weight: NDArray[np.float32], bias: NDArray[np.float32], rank: int | None) -> None:
        super().__init__()
        rows, columns = weight.shape
        is_whole = rank is None
        self.weight = nn.Parameter(torch.tensor(weight), requires_grad=is_whole)
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=is_whole)
        self.A = nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns)) if rank else None
        self.B = nn.Parameter(torch.zeros(rows, rank)) if rank else None

    def forward(self, value: Tensor) -> Tensor:
        kind = value.dtype
        result = F.linear(value, self.weight.to(kind), self.bias.to(kind))
        if self.A is None or self.B is None:
            return result
        return result + F.linear(F.linear(value, self.A.to(kind)), self.B.to(kind))


class _Layer(nn.Module):
    def __init__(self, weights: Weights, name: str, rank: int | None) -> None:
        super().__init__()
        self.heads, self.hidden, self.epsilon = weights.heads, weights.hidden, weights.epsilon
        for matrix in _MATRICES:
            columns = weights.feed_forward if matrix == "fo" else weights.hidden
            values = weights.matrix(f"{name}.{matrix}.w", columns), np.array(weights.vector(f"{name}.{matrix}.b"))
            setattr(self, matrix, _Linear(*values, rank))
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
        state = self._add("aln", state, self.ao(context.transpose(1, 2).reshape(state.shape)))
        return self._add("oln", state, self.fo(F.gelu(self.fi(state))))

    def _add(self, norm: str, state: Tensor, value: Tensor) -> Tensor:
        scale, bias = getattr(self, f"{norm}_w"), getattr(self, f"{norm}_b")
        total = state + F.dropout(value, DROPOUT, self.training)
        return F.layer_norm(total.float(), (self.hidden,), scale, bias, self.epsilon).bfloat16()


class ReaderModel(nn.Module):
    """The layers, and what makes scores of their states.

    Parameters
    ----------
    weights : Weights
        To begin with.
    rank : int, optional
        Of what is added to each matrix; None: the matrices themselves are trained, as a teacher's are.
    """

    def __init__(self, weights: Weights, rank: int | None = RANK) -> None:
        super().__init__()
        hidden, self._epsilon = weights.hidden, weights.epsilon
        positions = torch.tensor(weights.vector("emb.pos").reshape(-1, hidden))
        self.positions = nn.Buffer(positions + torch.tensor(np.array(weights.vector("emb.type")[:hidden])))
        self.norm_w, self.norm_b = (
            nn.Buffer(torch.tensor(np.array(weights.vector(f"emb.ln.{part}")))) for part in "wb"
        )
        self.layers = nn.ModuleList(_Layer(weights, f"l{at}", rank) for at in range(weights.layers))
        self.kinds = nn.Parameter(torch.zeros(2, hidden))
        self.sent, self.null, self.span = nn.Linear(2 * hidden, 1), nn.Linear(hidden, 1), nn.Linear(hidden, 2)
        for head in (self.sent, self.null, self.span):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        self.mix = nn.Parameter(torch.tensor(_MIX))

    def forward(self, batch: Batch) -> Scores:
        """The scores of a batch."""
        state = batch.embeddings + self.positions[: batch.embeddings.shape[1]]
        state = F.layer_norm(state, state.shape[-1:], self.norm_w, self.norm_b, self._epsilon)
        state = (state + self.kinds[batch.parts]).bfloat16()
        mask = _attention_mask(batch.is_token)
        for layer in self.layers:
            state = layer(state, mask)
        state = state.float()
        inside = batch.membership
        mean = inside @ state / inside.sum(-1, keepdim=True).clamp(min=1)
        largest = state.unsqueeze(1).masked_fill(~inside.bool().unsqueeze(-1), _MASKED).amax(2)
        sentences = self.sent(self._drop(torch.cat([mean, largest], -1))).squeeze(-1)
        sentences = sentences + self.mix[0] * batch.relative + self.mix[1] * batch.score
        none = self.null(self._drop(state[:, 0])).squeeze(-1) + self.mix[2] * batch.search + self.mix[3]
        return Scores(sentences.masked_fill(~batch.is_sentence, _MASKED), none, self.span(state))

    def _drop(self, value: Tensor) -> Tensor:
        return F.dropout(value, DROPOUT, self.training)

    def heads(self) -> list[nn.Parameter]:
        """The parameters that are no part of a layer, without `mix`."""
        return [*self.sent.parameters(), *self.null.parameters(), *self.span.parameters(), self.kinds]

    @torch.no_grad()
    def load_fitted(self, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        """Begin with what `fitted_arrays` gave.

        Parameters
        ----------
        arrays : mapping
            All of them, of the same rank.
        """
        for name, value in self.named_parameters():
            if value.requires_grad:
                value.copy_(torch.tensor(np.asarray(arrays[_fitted_name(name)], np.float32)))

    def fitted_arrays(self) -> dict[str, NDArray[np.floating]]:
        """What the product is shipped with, in 16 bits: `rag.answering.reader_model.FittedReader.arrays`."""
        arrays: dict[str, NDArray[np.floating]] = {"mix": self.mix.detach().cpu().numpy().astype(np.float32)}
        for name, value in self.named_parameters():
            if value.requires_grad and name != "mix":
                arrays[_fitted_name(name)] = _in_16_bits(value)
        return arrays


def find_loss(scores: Scores, batch: Batch) -> Tensor:
    """That the right sentence, or none, is told from the others; that it is ranked first; and that its words are found:
    by what the set says, and, of windows that the teachers read, by what these say.

    What holds the answer's words elsewhere than the set says is neither right nor wrong.
    """
    has_answer = batch.answers.any(1)
    others = scores.sentences.masked_fill(batch.is_neutral & ~batch.answers, _MASKED)
    right = scores.sentences.masked_fill(~batch.answers, _MASKED).logsumexp(1)
    among_all = torch.cat([scores.none[:, None], others], 1).logsumexp(1) - torch.where(has_answer, right, scores.none)
    ranking = torch.where(has_answer, others.logsumexp(1) - right, 0.0)
    own = 1 - _TAUGHT_WEIGHT * batch.is_taught
    loss = (own * among_all).mean() + 0.5 * (own * ranking).sum() / has_answer.sum().clamp(min=1)
    loss = loss + _TAUGHT_WEIGHT * (batch.is_taught * _taught_loss(scores, batch)).mean()
    spans = [_span_loss(scores.spans[at], example) for at, example in enumerate(batch.examples) if example.answer]
    return loss + 0.25 * torch.stack(spans).mean() if spans else loss


def _taught_loss(scores: Scores, batch: Batch) -> Tensor:
    """Cross entropy of each window to what the teachers say, of all and among the sentences, (windows,)."""
    among_all = -(batch.taught.softmax(1) * scores.all.log_softmax(1)).sum(1)
    ranking = -(batch.taught[:, 1:].softmax(1) * scores.sentences.log_softmax(1)).sum(1)
    return among_all + 0.5 * ranking


def _span_loss(logits: Tensor, example: Example) -> Tensor:
    assert example.answer is not None
    at, answer = example.answer
    tokens = example.sentences[at].tokens
    shares = F.log_softmax(logits[slice(*tokens)], 0)
    return -shares[answer.start - tokens.start, 0] - shares[answer.end - 1 - tokens.start, 1]


def make_batch(
    examples: Sequence[Example], pieces: WordPieces, taught: Mapping[bytes, NDArray[np.floating]] | None = None
) -> Batch:
    """Examples side by side.

    Parameters
    ----------
    examples : sequence of Example
        At least one.
    pieces : WordPieces
        Gives word vectors.
    taught : mapping, optional
        From `Example.key` to what the teachers say: logits of none, then of each sentence.
    """
    embeddings = [torch.tensor(pieces.embed(example.ids.tolist())) for example in examples]
    windows, longest = len(examples), max(map(len, embeddings))
    most = max(len(example.sentences) for example in examples)
    batch = Batch(
        torch.zeros(windows, longest, embeddings[0].shape[-1]),
        torch.zeros(windows, longest, dtype=torch.bool),
        torch.ones(windows, longest, dtype=torch.long),
        torch.zeros(windows, most, longest),
        torch.zeros(windows, most),
        torch.zeros(windows, most),
        torch.zeros(windows, most, dtype=torch.bool),
        torch.zeros(windows, most, dtype=torch.bool),
        torch.zeros(windows, most, dtype=torch.bool),
        torch.tensor([_log_odds(example.probability) for example in examples]),
        torch.full((windows, 1 + most), _MASKED),
        torch.zeros(windows),
        examples,
    )
    for at, (example, rows) in enumerate(zip(examples, embeddings, strict=True)):
        batch.embeddings[at, : len(rows)], batch.is_token[at, : len(rows)] = rows, True
        batch.parts[at, : example.question_tokens] = 0
        if (logits := (taught or {}).get(example.key)) is not None:
            batch.taught[at, : len(logits)], batch.is_taught[at] = torch.tensor(logits).float(), 1.0
        _put_sentences(batch, at, example)
    return batch


def _put_sentences(batch: Batch, at: int, example: Example) -> None:
    best = max(sentence.score for sentence in example.sentences)
    for place, sentence in enumerate(example.sentences):
        batch.membership[at, place, slice(*sentence.tokens)] = 1
        batch.relative[at, place], batch.score[at, place] = sentence.score - best, sentence.score
        batch.is_sentence[at, place] = True
        batch.answers[at, place] = sentence.answers and example.kind == "answered"
        batch.is_neutral[at, place] = sentence.may_answer and not sentence.answers


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(clipped / (1 - clipped))


def _attention_mask(is_token: Tensor) -> Tensor:
    empty = torch.zeros(is_token.shape, dtype=torch.bfloat16, device=is_token.device)
    return empty.masked_fill(~is_token, _MASKED)[:, None, None, :]


def _fitted_name(parameter: str) -> str:
    """The name of a parameter in the fitted file: `l0.q.A` for `layers.0.q.A`."""
    name = parameter.replace("._orig_mod", "")
    return re.sub(r"^layers\.", "l", name)


def _in_16_bits(value: Tensor) -> NDArray[np.floating]:
    return value.detach().cpu().numpy().astype(np.float16)
