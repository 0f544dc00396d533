"""The whole way from a question to an answer; the one place where parts are put together."""

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, Self
from uuid import uuid4

from rag import calibration
from rag.citation import Verified, verify
from rag.embedding import Encoder, Matrix, Views, open_encoder
from rag.errors import ModelError, QuestionError
from rag.generation import HITS_READ, NO_ARTICLES, ChatModel, extractive, generate, refusal
from rag.pipeline import Pipeline
from rag.retrieval import HybridRetriever, Retrieved
from rag.settings import Settings
from rag.store import Store, open_store
from rag.text import content_terms, folded, language, plain, terms
from rag.types import Answer, Hit, Language, Mode, Turn

_OPENAI_URL = "https://api.openai.com/v1"

AnswerMode = Literal["auto", "extractive", "generate"]


class Assistant:
    """Answers questions over a store. Safe to use from several threads."""

    def __init__(
        self, settings: Settings, store: Store, encoder: Encoder, retriever: HybridRetriever, model: ChatModel | None
    ) -> None:
        self.settings, self.store, self.encoder = settings, store, encoder
        self._retriever, self._model = retriever, model

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open everything that `settings` name; raises StoreError or EmbeddingError and then holds nothing."""
        encoder = open_encoder(settings)
        store = open_store(settings, pipeline_of(settings, encoder.views))
        retriever = HybridRetriever(store, encoder, calibration.load(), settings.top_k)
        return cls(settings, store, encoder, retriever, _model(settings))

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
    ) -> Answer:
        """Answer `question` in the language it is asked in, or in `answer_in`; raises QuestionError."""
        started = time.perf_counter()
        found = self.search(question, top_k)
        answer_in = answer_in or _language(question, history)
        used: Mode = "generate" if self._model and mode != "extractive" else "extractive"
        verified, used, reason, degraded = self._outcome(found, answer_in, used)
        total = round(1000 * (time.perf_counter() - started), 2)
        refused = reason is not None and not degraded
        return Answer(
            id=uuid4().hex,
            text=verified.text,
            language=answer_in,
            refused=refused,
            reason=reason,
            mode=used,
            degraded=degraded,
            citations=verified.citations,
            timings_ms=found.timings_ms | {"total": total},
        )

    def search(self, question: str, top_k: int | None = None) -> Retrieved:
        """The hits for a question, with the probability that they hold its answer; raises QuestionError."""
        checked = checked_question(question, self.settings.max_question_chars)
        return self._retriever.search(checked, top_k)

    def refuses(self, found: Retrieved) -> bool:
        """Whether the articles are too unlikely to hold the answer."""
        limit = self.settings.refuse_below
        return found.probability < (found.threshold if limit is None else limit)

    def _outcome(self, found: Retrieved, answer_in: Language, mode: Mode) -> tuple[Verified, Mode, str | None, bool]:
        refused = Verified(refusal(answer_in, found.hits), ())
        if not found.hits:
            return Verified(NO_ARTICLES[answer_in], ()), mode, "no_articles", False
        if self.refuses(found):
            return refused, mode, "not_in_articles", False
        if mode == "extractive" or self._model is None:
            return self._extractive(found, answer_in), "extractive", None, False
        try:
            draft = generate(self._model, found, answer_in)
        except ModelError:
            return self._extractive(found, answer_in), "extractive", "model_failed", True
        if draft is None:
            return refused, mode, "not_in_articles", False
        verified = verify(draft, found.hits, self._similarity(), answer_in)
        if not verified.supported:
            return refused, mode, "unsupported", False
        return verified, mode, None, False

    def _extractive(self, found: Retrieved, answer_in: Language) -> Verified:
        return extractive(found, self.store.evidence([hit.chunk_id for hit in found.hits[:HITS_READ]]), answer_in)

    def _similarity(self) -> Callable[[str, Hit], Sequence[float]]:
        @cache
        def rows(chunk_id: str, texts: tuple[str, ...]) -> Matrix:
            return self.encoder.statements([plain(text) for text in texts])

        def similarity(statement: str, hit: Hit) -> list[float]:
            passage = rows(hit.chunk_id, tuple(hit.article.text[slice(*span)] for span in hit.sentences))
            return [float(x) for x in passage @ rows("", (statement,))[0]]

        return similarity


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


def _language(question: str, history: Sequence[Turn]) -> Language:
    """The question's language; a question of names alone stays in the language of the conversation."""
    asked = [turn.text for turn in history if turn.role == "user"]
    only_names = len(content_terms(question)) == len(terms(question))
    return language(asked[-1] if asked and only_names else question)


def _model(settings: Settings) -> ChatModel | None:
    if settings.model is None:
        return None
    from llama_index.llms.openai_like import OpenAILike

    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none"
    model: ChatModel = OpenAILike(
        model=settings.model,
        api_base=settings.llm_base_url or _OPENAI_URL,
        api_key=key,
        is_chat_model=True,
        timeout=settings.llm_timeout_s,
        max_retries=0,
        temperature=0.0,
    )
    return model
