"""A model's answer from passages: a prompt that fits, a draft checked as it comes, a second try where it may help."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import prompts
from rag.answering.llm import ChatModel, Deadline, Message, deltas, pause_before
from rag.errors import ModelError
from rag.grounding.attribution import Nearness
from rag.grounding.verifier import NO_ANSWER, Checker, Verified
from rag.language.gazetteer import names
from rag.language.text import content_terms, language, numbers, plain
from rag.language.tokens import token_count
from rag.retrieval.retriever import Retrieved
from rag.types import Hit, Language, Turn

ATTEMPTS = 3
"""Times a model is asked for one answer."""
_ANSWER_TOKENS = 700
"""Room left for the answer in the model's context."""
_TURNS_READ = 6
"""Earlier messages shown when a follow-up question is to stand alone."""
_LONGEST_TURN = 600
_THINKS, _THOUGHT = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Written:
    """A model's checked answer. `declined`: it said that the passages hold no answer. `failed`: why it broke off, when
    part of it had been shown already."""

    verified: Verified
    declined: bool
    failed: str | None


def generate(
    model: ChatModel,
    found: Retrieved,
    answer_in: Language,
    nearness: Nearness,
    deadline: Deadline,
    context_tokens: int,
) -> Generator[str, None, Written]:
    """Yields the answer's text as it may be shown and returns the whole.

    Raises ModelError, with nothing shown, when the endpoint fails for good or its words cannot be used.
    """
    hits = fitting(found, answer_in, context_tokens)
    firm = False
    for attempt in range(1, ATTEMPTS + 1):
        checker = Checker(hits, nearness, answer_in)
        try:
            yield from _drafted(model, messages(found.question, hits, answer_in, firm), checker, deadline)
            return Written(checker.verified(), checker.declined, None)
        except ModelError as error:
            if checker.open:
                yield from filter(None, [checker.cut()])
                return Written(checker.verified(), False, error.reason)
            pause = pause_before(attempt, error)
            again = error.again and not (firm and error.reason == "model_wrong_language")
            if not again or attempt == ATTEMPTS or pause >= deadline.left:
                raise
            if error.reason == "model_context_exceeded":
                hits = hits[: max(1, len(hits) // 2)]
            firm = firm or error.reason == "model_wrong_language"
            deadline.wait(pause)
    raise AssertionError("the last attempt raises or returns")


def _drafted(model: ChatModel, asked: Sequence[Message], checker: Checker, deadline: Deadline) -> Iterator[str]:
    empty = True
    for delta in _spoken(deltas(model, asked, deadline)):
        empty = empty and not delta.strip()
        # Half of a surrogate pair could not be sent on.
        shown = checker.feed(delta.encode("utf-8", "replace").decode())
        _same_language(checker)
        if shown:
            yield shown
    if empty:
        raise ModelError("The model gave an empty answer.", "model_empty", again=True)
    rest = checker.finish()
    _same_language(checker)
    if rest:
        yield rest


def _same_language(checker: Checker) -> None:
    if checker.left_out and not checker.open:
        raise ModelError("The model answered in another language.", "model_wrong_language", again=True, retry_after=0.0)


def _spoken(draft: Iterator[str]) -> Iterator[str]:
    """A draft without the thoughts that some models write before it."""
    before = ""
    for delta in draft:
        before += delta
        begun = before.lstrip()
        if _THINKS.startswith(begun[: len(_THINKS)]) and _THOUGHT not in begun:
            continue
        yield begun.split(_THOUGHT, 1)[1] if begun.startswith(_THINKS) else before
        yield from draft
        return
    if before and not before.lstrip().startswith(_THINKS):
        yield before


# The prompt


def messages(question: str, hits: Sequence[Hit], answer_in: Language, firm: bool = False) -> list[Message]:
    """The conversation a model is given: rules, numbered passages as data, and the question."""
    rules = prompts.render(answer_in, "answer", no_answer=NO_ANSWER)
    if firm:
        rules = f"{rules}\n{prompts.render(answer_in, 'firm')}"
    passages = "\n".join(_passage(number, hit) for number, hit in enumerate(hits, 1))
    asked = prompts.render(answer_in, "question", passages=passages, question=question)
    return [Message("system", rules), Message("user", asked)]


def fitting(found: Retrieved, answer_in: Language, context_tokens: int) -> list[Hit]:
    """The likeliest hits that fit in a model's context whole, one at least; the question is never cut."""
    bare = messages(found.question, [], answer_in, firm=True)
    room = context_tokens - _ANSWER_TOKENS - sum(token_count(str(message.content)) for message in bare)
    kept: list[Hit] = []
    for number, hit in enumerate(found.hits, 1):
        room -= token_count(_passage(number, hit))
        if kept and room < 0:
            break
        kept.append(hit)
    return kept


def _passage(number: int, hit: Hit) -> str:
    return f'<passage number="{number}" title="{_quoted(hit.article.title)}">\n{_quoted(hit.text)}\n</passage>'


_INERT = str.maketrans({"<": "‹", ">": "›", '"': "”", "[": "(", "]": ")"})


def _quoted(text: str) -> str:
    """Passage text that cannot end its own delimiters, hide words from a reader's eye, or pass for a marker."""
    return plain(text).translate(_INERT)


# Follow-up questions


def standing_alone(
    model: ChatModel, question: str, history: Sequence[Turn], asked_in: Language, deadline: Deadline
) -> str | None:
    """A follow-up question in words that need no conversation around them; None when the model gives nothing usable.

    No number and no name of the question may be lost. Raises nothing: the question itself can always be asked.
    """
    turns = "\n".join(f"{turn.role}: {_quoted(turn.text[:_LONGEST_TURN])}" for turn in history[-_TURNS_READ:])
    asked = prompts.render(asked_in, "standalone", conversation=turns, question=question)
    try:
        draft = "".join(_spoken(deltas(model, [Message("user", asked)], deadline)))
    except ModelError:
        return None
    rewritten = draft.strip().strip("\"'“”«»").strip()
    return rewritten if _keeps(rewritten, question) else None


def _keeps(rewritten: str, question: str) -> bool:
    """Whether a rewritten question is one question in the same language that lost no number and no name."""
    one_line = 0 < len(rewritten) <= 3 * len(question) + 300 and "\n" not in rewritten
    if not one_line or language(rewritten) != language(question) or NO_ANSWER in rewritten:
        return False
    if not numbers(question) <= numbers(rewritten):
        return False
    kept = {stem for term in content_terms(rewritten) for stem in term.stems}
    called = {name for found in names(rewritten) for name in found.called}
    spelled = [term for term in content_terms(question) if term.span.start and question[term.span.start].isupper()]
    return all(not kept.isdisjoint(term.stems) for term in spelled) and all(
        not called.isdisjoint(name.called) for name in names(question) if name.sure
    )
