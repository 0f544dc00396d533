"""From a model's draft with `[n]` markers to an answer whose citations were verified, while the draft is still coming.

A citation's quote is always cut from the stored text, never taken from a model. What is verified is whether the quote
supports the sentence it stands behind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from prompts import reader_message
from rag.grounding.attribution import Similarity, attribute
from rag.grounding.declines import strip_decline
from rag.grounding.expected import ExpectationCheck, ExpectedAnswer
from rag.grounding.markers import MarkerReader, break_markers, strip_signs
from rag.grounding.passage import Passage
from rag.language.detect import count_function_words, script_of
from rag.language.document import Document
from rag.language.languages import other_language
from rag.language.sentences import LOOK_BACK_CHARS, find_sentences
from rag.types import Citation, Hit, Language, Span, Statement, Verdict

NO_ANSWER = "NO_ANSWER"
"""What a model is told to write when the passages do not hold the answer."""

_ITEM_NUMBER = re.compile(r"^\s*(?:\d{1,3}[.)]|\(\d{1,3}\))\s")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)]|\(\d{1,3}\))\s")
_ADDRESS = r"[^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)*+"
"""Of a link: brackets in it are closed."""
_LINK = re.compile(rf"!?\[([^\[\]]*)\]\({_ADDRESS}(?:\s[^()]*)?\)|(?<=[\ue000-\uf8ff])\({_ADDRESS}\)")
_LINK_MARKS = ("(", ":")
_BEFORE_LINK_MARK = re.compile(r"\](?=[(:])")
"""What makes a link of brackets, or defines one, however the rest is written: with a space between it does neither."""
_INERT_ANGLES = str.maketrans("<>", "‹›")
_END_MARKS = ".!?؟۔…"
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"")
_NO_SENTENCE_MARKS = "[(\"'”’»›)]}* \t\r\n"
"""Brackets, quotes and asterisks alone begin no sentence: a marker may still belong to the one before."""
_MAX_NAME_WORDS = 4
"""A sentence of no more words in the other script may be a list of names."""
_UNVERIFIED: Verdict = "unverified"
_STRENGTH: Sequence[Verdict] = ("contradicted", _UNVERIFIED, "supported", "verbatim")
_SUPPORTING = _STRENGTH[2:]


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """An answer whose citations were verified.

    Attributes
    ----------
    text : str
        With markers 1..n by first use.
    citations : tuple of Citation
        What the markers number.
    statements : tuple of Statement
        Its sentences with what they rest on.
    """

    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...] = ()

    @property
    def is_supported(self) -> bool:
        """Whether any sentence is supported."""
        return any(statement.verdict != "unverified" for statement in self.statements)

    @property
    def is_wholly_supported(self) -> bool:
        """Whether every sentence is."""
        return all(statement.verdict != "unverified" for statement in self.statements)


class StreamingVerifier:
    """Verifies a draft sentence by sentence as it comes, against the passages that its markers name.

    A sentence is let through when it is whole and verified, so that what the passages contradict is never seen; nothing
    before a first one is supported or the draft has ended, since till then the model may still decline.

    Markers that name no passage are removed. Each remaining one becomes a citation of the passage's sentence that
    supports the statement best, with a verdict. A statement that none supports is marked as unverified. Sentences in
    another language are left out, quotes and names aside.

    Parameters
    ----------
    hits : sequence of Hit
        The passages, which markers number from 1.
    similarity : Similarity
        Compares statements with passages by meaning.
    answer_language : Language
        In which the answer is to be.
    question : Document, optional
        What the draft answers.
    expected : ExpectedAnswer, optional
        What the reader takes for the answer.

    Attributes
    ----------
    is_declined : bool
        Whether the model said that the passages hold no answer.
    foreign_sentences : int
        Sentences that were left out because they are in another language.
    contradicted : int
        Sentences that were left out because the passages say otherwise.
    """

    def __init__(
        self,
        hits: Sequence[Hit],
        similarity: Similarity,
        answer_language: Language,
        question: Document | None = None,
        expected: ExpectedAnswer | None = None,
    ) -> None:
        self._passages, self._question = [Passage(hit) for hit in hits], question
        self._expectation = ExpectationCheck(expected, question, similarity) if expected and question else None
        self._similarity, self._answer_language = similarity, answer_language
        self._unverified = reader_message(answer_language, "unverified")
        self._markers = MarkerReader([hit.text for hit in hits])
        self._pending = ""  # the sentences not yet verified and what stands before them, markers replaced by signs
        self._done = 0  # characters of `_pending` that stand before
        self._citations = _NumberedCitations()
        self._text = ""  # verified
        self._shown = 0  # of `_text` and what follows it, characters let through
        self._statements: list[Statement] = []
        self._tells_of_lack = False  # whether it says that the passages leave something out
        self.is_declined = False
        self.foreign_sentences = 0
        self.contradicted = 0

    @property
    def has_output(self) -> bool:
        """Whether something was let through, so that the answer stands."""
        return self._shown > 0

    def feed(self, delta: str) -> str:
        """Take in the text that came, and give back what may be shown now."""
        self._pending = self._markers.feed(self._pending, delta)
        for span, following in pairwise(self._unverified_sentences()):
            if not _begins_sentence(self._pending[slice(*following)]):
                break
            self._verify_sentence(self._pending[slice(*span)])
            self._done = span.end
        unread = max(0, self._done - LOOK_BACK_CHARS - 1)
        self._pending, self._done = self._pending[unread:], self._done - unread
        return self._let_through()

    def finish(self) -> str:
        """The draft has ended: give back the rest of what may be shown. Half a marker at its end is dropped."""
        self._pending = self._markers.finish(self._pending)
        for span in self._unverified_sentences():
            self._verify_sentence(self._pending[slice(*span)])
        self._text = self._text.rstrip()
        self.is_declined = self.is_declined or (self._tells_of_lack and not self._statements)
        return self._let_through(is_end=True)

    def answer(self) -> VerifiedAnswer:
        """What was let through, once the draft has ended."""
        if not self.has_output:
            return VerifiedAnswer("", ())
        return VerifiedAnswer(self._text.rstrip(), tuple(self._citations.citations), tuple(self._statements))

    def _unverified_sentences(self) -> list[Span]:
        """The sentences of `_pending` behind what is done."""
        spans = (Span(max(start, self._done), end) for start, end in find_sentences(self._pending))
        return [span for span in spans if span.start < span.end]

    def _let_through(self, is_end: bool = False) -> str:
        is_supported = any(statement.verdict in _SUPPORTING for statement in self._statements)
        is_whole = is_end and bool(self._statements) and not self.is_declined
        if not (self.has_output or is_supported or is_whole):
            return ""
        text = self._text.rstrip()
        new = text[self._shown :]
        self._shown = max(self._shown, len(text))
        return new

    def _verify_sentence(self, sentence: str) -> None:
        bare = self._without_marks(sentence) if self._text else _without_signs(sentence).lstrip()
        bare = break_markers(bare)
        statement = " ".join(_ITEM_NUMBER.sub("", bare).split())
        if NO_ANSWER in statement:
            self.is_declined = True
            return
        if not any(char.isalnum() for char in statement):
            self._text += bare
        elif is_foreign(statement, self._answer_language):
            self.foreign_sentences += 1
        else:
            self._add_statement(bare, statement, self._cited_passages(sentence))

    def _attribute(self, statement: Document, cited: Sequence[Passage]) -> list[Citation]:
        """The citations of a statement: of the passages that it cites or, where these do not support it and it cites
        none or the wrong one, of the passage that does."""
        citations = attribute(statement, cited, self._similarity, self._question)
        if any(citation.verdict in _SUPPORTING for citation in citations):
            return citations
        others = [passage for passage in self._passages if passage not in cited]
        found = (attribute(statement, [passage], self._similarity, self._question) for passage in others)
        supporting = [citation for of_one in found for citation in of_one if citation.verdict in _SUPPORTING]
        return [max(supporting, key=lambda citation: citation.score)] if supporting else citations

    def _without_marks(self, sentence: str) -> str:
        """A sentence without markers and links, that makes none with a bracket before it either."""
        bare = _without_signs(sentence)
        return f" {bare}" if bare.startswith(_LINK_MARKS) and self._text.endswith("]") else bare

    def _cited_passages(self, sentence: str) -> list[Passage]:
        return [self._passages[number - 1] for number in self._markers.numbers_in(sentence)]

    def _add_statement(self, bare: str, statement: str, cited: Sequence[Passage]) -> None:
        claim = strip_decline(statement)
        if not claim:  # what the passages leave out can neither be cited nor refuted
            self._tells_of_lack = True
            self._append(bare)
            return
        citations = self._attribute(Document(claim), cited)
        if self._expectation:
            may_be_bare = not self._statements and not _LIST_ITEM.match(bare)
            citations = self._expectation.check(Document(claim), citations, may_be_bare)
        verdicts: list[Verdict] = [citation.verdict for citation in citations]
        verdict = max(verdicts, key=_STRENGTH.index, default=_UNVERIFIED)
        if verdict == "contradicted":
            self.contradicted += 1
            return
        numbers = tuple(sorted({self._citations.number_of(citation) for citation in citations}))
        markers = "".join(f"[{number}]" for number in numbers)
        flag = self._unverified if verdict == "unverified" else ""
        self._statements.append(Statement(*self._append(bare, markers, flag), verdict, numbers))

    def _append(self, bare: str, *marks: str) -> Span:
        """Add a sentence with marks before its full stop, and give the place of its words."""
        words = bare.rstrip()
        end = len(words.rstrip(_END_MARKS))
        start = len(self._text)
        self._text += f"{' '.join(filter(None, (words[:end].rstrip(), *marks)))}{words[end:]}"
        span = Span(start, len(self._text))
        self._text += bare[len(words) :] or " "
        return span


def verify_draft(draft: str, hits: Sequence[Hit], similarity: Similarity, answer_language: Language) -> VerifiedAnswer:
    """Verify a whole draft at once; the parameters are those of `StreamingVerifier`."""
    verifier = StreamingVerifier(hits, similarity, answer_language)
    verifier.feed(draft)
    verifier.finish()
    return verifier.answer()


def is_foreign(sentence: str, answer_language: Language) -> bool:
    """Whether a sentence of an answer is in another language than the answer's; quotes in it and names do not count."""
    words = [term.surface for term in Document(_QUOTED.sub(" ", sentence)).terms]
    counts = count_function_words(words)
    own, other = counts[answer_language], counts[other_language(answer_language)]
    if own or other:
        return other > own
    spelled = [word for word in words if word[0].isalpha()]
    foreign = sum(script_of(word) != answer_language for word in spelled)
    return foreign > _MAX_NAME_WORDS and foreign == len(spelled)


def make_inert(text: str) -> str:
    """`text` as an answer may show it, whatever a reader's client makes of it: links and images as their words, nothing
    that defines a link, no HTML."""
    words = _LINK.sub(lambda match: match[1] or "", text)
    return _BEFORE_LINK_MARK.sub("] ", words).translate(_INERT_ANGLES)


def _begins_sentence(following: str) -> bool:
    """Whether what follows is more than brackets, quotes and asterisks, so that no marker can still belong to the
    sentence before."""
    return bool(strip_signs(following).strip(_NO_SENTENCE_MARKS))


def _without_signs(sentence: str) -> str:
    """A sentence without its markers and without links."""
    # Again without them: a marker may have parted what makes a link.
    plain = make_inert(strip_signs(make_inert(sentence)))
    return re.sub(r"[ \t]+(?=[ \t])", "", plain)


class _NumberedCitations:
    """Citations of one answer: the same evidence has one number, numbers go by first use."""

    def __init__(self) -> None:
        self.citations: list[Citation] = []

    def number_of(self, citation: Citation) -> int:
        place = (citation.article_id, citation.start, citation.end)
        for at, known in enumerate(self.citations):
            if (known.article_id, known.start, known.end) == place:
                # The weakest statement that rests on a quote decides how it is shown.
                is_weaker = _STRENGTH.index(citation.verdict) < _STRENGTH.index(known.verdict)
                self.citations[at] = replace(citation, number=known.number) if is_weaker else known
                return known.number
        self.citations.append(replace(citation, number=len(self.citations) + 1))
        return len(self.citations)
