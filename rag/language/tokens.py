"""Counting tokens, for chunks and for prompts, as o200k_base has them."""

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import distribution

import tiktoken

_ENCODING = "o200k_base"


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding:
    # tiktoken would fetch its table from the network; llama-index-core carries it. To import that takes a second.
    static = distribution("llama-index-core").locate_file("llama_index/core/_static/tiktoken_cache")
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(static))
    return tiktoken.get_encoding(_ENCODING)


@lru_cache(maxsize=1024)
def token_count(text: str) -> int:
    """Tokens of a text that comes again and again, as prompts and popular passages do: counting takes a millisecond for
    each 500 of them."""
    return token_counts([text])[0]


@lru_cache(maxsize=65536)
def usually_small(word: str) -> bool:
    """Whether a Latin word is written small more often than with a capital, as planet is and Cairo is not: the more
    frequent of the two comes first in the vocabulary. A word in neither form is rare, and not usually small."""
    small, capital = (_rank(f" {form}") for form in (word.lower(), word.capitalize()))
    return small is not None and (capital is None or small < capital)


def _rank(token: str) -> int | None:
    try:
        return _encoding().encode_single_token(token)
    except KeyError:
        return None


def token_counts(texts: Sequence[str]) -> list[int]:
    """Tokens of each text."""
    # The library's batch would start a pool of threads for each call.
    encode = _encoding().encode_ordinary
    return [len(encode(text)) for text in texts]
