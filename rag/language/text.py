"""The one home of Arabic and English text rules.

Everything that must treat two spellings as one (search keys, number checks, answer languages) goes through
this module, and nothing else in Dalil looks inside words. All offsets are code points of the text as given.
"""

import re
import unicodedata
from array import array
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count, repeat
from typing import NamedTuple

import snowballstemmer

from rag.types import Language, Span

FOLDING_VERSION = 3
"""Part of the pipeline fingerprint: raise it whenever `fold`, `plain`, `sentences` or `terms` give other results."""

# ---------------------------------------------------------------------------------------------------------
# Folding

_LETTERS = str.maketrans(
    {
        "ٱ": "ا",
        "ى": "ي",
        "ة": "ه",
        # Persian and Urdu look-alikes that keyboards and PDF tools leave in Arabic text
        "ی": "ي",
        "ې": "ي",
        "ے": "ي",
        "ک": "ك",
        "ہ": "ه",
        "ھ": "ه",
        "ە": "ه",
        "٫": ".",
        "٪": "%",
    }
)
_TATWEEL_AND_SMALL_LETTERS = "\u0640\u06e5\u06e6"
_THOUSANDS = (re.compile(r"(?<=[0-9])٬(?=[0-9])"), re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))"))


def _dropped(char: str) -> bool:
    """Vowel signs and every other mark, tatweel, zero-width and bidirectional controls, BOM."""
    return char in _TATWEEL_AND_SMALL_LETTERS or unicodedata.category(char) in ("Mn", "Me", "Cf")


@lru_cache(maxsize=65536)
def _fold_char(char: str) -> str:
    """The search form of one character: "" when it carries none, several characters for a ligature."""
    folded = char
    for _ in range(4):  # a fixed point: lower-casing or mapping may open another decomposition
        parts = (part for part in unicodedata.normalize("NFKD", folded) if not _dropped(part))
        step = "".join(str(unicodedata.decimal(part, part)) for part in parts).translate(_LETTERS).lower()
        if step == folded:
            break
        folded = step
    return _apart(char) + folded


def _apart(char: str) -> str:
    """A space before a raised digit or a fraction, which is no digit of the number it stands behind (1908¹, 1½)."""
    raised = unicodedata.decomposition(char).startswith(("<super>", "<fraction>"))
    return " " if raised and char.isnumeric() else ""


@dataclass(frozen=True, slots=True)
class Folded:
    """A search key with the way back: `offsets[i]` is where folded character i begins in `source`."""

    text: str
    source: str
    offsets: "array[int]"

    def span(self, start: int, end: int) -> Span:
        """The span of `source` behind `text[start:end]`, with the marks that follow its last letter."""
        if start >= end:
            at = self.offsets[start] if start < len(self.text) else len(self.source)
            return Span(at, at)
        after = self.offsets[end] if end < len(self.text) else len(self.source)
        return Span(self.offsets[start], max(self.offsets[end - 1] + 1, after))


@lru_cache(maxsize=8)  # names, terms and numbers of one text are looked for in turn; few, since a text may be long
def fold(text: str) -> Folded:
    """Bring spellings of the same words together, remembering where each character came from.

    Compatibility forms are unfolded, every mark (tashkeel, hamza above and below, accents), tatweel and
    invisible control is dropped, alef, ya and ta marbuta take one form, digits become 0-9, thousands
    separators go, Latin is lower case. Idempotent and linear in the length of `text`. A search key: never
    show it. Marks are dropped rather than composed (NFKD where the field often says NFKC) because that makes
    folding a map from single characters, so its offsets are exact on any input.
    """
    pieces = list(map(_fold_char, text))
    offsets = array("q", chain.from_iterable(map(repeat, count(), map(len, pieces))))
    key = "".join(pieces)
    for separator in _THOUSANDS:
        dropped = {match.start() for match in separator.finditer(key)}
        if dropped:
            offsets = array("q", (offset for at, offset in enumerate(offsets) if at not in dropped))
            key = separator.sub("", key)
    return Folded(key, text, offsets)


def folded(text: str) -> str:
    """`fold(text).text`, for callers that need no way back."""
    return fold(text).text


def plain(text: str) -> str:
    """`text` as an embedding model should read it: compatibility forms unfolded, digits 0-9; tashkeel, tatweel and
    invisible controls gone, so that a vocalised text and a bare one have one vector. Letters stay as they are."""
    return "".join(map(_plain_char, _HAMZA.sub(_composed, text)))


_HAMZA = re.compile("([اوي])([\u064b-\u0652\u0670]{0,3})([\u0653-\u0655])")
"""A letter whose hamza or madda stands apart, perhaps after a vowel sign: a letter of its own, not a mark."""


def _composed(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match[1] + match[3]) + match[2]


@lru_cache(maxsize=65536)
def _plain_char(char: str) -> str:
    unfolded = unicodedata.normalize("NFKC", char)
    return _apart(char) + "".join(str(unicodedata.decimal(part, part)) for part in unfolded if not _dropped(part))


# ---------------------------------------------------------------------------------------------------------
# Sentences

_CONTROLS = "\u200e\u200f\u202c\u2069"
"""Marks and closers of direction, which editors leave behind a full stop."""
_END = re.compile(rf"[.!?؟۔…]+[\"'”’»›)\]}}*_{_CONTROLS}]*|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_ABBREVIATIONS = frozenset(
    (
        "هـ مج تر dr mr mrs ms prof st jr sr vs no vol fig eq al inc ltd co etc "
        "ph.d approx dept est jan feb mar apr jun jul aug sep sept oct nov dec"
    ).split()
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_NUMBER = re.compile(r"[0-9]{1,3}")
_CAPITALISED = re.compile(r"\s*[A-Z][a-z]")
_LOOK_BACK = 24
"""Abbreviations, initials and list numbers are shorter than this; no more is read back from a full stop."""


def _stop_ends(text: str, at: int) -> bool:
    """Whether the single full stop at `at`, followed by white space, ends a sentence."""
    window = text[max(0, at - _LOOK_BACK) : at]
    line = re.split(r"[\r\n]", window)[-1]
    whole_line = at <= _LOOK_BACK or len(line) < len(window)
    words = folded(line).split()
    if not words:
        return True
    word = words[-1].lstrip("(«“\"'[")
    if len(words) == 1 and whole_line and _LIST_NUMBER.fullmatch(word):
        return False
    if len(words) > 1 and words[-2][-1].isdigit():
        # "1908 م." and "354 هـ." close a date, they do not open a name; "6 p.m." closes a sentence before a capital
        return not word.isascii() or bool(_CAPITALISED.match(text, at + 1))
    return word not in _ABBREVIATIONS and not _INITIALS.fullmatch(word)


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    mark = match.group()
    if mark.isspace() or "؟" in mark or "۔" in mark:
        return True
    followed = match.end() == len(text) or text[match.end()].isspace()
    return followed and (mark.rstrip(_CONTROLS) != "." or _stop_ends(text, match.start()))


def sentences(text: str) -> list[Span]:
    """Sentence spans that cover `text` without gap or overlap, each with its trailing white space.

    Ends are `. ! ? ؟ ۔ …` before white space (the Arabic question mark needs none), and line breaks; never
    the comma. Decimals, abbreviations, initials and the number of a list item end nothing. Linear in the
    length of `text`; an empty text has no sentence.
    """
    spans: list[Span] = []
    start = 0
    while start < len(text) and text[start].isspace():
        start += 1
    first, start = start, 0
    for match in _END.finditer(text, first):
        if match.start() < start or not _ends_sentence(text, match):
            continue  # white space already taken, or no end
        end = match.end()
        while end < len(text) and text[end].isspace():
            end += 1
        spans.append(Span(start, end))
        start = end
    if start < len(text):
        spans.append(Span(start, len(text)))
    return spans


def trimmed(text: str, span: Span) -> Span:
    """`span` without the white space at both its ends."""
    piece = text[span.start : span.end]
    start = span.start + len(piece) - len(piece.lstrip())
    return Span(start, max(start, span.start + len(piece.rstrip())))


# ---------------------------------------------------------------------------------------------------------
# Terms

_WORD = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)*)"
    r"|(?P<latin>[a-zß-öø-ɏ][a-zß-öø-ɏ0-9]*)(?:['’](?:s|t|re|ve|ll|d|m)(?![a-z]))?"  # it's, don't: the word before
    r"|(?P<arabic>[\u0620-\u064a\u066e-\u06d3]+)"
    r"|(?P<other>[^\W0-9_]+)"
)

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_ARTICLE_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال")
_CLITICS = "وفبكل"
_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")


@lru_cache(maxsize=65536)
def arabic_stem(word: str) -> str:
    """The light10 stem of a folded Arabic word (Larkey, Ballesteros and Connell 2007).

    One prefix goes when two letters stay behind it (three for the bare conjunction), then every suffix in
    order while two letters stay.
    """
    for prefix in _ARTICLE_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= 2:
            word = word[len(prefix) :]
            break
    else:
        if word.startswith("و") and len(word) >= 4:
            word = word[1:]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 2:
            word = word[: -len(suffix)]
    return word


@lru_cache(maxsize=65536)
def _english_stem(word: str) -> str:
    return str(snowballstemmer.stemmer("english").stemWord(word))


def _stems(word: str, script: str) -> tuple[str, ...]:
    if script == "latin":
        return (_english_stem(word),)
    if script != "arabic":
        return (word,)
    stem = arabic_stem(word)
    if len(word) >= 5 and word[0] in _CLITICS and not word.startswith(_ARTICLE_PREFIXES):
        bare = arabic_stem(word[1:])
        return (stem,) if bare == stem else (stem, bare)
    return (stem,)


class Term(NamedTuple):
    """One word or number of a text: its folded form, its stems, and where it stands."""

    surface: str
    stems: tuple[str, ...]
    """The light stem and, where the first letter may be a one-letter clitic, the stem without it: the bare
    letter cannot be told from a root (كتاب, فرنسا), so both readings count and neither damages the other."""
    span: Span


def terms(text: str) -> list[Term]:
    """The words and numbers of `text` in order; numbers whole, Arabic light-stemmed, Latin by Snowball English."""
    key = fold(text)
    return [
        Term(match[kind], _stems(match[kind], kind), key.span(*match.span(kind)))
        for match in _WORD.finditer(key.text)
        for kind in (str(match.lastgroup),)
    ]


def numbers(text: str) -> set[str]:
    """The numbers of `text` in one spelling: digits 0-9, a full stop for decimals, no leading zeros."""
    return {_plain_number(match.group()) for match in _NUMBER.finditer(folded(text))}


def _plain_number(number: str) -> str:
    whole, _, decimals = number.partition(".")
    decimals = decimals.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + decimals if decimals else "")


# ---------------------------------------------------------------------------------------------------------
# Names across scripts

_SOUNDS = re.compile(r"sch|sh|ch|kh|gh|th|dh|ph|ck|[a-z]")
_LATIN_SOUNDS = dict.fromkeys(["sch", "sh", "ch"], "S") | {
    "kh": "k",
    "gh": "g",
    "th": "t",
    "dh": "d",
    "ph": "f",
    "ck": "k",
}
_LATIN_SOUNDS |= dict(zip("bpvfgjckqdtszrlmnhx", "bbffggkkkdtszrlmnhk", strict=True))
_ARABIC_SOUNDS = dict(zip("بپتطثجغحهخكقدضذرزظسصشفلمنچگڤ", "bbtttgghhkkkdddrzzssSflmnSgf", strict=True))
_LEAST_CONSONANTS = 3


@lru_cache(maxsize=65536)
def skeleton(word: str) -> str:
    """The consonants of a folded word in an alphabet shared by both scripts: Prometheus and بروميثيوس are one.

    Vowels, glides and a final h go, sounds that transliteration confuses take one letter, doubles are single.
    """
    if _ARABIC_LETTER.match(word):
        for prefix in _ARTICLE_PREFIXES:
            if word.startswith(prefix) and len(word) - len(prefix) >= 2:
                word = word.removeprefix(prefix)
                break
        sounds = "".join(_ARABIC_SOUNDS.get(char, "") for char in word)
    else:
        sounds = "".join(_LATIN_SOUNDS.get(sound, "") for sound in _SOUNDS.findall(word))
    return re.sub(r"(.)\1+", r"\1", sounds).rstrip("h")


def sounds(term: Term, text: str) -> tuple[str, ...]:
    """Skeletons, of three consonants or more, of a term that may be a name in `text`: Arabic has no capitals, so any
    word there (with and without a one-letter clitic); in Latin, words with a capital."""
    word = term.surface
    if _ARABIC_LETTER.match(word):
        forms = (word, word[1:]) if word[0] in _CLITICS else (word,)
    elif any(char.isupper() for char in text[slice(*term.span)]):
        forms = (word,)
    else:
        return ()
    return tuple(dict.fromkeys(sound for form in forms if len(sound := skeleton(form)) >= _LEAST_CONSONANTS))


# ---------------------------------------------------------------------------------------------------------
# Language and direction

_ARABIC_LETTER = re.compile(r"[\u0620-\u064a\u066e-\u06d3\u0750-\u077f\u08a0-\u08c9\ufb50-\ufdfb\ufe70-\ufefc]")
_LATIN_LETTER = re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]")  # × and ÷ stand between

STOP_WORDS: dict[Language, frozenset[str]] = {
    "ar": frozenset(
        folded(
            "من ما ماذا متى أين كم كيف لماذا هل أي أية لم لا لن إن أن كان كانت يكون تكون هو هي هم هذا هذه ذلك تلك "
            "الذي التي الذين في على إلى عن مع بين عند بعد قبل منذ حتى كل بعض غير و أو ثم قد لقد عليه عليها فيه فيها "
            "منه منها به بها له لها لهم التى كما لكن بل إذا حيث بسبب خلال ضمن حول نحو دون أثناء لدى إنه إنها مما عما "
            "بماذا لمن ممن بكم وما ومن وفي وهو وهي مين ايه فين امتى إمتى ليه ازاي إزاي شو شنو وين ليش قديش وش ايش "
            "علاش فاش شحال كيفاش منين شكون هاي اللي الي دي ده"
        ).split()
    ),
    "en": frozenset(
        (
            "a an the of in on at to for from by with and or is are was were be been being do does did "
            "has have had will would can could should may might must what which who whom whose when where "
            "why how much many that this these those it its as than then there their they he she his her "
            "you your we our i not no if about into during after before between over under up out so such "
            "any some all isn aren wasn weren don doesn didn hasn haven hadn wouldn couldn shouldn"
        ).split()
    ),
}
"""Folded function and question words: they tell the language of a question and carry none of its content."""


_ALL_STOP_WORDS = frozenset().union(*STOP_WORDS.values())


def content_terms(text: str) -> list[Term]:
    """The terms of `text` that are no function words: a rare language's "the" must not count as a rare word."""
    return [term for term in terms(text) if term.surface not in _ALL_STOP_WORDS]


def language(text: str, default: Language = "ar") -> Language:
    """The language of `text`: its function words decide, since names are often in the other script; then the
    share of letters of each script; `default` when it holds no letter of either."""
    words = [term.surface for term in terms(text)]
    counts = {code: sum(word in STOP_WORDS[code] for word in words) for code in STOP_WORDS}
    if counts["ar"] != counts["en"] and min(counts.values()) == 0:
        return "ar" if counts["ar"] else "en"
    arabic, latin = len(_ARABIC_LETTER.findall(text)), len(_LATIN_LETTER.findall(text))
    if arabic == latin:
        return default
    return "ar" if arabic > latin else "en"


def direction(text: str) -> str:
    """ "rtl" or "ltr" for one block of text: the script of most letters, the first letter where they tie."""
    arabic, latin = len(_ARABIC_LETTER.findall(text)), len(_LATIN_LETTER.findall(text))
    if arabic == latin:
        first = re.search(f"{_ARABIC_LETTER.pattern}|{_LATIN_LETTER.pattern}", text)
        return "rtl" if first and _ARABIC_LETTER.match(first.group()) else "ltr"
    return "rtl" if arabic > latin else "ltr"
