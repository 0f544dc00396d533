"""Texts as the word pieces of multilingual-e5-small: their ids, and the vectors of these."""

import re
from collections.abc import Sequence
from copy import copy
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sentencepiece import SentencePieceProcessor

from rag.embedding.base import Matrix
from rag.embedding.build_e5_onnx import Weights, build_tokenizer, dequantize_blocks
from rag.embedding.model_files import open_or_build
from rag.language.normalize import normalize_char
from rag.types import Span

START, END = 0, 2
"""Ids of the model's own pieces around a text; the second also stands between texts that are read together."""
_TOKENIZER_FILE = "multilingual-e5-small-tokenizer-v1.model"
_SPACES = re.compile(" {2,}")
_SPACE_MARK = "\u2581"
"""SentencePiece's sign for a blank."""


class Pieces(NamedTuple):
    """A text as word pieces.

    Attributes
    ----------
    ids : list of int
        Of the pieces.
    spans : list of Span
        Where each stands in the text, in code points, without the blank before it.
    """

    ids: list[int]
    spans: list[Span]


class WordPieces:
    """The tokenizer of multilingual-e5-small and its word vectors, which stay in their 4 bits on disk.

    Parameters
    ----------
    weights : Weights
        Of the model.
    folder : Path
        Of the model files.
    """

    def __init__(self, weights: Weights, folder: Path) -> None:
        self._tokenizer = _open_tokenizer(folder / _TOKENIZER_FILE, weights)
        self._normalization = weights.vocabulary.normalization
        self._blocks = weights.blocks("emb.word", weights.hidden)
        self.scores = weights.vocabulary.scores
        """Log probability of each piece, by id."""
        self._reads_marks = True

    def without_marks(self) -> "WordPieces":
        """The same, to which a vocalised text is a bare one and all digits are 0-9: as the search reads a text."""
        other = copy(self)
        other._reads_marks = False
        return other

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text's pieces."""
        normalized = [self._normalize(text) for text in texts]
        found: list[list[int]] = self._tokenizer.encode(normalized, out_type=int, num_threads=1)
        return found

    def encode_with_spans(self, text: str) -> Pieces:
        """A text's pieces with where they stand in it."""
        (ids,) = self.encode([text])
        normalized, origins = self._align(text)
        (surfaces,) = self._tokenizer.encode([normalized], out_type=str, num_threads=1)
        # The pieces, in turn, are the text behind one blank that the tokenizer puts first.
        ends = list(accumulate(map(len, surfaces), initial=-1))
        spans = []
        for at, surface in enumerate(surfaces):
            start, end = ends[at] + surface.startswith(_SPACE_MARK), ends[at + 1]
            start, end = max(0, min(start, len(origins) - 1)), max(1, min(end, len(origins)))
            spans.append(Span(origins[start], max(origins[start], origins[end - 1]) + 1))
        return Pieces(ids, spans)

    def embed(self, ids: Sequence[int]) -> Matrix:
        """The word vectors of ids, of shape (ids, hidden)."""
        used, where = np.unique(ids, return_inverse=True)
        return dequantize_blocks(self._blocks[used])[where]

    def _normalize(self, text: str) -> str:
        # A lone surrogate is no text: the tokenizer would refuse the whole batch for it.
        encodable = text.encode("utf-8", "replace").decode()
        return _SPACES.sub(" ", "".join(map(self._normalize_char, encodable))).lstrip()

    def _normalize_char(self, char: str) -> str:
        return (char if self._reads_marks else normalize_char(char)).translate(self._normalization)

    def _align(self, text: str) -> tuple[str, list[int]]:
        """A text as `_normalize` gives it, and for each character of that the place in the text that it comes from."""
        chars: list[str] = []
        origins: list[int] = []
        for at, char in enumerate(text.encode("utf-8", "replace").decode()):
            for one in self._normalize_char(char):
                if one == " " and (not chars or chars[-1] == " "):
                    continue
                chars.append(one)
                origins.append(at)
        return "".join(chars), origins or [0]


def _open_tokenizer(path: Path, weights: Weights) -> Any:
    return open_or_build(
        path,
        lambda: build_tokenizer(weights.vocabulary),
        lambda: SentencePieceProcessor(model_file=str(path)),
        (RuntimeError,),
    )
