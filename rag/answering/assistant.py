"""The whole way from a question to an answer; the one place where parts are put together."""

import re
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Self
from uuid import uuid4

from prompts import prompt_fingerprint, reader_message
from rag.answering.candidates import MAX_HITS_READ
from rag.answering.decomposition import SubQuestion, decompose_question
from rag.answering.extractive import choose_quotes, refusal_text
from rag.answering.follow_up import is_follow_up, rewrite_question
from rag.answering.generation import generate_answer
from rag.answering.intents import COLLECTION, Intent, IntentDetector
from rag.answering.llm import ChatModel, Deadline, open_llm
from rag.answering.quotes import Quote, Section, append_quotes, format_quotes
from rag.answering.replies import Replier
from rag.embedding import Encoder, open_encoder
from rag.errors import InputError, ModelError, QuestionError
from rag.grounding.similarity import SentenceSimilarity
from rag.grounding.verifier import VerifiedAnswer
from rag.language.document import Document
from rag.language.normalize import fold_text
from rag.retrieval.calibration import load_calibration
from rag.retrieval.rerank import open_reranker
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.settings import Settings
from rag.store import IndexConfig, Store, open_store
from rag.trace import record_stages
from rag.types import (
    NO_FILTERS,
    Answer,
    AnswerMode,
    AnswerRequest,
    AnswerState,
    Filters,
    Hit,
    Language,
    Message,
    SearchMode,
)

_AFTER_BLOCK = re.compile(r"(?<=\n\n)")
_ABSTENTION_PROBABILITY = 0.15
"""Below it nothing of the articles is shown; up to the threshold of the calibration it is shown as what may help. Share
that lies below each, of answerable questions and of those whose article is absent: XQuAD 0.01, 0.06 and 0.89, 0.97;
TyDi 0.01, 0.03 and 0.39, 0.69; ARCD 0.02, 0.06 and 0.58, 0.81; MLQA 0.13, 0.26 and 0.79, 0.93."""
_QUOTES_OF_SUB_QUESTION = 2
"""Of each of several things that a question is about."""


@dataclass(frozen=True, slots=True)
class AnswerStream:
    """An answer on its way.

    Attributes
    ----------
    result : RetrievalResult
        What it will rest on.
    language : Language
        Of the answer.
    parts : iterator of str or Answer
        Its text as it comes, then exactly one Answer, whose text is all of it joined.
    """

    result: RetrievalResult
    language: Language
    parts: Iterator[str | Answer]

    def read_to_end(self) -> Answer:
        """The whole answer, once it is there."""
        *_, answer = self.parts
        assert isinstance(answer, Answer)
        return answer


class Assistant:
    """Answers questions over a store. Safe to use from several threads.

    Parameters
    ----------
    settings : Settings
        Limits and defaults.
    store : Store
        The articles; closed with the assistant.
    encoder : Encoder
        Of questions and statements.
    retriever : HybridRetriever
        Over the store.
    model : ChatModel or None
        Writes answers; None: answers are extractive.
    """

    def __init__(
        self, settings: Settings, store: Store, encoder: Encoder, retriever: HybridRetriever, model: ChatModel | None
    ) -> None:
        self.settings, self.store, self.encoder = settings, store, encoder
        self._retriever, self._model = retriever, model
        self._intents, self._replier = IntentDetector(encoder), Replier(store, retriever)

    @classmethod
    def from_settings(cls, settings: Settings, model: ChatModel | None = None) -> Self:
        """Open everything that `settings` name.

        Parameters
        ----------
        settings : Settings
            As `load_settings` gives them.
        model : ChatModel, optional
            Any llama-index LLM, in place of the model that the settings name.

        Raises
        ------
        StoreError, EmbeddingError
            Nothing is held open then.
        """
        encoder = open_encoder(settings)
        store = open_store(settings, IndexConfig.of(encoder.spec, settings.chunk_tokens))
        retriever = HybridRetriever(store, encoder, load_calibration(), settings.top_k, open_reranker(settings))
        return cls(settings, store, encoder, retriever, model or open_llm(settings))

    def with_model(self, model: ChatModel | None) -> Self:
        """An assistant over the same index, whose answers another model writes; None: nobody."""
        return type(self)(self.settings, self.store, self.encoder, self._retriever, model)

    def close(self) -> None:
        """Release the index."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: AnswerRequest | str) -> Answer:
        """Answer a question.

        Parameters
        ----------
        request : AnswerRequest or str
            A question alone, or with how it is to be answered.

        Raises
        ------
        QuestionError
            When the question cannot be asked.
        InputError
            When a model is asked for and none is set.
        """
        return self.begin(request).read_to_end()

    def stream(self, request: AnswerRequest | str) -> Iterator[str | Answer]:
        """The answer's text as it comes, then exactly one Answer; parameters and errors are those of `ask`."""
        yield from self.begin(request).parts

    def begin(self, request: AnswerRequest | str, deadline: Deadline | None = None) -> AnswerStream:
        """Search, and give what was found with the answer still to be written.

        Parameters
        ----------
        request : AnswerRequest or str
            A question alone, or with how it is to be answered.
        deadline : Deadline, optional
            Ends a model's call when it expires; unset: as the settings have it.

        Raises
        ------
        QuestionError
            When the question cannot be asked.
        InputError
            When a model is asked for and none is set.
        """
        request = AnswerRequest(request) if isinstance(request, str) else request
        if request.mode == "generate" and self._model is None:
            raise InputError("No model is set, so answers are extractive: set DALIL_LLM_BASE_URL and DALIL_LLM_MODEL.")
        started = time.perf_counter()
        deadline = deadline or Deadline(self.settings.llm_timeout_s)
        model = None if request.mode == "extractive" else self._model
        language = request.language or _question_language(request)
        result = self.search(request.question, request.top_k, request.filters)
        intent = self._find_intent(result)
        if intent is not None:
            writer = self._reply(intent, result, language, request.history)
            result = replace(result, hits=())
        else:
            result = self._follow_up(request, result, model, deadline)
            parts = self._search_sub_questions(request, result)
            result = _interleave_hits(result, [found for _, found in parts])
            writer = self._write(result, language, model, deadline, parts)
        return AnswerStream(result, language, self._stream(result, language, writer, started))

    def search(
        self,
        question: str,
        top_k: int | None = None,
        filters: Filters = NO_FILTERS,
        mode: SearchMode = "hybrid",
    ) -> RetrievalResult:
        """The passages nearest to a question, with the probability that they hold its answer.

        Parameters
        ----------
        question : str
            In either language.
        top_k : int, optional
            Passages at most; unset: as the settings have it.
        filters : Filters
            Which articles may be searched.
        mode : SearchMode
            Ranked by all representations, or by one alone.

        Raises
        ------
        QuestionError
            When the question cannot be asked.
        """
        checked = check_question(question, self.settings.max_question_chars)
        return self._retriever.search(checked, top_k, filters, mode)

    def is_unsure(self, result: RetrievalResult) -> bool:
        """Whether it is doubtful that the articles hold the answer."""
        return result.probability < result.threshold

    def should_abstain(self, result: RetrievalResult) -> bool:
        """Whether the articles are too unlikely to hold the answer for anything of them to be shown."""
        threshold = self.settings.refuse_below
        return result.probability < (_ABSTENTION_PROBABILITY if threshold is None else threshold)

    def similarity(self, hits: Sequence[Hit]) -> SentenceSimilarity:
        """How near statements are to the sentences of `hits`."""
        return SentenceSimilarity(self._retriever, self.encoder, hits)

    def _find_intent(self, result: RetrievalResult) -> Intent | None:
        """What is asked for where it is no question to the articles."""
        intent = self._intents.detect(result.question)
        if intent is None or (result.filters and intent.kind in COLLECTION):  # the store lists all articles or none
            return None
        return intent if intent.is_sure or self.is_unsure(result) else None

    def _follow_up(
        self, request: AnswerRequest, result: RetrievalResult, model: ChatModel | None, deadline: Deadline
    ) -> RetrievalResult:
        """The hits for a question; one that follows others is also searched for in words that stand alone."""
        earlier = [message.text for message in request.history if message.role == "user"]
        if not earlier or not result.hits:
            return result
        standalone = rewrite_question(model, result.question, request.history, deadline) if model else None
        if standalone is None and self.is_unsure(result) and is_follow_up(result.question):
            standalone = f"{earlier[-1]} {result.question.text}"
        if standalone is None or standalone == result.question.text:
            return result
        other = self._retriever.search(standalone[-self.settings.max_question_chars :], request.top_k, request.filters)
        return _merge_results(result, other, request.top_k or self.settings.top_k)

    def _stream(
        self,
        result: RetrievalResult,
        language: Language,
        writer: Generator[str, None, "_Outcome"],
        started: float,
    ) -> Iterator[str | Answer]:
        """The text of the answer as it is written, then the Answer."""
        began = time.perf_counter()
        first: float | None = None
        try:
            while True:
                delta = next(writer)
                first = first or time.perf_counter()
                yield delta
        except StopIteration as end:
            outcome: _Outcome = end.value
        done = time.perf_counter()
        record_stages(write=(began, done))
        timings = {"first": (first or done) - started, "total": done - started}
        yield Answer(
            id=uuid4().hex,
            text=outcome.verified.text,
            language=language,
            refused=outcome.state == "refused",
            state=outcome.state,
            confidence=None if outcome.state == "talk" else round(result.probability, 4),
            reason=outcome.reason,
            mode=outcome.mode,
            degraded=outcome.is_degraded,
            citations=outcome.verified.citations,
            statements=outcome.verified.statements,
            prompt=prompt_fingerprint(language) if outcome.mode == "generate" else None,
            timings_ms=result.timings_ms | {name: round(1000 * seconds, 2) for name, seconds in timings.items()},
        )

    def _reply(
        self, intent: Intent, result: RetrievalResult, language: Language, history: Sequence[Message]
    ) -> Generator[str, None, "_Outcome"]:
        """What is said to an intent."""
        verified = self._replier.reply(intent, result, language, history)
        yield verified.text
        state: AnswerState = "answered" if verified.citations else "talk"
        return _Outcome(verified, "extractive", None, is_degraded=False, state=state)

    def _search_sub_questions(self, request: AnswerRequest, result: RetrievalResult) -> "list[_FoundSubQuestion]":
        """What is found for each of several things that a question is about; none where fewer than two are there."""
        parts = [
            (part, self._retriever.search(part.question, request.top_k, request.filters))
            for part in decompose_question(Document(request.question))
        ]
        answered = sum(not self.is_unsure(found) for _, found in parts)
        return parts if answered > 1 else []

    def _write(
        self,
        result: RetrievalResult,
        language: Language,
        model: ChatModel | None,
        deadline: Deadline,
        parts: "Sequence[_FoundSubQuestion]" = (),
    ) -> Generator[str, None, "_Outcome"]:
        mode: AnswerMode = "generate" if model else "extractive"
        if not result.hits:
            is_filtered = result.filters and self.store.count_chunks()
            reason = "nothing_matches_filters" if is_filtered else "no_articles"
            return (yield from _refuse(reader_message(language, reason), mode, reason))
        if self.should_abstain(result) and not parts:
            return (yield from _refuse(refusal_text(language, result.hits), mode, "not_in_articles"))
        if model is None:
            return (yield from self._extract(result, language, None, parts))
        return (yield from self._generate(result, language, model, deadline))

    def _generate(
        self, result: RetrievalResult, language: Language, model: ChatModel, deadline: Deadline
    ) -> Generator[str, None, "_Outcome"]:
        """The model's answer, with what the articles say beneath where part of it is unverified. The extractive one
        where the model fails, a refusal where it declines."""
        similarity, context_tokens = self.similarity(result.hits), self.settings.llm_context_tokens
        try:
            generated = yield from generate_answer(model, result, language, similarity, deadline, context_tokens)
        except ModelError as error:
            return (yield from self._extract(result, language, failure=error.reason))
        verified = generated.verified
        if not verified.statements and generated.is_declined:
            return (yield from _refuse(refusal_text(language, result.hits), "generate", "not_in_articles"))
        if not verified.statements:
            return (yield from self._extract(result, language, failure="unsupported"))
        state: AnswerState = "answered" if verified.is_supported else "unsure"
        if not verified.is_wholly_supported:
            heading = reader_message(language, "articles_say")
            whole = append_quotes(verified, self._choose_quotes(result), heading, language)
            yield whole.text[len(verified.text) :]
            verified = whole
        return _Outcome(verified, "generate", generated.failure, generated.failure is not None, state)

    def _extract(
        self,
        result: RetrievalResult,
        language: Language,
        failure: str | None,
        parts: "Sequence[_FoundSubQuestion]" = (),
    ) -> Generator[str, None, "_Outcome"]:
        """The extractive answer, block by block; `failure`: why no model wrote it."""
        sections = [self._quote_sub_question(part, found, language) for part, found in parts]
        is_unsure = self.is_unsure(result) and not parts
        opening = reader_message(language, "unsure") if is_unsure else ""
        verified = format_quotes(sections or [Section("", self._choose_quotes(result))], language, opening)
        yield from _AFTER_BLOCK.split(verified.text)
        state: AnswerState = "unsure" if is_unsure else "answered"
        return _Outcome(verified, "extractive", failure, failure is not None, state)

    def _quote_sub_question(self, part: SubQuestion, found: RetrievalResult, language: Language) -> Section:
        """What answers one of several things, or that nothing does."""
        opening = reader_message(language, "part", subject=part.subject)
        if self.is_unsure(found):
            return Section(f"{opening} {reader_message(language, 'part_none')}", ())
        return Section(opening, self._choose_quotes(found)[:_QUOTES_OF_SUB_QUESTION])

    def _choose_quotes(self, result: RetrievalResult) -> list[Quote]:
        return choose_quotes(result, self._retriever.sentence_vectors(result.hits[:MAX_HITS_READ]))


_FoundSubQuestion = tuple[SubQuestion, RetrievalResult]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an answer came out; `reason` is that of a refusal or of a degraded answer."""

    verified: VerifiedAnswer
    mode: AnswerMode
    reason: str | None
    is_degraded: bool
    state: AnswerState = "answered"


def check_question(question: str, max_chars: int) -> str:
    """A question without the white space around it.

    Raises
    ------
    QuestionError
        In plain words, when it cannot be asked.
    """
    if "\0" in question:
        raise QuestionError("The question holds a NUL character. Remove it and ask again.")
    question = question.strip()
    if len(question) > max_chars:
        raise QuestionError(f"The question is too long: {len(question):,} characters, at most {max_chars:,}.")
    if not any(char.isalnum() for char in fold_text(question)):
        raise QuestionError("The question is empty: it holds no letter and no digit.")
    return question


def _refuse(text: str, mode: AnswerMode, reason: str) -> Generator[str, None, _Outcome]:
    yield text
    return _Outcome(VerifiedAnswer(text, ()), mode, reason, is_degraded=False, state="refused")


def _interleave_hits(result: RetrievalResult, found: Sequence[RetrievalResult]) -> RetrievalResult:
    """A result with the hits of each part in turn in place of its own; as it is where there are no parts."""
    in_turn = chain.from_iterable(zip_longest(*(one.hits for one in found)))
    hits = {hit.chunk_id: hit for hit in in_turn if hit is not None}
    return replace(result, hits=tuple(hits.values())) if hits else result


def _merge_results(result: RetrievalResult, rewritten: RetrievalResult, top_k: int) -> RetrievalResult:
    """The hits of a question and of its rewriting, those of the likelier one first."""
    better, worse = (result, rewritten) if result.probability > rewritten.probability else (rewritten, result)
    known = {hit.chunk_id for hit in better.hits}
    # An article may have been replaced between the two searches: no answer rests on two of its revisions.
    revisions = {hit.article.id: hit.article.revision for hit in better.hits}
    others = tuple(
        hit
        for hit in worse.hits
        if hit.chunk_id not in known and revisions.get(hit.article.id, hit.article.revision) == hit.article.revision
    )
    return replace(better, question=rewritten.question, hits=(*better.hits, *others)[:top_k])


def _question_language(request: AnswerRequest) -> Language:
    """The question's language; a question of names alone stays in the language of the conversation."""
    question = Document(request.question)
    earlier = [message.text for message in request.history if message.role == "user"]
    has_only_names = len(question.content_terms) == len(question.terms)
    return Document(earlier[-1]).language if earlier and has_only_names else question.language
