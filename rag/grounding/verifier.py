"""From a model's draft with `[n]` markers to an answer whose citations were checked, while the draft is still coming.

A citation's quote is always cut from the stored text, never taken from a model. What is checked is whether the
quote bears out the sentence it stands behind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.grounding.attribution import Nearness, evidence_for
from rag.language.text import STOP_WORDS, sentences, terms
from rag.types import Citation, Hit, Language, Statement, Verdict

MARKER = re.compile(r"\[\s*\d{1,3}(?:\s*[,،]\s*\d{1,3})*\s*\]")
UNVERIFIED: dict[Language, str] = {"ar": "(غير موثَّق)", "en": "(unverified)"}
NO_ANSWER = "NO_ANSWER"
"""What a model is told to write when the passages do not hold the answer."""

_NUMBER = re.compile(r"\d+")
_HELD = re.compile("[\ue000-\uf8ff]")
"""Markers are held as private-use characters while a draft is cut into sentences, so that nothing splits them."""
_MOST_MARKERS = 0xF8FF - 0xE000
_OPEN_BRACKET = re.compile(r"\[[\d\s,،]{0,24}$")
"""The end of a draft that may yet become a marker."""
_LEFT_OPEN = re.compile(r"\[[\d\s,،]*$")
"""The end of a sentence that the beginning of the next may make a marker."""
_HELD_AFTER_END = re.compile(
    r"(?<![.!?؟۔…])(?P<end>[.!?؟۔…]+[\"'”’»›)\]}*]*)\s*(?P<held>[\ue000-\uf8ff](?:\s*[\ue000-\uf8ff])*)"
)
_ABBREVIATED = re.compile(r"(?:^|[\s.])[^\W\d_]$")
_ITEM_NUMBER = re.compile(r"^\s*\d{1,3}[.)]\s")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s[^()]*)?\)|(?<=[\ue000-\uf8ff])\([^()\s]*\)")
_ANGLES = str.maketrans("<>", "‹›")
_CLOSING = ".!?؟۔…"
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"")
_FEW_WORDS = 4
"""A sentence of fewer words in the other script may be a list of names."""


@dataclass(frozen=True, slots=True)
class Verified:
    """An answer's text with markers 1..n by first use, the citations they number, and what each sentence rests on."""

    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether any sentence is borne out."""
        return any(statement.verdict != "unverified" for statement in self.statements)


class Checker:
    """Checks a draft sentence by sentence as it comes, against the passages its markers name (`hits`, from 1).

    Nothing is let through before a first sentence is borne out: till then the answer may still become a refusal.
    After that, words of a sentence are let through as they come, its markers when the sentence is checked.
    Markers that name no passage are removed. Each remaining one becomes a citation of the passage's sentence that
    bears the statement out best, with a verdict. A statement that none bears out is marked as unverified. Sentences in
    another language than `answer_in` are left out, quotes and names aside.
    """

    def __init__(self, hits: Sequence[Hit], nearness: Nearness, answer_in: Language) -> None:
        self._hits, self._nearness, self._answer_in = hits, nearness, answer_in
        self._raw = ""  # what may be the beginning of a marker
        self._held = ""  # the sentences not yet checked, markers held
        self._named: dict[str, list[int]] = {}
        self._book = _Book()
        self._text = ""  # checked
        self._shown = 0  # of `_text` and what follows it, characters let through
        self._statements: list[Statement] = []
        self.declined = False
        """Whether the model said that the passages hold no answer."""
        self.left_out = 0
        """Sentences in another language."""

    @property
    def open(self) -> bool:
        """Whether something was let through, so that the answer stands."""
        return self._shown > 0

    def feed(self, delta: str) -> str:
        """Take in what came; gives what may be shown of it."""
        self._take(delta)
        spans = sentences(self._held)
        done = 0
        for span, following in pairwise(spans):
            if not _begins(self._held[slice(*following)]):
                break
            self._check(self._held[slice(*span)])
            done = span.end
        self._held = self._held[done:]
        return self._let_through(self._preview())

    def finish(self) -> str:
        """The draft has ended; gives the rest of what may be shown. Half a marker at its end is dropped."""
        for span in sentences(self._held):
            self._check(self._held[slice(*span)])
        self._text = self._text.rstrip()
        return self._let_through("")

    def cut(self) -> str:
        """The draft has broken off: the sentence that was coming is ended as unverified, if any of it was shown."""
        if self._shown > len(self._text):
            start, words = len(self._text), self._preview()
            self._text = f"{self._text}{words}… {UNVERIFIED[self._answer_in]}"
            self._statements.append(Statement(start, len(self._text), "unverified", ()))
        self._text = self._text.rstrip()
        return self._let_through("")

    def verified(self) -> Verified:
        """What was let through, once the draft has ended."""
        return Verified(self._text, tuple(self._book.citations), tuple(self._statements))

    def _take(self, delta: str) -> None:
        draft = self._raw + _HELD.sub("", delta)
        opened = _OPEN_BRACKET.search(draft)
        self._raw = draft[opened.start() :] if opened else ""
        ready = draft[: opened.start()] if opened else draft
        joined = self._held + MARKER.sub(self._hold, ready)
        self._held = _HELD_AFTER_END.sub(_moved, joined)

    def _hold(self, match: re.Match[str]) -> str:
        if len(self._named) >= _MOST_MARKERS:
            return ""
        sign = chr(0xE000 + len(self._named))
        self._named[sign] = [int(number) for number in _NUMBER.findall(match.group())]
        return sign

    def _let_through(self, preview: str) -> str:
        if not self.open and not any(statement.verdict != "unverified" for statement in self._statements):
            return ""
        text = (self._text + preview).rstrip()
        new = text[self._shown :]
        self._shown = max(self._shown, len(text))
        return new

    def _preview(self) -> str:
        """Of the sentence that is coming, the words that stand whatever follows; none while its language is open."""
        coming = sentences(self._held)[:1]
        partial = _bare(self._held[: coming[0].end]) if coming else ""
        for stop in ("[", "]", "!", NO_ANSWER):
            partial = partial.split(stop)[0]
        words = partial[: max(partial.rfind(" "), partial.rfind("\n"), 0)].rstrip().rstrip(_CLOSING).rstrip()
        if len(words.split()) <= _FEW_WORDS or foreign(words, self._answer_in) or words.count("«") > words.count("»"):
            return ""
        return words

    def _check(self, sentence: str) -> None:
        bare = _bare(sentence) if self._text else _bare(sentence).lstrip()
        if MARKER.search(bare) or _LEFT_OPEN.search(bare):  # brackets within brackets, or across sentences: drop them
            bare = bare.replace("[", "").replace("]", "")
        statement = " ".join(_ITEM_NUMBER.sub("", bare).split())
        if NO_ANSWER in statement:
            self.declined = True
        elif not any(char.isalnum() for char in statement):
            self._text += bare
        elif foreign(statement, self._answer_in) and self._shown <= len(self._text):
            self.left_out += 1
        else:
            self._add(bare, statement, self._cited(sentence))

    def _cited(self, sentence: str) -> list[Hit]:
        named = dict.fromkeys(number for sign in _HELD.findall(sentence) for number in self._named.get(sign, ()))
        return [self._hits[number - 1] for number in named if 1 <= number <= len(self._hits)]

    def _add(self, bare: str, statement: str, cited: Sequence[Hit]) -> None:
        found = evidence_for(statement, cited, self._nearness)
        verdict = _STRENGTH[max((_STRENGTH.index(citation.verdict) for citation in found), default=0)]
        numbers = tuple(sorted({self._book.number(citation) for citation in found}))
        marks = "".join(f"[{number}]" for number in numbers)
        flag = UNVERIFIED[self._answer_in] if verdict == "unverified" else ""
        words = bare.rstrip()
        at = len(words.rstrip(_CLOSING))
        start = len(self._text)
        self._text += f"{words[:at].rstrip()} {' '.join(filter(None, (marks, flag)))}{words[at:]}"
        self._statements.append(Statement(start, len(self._text), verdict, numbers))
        self._text += bare[len(words) :] or " "


def verify(draft: str, hits: Sequence[Hit], nearness: Nearness, answer_in: Language) -> Verified:
    """Check a whole draft at once."""
    checker = Checker(hits, nearness, answer_in)
    checker.feed(draft)
    checker.finish()
    return checker.verified()


def foreign(sentence: str, answer_in: Language) -> bool:
    """Whether a sentence of an answer is in another language than the answer's; quotes in it and names do not count."""
    own_words = [term.surface for term in terms(_QUOTED.sub(" ", sentence))]
    other: Language = "en" if answer_in == "ar" else "ar"
    own, others = (sum(word in STOP_WORDS[code] for word in own_words) for code in (answer_in, other))
    if own or others:
        return others > own
    letters = [word for word in own_words if word[0].isalpha()]
    strange = sum(word[0].isascii() == (answer_in == "ar") for word in letters)
    return strange > _FEW_WORDS and strange == len(letters)


def _begins(following: str) -> bool:
    """Whether a sentence that follows has more than brackets, quotes and asterisks, so that no marker can still belong
    to the one before."""
    return bool(_HELD.sub("", following).strip("[(\"'”’»›)]}* \t\r\n"))


def inert(text: str) -> str:
    """`text` as an answer may show it: links and images as their words, no HTML, whatever a reader's client would make
    of them."""
    return _LINK.sub(lambda match: match[1] or "", text).translate(_ANGLES)


def _bare(sentence: str) -> str:
    """A sentence without its markers and without links."""
    plain = _HELD.sub("", inert(sentence))
    return re.sub(r"[ \t]+(?=[ \t])", "", plain)


def _moved(match: re.Match[str]) -> str:
    """Markers that follow the end of a sentence, put before it."""
    if match["end"] == "." and _ABBREVIATED.search(match.string[max(0, match.start() - 2) : match.start()]):
        return match.group()
    return "".join(match["held"].split()) + match["end"]


_STRENGTH: Sequence[Verdict] = ("unverified", "supported", "verbatim")


class _Book:
    """Citations of one answer: the same evidence has one number, numbers go by first use."""

    def __init__(self) -> None:
        self.citations: list[Citation] = []

    def number(self, found: Citation) -> int:
        for at, known in enumerate(self.citations):
            if (known.article_id, known.start, known.end) == (found.article_id, found.start, found.end):
                # The weakest statement that rests on a quote decides how it is shown.
                weaker = _STRENGTH.index(found.verdict) < _STRENGTH.index(known.verdict)
                self.citations[at] = replace(found, number=known.number) if weaker else known
                return known.number
        self.citations.append(replace(found, number=len(self.citations) + 1))
        return len(self.citations)
