"""Counting tokens, for chunks and for prompts, as o200k_base has them."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import llama_index.core
import tiktoken

_ENCODING = "o200k_base"


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding:
    # tiktoken would fetch its table from the network; llama-index-core carries it.
    static = Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache"
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(static))
    return tiktoken.get_encoding(_ENCODING)


def token_counts(texts: Sequence[str]) -> list[int]:
    """Tokens of each text."""
    return [len(tokens) for tokens in _encoding().encode_ordinary_batch(list(texts), num_threads=1)]
