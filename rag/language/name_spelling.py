"""How texts in another language spell the names of a question: Medina is المدينة المنورة, Scale AI «سكيل إيه آي»."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from rag.language.arabic.stemming import strip_definite_prefix
from rag.language.detect import contains_script, is_latin
from rag.language.document import Document
from rag.language.english.romanization import romanize
from rag.language.gazetteer import ListedName, listed_forms
from rag.language.glosses import find_glossed
from rag.language.languages import DEFAULT_LANGUAGE, NAME_PARTICLES
from rag.language.normalize import fold_text
from rag.language.phonetics import phonetic_keys
from rag.language.terms import Term
from rag.types import Span


def spell_names(question: Document, texts: Sequence[Document], articles: Sequence[str] = ()) -> dict[str, str]:
    """The names of a question that texts in another script spell, as both write them.

    Parameters
    ----------
    question : Document
        In one language.
    texts : sequence of Document
        In another.
    articles : sequence of str
        The whole of what they are parts of, where a name may stand in brackets once.

    Returns
    -------
    dict
        From how the question writes a name, or a word of one, to how a text does: by what a text has in brackets behind
        it, by the list of names, or by its sound.
    """
    found: dict[str, str] = {}
    taken: list[Span] = []
    for span, spelled in _find_spelled(question, texts, articles):
        if not any(map(span.overlaps, taken)):
            taken.append(span)
            if spelled:
                found[question.text[slice(*span)]] = spelled
    return found


def write_names(text: str, spellings: Mapping[str, str]) -> str:
    """A text with names as `spell_names` gives them."""
    if not spellings:
        return text
    longest_first = sorted(spellings, key=len, reverse=True)
    names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    return names.sub(lambda name: spellings[name.group()], text)


def _find_spelled(
    question: Document, texts: Sequence[Document], articles: Sequence[str]
) -> Iterator[tuple[Span, str | None]]:
    """Names of a question with how a text spells them, the surest first; None: by nothing that is less sure."""
    for article in articles or [text.text for text in texts]:
        yield from find_glossed(question.text, article)
    folded = [text.folded_text.text for text in texts]
    for name in question.listed_names:
        yield name.span, _spell_listed(question.text[slice(*name.span)], name, folded)
    if question.mentions:
        yield from _spell_by_sound(question, texts)


def _spell_listed(written: str, name: ListedName, texts: Sequence[str]) -> str | None:
    """The first listed form in the other script that stands in a text; None for an adjective, whose form would have to
    agree with its noun."""
    in_default = contains_script(written, DEFAULT_LANGUAGE)  # `is_latin` knows ASCII alone
    for canonical in name.canonical_names:
        forms = listed_forms(canonical)
        own = [form for form in forms if contains_script(form, DEFAULT_LANGUAGE) == in_default]
        if not (fold_text(written).endswith(fold_text(own[0])) or written.isupper()):
            continue
        for form in forms:
            if form not in own and any(fold_text(form) in text for text in texts):
                return form
    return None


def _spell_by_sound(question: Document, texts: Sequence[Document]) -> Iterator[tuple[Span, str | None]]:
    by_sound = _words_by_sound(texts, is_latin(question.text[question.mentions[0].start]))
    for mention in question.mentions:
        name = question.part(mention)
        for term in name.content_terms:
            written = name.text[slice(*term.span)]
            if term.surface in NAME_PARTICLES or written.isupper():
                continue
            alike = {word for key in _sounds(term, name.text) for word in by_sound.get(key, ())}
            if alike:
                span = Span(mention.start + term.span.start, mention.start + term.span.end)
                yield span, max(sorted(alike), key=lambda word: _likeness(word, written))


def _words_by_sound(texts: Sequence[Document], is_other_latin: bool) -> Mapping[str, set[str]]:
    found = defaultdict(set)
    for text in texts:
        for term in text.content_terms:
            if is_latin(term.surface) != is_other_latin and term.surface[0].isalpha():
                for key in _sounds(term, text.text):
                    found[key].add(text.text[slice(*term.span)])
    return found


def _sounds(term: Term, text: str) -> Iterator[str]:
    """The sounds of a term; s may be z in the other language, as in Louisiana (لويزيانا)."""
    return (key.replace("z", "s") for key in phonetic_keys(term, text))


def _likeness(word: str, name: str) -> tuple[bool, float]:
    """How like a word is to a name that sounds so: rather one that has no article or preposition before it, then by the
    letters of both in Latin script."""
    folded = fold_text(word)
    one, other = (fold_text(each if is_latin(each) else romanize(each)) for each in (word, name))
    return strip_definite_prefix(folded) == folded, SequenceMatcher(None, one, other, autojunk=False).ratio()
