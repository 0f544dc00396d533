"""Names in a statement that the article does not know: what a model made up, or took from elsewhere.

A name is known when the gazetteer has one for it in the text, or its words stand there by stem or by sound.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.language.gazetteer import Name, names, places
from rag.language.mentions import PARTICLES, written_names
from rag.language.text import Term, content_terms, skeleton
from rag.types import Span

_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[’'ʿʾ](?=[^\W\d_]{2})")
"""Within a name: al-Ma'mun."""
_DIGIT = re.compile(r"[0-9]")
_ABBREVIATION = re.compile(r"\b[A-Z][A-Z0-9]+(?:['’]s?)?\b|\b[A-Z]\b")
_CLITICS = "وفبكل"
_GLIDES = str.maketrans("wو", "vف")
"""To consonants, for names that have hardly another one: Bawwab."""
_VOWELS = frozenset("aeiouاعآ")
_SHORT = 2
"""Consonants of a skeleton that says too little by itself."""
_LEAST_ALIKE = 3
"""Consonants of a skeleton that another may begin with; one more, and they may differ in one sound."""
_SAME_SCRIPT = 4
"""Consonants from which a likeness of sound tells something within one script, where names are spelled alike."""
_OWN_WORDS = 2
"""That a statement shares with the sentence of a name, beside what it shares with its quote, when it rests on both."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a text offers for names to be met by."""

    stems: frozenset[str]
    sounds: dict[bool, frozenset[str]]
    """Of its words in Latin letters (True), and of the others."""
    called: frozenset[str]
    abbreviates: bool
    """In Latin capitals: where it does not, an abbreviation (IPCC) may stand for the words of a name."""

    @classmethod
    def of(cls, text: str) -> "Known":
        """All that stands in `text`."""
        found = content_terms(text)
        return cls(
            frozenset(stem for term in found for stem in term.stems),
            {
                latin: _all_sounds(term.surface for term in found if term.surface.isascii() == latin)
                for latin in (True, False)
            },
            frozenset(called for name in (*names(text, within=True), *places(text)) for called in name.called),
            _ABBREVIATION.search(text) is not None,
        )

    def holds(self, name: str) -> bool:
        """Whether most of a name's words stand in the text, by stem or by sound; of two, the last one will do, since
        a given name may be added. Costa Rica may be one word."""
        if not self.abbreviates:
            name = _ABBREVIATION.sub("", name)
        words = [term for term in content_terms(_APOSTROPHE.sub("", name)) if term.surface not in PARTICLES]
        met = [self.meets(term) for term in words]
        most = 2 * sum(met) > len(met) or (len(met) == 2 and met[-1])
        return not words or most or self._hears("".join(term.surface for term in words))

    def says(self, name: str) -> bool:
        """Whether each word of a name stands in the text in the other script, sound by sound: John may be جون."""
        words = [_sounds(term.surface) for term in content_terms(name)]
        return bool(words) and all(not self.sounds[not name.isascii()].isdisjoint(sounds) for sounds in words)

    def meets(self, term: Term) -> bool:
        """Whether a word stands in the text, by stem or by sound."""
        return not self.stems.isdisjoint(term.stems) or self._hears(term.surface)

    def _hears(self, word: str) -> bool:
        own, others = self.sounds[word.isascii()], self.sounds[not word.isascii()]
        return any(
            sound in others
            or any(_nearly(sound, other) for other in others)
            or (len(sound) >= _SAME_SCRIPT and any(_nearly(sound, other) for other in own))
            for sound in _sounds(word)
        )


def strange_names(statement: str, known: Known) -> Iterator[str]:
    """The names in `statement`, an Arabic or English sentence, that are not among `known`."""
    listed = _listed(statement)
    for name, both in listed:
        written = statement[slice(*name.span)]
        if name.sure and known.called.isdisjoint(name.called) and not (known.says if both else known.holds)(written):
            yield written
    for span in written_names(statement):
        written = statement[slice(*span)]
        if not any(_overlap(name.span, span) for name, _ in listed) and not known.holds(written):
            yield written


def exchanged(statement: str, quote: str, title: str, sentences: Sequence[str]) -> bool:
    """Whether `statement` has a name of the tables that its quote lacks, in the place of one that the quote has.

    The name may stand elsewhere in the passage, in one of `sentences`: it is let pass when the statement shares more
    with that sentence. A name in the title goes without saying.
    """
    said, quoted = _called(statement), _called(quote)
    said_all, quoted_all = frozenset().union(*said), frozenset().union(*quoted, *_called(title))
    new = [called for called in said if called.isdisjoint(quoted_all)]
    if not new or all(not called.isdisjoint(said_all) for called in quoted):
        return False
    own = _stems(statement) - _stems(quote)
    return not all(any(_tells(sentence, called, own) for sentence in sentences) for called in new)


def _tells(sentence: str, called: frozenset[str], own: set[str]) -> bool:
    """Whether a sentence has a name, and enough else of a statement's `own` words."""
    found = [name for name, _ in _listed(sentence)]
    if all(called.isdisjoint(name.called) for name in found):
        return False
    rest = sentence
    for name in sorted(found, key=lambda name: -name.span.start):
        rest = rest[: name.span.start] + " " + rest[name.span.end :]
    return len(own & _stems(rest)) >= _OWN_WORDS


@lru_cache(maxsize=512)
def _listed(text: str) -> tuple[tuple[Name, bool], ...]:
    """The names of both tables in a text, and whether each is of the one whose names must be called so."""
    certain = tuple(names(text))
    others = (place for place in places(text) if not any(_overlap(name.span, place.span) for name in certain))
    return (*((name, True) for name in certain), *((place, False) for place in others))


def _called(text: str) -> list[frozenset[str]]:
    return [frozenset(name.called) for name, _ in _listed(text) if name.sure]


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _stems(text: str) -> set[str]:
    return {stem for term in content_terms(text) for stem in term.stems}


def _all_sounds(words: Iterable[str]) -> frozenset[str]:
    return frozenset(sound for word in words for sound in _sounds(word))


@lru_cache(maxsize=8192)
def _sounds(word: str) -> frozenset[str]:
    """The skeletons of a word: with and without a clitic, its last h as t, sh as one sound and as two."""
    forms = {word, word[1:]} if word[0] in _CLITICS and len(word) > 3 else {word}
    forms |= {form[:-1] + "ت" for form in forms if form.endswith("ه")}
    forms |= {form.replace("sh", "s-h") for form in forms if "sh" in form}
    return frozenset(sound for form in forms if (sound := _sound(form)))


def _sound(word: str) -> str:
    """The skeleton; a short one says too little, so with the vowel it opens with, or with its glides."""
    found = "" if _DIGIT.search(word) else skeleton(word).replace("z", "s")
    if len(found) < _SHORT:
        found = skeleton(word.translate(_GLIDES)) if found else ""
        return f"-{found}" if len(found) == 1 else found
    opens = "a" if word.removeprefix("ال")[:1] in _VOWELS else ""
    return found if len(found) > _SHORT else opens + found


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
