"""Whether text is what its writer wrote: reversed, decoded wrongly and garbled text are told, and mended where safe.

Text layers of PDF files and copies out of them are often broken in ways that no reader's own confidence shows.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from math import sqrt
from typing import Literal

from rag.language.arabic.letter_pairs import mean_pair_bits
from rag.language.arabic.letters import MARK_CLASS, WASLA
from rag.language.arabic.spelling import lacks_letters
from rag.language.languages import PROFILES
from rag.language.normalize import fold_text, remove_marks

State = Literal[
    "ok", "other language", "mended", "mixed", "ocr", "reversed", "mojibake", "lost", "garbled", "too short"
]
"""Of a text; `mended`: it was reversed or mojibake, and is put right; `mixed`: it is good but for some part of it;
`ocr`: it was read from pictures."""
_USABLE = frozenset({"ok", "other language", "mended", "mixed", "ocr"})

_ARABIC_WORD = re.compile("[ء-غف-ي]+")
_NEVER_IN_ARABIC = "[\u00c0-\u024f\ue000-\uf8ff\ufffd]"
_MIXED = re.compile(f"[ء-ي]{_NEVER_IN_ARABIC}|{_NEVER_IN_ARABIC}[ء-ي]")
_LETTERS_PER_MILLE = dict(
    zip(
        "ا ل ي م و ن ر ت ب ع ة د ف ه س أ ق ك ح ج ط ص خ ش ى إ ث ز ذ غ ض ء ئ ظ آ ؤ".split(),
        "138 113 73 65 57 52 51 43 33 29 31 30 29 26 24 22 21 19 19 14 11 10 10 10 9 8 8 8 7 7 6 4 3 2 1 1".split(),
        strict=True,
    )
)
"""How often each letter stands in the sample articles (15,000 words)."""
_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")
_KNOWN_LETTER = re.compile("[A-Za-zء-ي]")
_STRANGE = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
"""What no text holds: replacements and private characters."""
_OF_MOJIBAKE = re.compile("[\u00aa\u00b5\u00ba\u00c0-\u024f]")
_MAX_JUDGED_CHARS = 20_000
"""From the beginning: enough to tell, and a long article costs no more."""
_WINDOW_CHARS = 1_500
"""Of a stretch that is judged alone: a page of a book, more than 200 words."""
_TOLD_OF_WINDOWS = frozenset({"reversed", "mojibake", "lost", "garbled"})
_MIN_WORDS = 8
"""Arabic words from which on a text is judged: fewer tell too little."""
_MIN_SIGNS = 3
_MAX_STRANGE, _MAX_MOJIBAKE, _MAX_ISOLATED = 0.02, 0.1, 0.25
"""Shares: of letters and signs that no text has, of letters that mojibake is made of, of words of one letter. Good text
has none, less than 0.02 (French names) and 0.04."""
_MAX_MIXED = 0.003
"""Of words, those with a sign that no text has, or a letter of mojibake, among Arabic letters."""
_LEAST_SIMILARITY, _MIN_SIMILARITY, _MIN_COMMON = 0.7, 0.88, 0.15
"""Of letter frequencies to those of Arabic (cosine), and the share of words that are function words or carry the
article. Of 1,371 good texts of four question sets and the sample articles a hundredth have less than 0.90 and 0.29, and
none less than 0.83 and 0.24; lists of names have few function words, but the letters of Arabic. Both count from
`_MIN_GARBLED_WORDS` words on."""
_MIN_GARBLED_WORDS = 25
_MIN_DISTINCT = 3.0
"""Different words by the square root of all: of 25 words the sample articles have 3.6 and more, of 500 16."""
_MIN_HEADING_WORDS, _MIN_HEADING_SIMILARITY, _MIN_HEADING_COMMON = 15, 0.83, 0.35
"""Of the headings of a document together: at least 0.88 and 0.41 in the good PDF files, 0.79 and 0.29 in the one whose
bold font alone names its letters wrongly."""
_MIN_OCR_CONFIDENCE, _MAX_OCR_BITS = 45.0, 9.0
"""Of a page, as Tesseract has it, and of its pairs of letters. Twenty pages, blurred and made small, 0.58 to 0.85 of
whose words are right, have 53 to 83 (the lower ones with tashkeel, which it is seldom sure of) and 8.2 to 8.7 bits; a
page that stands on its side, 0.06 of whose words are, has 43 and 9.0."""
_LOST_WORD = re.compile(r"\?{3,}|�{2,}")
_MAX_LOST = 0.2
"""Of words, those that are question marks."""
_REVERSED_ALIKE = frozenset({"لا", "ال", "كل", "لك", "هل", "له", "اي", "يا", "بل", "لب", "ان", "نا", "لم", "مل", "من"})
"""Function words that are words backwards too, and what they are then."""
_LEFT_TO_RIGHT = re.compile("[A-Za-z][A-Za-z0-9 @:/.?=&%_+-]*[A-Za-z0-9]|[0-9٠-٩]+(?:[.,٫٬:/][0-9٠-٩]+)*|[A-Za-z]")
_WHITE_SPACE = " \t\n"
"""What is no part of a letter that was decoded wrongly, as U+00A0 may be."""
_CLUSTER = re.compile(f"(?s).[{MARK_CLASS}]*")
_MIRRORED = str.maketrans("()[]{}«»<>", ")(][}{»«><")


@dataclass(frozen=True, slots=True)
class Health:
    """What a text is judged to be.

    Attributes
    ----------
    state : State
        `ok`, `other language`, `mended`, `mixed` and `ocr` can be used.
    code : str
        Of the reason that is given to whoever gave the text (`ingest.reasons`); empty where nothing is wrong.
    """

    state: State
    code: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the text can be used."""
        return self.state in _USABLE


_OK = Health("ok")
_REVERSED = Health("reversed", "text_reversed")
_MOJIBAKE = Health("mojibake", "text_mojibake")
_LOST, _DROPPED = Health("lost", "text_lost"), Health("lost", "text_dropped")
_GARBLED = Health("garbled", "text_garbled")


def judge_health(text: str) -> Health:
    """What a text is, by its words and letters; short texts are good unless they show what good ones never do."""
    text = text[:_MAX_JUDGED_CHARS]
    if len(_LOST_WORD.findall(text)) > _MAX_LOST * len(text.split()):
        return _LOST
    letters = len(_LETTER.findall(text)) + len(_STRANGE.findall(text))
    if not letters:
        return _OK if _DIGIT.search(text) else Health("too short", "text_empty")
    strange = len(_STRANGE.findall(text))
    if strange >= _MIN_SIGNS and strange > _MAX_STRANGE * letters:
        return _LOST
    if len(_OF_MOJIBAKE.findall(text)) > _MAX_MOJIBAKE * letters:
        return _MOJIBAKE
    if _count_mixed(text) > max(_MIN_SIGNS - 1, _MAX_MIXED * len(text.split())):
        return _LOST if "\ufffd" in text else _MOJIBAKE
    words = _arabic_words(text)
    if len(words) < _MIN_WORDS:
        return _OK if len(_KNOWN_LETTER.findall(text)) > letters / 2 else Health("other language")
    forward, backward = _count_signs(words)
    if backward >= _MIN_SIGNS and backward > forward:
        return _REVERSED
    if _is_garbled(words, forward):
        return _GARBLED
    return _DROPPED if lacks_letters(text) else _OK


def judge_ocr(text: str, confidence: float) -> Health:
    """What a page is that OCR read.

    Parameters
    ----------
    text : str
        As it was read; a blank page is good.
    confidence : float
        Mean of its letters, 0 to 100, as the engine has it.
    """
    words = _arabic_words(text)
    letters = _LETTER.findall(text)
    bits = mean_pair_bits(text) if len(words) >= _MIN_WORDS else None
    if letters and (confidence < _MIN_OCR_CONFIDENCE or (bits is not None and bits > _MAX_OCR_BITS)):
        return Health("garbled", "ocr_unreadable")
    return Health("ocr")


def judge_headings(headings: str) -> Health:
    """What the headings of a document are, which often have a font of their own; good where they are few."""
    words = _arabic_words(headings)
    if len(words) < _MIN_HEADING_WORDS:
        return _OK
    is_common = _count_signs(words)[0] >= _MIN_HEADING_COMMON * len(words)
    return _OK if is_common or _similarity(words) >= _MIN_HEADING_SIMILARITY else _GARBLED


def heal_text(text: str) -> tuple[str, Health]:
    """A text mended where that is safe, and what it then is; the text as it was where it stays bad."""
    (healed,), health = heal_parts([text])
    return healed, health


def heal_parts(parts: Sequence[str]) -> tuple[list[str], Health]:
    """The same of a text in parts, pages for instance: it is judged as a whole and each part is mended, so that where
    one begins is still known. White space around a part stays where it is.

    Of a good text each stretch of some `_WINDOW_CHARS` is judged alone, and mended alone where that is safe.
    """
    health = judge_health("".join(parts))
    if health.state == "ok":
        return _heal_windows(parts)
    for mend in _mends_of(health.state):
        try:
            mended = [_mend_inside(part, mend) for part in parts]
        except UnicodeError:
            continue
        if judge_health("".join(mended)).is_good:
            return mended, Health("mended")
    windows, state = _heal_windows(parts)
    is_whole = state.state == "mended" and judge_health("".join(windows)).is_good
    return (windows, state) if is_whole else (list(parts), health)


def _heal_windows(parts: Sequence[str]) -> tuple[list[str], Health]:
    """Parts of which each stretch is mended where that is safe, and what the whole then is: the first stretch that
    stays bad tells."""
    windows = [list(_cut_windows(part)) for part in parts]
    if not any(_is_told(judge_health(window)) for of_part in windows for window in of_part):
        return list(parts), _OK
    found: list[Health] = []
    healed = ["".join(_heal_window(window, found) for window in of_part) for of_part in windows]
    bad = next((health for health in found if not health.is_good), None)
    return healed, Health("mixed", bad.code) if bad else Health("mended")


def _heal_window(window: str, found: list[Health]) -> str:
    """A stretch mended where that is safe; notes in `found` what it then is. Beside a bad one, a few lines of a good
    one may be bad too."""
    judged = [judge_health(window), *map(judge_health, window.split("\n"))]
    health = next(filter(_is_told, judged), _OK)
    mended = next(_mend(window, health), None)
    if mended is not None:
        found.append(Health("mended"))
        return mended
    found.append(judged[0] if _is_told(judged[0]) else _OK)
    return window


def _is_told(health: Health) -> bool:
    return health.state in _TOLD_OF_WINDOWS


def _cut_windows(part: str) -> Iterator[str]:
    """A text in stretches of whole lines."""
    window = ""
    for line in part.splitlines(keepends=True):
        window += line
        if len(window) >= _WINDOW_CHARS:
            yield window
            window = ""
    if window:
        yield window


def _mend(window: str, health: Health) -> Iterator[str]:
    """A stretch mended in each way that makes it good, line by line: where what is broken begins or ends, others are
    good."""
    lines = window.split("\n")
    is_broken = _find_broken(lines)
    for mend in _mends_of(health.state):
        with suppress(UnicodeError):
            pairs = zip(lines, is_broken, strict=True)
            mended = "\n".join(_mend_inside(line, mend) if broken else line for line, broken in pairs)
            if judge_health(mended).is_good:
                yield mended


def _find_broken(lines: Sequence[str]) -> list[bool]:
    """Which lines are broken; one that is too short to be judged is as the one before it, or the first one behind."""
    judged = [_is_broken(line) for line in lines]
    last = next((broken for broken in judged if broken is not None), True)
    found: list[bool] = []
    for broken in judged:
        last = last if broken is None else broken
        found.append(last)
    return found


def _is_broken(line: str) -> bool | None:
    """None where it is too short to be judged."""
    is_bad = _is_told(judge_health(line))
    return is_bad if is_bad or len(_arabic_words(line)) >= _MIN_WORDS else None


def score_text(text: str) -> float:
    """How much a text looks like one, 0 to 1, to choose between two readings of a page."""
    words = _arabic_words(text)
    strange = len(_STRANGE.findall(text))
    letters = len(_LETTER.findall(text)) + strange
    if not letters:
        return 0.0
    bad = (strange + len(_OF_MOJIBAKE.findall(text))) / letters
    if len(words) < _MIN_WORDS:
        return max(0.0, 1 - 5 * bad)
    forward, backward = _count_signs(words)
    isolated = sum(len(word) == 1 and word != "و" for word in words) / len(words)
    common = min(1.0, forward / (0.35 * len(words)))
    return max(0.0, (_similarity(words) + common) / 2 - 5 * bad - 2 * isolated - backward / len(words))


def reverse_line(line: str) -> str:
    """A line in visual order in logical order: Arabic turned round, numbers and Latin words as they are."""
    turned = "".join(reversed(_CLUSTER.findall(_LEFT_TO_RIGHT.sub(lambda run: run[0][::-1], line))))
    plain = unicodedata.normalize("NFKC", turned)
    return plain.translate(_MIRRORED)


def _mends_of(state: State) -> Iterable[Callable[[str], str]]:
    """What may put a text right; each raises UnicodeError where it does not apply."""
    if state == "reversed":
        yield _reverse_lines
    if state == "mojibake":
        for wrong, right in (("cp1252", "utf-8"), ("latin-1", "utf-8"), ("cp1252", "cp1256"), ("latin-1", "cp1256")):
            yield partial(_decode_again, wrong=wrong, right=right)
            yield partial(_decode_again, wrong=wrong, right=right, is_reversed=True)


def _mend_inside(part: str, mend: Callable[[str], str]) -> str:
    inner = part.strip(_WHITE_SPACE)
    before, _, after = part.partition(inner) if inner else (part, "", "")
    return before + mend(inner) + after


def _decode_again(text: str, wrong: str, right: str, is_reversed: bool = False) -> str:
    decoded = text.encode(wrong).decode(right)
    return _reverse_lines(decoded) if is_reversed else decoded


def _reverse_lines(text: str) -> str:
    return "\n".join(map(reverse_line, text.split("\n")))


def _count_mixed(text: str) -> int:
    """Words with Arabic letters and, among them, what cannot stand there."""
    words = remove_marks(text).split()
    return sum(bool(_ARABIC_WORD.search(word)) and bool(_MIXED.search(word)) for word in words)


def _arabic_words(text: str) -> list[str]:
    return _ARABIC_WORD.findall(remove_marks(unicodedata.normalize("NFKC", text)).replace(WASLA, "ا"))


def _is_garbled(words: list[str], forward: int) -> bool:
    isolated = sum(len(word) == 1 and word != "و" for word in words)
    if isolated > _MAX_ISOLATED * len(words):
        return True
    if len(words) < _MIN_GARBLED_WORDS or _repeats_itself(words):
        return False
    similarity = _similarity(words)
    return similarity < (_MIN_SIMILARITY if forward < _MIN_COMMON * len(words) else _LEAST_SIMILARITY)


def _repeats_itself(words: list[str]) -> bool:
    """Whether a text says a few words over and over, as forms and tables do: how often it has a letter says nothing."""
    return len(set(words)) < _MIN_DISTINCT * sqrt(len(words))


def _count_signs(words: list[str]) -> tuple[int, int]:
    """Words that show by their shape that they run forwards, and those that run backwards."""
    forward = backward = 0
    for word in words:
        is_forward = _is_shaped(word)
        forward += is_forward
        backward += not is_forward and _is_shaped(word[::-1])
        backward += len(word) > 2 and word[0] in "ةى"
    return forward, backward


@lru_cache(maxsize=50_000)
def _is_shaped(word: str) -> bool:
    """Whether a word is a function word, or begins with the article, or ends in ة."""
    common = PROFILES["ar"].function_words
    folded = fold_text(word)
    if len(word) < 4:
        return folded in common and folded not in _REVERSED_ALIKE
    return folded in common or word.startswith(("ال", "وال", "بال", "لل")) or word.endswith("ة")


def _similarity(words: list[str]) -> float:
    """Cosine of the letter frequencies of words with those of Arabic."""
    counts = Counter("".join(words))
    known = {letter: int(share) for letter, share in _LETTERS_PER_MILLE.items()}
    product = sum(counts[letter] * share for letter, share in known.items())
    lengths = sqrt(sum(count * count for count in counts.values()) * sum(share * share for share in known.values()))
    return product / lengths if lengths else 0.0
