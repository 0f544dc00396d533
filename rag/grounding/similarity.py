"""How near statements are in meaning to the sentences of hits, by the vectors that the index keeps."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rag.embedding import Encoder
from rag.language.normalize import normalize_for_embedding
from rag.retrieval.retriever import HybridRetriever
from rag.types import Hit


class SentenceSimilarity:
    """Cosines of sentence vectors; those of the hits are read when first asked for.

    Parameters
    ----------
    retriever : HybridRetriever
        Gives the vectors of the hits' sentences.
    encoder : Encoder
        Embeds statements.
    hits : sequence of Hit
        What statements are compared with.
    """

    def __init__(self, retriever: HybridRetriever, encoder: Encoder, hits: Sequence[Hit]) -> None:
        self._encoder = encoder
        self._vectors = cache(lambda: retriever.sentence_vectors(hits))
        self._embed = cache(lambda text: encoder.embed_sentences([normalize_for_embedding(text)])[0])

    def sentence_similarities(self, statement: str, hit: Hit) -> list[float]:
        """Cosine of a statement to each sentence of a hit."""
        return [float(cosine) for cosine in self._vectors()[hit.chunk_id].sentences @ self._embed(statement)]

    def max_word_similarity(self, words: str, others: Sequence[str]) -> float:
        """The greatest cosine of a few words to others."""
        if not others:
            return 0.0
        texts = [normalize_for_embedding(other) for other in others]
        return float(max(self._encoder.embed_sentences(texts) @ self._embed(words)))

    def word_similarities(self, words: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        """The cosines of some words to others, (words, others); all at once they take a fifth of the time."""
        both = self._encoder.embed_sentences([normalize_for_embedding(text) for text in (*words, *others)])
        return np.asarray(both[: len(words)] @ both[len(words) :].T)
