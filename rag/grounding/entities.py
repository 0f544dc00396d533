"""Names in a statement that the article does not have: what a model made up, or took from elsewhere.

A name is known when the gazetteer has one for it in the article, or its words stand there by stem or by sound.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from rag.language.arabic.stemming import CLITICS
from rag.language.detect import is_latin
from rag.language.document import Document
from rag.language.languages import NAME_PARTICLES
from rag.language.phonetics import consonant_skeleton
from rag.language.terms import Term

_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[’'ʿʾ](?=[^\W\d_]{2})")
"""Within a name: al-Ma'mun."""
_DIGIT = re.compile(r"[0-9]")
_ABBREVIATION = re.compile(r"\b[A-Z][A-Z0-9]+(?:['’]s?)?\b|\b[A-Z]\b")
_GLIDES_AS_CONSONANTS = str.maketrans("wو", "vف")
"""For names that have hardly another consonant: Bawwab."""
_OPENING_VOWELS = frozenset("aeiouاعآ")
_MIN_LETTERS_WITH_CLITIC = 3
_SHORT_SKELETON = 2
"""Consonants of a skeleton that says too little by itself."""
_MIN_PREFIX_SKELETON = 3
"""Consonants of a skeleton that another may begin with; one more, and they may differ in one sound."""
_MIN_SAME_SCRIPT_SKELETON = 4
"""Consonants from which a likeness of sound tells something within one script, where names are spelled alike."""
_MIN_SHARED_STEMS = 2
"""That a statement shares with the sentence of a name, beside what it shares with its quote, when it rests on both."""


@dataclass(frozen=True, slots=True)
class EntityIndex:
    """What a text offers for names to be matched with.

    Attributes
    ----------
    stems : frozenset of str
        Of its content words.
    latin_sounds, other_sounds : frozenset of str
        Consonant skeletons of its words in Latin letters, and of the others.
    canonical_names : frozenset of str
        Of the listed names in it.
    has_abbreviations : bool
        In Latin capitals. Where it has none, an abbreviation (IPCC) may stand for the words of a name.
    """

    stems: frozenset[str]
    latin_sounds: frozenset[str]
    other_sounds: frozenset[str]
    canonical_names: frozenset[str]
    has_abbreviations: bool

    @classmethod
    def of(cls, document: Document) -> Self:
        """Index a text."""
        words = [term.surface for term in document.content_terms]
        listed = (*document.nested_names, *document.places)
        return cls(
            document.content_stems,
            _sounds_of_words(word for word in words if is_latin(word)),
            _sounds_of_words(word for word in words if not is_latin(word)),
            frozenset(canonical for name in listed for canonical in name.canonical_names),
            _ABBREVIATION.search(document.text) is not None,
        )

    def union(self, other: Self) -> Self:
        """The index of both texts together."""
        return type(self)(
            self.stems | other.stems,
            self.latin_sounds | other.latin_sounds,
            self.other_sounds | other.other_sounds,
            self.canonical_names | other.canonical_names,
            self.has_abbreviations or other.has_abbreviations,
        )

    def contains(self, name: Document) -> bool:
        """Whether most of a name's words stand in the text, by stem or by sound.

        Of two words the last one will do, since a given name may be added. Costa Rica may be one word.
        """
        written = name.text if self.has_abbreviations else _ABBREVIATION.sub("", name.text)
        written = _APOSTROPHE.sub("", written)
        document = name if written == name.text else Document(written)
        words = [term for term in document.content_terms if term.surface not in NAME_PARTICLES]
        met = [self.contains_word(term) for term in words]
        has_most = 2 * sum(met) > len(met) or (len(met) == 2 and met[-1])
        return not words or has_most or self._sounds_alike("".join(term.surface for term in words))

    def contains_phonetic(self, name: Document) -> bool:
        """Whether each word of a name stands in the text in the other script, sound by sound: John may be جون."""
        other = self.other_sounds if is_latin(name.text) else self.latin_sounds
        words = [_sounds_of(term.surface) for term in name.content_terms]
        return bool(words) and all(not other.isdisjoint(sounds) for sounds in words)

    def contains_word(self, term: Term) -> bool:
        """Whether a word stands in the text, by stem or by sound."""
        return not self.stems.isdisjoint(term.stems) or self._sounds_alike(term.surface)

    def _sounds_alike(self, word: str) -> bool:
        own, other = self.latin_sounds, self.other_sounds
        if not is_latin(word):
            own, other = other, own
        return any(
            sound in other
            or any(_is_similar(sound, one) for one in other)
            or (len(sound) >= _MIN_SAME_SCRIPT_SKELETON and any(_is_similar(sound, one) for one in own))
            for sound in _sounds_of(word)
        )


def unsupported_entities(statement: Document, known: EntityIndex) -> Iterator[str]:
    """The names in a sentence that are not in `known`, as they are written in it."""
    for name in statement.listed_names:
        written = statement.part(name.span)
        is_called_so = not known.canonical_names.isdisjoint(name.canonical_names)
        if not name.unambiguous or is_called_so:
            continue
        if not (known.contains_phonetic(written) if name.differs_in_sound else known.contains(written)):
            yield written.text
    for span in statement.mentions:
        is_listed = any(name.span.overlaps(span) for name in statement.listed_names)
        if not is_listed and not known.contains(statement.part(span)):
            yield statement.text[slice(*span)]


def has_swapped_entity(
    statement: Document, quotes: Sequence[Document], titles: Sequence[Document], sentences: Iterable[Document]
) -> bool:
    """Whether a statement has a listed name that its quotes lack, in the place of one that the quotes have.

    Parameters
    ----------
    statement : Document
        A sentence of an answer.
    quotes : sequence of Document
        What supports it.
    titles : sequence of Document
        Of the articles; a name in a title goes without saying.
    sentences : iterable of Document
        Of the passages. A name that stands in one of them is let pass when the statement shares more with that
        sentence.
    """
    said = _canonical_names(statement)
    quoted = [names for quote in quotes for names in _canonical_names(quote)]
    all_said = frozenset[str]().union(*said)
    may_be_quoted = [name.canonical_names for one in (*quotes, *titles) for name in one.listed_names]
    all_quoted = frozenset[str]().union(*may_be_quoted)
    new = [names for names in said if names.isdisjoint(all_quoted)]
    if not new or all(not names.isdisjoint(all_said) for names in quoted):
        return False
    own_stems = statement.content_stems.difference(*(quote.content_stems for quote in quotes))
    others = list(sentences)
    return not all(any(_tells_of(sentence, names, own_stems) for sentence in others) for names in new)


def _canonical_names(document: Document) -> list[frozenset[str]]:
    return [frozenset(name.canonical_names) for name in document.listed_names if name.unambiguous]


def _tells_of(sentence: Document, canonical_names: frozenset[str], stems: frozenset[str]) -> bool:
    """Whether a sentence has a name, and enough else of the given stems."""
    if all(canonical_names.isdisjoint(name.canonical_names) for name in sentence.listed_names):
        return False
    spans = [name.span for name in sentence.listed_names]
    rest = (term for term in sentence.content_terms if not any(map(term.span.overlaps, spans)))
    return len(stems.intersection(stem for term in rest for stem in term.stems)) >= _MIN_SHARED_STEMS


def _sounds_of_words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(sound for word in words for sound in _sounds_of(word))


def _sounds_of(word: str) -> frozenset[str]:
    """The skeletons of a word: with and without a clitic, its last h as t, sh as one sound and as two."""
    forms = {word, word[1:]} if word[0] in CLITICS and len(word) > _MIN_LETTERS_WITH_CLITIC else {word}
    forms |= {form[:-1] + "ت" for form in forms if form.endswith("ه")}
    forms |= {form.replace("sh", "s-h") for form in forms if "sh" in form}
    return frozenset(sound for form in forms if (sound := _sound_of(form)))


def _sound_of(word: str) -> str:
    """The skeleton; a short one says too little, so with the vowel it opens with, or with its glides."""
    skeleton = "" if _DIGIT.search(word) else consonant_skeleton(word).replace("z", "s")
    if len(skeleton) < _SHORT_SKELETON:
        with_glides = consonant_skeleton(word.translate(_GLIDES_AS_CONSONANTS)) if skeleton else ""
        return f"-{with_glides}" if len(with_glides) == 1 else with_glides
    opening = "a" if word.removeprefix("ال")[:1] in _OPENING_VOWELS else ""
    return skeleton if len(skeleton) > _SHORT_SKELETON else opening + skeleton


def _is_similar(one: str, other: str) -> bool:
    """Whether two skeletons differ in one sound at most, or one begins the other."""
    short, long = sorted((one, other), key=len)
    if len(short) < _MIN_PREFIX_SKELETON or len(long) - len(short) > 2:
        return False
    if long.startswith(short):
        return True
    if len(short) == _MIN_PREFIX_SKELETON:
        return False
    same = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return len(long) - len(short) < 2 and short[same + (len(short) == len(long)) :] == long[same + 1 :]
