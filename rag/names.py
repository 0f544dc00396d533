"""Names in a statement that the article does not know: what a model made up, or took from elsewhere.

A name is known when the gazetteer has one for it in the text, or a word of it stands there by stem or by sound.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.gazetteer import names
from rag.text import Term, content_terms, fold, skeleton
from rag.types import Span

_RUN = re.compile(
    r"(?:\bal-)?\b[A-Z][\w’'-]*(?:\s+(?:(?:of|the|ibn|bin|al|el|de|von|van|and|for)\s+){0,2}(?:al-)?[A-Z][\w’'-]*)*"
)
_CAPITALISED = re.compile(r"[A-Z][\w’'-]*")
_QUOTED = re.compile(r"[«“\"]([^«»“”\"]{2,60})[»”\"]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9.-]+[A-Za-z0-9]")
_AFTER_KIN = re.compile(r"(?:^|\s)(?:بن|ابن|بنت|ابو|ابي|ابا|ام|عبد|ال)\s+(\w+)")
_OPENS = re.compile(r"(?:^|[.:;!?…“\"‘(]\s*|\n)$")
_LEAST_ALIKE = 3
"""Consonants of a skeleton that another may begin with; one more, and they may differ in one sound."""

_ORDINARY = frozenset(
    (
        "i a an the this that these those it he she they we in on at by for from to of and or but if as when while "
        "where who what which how why yes no not there here its his her their our my your "
        "january february march april may june july august september october november december "
        "monday tuesday wednesday thursday friday saturday sunday ah ce bc bce ad am pm "
        "spring summer autumn winter "
        "king queen prince princess sultan caliph emir imam sheikh president minister dr mr mrs ms prof professor "
        "sir lord lady pope saint st general engineer director manager judge "
        "ministry university college school faculty institute academy agency authority council committee commission "
        "fund bank museum library hospital court centre center program programme campaign project plan law act treaty "
        "agreement memorandum declaration constitution charter organisation organization association society union "
        "league party army navy force forces guard police defence defense company corporation group department "
        "directorate office bureau board chamber parliament senate house authority club team federation foundation "
        "national international general central royal public civil human social economic higher supreme federal united "
        "world global north south east west northern southern eastern western new old great grand upper lower middle "
        "first second third last line station railway airport port harbour street square road bridge tower palace "
        "mosque church temple castle fort citadel gate river sea lake ocean mount mountain mountains island islands "
        "valley bay gulf strait desert oasis city town village province governorate district region republic kingdom "
        "empire state states sultanate emirate dynasty war battle revolution peace prize award medal cup day night "
        "week month year century age era book books journal magazine newspaper review article list report study survey "
        "theory method system model test exam platform portal website application internet science sciences medicine "
        "health education energy water environment agriculture heritage culture arts art language history geography "
        "physics chemistry biology mathematics logic philosophy law laws research development technology "
        "black white red green blue yellow purple golden silver star sun moon earth"
    ).split()
)
"""Words that titles, calendars and the names of institutions are made of: such names are translated, not spelled."""


_PARTICLES = frozenset("al el ibn bin bint abu abi umm abd de la von van di ben ould بن ابن بنت ابو ابي ام عبد".split())


@dataclass(frozen=True, slots=True)
class Known:
    """What a text offers for names to be met by."""

    stems: frozenset[str]
    sounds: frozenset[str]
    called: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Known":
        """All that stands in `text`."""
        found = content_terms(text)
        return cls(
            frozenset(stem for term in found for stem in term.stems),
            frozenset(sound for term in found for form in _forms(term.surface) if (sound := _sound(form))),
            frozenset(called for name in names(text) for called in name.called),
        )

    def holds(self, name: str) -> bool:
        """Whether half of a name's words or more stand in the text, by stem or by sound."""
        words = [term for term in content_terms(name) if term.surface not in _PARTICLES]
        return 2 * sum(self._met(term) for term in words) >= len(words)

    def _met(self, term: Term) -> bool:
        if not self.stems.isdisjoint(term.stems):
            return True
        heard = [sound for form in _forms(term.surface) if (sound := _sound(form))]
        return any(sound in self.sounds or any(_nearly(sound, other) for other in self.sounds) for sound in heard)


def _forms(word: str) -> tuple[str, ...]:
    """An Arabic word with and without a one-letter clitic."""
    return (word, word[1:]) if word[0] in "وفبكل" and len(word) > 3 else (word,)


def _sound(word: str) -> str:
    """The skeleton; a short one says too little, so with the vowel it opens with."""
    found = skeleton(word).replace("z", "s")
    opens = "a" if word.removeprefix("ال")[:1] in _VOWELS else ""
    return found if len(found) > _SHORT else opens + found if len(found) == _SHORT else ""


_SHORT = 2
"""Consonants: fewer are no name, as many are one only with the same opening."""
_VOWELS = frozenset("aeiouاعآ")


def strange_names(statement: str, known: Known) -> Iterator[str]:
    """The names in `statement`, an Arabic or English sentence, that are not among `known`."""
    spans = []
    for name in names(statement):
        spans.append(name.span)
        written = statement[slice(*name.span)]
        if name.sure and known.called.isdisjoint(name.called):
            yield written
    for span in _written_names(statement):
        written = statement[slice(*span)]
        if not any(one.start < span.end and span.start < one.end for one in spans) and not known.holds(written):
            yield written


def _written_names(statement: str) -> Iterator[Span]:
    """Names by how they are written: capitals, quotation marks, Latin letters within Arabic, after "son of"."""
    arabic = bool(re.search("[\u0620-\u064a]", statement))
    for match in _RUN.finditer(statement) if not arabic else ():
        words = [word.lower().removesuffix("'s").removesuffix("’s") for word in _CAPITALISED.findall(match.group())]
        alone = len(words) == 1 and _OPENS.search(statement[: match.start()])
        if not alone and _ORDINARY.isdisjoint(words[1:] if _OPENS.search(statement[: match.start()]) else words):
            yield Span(*match.span())
    if arabic:
        yield from (Span(*match.span()) for match in _LATIN_WORD.finditer(statement))
        yield from (Span(*match.span(1)) for match in _QUOTED.finditer(statement))
        key = fold(statement)
        yield from (key.span(*match.span(1)) for match in _AFTER_KIN.finditer(key.text))


def _nearly(one: str, other: str) -> bool:
    """Whether two skeletons differ in one sound at most, or one begins the other."""
    short, long = sorted((one, other), key=len)
    if len(short) < _LEAST_ALIKE or len(long) - len(short) > 2:
        return False
    if long.startswith(short):
        return True
    if len(short) == _LEAST_ALIKE:
        return False
    same = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return len(long) - len(short) < 2 and short[same + (len(short) == len(long)) :] == long[same + 1 :]
