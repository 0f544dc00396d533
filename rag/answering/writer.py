"""Writes an answer from passages that were read: a model's, the articles' own sentences, or a refusal."""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from prompts import reader_message
from rag.answering.decomposition import SubQuestion
from rag.answering.direct import answer_span, direct_answer_text, has_number, rests_on_ocr_number
from rag.answering.extractive import refusal_text
from rag.answering.generation import generate_answer
from rag.answering.llm import ChatModel, CircuitBreaker, Deadline
from rag.answering.passages import ReadPassages
from rag.answering.polar import find_polarity
from rag.answering.quotes import Section, append_quotes, format_quotes
from rag.answering.reader import ReadSentence
from rag.embedding import Encoder
from rag.errors import ModelError
from rag.grounding.expected import ExpectedAnswer, ReadAnswer
from rag.grounding.similarity import SentenceSimilarity
from rag.grounding.verifier import VerifiedAnswer
from rag.language.document import Document
from rag.retrieval.retriever import HybridRetriever
from rag.settings import Settings
from rag.types import AnswerMode, AnswerSpan, AnswerState, Detail, DirectAnswer, Language

_AFTER_BLOCK = re.compile(r"(?<=\n\n)")
_PARAGRAPH_BREAK = "\n\n"
_QUOTES_OF_SUB_QUESTION = 2
"""Of each of several things that a question is about."""
_SURE_SENTENCE, _SURE_WORDS = 0.5, 0.4
"""Of the probability that a sentence, and that some words of it answer, from which these, or yes and no, are said
before the quotes. Of 1,976 questions over articles that the reader was not trained on, 0.30 get such words, and 0.86 of
these share half with the right ones (F1); from 0.3 on 0.41 and 0.81, from 0.5 on 0.21 and 0.90."""
_EXPECTED_SENTENCES = 6
"""What a model says is held against the reader's words in so many: the others have next to nothing of the
probability."""


class AnsweredPart(NamedTuple):
    """One of several things that a question is about, with what was read for it."""

    part: SubQuestion
    passages: ReadPassages


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer came out.

    Attributes
    ----------
    verified : VerifiedAnswer
        The answer.
    mode : AnswerMode
        Who wrote it.
    reason : str or None
        That of a refusal or of a degraded answer.
    is_degraded : bool
        Whether the model failed.
    state : AnswerState
        What it is.
    confidence : float or None
        Probability that the articles hold the answer; None where none is told.
    direct : DirectAnswer or None
        The words that stand first in it.
    """

    verified: VerifiedAnswer
    mode: AnswerMode
    reason: str | None
    is_degraded: bool
    state: AnswerState = "answered"
    confidence: float | None = None
    direct: DirectAnswer | None = None


Writing = Generator[str, None, Outcome]
"""The text of an answer as it is written, then how it came out."""


class AnswerWriter:
    """Writes answers. Safe to use from several threads.

    Parameters
    ----------
    settings : Settings
        Limits and defaults.
    retriever : HybridRetriever
        Over the articles.
    encoder : Encoder
        Of statements.
    breaker : CircuitBreaker
        Spares readers the wait for a model that has stopped answering.
    """

    def __init__(
        self, settings: Settings, retriever: HybridRetriever, encoder: Encoder, breaker: CircuitBreaker
    ) -> None:
        self._settings, self._retriever, self._encoder, self._breaker = settings, retriever, encoder, breaker

    def write(
        self,
        passages: ReadPassages,
        language: Language,
        model: ChatModel | None,
        deadline: Deadline,
        parts: Sequence[AnsweredPart] = (),
        detail: Detail = "usual",
    ) -> Writing:
        """The answer to a question.

        Parameters
        ----------
        passages : ReadPassages
            What was found and read for it, at least one.
        language : Language
            Of the answer.
        model : ChatModel or None
            That is to write it; None: the articles' own sentences.
        deadline : Deadline
            For the model.
        parts : sequence of AnsweredPart
            The several things that it is about; none where it is about one.
        detail : Detail
            How much is quoted.

        Raises
        ------
        StoreError
            When the index cannot be used.
        """
        abstains = passages.should_abstain(self._settings.refuse_below) and not parts
        if model and not (abstains and self._is_far(passages)):
            outcome = yield from self._generate(passages, language, model, deadline, abstains, is_of_one=not parts)
        elif abstains:
            mode: AnswerMode = "generate" if model else "extractive"
            outcome = yield from refuse(refusal_text(language, passages.result.hits), mode, "not_in_articles")
        else:
            outcome = yield from self._extract(passages, language, None, parts, detail)
        outcome = yield from _note_ocr_numbers(outcome, language)
        return replace(outcome, confidence=round(passages.reading.probability, 4))

    def _is_far(self, passages: ReadPassages) -> bool:
        """Whether not even the subject is there, so that no model need be asked whether it reads more in the
        passages than the reader does."""
        is_told = self._settings.refuse_below is not None
        return is_told or passages.result.probability < passages.result.threshold

    def _generate(
        self,
        passages: ReadPassages,
        language: Language,
        model: ChatModel,
        deadline: Deadline,
        abstains: bool,
        is_of_one: bool,
    ) -> Writing:
        """The model's answer to a question about one thing or several, with what the articles say beneath where part of
        it is unverified. Where it declines a refusal, where it fails the extractive answer, or a refusal where that
        abstains."""
        result = passages.result
        similarity = SentenceSimilarity(self._retriever, self._encoder, result.hits)
        prompt_tokens = self._settings.llm_context_tokens - self._settings.llm_answer_tokens
        try:
            with self._breaker.watch(deadline):
                expected = find_expected(passages) if is_of_one else None
                generated = yield from generate_answer(
                    model, result, language, similarity, deadline, prompt_tokens, expected
                )
        except ModelError as error:
            if not abstains:
                return (yield from self._extract(passages, language, failure=error.reason))
            refused = yield from refuse(refusal_text(language, result.hits), "extractive", "not_in_articles")
            return replace(refused, is_degraded=True)
        verified = generated.verified
        if not verified.statements and (generated.is_declined or abstains):
            return (yield from refuse(refusal_text(language, result.hits), "generate", "not_in_articles"))
        if not verified.statements:
            return (yield from self._extract(passages, language, failure="unsupported"))
        state: AnswerState = "answered" if verified.is_supported else "unsure"
        if not verified.is_wholly_supported and not abstains:
            heading = reader_message(language, "articles_say")
            whole = append_quotes(verified, passages.choose_quotes(), heading, language)
            yield whole.text[len(verified.text) :]
            verified = whole
        return Outcome(verified, "generate", generated.failure, generated.failure is not None, state)

    def _extract(
        self,
        passages: ReadPassages,
        language: Language,
        failure: str | None,
        parts: Sequence[AnsweredPart] = (),
        detail: Detail = "usual",
    ) -> Writing:
        """The extractive answer, block by block; `failure`: why no model wrote it."""
        sections = [_quote_part(part, language) for part in parts]
        is_unsure = passages.is_unsure and not parts
        opening = reader_message(language, "unsure") if is_unsure else ""
        direct = None if is_unsure or parts else _find_direct_answer(passages, language)
        words = direct.text if direct else ""
        verified = format_quotes(sections or [Section("", passages.choose_quotes(detail))], language, opening, words)
        yield from _AFTER_BLOCK.split(verified.text)
        state: AnswerState = "unsure" if is_unsure else "answered"
        return Outcome(verified, "extractive", failure, failure is not None, state, direct=direct)


def refuse(text: str, mode: AnswerMode, reason: str) -> Writing:
    """An answer that says that there is none."""
    yield text
    return Outcome(VerifiedAnswer(text, ()), mode, reason, is_degraded=False, state="refused")


def _note_ocr_numbers(outcome: Outcome, language: Language) -> Writing:
    """The same, with a note behind it where a number that it rests on was read by OCR."""
    verified = outcome.verified
    if not any(citation.ocr and has_number(citation.quote) for citation in verified.citations):
        return outcome
    note = _PARAGRAPH_BREAK + reader_message(language, "ocr_numbers")
    yield note
    return replace(outcome, verified=replace(verified, text=verified.text + note))


def _find_direct_answer(passages: ReadPassages, language: Language) -> DirectAnswer | None:
    """Yes or no, or the words of the first quote that answer, where they are sure enough."""
    quotes, read = passages.choose_quotes(), passages.reading.sentences[0]
    sentence, question = read.sentence, passages.result.question
    if not quotes or not quotes[0].contains(sentence.hit, sentence.span) or read.probability < _SURE_SENTENCE:
        return None
    is_number_unsure = rests_on_ocr_number(sentence.hit, sentence.span)
    is_so = find_polarity(question, Document(sentence.text), Document(sentence.hit.article.title))
    if is_so is not None and not is_number_unsure:
        return DirectAnswer(reader_message(language, "yes" if is_so else "no"), (AnswerSpan(1, *sentence.span),))
    if read.answer is None or read.probability * read.answer_probability < _SURE_WORDS:
        return None
    span = answer_span(read)
    if rests_on_ocr_number(sentence.hit, span):
        return None
    text = direct_answer_text(question, read, language, [hit.article.text for hit in passages.result.hits])
    return DirectAnswer(text, (AnswerSpan(1, *span),)) if text else None


def find_expected(passages: ReadPassages) -> ExpectedAnswer | None:
    """What the reader takes for the answer, in the likeliest sentences; None where it read none, or by scores alone."""
    if not passages.reading.is_of_model or not passages.reading.sentences:
        return None
    return ExpectedAnswer(tuple(map(_read_answer, passages.reading.sentences[:_EXPECTED_SENTENCES])))


def _read_answer(read: ReadSentence) -> ReadAnswer:
    hit, span = read.sentence.hit, read.sentence.span
    words = hit.article.text[slice(*answer_span(read))] if read.answer else ""
    return ReadAnswer(Document(words), read.probability, read.answer_probability, hit, span)


def _quote_part(part: AnsweredPart, language: Language) -> Section:
    """What answers one of several things, or that nothing does."""
    opening = reader_message(language, "part", subject=part.part.subject)
    if part.passages.is_unsure:
        return Section(f"{opening} {reader_message(language, 'part_none')}", ())
    return Section(opening, part.passages.choose_quotes()[:_QUOTES_OF_SUB_QUESTION])
