"""What Tesseract's models of the Arabic script get wrong in Arabic: letters and digits of Persian and Urdu, and Latin
marks in place of Arabic ones."""

import re

from rag.language.arabic.letters import LETTER_CLASS, MARK_CLASS

_LETTERS = str.maketrans("کڪگیےېہھەۀ", "كككيييهههه")
_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩")
_CONTROLS = re.compile("[\u200b-\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]")
"""Put between Arabic and Latin words, and of no meaning where a line is in logical order."""
_MARK_FIRST = re.compile("(?<!\\S)([.،؛:])([٠-٩]+(?:[.,٫٬/][٠-٩]+)*)(?!\\S)")
"""A mark that stands behind a number and was taken for its beginning."""
_LATIN_MARK = re.compile(f"(?<=[{LETTER_CLASS}{MARK_CLASS}])[,;?](?!\\S)")
_ARABIC_MARKS = str.maketrans(",;?", "،؛؟")
_HAMZA_WORDS = "بدء برء بطء جزء خبء درء دفء ردء رزء عبء قرء كفء مرء ملء نشء هزء وطء".replace(" ", "|")
_COMMA_AS_HAMZA = re.compile(
    f"(?<![{LETTER_CLASS}])(?![{LETTER_CLASS}]*(?:{_HAMZA_WORDS})(?![{LETTER_CLASS}]))"
    f"([{LETTER_CLASS}]{{2,}}[^\\Wاوىيئؤإأآء])ء(?![^\\W])"
)
"""Of words that end in a consonant and a hamza there are these; behind others it is the comma that was taken for it."""
_ENDS_IN_YA = re.compile(r"(?<![^\W\d_])[^\W\d_]+ي(?![^\W\d_])")
_WITH_MAQSURA = {
    word[:-1] + "ي": word
    for word in (
        "على وعلى فعلى إلى وإلى حتى وحتى لدى متى سوى مدى أدنى أقصى أعلى أولى الأولى أخرى الأخرى كبرى الكبرى "
        "معنى بمعنى مستوى المستوى مبنى المبنى مستشفى المستشفى منتدى مقهى إحدى يبقى يسمى تسمى يدعى تدعى"
    ).split()
}
"""Words that end in alef maqsura, which the Persian letter stands for as well."""


def repair_ocr_line(text: str) -> str:
    """A line as Tesseract reads it, with the letters and digits of Arabic."""
    had_persian = "ی" in text
    plain = _CONTROLS.sub("", text).translate(_LETTERS).translate(_DIGITS)
    if had_persian:
        plain = _ENDS_IN_YA.sub(lambda word: _WITH_MAQSURA.get(word[0], word[0]), plain)
    marked = _LATIN_MARK.sub(lambda mark: mark[0].translate(_ARABIC_MARKS), _MARK_FIRST.sub(r"\2\1", plain))
    return " ".join(_COMMA_AS_HAMZA.sub(r"\1،", marked).split())
