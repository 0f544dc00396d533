"""Questions and drafts with the right outcome, each judged by what a reader sees: `dalil eval cases FILE`.

A file holds one JSON object a line. A question: `q`, `kind` and, by kind, `any` (words of which the first thing that is
shown holds one), `all` (words that the whole answer holds), `article` or `articles` (that are cited); `before` is the
question of the turn before. A draft of a model: `question`, `draft`, in which `{words}` stands for the number of the
passage that holds the words, and `truth`: for each sentence T (true), L (false) or I (inferred, either will do).
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prompts import reader_message
from rag.answering.assistant import Assistant
from rag.errors import InputError
from rag.language.normalize import fold_text
from rag.types import Answer, AnswerRequest, Message

_PASSAGE = re.compile(r'<passage number="(\d+)" title="(.*?)">\n(.*?)\n</passage>', re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MIN_SUMMARY_QUOTES = 3
_TRUE, _FALSE = "T", "L"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    Attributes
    ----------
    name : str
        The question.
    kind : str
        Of the case; of a draft `draft true` or `draft false`.
    is_right : bool
        Whether the outcome is the right one.
    text : str
        What the reader saw.
    """

    name: str
    kind: str
    is_right: bool
    text: str


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The cases of a file; raises InputError."""
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not a file of cases, one JSON object a line: {error}.") from None


def run_cases(assistant: Assistant, cases: Sequence[dict[str, Any]]) -> Iterator[CaseResult]:
    """Ask every question, and verify every draft, over the articles of an assistant."""
    for case in cases:
        yield _run_draft(assistant, case) if "draft" in case else _run_question(assistant, case)


def _run_question(assistant: Assistant, case: dict[str, Any]) -> CaseResult:
    history: tuple[Message, ...] = ()
    if "before" in case:
        earlier = assistant.ask(case["before"])
        history = (Message("user", case["before"]), Message("assistant", earlier.text))
    answer = assistant.ask(AnswerRequest(case["q"], history=history))
    is_right = all(check(answer, case) for check in _CHECKS[case["kind"]])
    return CaseResult(case["q"], case["kind"], is_right, answer.text)


def first_shown(answer: Answer) -> str:
    """The first thing that a reader sees: what is said up to the end of the first statement."""
    if answer.refused or not answer.statements:
        return ""
    return answer.text[: answer.statements[0].end]


def _key(text: str) -> str:
    return " ".join(fold_text(text).split())


def _holds_first(answer: Answer, case: dict[str, Any]) -> bool:
    shown = _key(first_shown(answer))
    return any(_key(words) in shown for words in case.get("any", ())) or "any" not in case


def _holds_all(answer: Answer, case: dict[str, Any]) -> bool:
    shown = _key(answer.text)
    return not answer.refused and all(_key(words) in shown for words in case.get("all", ()))


def _cites_articles(answer: Answer, case: dict[str, Any]) -> bool:
    wanted = {*case.get("articles", ()), *([case["article"]] if "article" in case else [])}
    return wanted <= {citation.article_id for citation in answer.citations}


def _is_refused(answer: Answer, _: dict[str, Any]) -> bool:
    return answer.refused and not answer.citations


def _is_talk(answer: Answer, _: dict[str, Any]) -> bool:
    return not answer.refused and not answer.citations and bool(answer.text)


def _is_summary(answer: Answer, case: dict[str, Any]) -> bool:
    quoted = [citation.article_id for citation in answer.citations]
    return len(quoted) >= _MIN_SUMMARY_QUOTES and set(quoted) == {case["article"]}


_CHECKS: dict[str, Sequence[Callable[[Answer, dict[str, Any]], bool]]] = {
    "fact": (_holds_first, _cites_articles),
    "followup": (_holds_first, _cites_articles),
    "list": (_holds_all, _cites_articles),
    "compare": (_holds_all, _cites_articles),
    "unanswerable": (_is_refused,),
    "talk": (_is_talk,),
    "collection": (_holds_all,),
    "summary": (_is_summary,),
}


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
        passages = {int(number): _key(f"{title} {text}") for number, title, text in _PASSAGE.findall(prompt)}

        def number_of(match: re.Match[str]) -> str:
            words = _key(match[1])
            return next((f"[{number}]" for number, text in passages.items() if words in text), "")

        for word in re.findall(r"\S+\s*|\s+", _PLACEHOLDER.sub(number_of, self._draft)):
            yield SimpleNamespace(delta=word)


def _run_draft(assistant: Assistant, case: dict[str, Any]) -> CaseResult:
    answer = assistant.with_model(DraftModel(case["draft"])).ask(AnswerRequest(case["question"], mode="generate"))
    kinds = set(re.findall(r"[A-Z]", case["truth"].split("(")[0]))
    beneath = answer.text.find(reader_message(answer.language, "articles_say"))
    said = [one for one in answer.statements if beneath < 0 or one.start < beneath]
    shown = [statement.verdict for statement in said] if answer.mode == "generate" else []
    if _FALSE in kinds:
        is_right = answer.refused or ("supported" not in shown and "verbatim" not in shown)
        return CaseResult(case["question"], "draft false", is_right, answer.text)
    is_right = bool(shown) and "unverified" not in shown and bool(answer.citations)
    return CaseResult(case["question"], "draft true", is_right, answer.text)


def summarize_cases(results: Sequence[CaseResult]) -> dict[str, Any]:
    """By kind, how many are right of how many."""
    kinds = dict.fromkeys(result.kind for result in results)
    counts = {kind: [result.is_right for result in results if result.kind == kind] for kind in kinds}
    return {kind: {"right": sum(of_kind), "of": len(of_kind)} for kind, of_kind in counts.items()}
