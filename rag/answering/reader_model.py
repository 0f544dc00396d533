"""The reader's model: multilingual-e5-small with fitted changes to its layers, as ONNX.

The fitted file holds, for each matrix of a layer, two narrow factors whose product is added to it (low-rank
adaptation: Hu et al. 2021), and the weights that make scores of the states: 4.9 MB, where the layers themselves would
be 42 MB. How it is made: `python -m eval.reading`.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedding.build_e5_onnx import EncoderGraph, Weights

_FITTED_FILE = "reader.npz"
_UP, _DOWN = "B", "A"
_SETS = "sets"
"""Of what the fitted file holds, the hashes of the sets that it was fitted on."""


@dataclass(frozen=True, slots=True)
class FittedReader:
    """What was fitted.

    Attributes
    ----------
    arrays : dict of str to array
        By name: `l0.q.A` (rank, columns) and `l0.q.B` (rows, rank) of each matrix, and those of the scores.
    version : str
        Hash of the file, part of the name of the model made of it.
    """

    arrays: dict[str, NDArray[np.float32]]
    version: str


def read_fitted() -> FittedReader:
    """The fitted file of this version."""
    with resources.files("rag.answering").joinpath(_FITTED_FILE).open("rb") as file:
        content = file.read()
    with resources.files("rag.answering").joinpath(_FITTED_FILE).open("rb") as file, np.load(file) as stored:
        arrays = {name: np.asarray(stored[name], np.float32) for name in stored.files if name != _SETS}
    return FittedReader(arrays, sha256(content).hexdigest()[:12])


class _ReaderGraph(EncoderGraph):
    """An encoder whose matrices have the fitted changes added."""

    def __init__(self, weights: Weights, fitted: FittedReader) -> None:
        super().__init__(weights)
        self._fitted = fitted.arrays

    def matrix(self, name: str, columns: int) -> NDArray[np.float32]:
        base = super().matrix(name, columns)
        matrix = name.removesuffix(".w")
        up, down = self._fitted.get(f"{matrix}.{_UP}"), self._fitted.get(f"{matrix}.{_DOWN}")
        return base if up is None or down is None else base + up @ down


def build_reader(weights: Weights, fitted: FittedReader) -> bytes:
    """The reader as an ONNX model.

    Its inputs are `embeddings` (1, tokens, hidden), the word vectors of a question and what is read for it, and `parts`
    (tokens,), 0 for a token of the question and 1 for another. Its output is `states` (1, tokens, hidden).
    """
    graph = _ReaderGraph(weights, fitted)
    kinds = graph.add_node("Gather", graph.add_constant("kinds", fitted.arrays["kinds"]), "parts", axis=0)
    state = graph.add_node("Add", graph.add_embeddings(), kinds)
    for at in range(weights.layers):
        state = graph.add_layer(state, f"l{at}")
    graph.add_output("states", state)
    hidden = weights.hidden
    inputs: dict[str, Any] = {"embeddings": (np.float32, (1, "tokens", hidden)), "parts": (np.int64, ("tokens",))}
    return graph.serialize(inputs, {"states": (1, "tokens", hidden)})
