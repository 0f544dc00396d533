"""The whole way from a question to an answer; the one place where parts are put together."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Self
from uuid import uuid4

from prompts import prompt_fingerprint, reader_message
from rag.answering.candidates import MAX_HITS_READ
from rag.answering.conversation import resolve_request
from rag.answering.decomposition import decompose_question
from rag.answering.follow_up import (
    find_subject,
    is_follow_up,
    last_title,
    names_new_subject,
    refers_back,
    restore_subject,
    rewrite_question,
    weigh_by_last_answer,
)
from rag.answering.intents import COLLECTION, Intent, IntentDetector
from rag.answering.llm import ChatModel, CircuitBreaker, Deadline, open_llm, stream_text
from rag.answering.passages import PassageReader, ReadPassages
from rag.answering.quotes import Section, format_quotes
from rag.answering.reader import Reader, open_reader
from rag.answering.replies import Replier
from rag.answering.writer import AnsweredPart, AnswerWriter, Outcome, Writing, refuse
from rag.embedding import Encoder, open_encoder
from rag.errors import InputError, ModelError, QuestionError
from rag.grounding.similarity import SentenceSimilarity
from rag.language.document import Document
from rag.language.normalize import fold_text
from rag.language.tokens import count_tokens
from rag.retrieval.calibration import load_calibration
from rag.retrieval.rerank import Reranker, open_reranker
from rag.retrieval.retriever import HybridRetriever, RetrievalResult
from rag.settings import Settings
from rag.store import IndexConfig, Store, open_store
from rag.trace import record_stages
from rag.types import (
    NO_FILTERS,
    Answer,
    AnswerRequest,
    AnswerState,
    Detail,
    Filters,
    Hit,
    Language,
    Message,
    SearchMode,
)

_FOLLOW_UP_SHARE = 0.5
"""Of the probability that a question is answered by itself, that its answer within the subject before it has to have
where it refers back to that."""
_STANDS_ALONE = 0.9
"""Probability of the search, and of the reader, from which a question stands alone though it looks like a follow-up."""
_MIN_PARTS = 2
"""Of a question about several things, that have to be there."""


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
    passages : ReadPassages or None
        What was read for it; None where it rests on none.
    """

    result: RetrievalResult
    language: Language
    parts: Iterator[str | Answer]
    passages: ReadPassages | None = None

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
    reader : Reader, optional
        Reads passages; unset: opened.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        encoder: Encoder,
        retriever: HybridRetriever,
        model: ChatModel | None,
        reader: Reader | None = None,
    ) -> None:
        self.settings, self.store, self.encoder = settings, store, encoder
        self._retriever, self._model, self._breaker = retriever, model, CircuitBreaker()
        self._reader = reader or open_reader(encoder.pieces, settings.threads)
        self._passage_reader = PassageReader(retriever, encoder, self._reader)
        self._writer = AnswerWriter(settings, retriever, encoder, self._breaker)
        self._intents, self._replier = IntentDetector(encoder), Replier(store, retriever)

    @classmethod
    def from_settings(
        cls, settings: Settings, model: ChatModel | None = None, reranker: Reranker | None = None
    ) -> Self:
        """Open everything that `settings` name.

        Parameters
        ----------
        settings : Settings
            As `load_settings` gives them.
        model : ChatModel, optional
            Any llama-index LLM, in place of the model that the settings name.
        reranker : Reranker, optional
            In place of the one that the settings name.

        Raises
        ------
        StoreError, EmbeddingError
            Nothing is held open then.
        """
        encoder = open_encoder(settings)
        store = open_store(settings, IndexConfig.of(encoder.spec, settings.chunk_tokens))
        reranker = reranker or open_reranker(settings)
        retriever = HybridRetriever(store, encoder, load_calibration(), settings.top_k, reranker)
        return cls(settings, store, encoder, retriever, model or open_llm(settings))

    def with_model(self, model: ChatModel | None) -> Self:
        """An assistant over the same index, whose answers another model writes; None: nobody."""
        return type(self)(self.settings, self.store, self.encoder, self._retriever, model, self._reader)

    def over_other_index(self, settings: Settings) -> Self:
        """An assistant over the index that other settings name, with the same models.

        Raises
        ------
        StoreError
            When it cannot be opened.
        """
        store = open_store(settings, IndexConfig.of(self.encoder.spec, settings.chunk_tokens))
        reranker = open_reranker(settings)
        retriever = HybridRetriever(store, self.encoder, load_calibration(), settings.top_k, reranker)
        return type(self)(settings, store, self.encoder, retriever, self._model, self._reader)

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
        request = resolve_request(AnswerRequest(request) if isinstance(request, str) else request, self._intents)
        if request.mode == "generate" and self._model is None:
            raise InputError("No model is set, so answers are extractive: set DALIL_LLM_BASE_URL and DALIL_LLM_MODEL.")
        started = time.perf_counter()
        deadline = deadline or Deadline.from_settings(self.settings)
        model = None if request.mode == "extractive" else self._model
        language = request.language or _question_language(request)
        result = self.search(request.question, request.top_k, request.filters, reads=MAX_HITS_READ)
        intent, passages = self._find_intent(result, request.history), None
        if intent is not None:
            writer = self._reply(intent, result, language, request)
            result = replace(result, hits=())
        else:
            passages = self._read_in_context(request, result, None if self._breaker.is_open else model, deadline)
            parts = self._read_parts(request)
            result = _interleave_hits(passages.result, [part.passages.result for part in parts])
            writer = self._answer(replace(passages, result=result), language, model, deadline, parts, request.detail)
        return AnswerStream(result, language, self._stream(result, language, writer, started), passages)

    def complete(self, messages: Sequence[Message], deadline: Deadline) -> str:
        """What the model says to messages as they are, unchecked; empty where none is set, where it fails, and where
        they take more than its room.

        Parameters
        ----------
        messages : sequence of Message
            That are sent.
        deadline : Deadline
            Ends its call when it expires.
        """
        room = self.settings.llm_context_tokens - self.settings.llm_answer_tokens
        if self._model is None or sum(count_tokens([message.text for message in messages])) > room:
            return ""
        try:
            with self._breaker.watch(deadline):
                return "".join(stream_text(self._model, messages, deadline))
        except ModelError:
            return ""

    def search(
        self,
        question: str,
        top_k: int | None = None,
        filters: Filters = NO_FILTERS,
        mode: SearchMode = "hybrid",
        reads: int = 0,
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
        reads : int
            Passages that `read` is given next, when it is.

        Raises
        ------
        QuestionError
            When the question cannot be asked.
        """
        checked = check_question(question, self.settings.max_question_chars)
        return self._retriever.search(checked, top_k, filters, mode, reads)

    def read(self, result: RetrievalResult) -> ReadPassages:
        """The first hits of a search, read: which of their sentences answer.

        Raises
        ------
        StoreError
            When the index cannot be used.
        """
        return self._passage_reader.read(result)

    def is_found(self, result: RetrievalResult) -> bool:
        """Whether the articles are likely to hold the answer, as the search has it."""
        return result.probability >= result.threshold

    def preview(self, stream: AnswerStream) -> str:
        """What the articles say, to be read while a model reads them; empty where none will be asked."""
        passages = stream.passages
        if self._model is None or self._breaker.is_open or passages is None or not passages.result.hits:
            return ""
        if passages.should_abstain(self.settings.refuse_below):
            return ""
        opening = reader_message(stream.language, "articles_say")
        return format_quotes([Section("", passages.choose_quotes())], stream.language, opening).text

    def similarity(self, hits: Sequence[Hit]) -> SentenceSimilarity:
        """How near statements are to the sentences of `hits`."""
        return SentenceSimilarity(self._retriever, self.encoder, hits)

    def _find_intent(self, result: RetrievalResult, history: Sequence[Message]) -> Intent | None:
        """What is asked for where it is no question to the articles."""
        intent = self._intents.detect(result.question)
        if intent is None or (result.filters and intent.kind in COLLECTION):  # the store lists all articles or none
            return None
        is_about_answer = last_title(history) and refers_back(result.question)
        return intent if intent.is_sure or not (is_about_answer or self.is_found(result)) else None

    def _read_in_context(
        self, request: AnswerRequest, result: RetrievalResult, model: ChatModel | None, deadline: Deadline
    ) -> ReadPassages:
        """What was found for a question, read. One that follows others is also searched for in words that stand alone:
        a model's, or its own behind the subject of the last answer."""
        if not result.hits or not find_subject(request.history):
            return self.read(result)
        if model and (standalone := rewrite_question(model, result.question, request.history, deadline)):
            if standalone == result.question.text:
                return self.read(result)
            other = self._search_standalone(standalone, request)
            return self.read(_merge_results(result, other, request.top_k or self.settings.top_k))
        is_new_subject = names_new_subject(result.question, result.hits[0].article.title, request.history)
        if is_new_subject or not is_follow_up(result.question):
            return self.read(result)
        return self._read_follow_up(request, result)

    def _read_follow_up(self, request: AnswerRequest, result: RetrievalResult) -> ReadPassages:
        """What was found for a question that may refer back, read by itself or within the subject before it: the
        likelier of the two, and both only where one does not settle it."""
        alone = self.read(result) if result.probability >= _STANDS_ALONE else None
        if alone and alone.reading.probability >= _STANDS_ALONE:
            return alone
        other = self._search_standalone(restore_subject(result.question.text, request.history), request)
        # The subject only finds the passages: the sentences are those that answer what is asked now.
        within = weigh_by_last_answer(self.read(replace(other, question=result.question)), request.history)
        if within.reading.probability > _FOLLOW_UP_SHARE:  # the share of a probability of 1
            return within
        alone = alone or self.read(result)
        return within if within.reading.probability > _FOLLOW_UP_SHARE * alone.reading.probability else alone

    def _search_standalone(self, question: str, request: AnswerRequest) -> RetrievalResult:
        asked = question[-self.settings.max_question_chars :]
        return self._retriever.search(asked, request.top_k, request.filters, reads=MAX_HITS_READ)

    def _stream(
        self,
        result: RetrievalResult,
        language: Language,
        writer: Writing,
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
            outcome: Outcome = end.value
        done = time.perf_counter()
        record_stages(write=(began, done))
        timings = {"first": (first or done) - started, "total": done - started}
        yield Answer(
            id=uuid4().hex,
            text=outcome.verified.text,
            language=language,
            refused=outcome.state == "refused",
            state=outcome.state,
            confidence=outcome.confidence,
            answer=outcome.direct,
            reason=outcome.reason,
            mode=outcome.mode,
            degraded=outcome.is_degraded,
            citations=outcome.verified.citations,
            statements=outcome.verified.statements,
            prompt=prompt_fingerprint(language) if outcome.mode == "generate" else None,
            timings_ms=result.timings_ms | {name: round(1000 * seconds, 2) for name, seconds in timings.items()},
        )

    def _reply(self, intent: Intent, result: RetrievalResult, language: Language, request: AnswerRequest) -> Writing:
        """What is said to an intent."""
        verified = self._replier.reply(intent, result, language, request.history, request.detail)
        yield verified.text
        state: AnswerState = "answered" if verified.citations else "talk"
        return Outcome(verified, "extractive", None, is_degraded=False, state=state)

    def _read_parts(self, request: AnswerRequest) -> list[AnsweredPart]:
        """What is found for each of several things that a question is about; none where fewer than two are there."""
        found = [
            (part, self._retriever.search(part.question, request.top_k, request.filters, reads=MAX_HITS_READ))
            for part in decompose_question(Document(request.question))
        ]
        if sum(self.is_found(result) for _, result in found) < _MIN_PARTS:
            return []
        return [AnsweredPart(part, self.read(replace(result, question=Document(part.asked)))) for part, result in found]

    def _answer(
        self,
        passages: ReadPassages,
        language: Language,
        model: ChatModel | None,
        deadline: Deadline,
        parts: Sequence[AnsweredPart],
        detail: Detail,
    ) -> Writing:
        if not passages.result.hits:
            is_filtered = passages.result.filters and self.store.count_chunks()
            reason = "nothing_matches_filters" if is_filtered else "no_articles"
            return (yield from refuse(reader_message(language, reason), "generate" if model else "extractive", reason))
        return (yield from self._writer.write(passages, language, model, deadline, parts, detail))


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
