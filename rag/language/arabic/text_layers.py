"""What engines are known to get wrong in Arabic text, put right where the text itself shows it."""

import re
import unicodedata

_LETTER = "ء-غف-ي"
_MARK = "\u064b-\u0652\u0670"
_CUT_AFTER_TANWEEN = re.compile(f"([\u064c\u064d](?=[{_LETTER}])|\u064b(?=[ء-ئب-غف-ه])|ا\u064b(?=[{_LETTER}]))")
"""A tanween ends a word, except that of fatha before its alef or alef maqsura."""
_BEFORE_PRAYER = re.compile(r"(?<=[^\s«(])(?=صلى الله عليه وسلم)")
"""The ligature ﷺ written out."""
_TRAILING_SIGN = re.compile(r"^(\d+(?:[.,٫]\d+)?)-$")
_PERCENT_FIRST = re.compile(r"^([%٪])\s*([A-Za-z].*)$")
_FULL_STOP_FIRST = re.compile(r"(?<!\S)\.([A-Za-z][\w@.:/?=&%+-]*)$", re.MULTILINE)
"""A full stop that stands behind a Latin word and was taken for its beginning."""
_PUNCTUATION_FIRST = re.compile(r"(?<!\S)([،.؛:]*)([٪%]?)([0-9٠-٩]+(?:[.,٫٬][0-9٠-٩]+)*)(?=\s|$)")
_SPACE_BEFORE_MARK = re.compile(f"(?<=[{_LETTER}{_MARK}]) +(?=[{_MARK}])")
_ONLY_MARKS = re.compile(f"^[{_MARK}\\s]*$")
_SECOND_GLYPH = re.compile(r"(?<=ال)\ufffd(?=[ء-ي])|(?<=ا)\ufffd(?=ل)")
"""The second glyph of a letter of two, beside the article (files of fpdf2): no letter is missing there."""
_PRESENTATION_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
_STRETCH = re.compile(f"(?<=[{_LETTER}{_MARK}])\u0640+(?=[{_LETTER}])|(?<!\\S)\u0640+(?=[{_LETTER}])")
"""Strokes between letters, which fonts put in."""
_MIRRORED = str.maketrans("()[]{}«»", ")(][}{»«")
_OPENING, _CLOSING = "([{«", ")]}»"


def repair_line(text: str) -> str:
    """A line of either engine: letters for presentation forms, words parted after a tanween."""
    plain = _PRESENTATION_FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)
    plain = _SECOND_GLYPH.sub("", plain)
    plain = _BEFORE_PRAYER.sub(" ", _CUT_AFTER_TANWEEN.sub(r"\1 ", plain))
    plain = _FULL_STOP_FIRST.sub(r"\1.", plain)
    return "" if _ONLY_MARKS.match(plain) else " ".join(plain.split())


def repair_glyphs(text: str) -> str:
    """A line put together from its glyphs: letters for presentation forms, no strokes that only stretch a word."""
    plain = _PRESENTATION_FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)
    return " ".join(_STRETCH.sub("", plain).split())


def repair_cell(text: str) -> str:
    """A cell of a table: "-5" and "Change %", which come out as "5-" and "% Change" on Arabic pages."""
    plain = repair_line(text)
    return _PERCENT_FIRST.sub(r"\2 \1", _TRAILING_SIGN.sub(r"-\1", plain))


def repair_plain_line(text: str) -> str:
    """A line as PDFium has it: marks on their letters, punctuation behind the number that it belongs to."""
    return repair_line(_PUNCTUATION_FIRST.sub(r"\3\2\1", _SPACE_BEFORE_MARK.sub("", text)))


def pair_brackets(lines: list[str]) -> list[str]:
    """The lines of a page with its brackets mirrored where that pairs more of them: some fonts name them by their
    shape."""
    mirrored = [line.translate(_MIRRORED) for line in lines]
    if count_unpaired(" ".join(mirrored)) < count_unpaired(" ".join(lines)):
        lines = mirrored
    return [
        other if count_unpaired(other) + 1 < count_unpaired(line) else line
        for line, other in zip(lines, (line.translate(_MIRRORED) for line in lines), strict=True)
    ]


def count_unpaired(text: str) -> int:
    """How many brackets of a text have no other half."""
    unpaired = 0
    waiting: list[str] = []
    for char in text:
        if char in _OPENING:
            waiting.append(char)
        elif char in _CLOSING:
            if waiting and waiting[-1] == _OPENING[_CLOSING.index(char)]:
                waiting.pop()
            else:
                unpaired += 1
    return unpaired + len(waiting)
