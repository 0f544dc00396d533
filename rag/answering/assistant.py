"""The whole way from a question to an answer; the one place where parts are put together."""

import re
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, Self
from uuid import uuid4

import prompts
from rag.answering.extractive import HITS_READ, NO_ARTICLES, NOTHING_MATCHES, extractive, refusal
from rag.answering.generation import generate, standing_alone
from rag.answering.llm import ChatModel, Deadline, open_model
from rag.embedding import Encoder, Views, open_encoder
from rag.errors import InputError, ModelError, QuestionError
from rag.grounding.verifier import Verified
from rag.language.text import content_terms, folded, language, plain, terms
from rag.retrieval import calibration
from rag.retrieval.retriever import HybridRetriever, Retrieved
from rag.settings import Settings
from rag.store import Store, open_store
from rag.store.fingerprint import Pipeline
from rag.trace import stages
from rag.types import EVERYTHING, Answer, Filters, Hit, Language, Mode, SearchMode, Turn

AnswerMode = Literal["auto", "extractive", "generate"]


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer on its way: what it will rest on, and its text as it comes, then exactly one Answer."""

    found: Retrieved
    language: Language
    text: Iterator[str | Answer]


class Assistant:
    """Answers questions over a store. Safe to use from several threads."""

    def __init__(
        self, settings: Settings, store: Store, encoder: Encoder, retriever: HybridRetriever, model: ChatModel | None
    ) -> None:
        self.settings, self.store, self.encoder = settings, store, encoder
        self._retriever, self._model = retriever, model

    @classmethod
    def from_settings(cls, settings: Settings, model: ChatModel | None = None) -> Self:
        """Open everything that `settings` name, with any llama-index LLM in place of the model they name; raises
        StoreError or EmbeddingError and then holds nothing."""
        encoder = open_encoder(settings)
        store = open_store(settings, pipeline_of(settings, encoder.views))
        retriever = HybridRetriever(store, encoder, calibration.load(), settings.top_k)
        return cls(settings, store, encoder, retriever, model or open_model(settings))

    def close(self) -> None:
        """Release the index."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self,
        question: str,
        answer_in: Language | None = None,
        history: Sequence[Turn] = (),
        top_k: int | None = None,
        mode: AnswerMode = "auto",
        filters: Filters = EVERYTHING,
    ) -> Answer:
        """Answer `question` in the language it is asked in, or in `answer_in`, from the articles that fit `filters`;
        raises QuestionError."""
        *_, answer = self.stream(question, answer_in, history, top_k, mode, filters)
        assert isinstance(answer, Answer)
        return answer

    def stream(
        self,
        question: str,
        answer_in: Language | None = None,
        history: Sequence[Turn] = (),
        top_k: int | None = None,
        mode: AnswerMode = "auto",
        filters: Filters = EVERYTHING,
    ) -> Iterator[str | Answer]:
        """The answer's text as it comes, then exactly one Answer, whose text is all of it joined."""
        yield from self.begin(question, answer_in, history, top_k, mode, filters).text

    def begin(
        self,
        question: str,
        answer_in: Language | None = None,
        history: Sequence[Turn] = (),
        top_k: int | None = None,
        mode: AnswerMode = "auto",
        filters: Filters = EVERYTHING,
        deadline: Deadline | None = None,
    ) -> Answering:
        """Search, and give what was found with the answer still to be written.

        Ending `deadline`, from any thread, ends a model's call. Raises QuestionError, and InputError when a model is
        asked for and none is set.
        """
        if mode == "generate" and self._model is None:
            raise InputError("No model is set, so answers are extractive: set DALIL_LLM_BASE_URL and DALIL_LLM_MODEL.")
        started = time.perf_counter()
        deadline = deadline or Deadline(self.settings.llm_timeout_s)
        model = None if mode == "extractive" else self._model
        found = self._find(question, history, top_k, filters, model, deadline)
        answer_in = answer_in or _language(question, history)
        return Answering(found, answer_in, self._told(found, answer_in, model, deadline, started))

    def _told(
        self, found: Retrieved, answer_in: Language, model: ChatModel | None, deadline: Deadline, started: float
    ) -> Iterator[str | Answer]:
        begun = time.perf_counter()
        first: float | None = None
        writing = self._written(found, answer_in, model, deadline)
        try:
            while True:
                delta = next(writing)
                first = first or time.perf_counter()
                yield delta
        except StopIteration as end:
            outcome: _Outcome = end.value
        done = time.perf_counter()
        stages(write=(begun, done))
        timings = {"first": (first or done) - started, "total": done - started}
        yield Answer(
            id=uuid4().hex,
            text=outcome.verified.text,
            language=answer_in,
            refused=outcome.reason is not None and not outcome.degraded,
            reason=outcome.reason,
            mode=outcome.mode,
            degraded=outcome.degraded,
            citations=outcome.verified.citations,
            statements=outcome.verified.statements,
            prompt=prompts.fingerprint(answer_in) if outcome.mode == "generate" else None,
            timings_ms=found.timings_ms | {name: round(1000 * seconds, 2) for name, seconds in timings.items()},
        )

    def search(
        self,
        question: str,
        top_k: int | None = None,
        filters: Filters = EVERYTHING,
        mode: SearchMode = "hybrid",
    ) -> Retrieved:
        """The hits for a question among the articles that fit `filters`, with the probability that they hold its
        answer; raises QuestionError."""
        checked = checked_question(question, self.settings.max_question_chars)
        return self._retriever.search(checked, top_k, filters, mode)

    def refuses(self, found: Retrieved) -> bool:
        """Whether the articles are too unlikely to hold the answer."""
        limit = self.settings.refuse_below
        return found.probability < (found.threshold if limit is None else limit)

    def _find(
        self,
        question: str,
        history: Sequence[Turn],
        top_k: int | None,
        filters: Filters,
        model: ChatModel | None,
        deadline: Deadline,
    ) -> Retrieved:
        """The hits for a question; one that follows others is also searched for in words that stand alone."""
        found = self.search(question, top_k, filters)
        before = [turn.text for turn in history if turn.role == "user"]
        if not before or not found.hits:
            return found
        alone = standing_alone(model, found.question, history, found.language, deadline) if model else None
        if alone is None and self.refuses(found) and leans_back(found.question):
            alone = f"{before[-1]} {found.question}"
        if alone is None or alone == found.question:
            return found
        other = self._retriever.search(alone[-self.settings.max_question_chars :], top_k, filters)
        better, worse = (found, other) if found.probability > other.probability else (other, found)
        known = {hit.chunk_id for hit in better.hits}
        rest = tuple(hit for hit in worse.hits if hit.chunk_id not in known)
        hits = (*better.hits, *rest)[: top_k or self.settings.top_k]
        return replace(better, question=other.question, hits=hits)

    def _written(
        self, found: Retrieved, answer_in: Language, model: ChatModel | None, deadline: Deadline
    ) -> Generator[str, None, "_Outcome"]:
        mode: Mode = "generate" if model else "extractive"
        if not found.hits and found.filters and self.store.chunk_count:
            return (yield from _said(NOTHING_MATCHES[answer_in], mode, "nothing_matches_filters"))
        if not found.hits:
            return (yield from _said(NO_ARTICLES[answer_in], mode, "no_articles"))
        if self.refuses(found):
            return (yield from _said(refusal(answer_in, found.hits), mode, "not_in_articles"))
        if model is None:
            return (yield from self._quoted(found, answer_in, None))
        try:
            written = yield from generate(
                model, found, answer_in, self.nearness(found.hits), deadline, self.settings.llm_context_tokens
            )
        except ModelError as error:
            return (yield from self._quoted(found, answer_in, error.reason))
        if written.verified.supported:
            return _Outcome(written.verified, mode, written.failed, written.failed is not None)
        reason = "not_in_articles" if written.declined else "unsupported"
        return (yield from _said(refusal(answer_in, found.hits), mode, reason))

    def _quoted(self, found: Retrieved, answer_in: Language, failed: str | None) -> Generator[str, None, "_Outcome"]:
        """The extractive answer, block by block; `failed`: why no model wrote it."""
        evidence = self.store.evidence([hit.chunk_id for hit in found.hits[:HITS_READ]])
        verified = extractive(found, evidence, answer_in)
        yield from re.split(r"(?<=\n\n)", verified.text)
        return _Outcome(verified, "extractive", failed, failed is not None)

    def nearness(self, hits: Sequence[Hit]) -> "SentenceView":
        """How near statements are to the sentences of `hits`."""
        return SentenceView(self.store, self.encoder, hits)


class SentenceView:
    """Nearness by the vectors that the index keeps of the sentences of `hits`; read when first asked for."""

    def __init__(self, store: Store, encoder: Encoder, hits: Sequence[Hit]) -> None:
        self._encoder = encoder
        self._rows = cache(lambda: store.evidence([hit.chunk_id for hit in hits]))
        self._vector = cache(lambda text: encoder.sentences([plain(text)])[0])

    def of_sentences(self, statement: str, hit: Hit) -> list[float]:
        """Cosines of a statement with each sentence of a hit."""
        return [float(x) for x in self._rows()[hit.chunk_id].sentences @ self._vector(statement)]

    def of_words(self, words: str, others: Sequence[str]) -> float:
        """The greatest cosine of a few words with others."""
        return float(max(self._encoder.sentences(others) @ self._vector(words)))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an answer came out: `reason` of a refusal or of a degraded answer."""

    verified: Verified
    mode: Mode
    reason: str | None
    degraded: bool


def _said(text: str, mode: Mode, reason: str) -> Generator[str, None, _Outcome]:
    """A refusal."""
    yield text
    return _Outcome(Verified(text, ()), mode, reason, False)


def pipeline_of(settings: Settings, views: Views) -> Pipeline:
    """The pipeline that `settings` name, with these views."""
    return Pipeline(*views, settings.chunk_tokens)


def checked_question(question: str, longest: int) -> str:
    """`question` trimmed; raises QuestionError, in plain words, when it cannot be asked."""
    if "\0" in question:
        raise QuestionError("The question holds a NUL character. Remove it and ask again.")
    question = question.strip()
    if len(question) > longest:
        raise QuestionError(f"The question is too long: {len(question):,} characters, at most {longest:,}.")
    if not any(char.isalnum() for char in folded(question)):
        raise QuestionError("The question is empty: it holds no letter and no digit.")
    return question


_LEANING = re.compile(
    r"^(?:and|but|so|what about|how about)\b"
    r"|\b(?:it|its|he|she|they|them|their|his|her|this|that|these|those|there|one)\b"
    r"|^[وف](?=(?:متي|كم|من|ما|ماذا|اين|كيف|لماذا|هل|اي|الي|في|عن)\b)|^(?:طيب|وماذا)\b"
    r"|\b[وف]?ب?(?:هو|هي|هم|هما|هذا|هذه|ذلك|تلك|هولاء|هناك|منه|منها|فيه|فيها|عنه|عنها|له|لها|عليه|عليها|بها|به)\b"
)
"""Words that speak of what was said before, after folding."""


def leans_back(question: str) -> bool:
    """Whether a question speaks of what was said before it, or says too little to stand alone."""
    return bool(_LEANING.search(folded(question))) or len(content_terms(question)) < 2


def _language(question: str, history: Sequence[Turn]) -> Language:
    """The question's language; a question of names alone stays in the language of the conversation."""
    asked = [turn.text for turn in history if turn.role == "user"]
    only_names = len(content_terms(question)) == len(terms(question))
    return language(asked[-1] if asked and only_names else question)
