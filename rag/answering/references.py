"""How a citation names what it is of: the title of the article, the headings above the words, the page, and that these
were read by OCR."""

from collections.abc import Sequence

from prompts import reader_message
from rag.language.controls import isolate_text
from rag.language.languages import PROFILES
from rag.types import Language, Page

SECTION_SEPARATOR = " › "
"""Between a heading and the one beneath it; Unicode turns it round where text runs from right to left."""
_DIGITS = "0123456789"
"""As a page is called by a document; other digits, and letters, stay as the document has them."""


def format_page(page: Page, language: Language) -> str:
    """The page as a reader of a language is told it (ص ٣, p. 3, p. iv), by its label where it has one."""
    name = page.label or str(page.number)
    if name.isdecimal():
        name = name.translate(str.maketrans(_DIGITS, PROFILES[language].digits))
    return reader_message(language, "page", page=name)


def format_title(
    title: str, page: Page | None, language: Language, section: Sequence[str] = (), is_ocr: bool = False
) -> str:
    """A title with the headings and the page behind it, where there are some, and that it was read by OCR.

    Title and headings are isolated where there are several: one that begins with a number or is in another script
    would change places with its neighbours.
    """
    path = SECTION_SEPARATOR.join(map(isolate_text, (title, *section))) if section else title
    parts = [path, *([format_page(page, language)] if page else [])]
    parts += [reader_message(language, "ocr")] if is_ocr else []
    return PROFILES[language].list_separator.join(parts)
