"""Drafts of a model, each judged by what a reader sees of it; their form is told in `eval.cases`."""

import re
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from eval.matching import contains_words
from prompts import reader_message
from rag.answering.assistant import Assistant
from rag.types import Answer, AnswerRequest

_PASSAGE = re.compile(r'<passage number="(\d+)" title="(.*?)">\n(.*?)\n</passage>', re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TRUE, _FALSE, _INFERRED = "T", "L", "I"


class JudgedDraft(NamedTuple):
    """What came of a draft.

    Attributes
    ----------
    kind : str
        `draft true` or `draft false`, with the kind of case behind it where it has one.
    is_right : bool
        Whether a true one is shown unmarked with a citation, a false one marked or not shown.
    answer : Answer
        What the reader saw.
    """

    kind: str
    is_right: bool
    answer: Answer


def judge_draft(assistant: Assistant, case: dict[str, Any]) -> JudgedDraft:
    """What comes of the draft of a case, as if a model had written it to its question."""
    answer = assistant.with_model(DraftModel(case["draft"])).ask(AnswerRequest(case["question"], mode="generate"))
    truths = re.findall(r"[A-Z]", case["truth"].split("(")[0])
    beneath = answer.text.find(reader_message(answer.language, "articles_say"))
    said = [one for one in answer.statements if beneath < 0 or one.start < beneath]
    if len(said) == len(truths):
        said = [statement for statement, truth in zip(said, truths, strict=True) if truth != _INFERRED] or said
    shown = [statement.verdict for statement in said] if answer.mode == "generate" else []
    outcome = "draft false" if _FALSE in truths else "draft true"
    kind = f"{outcome}, {case['kind']}" if "kind" in case else outcome
    if _FALSE in truths:
        return JudgedDraft(kind, answer.refused or ("supported" not in shown and "verbatim" not in shown), answer)
    is_unmarked = bool(shown) and ("unverified" not in shown or _TRUE not in truths)
    return JudgedDraft(kind, is_unmarked and bool(answer.citations), answer)


class DraftModel:
    """A model that gives one draft, whose placeholders become the numbers of the passages that it is given.

    Parameters
    ----------
    draft : str
        With `{words}` where a number is to stand.
    """

    def __init__(self, draft: str) -> None:
        self._draft = draft

    def stream_chat(self, messages: Sequence[Any]) -> Iterator[SimpleNamespace]:
        """The draft, a word at a time."""
        prompt = "\n".join(str(message.content) for message in messages)
        passages = {int(number): f"{title} {text}" for number, title, text in _PASSAGE.findall(prompt)}

        def number_of(match: re.Match[str]) -> str:
            return next((f"[{number}]" for number, text in passages.items() if contains_words(text, match[1])), "")

        for word in re.findall(r"\S+\s*|\s+", _PLACEHOLDER.sub(number_of, self._draft)):
            yield SimpleNamespace(delta=word)
