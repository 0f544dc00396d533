"""Names that are listed: those that sound unlike in the two languages, and countries and cities.

`data/names.tsv` has the first kind, with what is called after them: Egypt and مصر, Dutch and هولندي. Names that are
carried over by sound need no entry. `data/places.tsv` has the second kind.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from rag.language.data import read_rows
from rag.language.detect import is_latin
from rag.language.normalize import FoldedText, fold_text
from rag.types import Span

_CLITICS = ("و", "ف", "ب", "ل", "ك", "لل", "وب", "ول", "فب", "فل")
_ARTICLE = "ال"
_DOUBLED_LAM = "لل"
"""The preposition ل before the article, whose alef is dropped."""
_MAX_LETTERS_WITHOUT_ARTICLE = 4
"""A word of more letters may begin with the article."""
_ADJECTIVE_ENDING = "ي"
_DECLENSION = ("ة", "ون", "ين", "ات")
"""Of an adjective in ي."""
_ALSO_WORD = "؟"
"""Behind a form that is an ordinary word as well."""
_MAX_NAME_WORDS = 5
_MIN_LETTERS_AFTER_CLITIC = 3
_WORD = re.compile(r"[^\W_]+")


class ListedName(NamedTuple):
    """A listed name in a text.

    Attributes
    ----------
    span : Span
        Where it stands in the text as written.
    canonical_names : tuple of str
        What it may be called in English, folded; several where it is ambiguous (عمان is Oman or Amman).
    unambiguous : bool
        Whether it can be no ordinary word.
    differs_in_sound : bool
        Whether it sounds unlike in the two languages, so that it is met by its list alone.
    """

    span: Span
    canonical_names: tuple[str, ...]
    unambiguous: bool
    differs_in_sound: bool


class _Form(NamedTuple):
    """A form of a name, by the words behind its first one. `is_capitals`: all of it, WHO is not who."""

    rest: tuple[str, ...]
    canonical_names: tuple[str, ...]
    unambiguous: bool
    is_capitals: bool


class Gazetteer:
    """Listed names, found in a text by the first word of each form.

    Parameters
    ----------
    rows : sequence of (str, str)
        English and Arabic forms of each name, parted by `, `; the first English form is its canonical name.
    differ_in_sound : bool
        Whether the names sound unlike in the two languages. Such names are also met without the Arabic article, and
        adjectives among them in every ending.
    """

    def __init__(self, rows: Sequence[Sequence[str]], differ_in_sound: bool) -> None:
        self._differ_in_sound = differ_in_sound
        self._written = _written_forms(rows)
        self._forms = _forms_by_first_word(rows, declines=differ_in_sound)
        self._forms_beginning: Callable[[str], tuple[_Form, ...]] = lru_cache(maxsize=65536)(self._read_first_word)

    def find(self, text: FoldedText, include_nested: bool = False) -> Iterator[ListedName]:
        """The names that stand in a text, the longest at each place; Latin ones with a capital.

        Parameters
        ----------
        text : FoldedText
            The text.
        include_nested : bool
            Also names that are part of a longer one, as Africa is of South Africa.
        """
        words = [(match.group(), match.start(), match.end()) for match in _WORD.finditer(text.text)]
        following = 0
        for at, (word, start, _) in enumerate(words):
            forms = self._forms_beginning(word) if include_nested or at >= following else ()
            form = _longest_form(forms, words[at + 1 : at + _MAX_NAME_WORDS]) if forms else None
            if form is not None:
                following = at + 1 + len(form.rest)
                span = text.source_span(start, words[following - 1][2])
                if _is_written_as_name(text.source[slice(*span)], form):
                    yield ListedName(span, form.canonical_names, form.unambiguous, self._differ_in_sound)

    def forms_of(self, canonical_name: str) -> tuple[str, ...]:
        """The listed forms of a name, as they are written: those that are ordinary words as well come last."""
        return self._written.get(canonical_name, ())

    def _read_first_word(self, word: str) -> tuple[_Form, ...]:
        return tuple(form for reading in _readings(word) for form in self._forms.get(reading, ()))


@cache
def names() -> Gazetteer:
    """Names that sound unlike in the two languages, and what is called after them."""
    return Gazetteer(read_rows("names"), differ_in_sound=True)


@cache
def places() -> Gazetteer:
    """Countries and cities. Where a place is spelled otherwise in a text, it is not called as here."""
    return Gazetteer(read_rows("places"), differ_in_sound=False)


def listed_forms(canonical_name: str) -> tuple[str, ...]:
    """The listed forms of a name or a place, as `Gazetteer.forms_of` gives them."""
    return names().forms_of(canonical_name) or places().forms_of(canonical_name)


def _written_forms(rows: Sequence[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The forms of each name as they are written, by its canonical name."""
    written: dict[str, list[str]] = {}
    for english, arabic in rows:
        forms = [*english.split(", "), *arabic.split(", ")]
        written.setdefault(fold_text(english.split(",")[0]), []).extend(forms)
    return {
        name: tuple(form.rstrip(_ALSO_WORD) for form in sorted(forms, key=lambda form: form.endswith(_ALSO_WORD)))
        for name, forms in written.items()
    }


def _forms_by_first_word(rows: Sequence[Sequence[str]], declines: bool) -> dict[str, list[_Form]]:
    """Each folded form under its first word, longest first."""
    canonical: dict[tuple[str, ...], list[str]] = {}
    ambiguous, capitals = set(), set()
    for english, arabic in rows:
        for form in (*english.split(", "), *_arabic_forms(arabic, declines)):
            key = tuple(_WORD.findall(fold_text(form)))
            canonical.setdefault(key, []).append(fold_text(english.split(",")[0]))
            if form.endswith(_ALSO_WORD):
                ambiguous.add(key)
            if form.isupper():
                capitals.add(key)
    by_first_word: dict[str, list[_Form]] = {}
    for key, found in sorted(canonical.items(), key=lambda item: -len(item[0])):
        known = _Form(key[1:], tuple(dict.fromkeys(found)), key not in ambiguous, key in capitals)
        by_first_word.setdefault(key[0], []).append(known)
    return by_first_word


def _arabic_forms(arabic: str, declines: bool) -> Iterator[str]:
    for form in arabic.split(", "):
        if not declines:
            yield form
            continue
        bare = " ".join(map(_strip_article, form.split()))
        yield bare
        if bare.endswith(_ADJECTIVE_ENDING):
            yield from (bare + ending for ending in _DECLENSION)


def _strip_article(word: str) -> str:
    return word.removeprefix(_ARTICLE) if len(word) > _MAX_LETTERS_WITHOUT_ARTICLE else word


def _is_written_as_name(written: str, form: _Form) -> bool:
    if is_latin(written[0]) and written[0].islower():
        return False
    return not form.is_capitals or written.isupper()


def _longest_form(forms: Sequence[_Form], following: Sequence[tuple[str, int, int]]) -> _Form | None:
    """The longest of the forms that go on with the words that follow."""
    matching = (form for form in forms if _continues(form, following))
    return max(matching, key=lambda form: len(form.rest), default=None)


def _continues(form: _Form, following: Sequence[tuple[str, int, int]]) -> bool:
    return len(form.rest) <= len(following) and all(
        expected in (word, _strip_article(word)) for expected, (word, *_) in zip(form.rest, following, strict=False)
    )


def _readings(word: str) -> Iterator[str]:
    """A first word as it is, and without a clitic and the article."""
    yield from dict.fromkeys((_strip_article(word), word))
    for clitic in _CLITICS:
        if word.startswith(clitic) and len(word) - len(clitic) >= _MIN_LETTERS_AFTER_CLITIC:
            rest = word[len(clitic) :]
            with_article = (_ARTICLE + rest,) if clitic.endswith(_DOUBLED_LAM) else ()
            yield from dict.fromkeys((_strip_article(rest), rest, *with_article))
