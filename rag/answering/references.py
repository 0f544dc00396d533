"""How a citation names what it is of: the title of the article, the page, and that it was read by OCR."""

from prompts import reader_message
from rag.language.languages import PROFILES
from rag.types import Language, Page

_DIGITS = "0123456789"
"""As a page is called by a document; other digits, and letters, stay as the document has them."""


def format_page(page: Page, language: Language) -> str:
    """The page as a reader of a language is told it (ص ٣, p. 3, p. iv), by its label where it has one."""
    name = page.label or str(page.number)
    if name.isdecimal():
        name = name.translate(str.maketrans(_DIGITS, PROFILES[language].digits))
    return reader_message(language, "page", page=name)


def format_title(title: str, page: Page | None, language: Language, is_ocr: bool = False) -> str:
    """A title with the page behind it, where there is one, and that it was read by OCR, where it was."""
    parts = [title, *([format_page(page, language)] if page else [])]
    parts += [reader_message(language, "ocr")] if is_ocr else []
    return PROFILES[language].list_separator.join(parts)
