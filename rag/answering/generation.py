"""A model's answer from passages: a prompt that fits, a draft verified as it comes, a second try where it may help."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from prompts import render_prompt
from rag.answering.llm import ChatModel, Deadline, retry_pause, stream_text
from rag.errors import ModelError
from rag.grounding.attribution import Similarity
from rag.grounding.declines import is_decline, no_answer_mark
from rag.grounding.expected import ExpectedAnswer
from rag.grounding.verifier import StreamingVerifier, VerifiedAnswer
from rag.language.normalize import normalize_for_embedding
from rag.language.tokens import count_tokens
from rag.retrieval.retriever import RetrievalResult
from rag.types import Hit, Language, Message

ATTEMPTS = 3
"""Times a model is asked for one answer."""
_TOKENIZER_MARGIN = 1.3
"""Tokens of a model for one of ours, which are those of o200k_base: other vocabularies cut Arabic finer. On the sample
articles Gemma 3 takes 1.06, cl100k_base, one of the worst, 1.93."""
_INERT_MARKS = str.maketrans({"<": "‹", ">": "›", '"': "”", "[": "(", "]": ")"})


@dataclass(frozen=True, slots=True)
class GeneratedAnswer:
    """A model's answer.

    Attributes
    ----------
    verified : VerifiedAnswer
        Its text and citations.
    is_declined : bool
        The model said that the passages hold no answer.
    failure : str or None
        Why it broke off, when part of it had been shown already.
    """

    verified: VerifiedAnswer
    is_declined: bool
    failure: str | None


def generate_answer(
    model: ChatModel,
    result: RetrievalResult,
    answer_language: Language,
    similarity: Similarity,
    deadline: Deadline,
    prompt_tokens: int,
    expected: ExpectedAnswer | None = None,
) -> Generator[str, None, GeneratedAnswer]:
    """Have a model write the answer: yields its text as it may be shown, and returns the whole.

    Parameters
    ----------
    model : ChatModel
        That writes.
    result : RetrievalResult
        The question and its passages.
    answer_language : Language
        To write in.
    similarity : Similarity
        Compares statements with passages.
    deadline : Deadline
        For all attempts together.
    prompt_tokens : int
        Room for the prompt, in the model's tokens.
    expected : ExpectedAnswer, optional
        What the reader takes for the answer.

    Raises
    ------
    ModelError
        With nothing shown, when the endpoint fails for good or its words cannot be used.
    """
    likeliest = fit_hits(result, answer_language, prompt_tokens)
    insists_on_language = False
    for attempt in range(1, ATTEMPTS + 1):
        hits = order_for_reading(likeliest)
        verifier = StreamingVerifier(hits, similarity, answer_language, result.question, expected)
        messages = build_messages(result.question.text, hits, answer_language, insists_on_language)
        try:
            yield from _stream_draft(model, messages, verifier, deadline)
            return GeneratedAnswer(verifier.answer(), verifier.is_declined, None)
        except ModelError as error:
            if verifier.has_output:
                return GeneratedAnswer(verifier.answer(), is_declined=False, failure=error.reason)
            is_wrong_language = error.reason == "model_wrong_language"
            pause = retry_pause(attempt, error)
            may_retry = error.is_retryable and not (insists_on_language and is_wrong_language)
            if not may_retry or attempt == ATTEMPTS or pause >= deadline.remaining:
                raise
            if error.reason == "model_context_exceeded":
                likeliest = likeliest[: max(1, len(likeliest) // 2)]
            insists_on_language = insists_on_language or is_wrong_language
            deadline.sleep(pause)
    raise AssertionError("the last attempt raises or returns")


def _stream_draft(
    model: ChatModel, messages: Sequence[Message], verifier: StreamingVerifier, deadline: Deadline
) -> Iterator[str]:
    draft = ""
    for delta in stream_text(model, messages, deadline):
        draft += delta
        output = verifier.feed(delta)
        if not is_decline(draft):
            _check_language(verifier)
        if output:
            yield output
    if not draft.strip():
        raise ModelError("The model gave an empty answer.", "model_empty", is_retryable=True)
    if not verifier.has_output and is_decline(draft):
        verifier.is_declined = True
        return
    rest = verifier.finish()
    _check_language(verifier)
    if rest:
        yield rest


def _check_language(verifier: StreamingVerifier) -> None:
    if verifier.foreign_sentences and not verifier.has_output:
        raise ModelError(
            "The model answered in another language.", "model_wrong_language", is_retryable=True, retry_after=0.0
        )


# The prompt


def build_messages(
    question: str, hits: Sequence[Hit], answer_language: Language, insists_on_language: bool = False
) -> list[Message]:
    """The conversation that a model is given: rules, numbered passages as data, and the question.

    Parameters
    ----------
    question : str
        As the model is to read it.
    hits : sequence of Hit
        The passages, numbered from 1.
    answer_language : Language
        Of the prompt and the answer.
    insists_on_language : bool
        Whether to say once more which language to write in.
    """
    no_answer = no_answer_mark(answer_language)
    rules = render_prompt(answer_language, "answer", no_answer=no_answer, today=date.today().isoformat())
    if insists_on_language:
        rules = f"{rules}\n{render_prompt(answer_language, 'retry_language')}"
    passages = "\n".join(_format_passage(number, hit) for number, hit in enumerate(hits, 1))
    task = render_prompt(answer_language, "question", passages=passages, question=question, no_answer=no_answer)
    return [Message("system", rules), Message("user", task)]


def fit_hits(result: RetrievalResult, answer_language: Language, prompt_tokens: int) -> list[Hit]:
    """The likeliest hits that fit in a model's context whole, one at least; the question is never cut."""
    bare = build_messages(result.question.text, [], answer_language, insists_on_language=True)
    texts = [message.text for message in bare]
    passages = [_format_passage(number, hit) for number, hit in enumerate(result.hits, 1)]
    counts = count_tokens([*texts, *passages])
    room = prompt_tokens / _TOKENIZER_MARGIN - sum(counts[: len(texts)])
    kept: list[Hit] = []
    for hit, tokens in zip(result.hits, counts[len(texts) :], strict=True):
        room -= tokens
        if kept and room < 0:
            break
        kept.append(hit)
    return kept


def order_for_reading(hits: Sequence[Hit]) -> list[Hit]:
    """Hits with those of one article together, as they follow each other in it; the likeliest article first."""
    articles = list(dict.fromkeys(hit.article.id for hit in hits))
    return sorted(hits, key=lambda hit: (articles.index(hit.article.id), hit.start))


def make_prompt_safe(text: str) -> str:
    """Text of an article or a conversation that cannot end its own delimiters, hide words from a reader's eye, or pass
    for a marker."""
    return normalize_for_embedding(text).translate(_INERT_MARKS)


def _format_passage(number: int, hit: Hit) -> str:
    title, text = make_prompt_safe(hit.article.title), make_prompt_safe(hit.text)
    written = f' date="{make_prompt_safe(hit.article.date)}"' if hit.article.date else ""
    return f'<passage number="{number}" title="{title}"{written}>\n{text}\n</passage>'
