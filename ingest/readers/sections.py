"""The parts of a document, each with its name as a line above its words, so that a citation shows which it is from."""

from collections.abc import Iterable
from typing import NamedTuple

from ingest.readers.headings import mark_heading, remove_marks
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
    """The text of a document, the names marked as headings; a name that its section begins with anyway stands once, and
    sections without words are left out."""
    return "\n\n".join(_write(section) for section in sections if section.text.strip())


def choose_words(text: str, *words: str) -> str:
    """The words in the language of a text, of those in each of `LANGUAGES`: what we say inside a document is in its
    language."""
    return words[LANGUAGES.index(Document(text).language)]


def _write(section: Section) -> str:
    text = section.text.strip()
    if not section.name:
        return text
    first, line_end, rest = text.partition("\n")
    name = mark_heading(section.name, 1)
    return f"{name}{line_end}{rest}" if remove_marks(first).strip() == section.name else f"{name}\n\n{text}"
