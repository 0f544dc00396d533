"""Stemming of folded English words."""

from functools import lru_cache

import snowballstemmer


def stem(word: str) -> tuple[str, ...]:
    """The Snowball stem."""
    return (_snowball_stem(word),)


@lru_cache(maxsize=65536)
def _snowball_stem(word: str) -> str:
    return str(snowballstemmer.stemmer("english").stemWord(word))
