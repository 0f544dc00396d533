"""Names in an English sentence: runs of words with capitals, less the words of titles and institutions."""

import re
from collections.abc import Iterator

from rag.language.normalize import FoldedText
from rag.language.tokens import is_usually_lowercase
from rag.types import Span

NAME_PARTICLES = frozenset("al el ibn bin bint abu abi umm abd de la von van di ben ould".split())

_RUN = re.compile(
    r"(?:\bal-)?\b[A-Z][\w’'-]*(?:\s+(?:(?:of|the|ibn|bin|al|el|de|von|van|and|for)\s+){0,2}(?:al-)?[A-Z][\w’'-]*)*"
)
_CAPITALIZED = re.compile(r"[A-Z][\w’'-]*")
_RUN_WORD = re.compile(r"[\w’'-]+")
_SENTENCE_START = re.compile(r"(?:^|[.:;!?…“\"‘(]\s*|\n)$")

_ORDINARY = frozenset(
    (
        "muharram safar rabi jumada rajab shaban shaaban ramadan shawwal "
        "january february march april june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday bce "
        "king queen prince sultan caliph emir sheikh president minister mrs pope saint general lord "
        "ministry academy institute council committee museum directorate bureau senate league army navy system "
        "royal united union supreme golden north south east west northern southern eastern western "
        "street avenue boulevard highway tramway metro harbour stadium hall theatre palace castle citadel temple "
        "hurricane moon river lake gulf strait bay valley island islands peninsula county governorate "
        "republic kingdom empire sultanate emirate"
    ).split()
)
"""Words of titles, calendars and institutions that have a capital as a rule, and are translated all the same."""

_UNDERTAKINGS = frozenset(
    (
        "program programme campaign project plan law laws act treaty agreement memorandum declaration constitution "
        "charter convention protocol report study survey theory method system model test exam book books journal "
        "review article list strategy vision initiative day week month year war battle revolution"
    ).split()
)
"""Kinds of works and undertakings: their names are phrases, and translated whole."""

_DERIVED = re.compile(
    r"...(?:tions?|sions?|ments?|ives?|ings?|ity|ities|ances?|ences?|ness|ships?|isms?|ists?|ics|ogy|ical|ional|ers|ors|"
    r"ies|able|ful|less|ly)$"
)
"""Endings of English words that names hardly have."""

_ABBREVIATION_LETTERS = 2
"""A word in capitals of so few letters stands for words, which are translated."""


def find_mentions(text: FoldedText) -> Iterator[Span]:
    """The spans of names in a sentence, in its text as written."""
    for run in _RUN.finditer(text.source):
        yield from _split_run(run)


def _split_run(run: re.Match[str]) -> Iterator[Span]:
    """The names in a run of capitals: what stands between ordinary words. A single word that opens a sentence need not
    be a name."""
    if any(word.group().lower() in _UNDERTAKINGS for word in _CAPITALIZED.finditer(run.group())):
        return
    opens_sentence = _SENTENCE_START.search(run.string, 0, run.start()) is not None
    part: list[re.Match[str]] = []
    for word in (*_RUN_WORD.finditer(run.group()), None):
        if word is not None and not _is_ordinary(word.group()):
            part.append(word)
        elif part:
            if len(part) > 1 or part[0].start() > 0 or not opens_sentence:
                yield Span(run.start() + part[0].start(), run.start() + part[-1].end())
            part = []


def _is_ordinary(word: str) -> bool:
    plain = word.lower().rstrip("'’").removesuffix("'s").removesuffix("’s")
    if "-" in plain.strip("-"):
        return all(map(_is_ordinary, filter(None, plain.split("-"))))
    if plain in _ORDINARY or plain.removesuffix("s") in _ORDINARY:
        return True
    return (
        (len(plain) <= _ABBREVIATION_LETTERS and plain.isalpha() and plain not in NAME_PARTICLES)
        or bool(_DERIVED.search(plain))
        or is_usually_lowercase(plain)
        or (plain.endswith("s") and is_usually_lowercase(plain[:-1]))
    )
