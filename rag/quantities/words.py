"""Words of a text as quantities are looked for in them, and lookup by any form of a word."""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from rag.text import fold, folded

_WORD = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d_]+|%")
_PREFIXES = ("", "و", "ف", "ب", "ل", "ك", "ال", "لل", "وال", "فال", "بال", "كال", "ولل", "وب", "ول", "فب")
_SUFFIXES = ("", "ا", "ه", "ها", "هم", "هما")
_SHORTEST_BARE = 3
"""Letters of what a clitic may be taken from: كم is no unit behind a ك."""

Meaning = TypeVar("Meaning")


class Word(NamedTuple):
    """A folded word, how it stands in the text, and whether it stands right behind the one before."""

    text: str
    source: str
    joined: bool


def words(text: str) -> list[Word]:
    """The words, numbers and percent signs of a text."""
    key = fold(text)
    found, end = [], -1
    for match in _WORD.finditer(key.text):
        found.append(Word(match.group(), text[slice(*key.span(*match.span()))], match.start() == end))
        end = match.end()
    return found


def table(rows: Mapping[Meaning, str]) -> dict[str, Meaning]:
    """Each folded alias with what it stands for."""
    return {folded(alias): meaning for meaning, aliases in rows.items() for alias in aliases.split()}


def looked_up(word: str, among: Mapping[str, Meaning]) -> Meaning | None:
    """What `word` stands for, with whatever clitics and ending; None when no form of it is among them."""
    if word in among:
        return among[word]
    for prefix in _PREFIXES:
        for suffix in _SUFFIXES:
            bare = word[len(prefix) : len(word) - len(suffix)]
            if len(bare) >= _SHORTEST_BARE and bare in among and word == prefix + bare + suffix:
                return among[bare]
    return None
