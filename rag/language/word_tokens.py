"""Words of a text as quantities are looked for in them, and lookup by any form of a word."""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from rag.language.text import fold, folded

_WORD = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d_]+|%")
_YEAR = re.compile("1[0-9]{3}|20[0-9]{2}")
_RANGE = frozenset("-–—/")
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
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(key.text):
        word, between = match.group(), key.text[end : match.start()]
        if found and between in _RANGE and _ends_range(found[-1].text, word, key.text[match.end() : match.end() + 1]):
            word = found[-1].text[:2] + word
        found.append(Word(word, text[slice(*key.span(*match.span()))], not between and bool(found)))
        end = match.end()
    return found


def _ends_range(year: str, word: str, after: str) -> bool:
    """Whether a word is the last year of a range (2001–02), not the month of a date (2001-02-28)."""
    return bool(_YEAR.fullmatch(year)) and len(word) == 2 and year[2:] < word <= "99" and after not in _RANGE


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
