"""The parts of a document, each with its name as a line above its words, so that a citation shows which it is from."""

from collections.abc import Iterable
from typing import NamedTuple

from rag.language.document import Document
from rag.language.languages import LANGUAGES


class Section(NamedTuple):
    """A slide, a sheet, a chapter.

    Attributes
    ----------
    name : str
        One line; may be empty.
    text : str
        Its words.
    """

    name: str
    text: str


def join_sections(sections: Iterable[Section]) -> str:
    """The text of a document; a name that its section begins with anyway stands once, and sections without words are
    left out."""
    return "\n\n".join(_write(section) for section in sections if section.text.strip())


def choose_words(text: str, *words: str) -> str:
    """The words in the language of a text, of those in each of `LANGUAGES`: what we say inside a document is in its
    language."""
    return words[LANGUAGES.index(Document(text).language)]


def _write(section: Section) -> str:
    text = section.text.strip()
    is_there = text.partition("\n")[0].strip() == section.name
    return text if is_there or not section.name else f"{section.name}\n\n{text}"
