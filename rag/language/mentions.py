"""Names in a sentence by how they are written: capitals, quotation marks, and the words that a name follows."""

from collections.abc import Iterator

from rag.language.detect import contains_script
from rag.language.languages import DEFAULT_LANGUAGE, PROFILES, other_language
from rag.language.normalize import FoldedText
from rag.types import Span


def find_mentions(text: FoldedText) -> Iterator[Span]:
    """The spans of names in a sentence, in its text as written, by the rules of its script.

    A sentence with a letter of the default language is read by that language's rules, since names in another script
    stand in it as well.
    """
    language = DEFAULT_LANGUAGE
    if not contains_script(text.source, language):
        language = other_language(language)
    yield from PROFILES[language].find_mentions(text)
