"""Questions and drafts with the right outcome, each judged by what a reader sees: `dalil eval cases FILE`.

A file holds one JSON object a line. A question has `q`, its `kind`, and what is right:

- `any`: words of which the first thing that is shown holds one; `none`: words that it does not hold, such as the cells
  of other rows; `all`: words that the whole answer holds
- `article`, `articles`: ids that are cited; of an empty list, that nothing is
- `language`: of the answer; `shorter`: whether it has fewer characters than the answer before it and cites nothing else
- `before`: the question of the turn before, or a list of questions, oldest first
- `distance`, of `unanswerable`: `inside`, `near` or `far`, as in the gold set; it is counted as a kind of its own
- `collection`: the name of the folder whose articles are asked (`find_collection`)
- `renderings`, for the test of the file: for words of `any` and `all` that no article has, those that they render

A draft of a model: `question`, `draft`, in which `{words}` stands for the number of the passage that holds the words,
and `truth`: for each sentence T (true), L (false) or I (inferred, either will do); `kind` says what it is an example
of, and is then reported apart.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.datasets import read_articles
from eval.drafts import judge_draft
from eval.matching import contains_words
from eval.run import ignore_progress, open_temporary_assistant
from ingest.indexer import Progress
from rag.answering.assistant import Assistant
from rag.errors import InputError
from rag.settings import Settings
from rag.types import Answer, AnswerRequest, AnswerState, Citation, Message

CASES = Path(__file__).parent / "gold" / "cases.jsonl"
MEASURE_PREFIX = "cases, "
"""Of the measures that cases give: one for each kind."""
_MIN_SUMMARY_QUOTES = 3
_TURN_SEPARATOR = " / "

Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case.

    Attributes
    ----------
    name : str
        The question, behind those of the turns before it.
    kind : str
        Of the case, with the distance of an unanswerable question; of a draft `draft true` or `draft false`, with the
        kind of case behind it where it has one.
    is_right : bool
        Whether the outcome is the right one.
    text : str
        What the reader saw.
    state : AnswerState
        As what it was shown.
    """

    name: str
    kind: str
    is_right: bool
    text: str
    state: AnswerState


def read_cases(path: Path) -> list[Case]:
    """The cases of a file; raises InputError."""
    try:
        cases = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not a file of cases, one JSON object a line: {error}.") from None
    for case in cases:
        if "draft" not in case and case.get("kind") not in _CHECKS:
            raise InputError(f"{path} holds a case whose kind is none of {', '.join(_CHECKS)}: {case.get('kind')}.")
    return cases


def find_collection(case: Case, file: Path, folders: Sequence[Path]) -> Path:
    """The folder of the articles that a case asks: of the name of its collection, else the first of `folders`.

    Parameters
    ----------
    case : dict
        Of `file`, beside which the folder of a collection may be too.
    file : Path
        The cases.
    folders : sequence of Path
        At least one.
    """
    name = case.get("collection")
    named = [folder for folder in (*folders, *([file.parent / name] if name else [])) if folder.name == name]
    return next((folder for folder in named if folder.is_dir()), folders[0])


def run_cases(assistant: Assistant, cases: Sequence[Case]) -> Iterator[CaseResult]:
    """Ask every question, and verify every draft, over the articles of an assistant."""
    answers: dict[tuple[str, ...], Answer] = {}
    for case in cases:
        if "draft" in case:
            judged = judge_draft(assistant, case)
            yield CaseResult(case["question"], judged.kind, judged.is_right, judged.answer.text, judged.answer.state)
        else:
            yield _run_question(assistant, case, answers)


def ask_cases(
    settings: Settings,
    cases: Sequence[Case],
    file: Path,
    folders: Sequence[Path],
    progress: Progress = ignore_progress,
    assistant: Assistant | None = None,
) -> list[CaseResult]:
    """Run cases, each over the articles of its collection.

    Parameters
    ----------
    settings : Settings
        All but the place of the index is taken from them.
    cases : sequence of dict
        Of `file`.
    file : Path
        The cases.
    folders : sequence of Path
        Of articles, as `find_collection` has them.
    progress : callable
        Called after every batch that is indexed.
    assistant : Assistant, optional
        Over the articles of the first folder, where there is one already.
    """
    by_folder: dict[Path, list[Case]] = {}
    for case in cases:
        by_folder.setdefault(find_collection(case, file, folders), []).append(case)
    results: list[CaseResult] = []
    for folder, chosen in by_folder.items():
        if assistant is not None and folder == folders[0]:
            results += run_cases(assistant, chosen)
            continue
        articles = read_articles(folder, settings.max_article_chars)
        with open_temporary_assistant(settings, articles, progress) as opened:
            results += run_cases(opened, chosen)
    return results


def earlier_turns(case: Case) -> list[str]:
    """The questions before that of a case, oldest first."""
    before = case.get("before", [])
    return [before] if isinstance(before, str) else list(before)


def kind_of(case: Case) -> str:
    """What the case of a question is counted as."""
    return ", ".join(filter(None, (case["kind"], case.get("distance"))))


def _run_question(assistant: Assistant, case: Case, answers: dict[tuple[str, ...], Answer]) -> CaseResult:
    """Ask it behind the turns before it; `answers` has those of all turns so far, by what was asked up to each."""
    turns = (*earlier_turns(case), case["q"])
    history: tuple[Message, ...] = ()
    earlier, answer = None, None
    for number, question in enumerate(turns, 1):
        asked = turns[:number]
        if asked not in answers:
            answers[asked] = assistant.ask(AnswerRequest(question, history=history))
        earlier, answer = answer, answers[asked]
        history = (*history, Message("user", question), Message("assistant", answer.text))
    assert answer is not None
    is_right = all(check(answer, case) for check in (*_CHECKS[case["kind"]], _is_in_language))
    if case.get("shorter"):
        is_right = is_right and earlier is not None and _is_shorter(answer, earlier)
    return CaseResult(_TURN_SEPARATOR.join(turns), kind_of(case), is_right, answer.text, answer.state)


def first_shown(answer: Answer) -> str:
    """The first thing that a reader sees: what is said up to the end of the first statement."""
    if answer.refused or not answer.statements:
        return ""
    return answer.text[: answer.statements[0].end]


def _holds_first(answer: Answer, case: Case) -> bool:
    shown = first_shown(answer)
    if any(contains_words(shown, words) for words in case.get("none", ())):
        return False
    return any(contains_words(shown, words) for words in case.get("any", ())) or "any" not in case


def _holds_all(answer: Answer, case: Case) -> bool:
    return not answer.refused and all(contains_words(answer.text, words) for words in case.get("all", ()))


def _cites_articles(answer: Answer, case: Case) -> bool:
    wanted = {*case.get("articles", ()), *([case["article"]] if "article" in case else [])}
    cited = {citation.article_id for citation in answer.citations}
    return wanted <= cited and (case.get("articles") != [] or not cited)


def _is_in_language(answer: Answer, case: Case) -> bool:
    return "language" not in case or bool(case["language"] == answer.language)


def _is_shorter(answer: Answer, earlier: Answer) -> bool:
    is_known = all(any(_lies_in(one, other) for other in earlier.citations) for one in answer.citations)
    return len(answer.text) < len(earlier.text) and is_known


def _lies_in(one: Citation, other: Citation) -> bool:
    return one.article_id == other.article_id and other.start <= one.start and one.end <= other.end


def _is_refused(answer: Answer, _: Case) -> bool:
    return answer.refused and not answer.citations


def _is_talk(answer: Answer, _: Case) -> bool:
    return not answer.refused and not answer.citations and bool(answer.text)


def _is_summary(answer: Answer, case: Case) -> bool:
    quoted = [citation.article_id for citation in answer.citations]
    return len(quoted) >= _MIN_SUMMARY_QUOTES and set(quoted) == {case["article"]}


def _is_listed(answer: Answer, _: Case) -> bool:
    """Whether titles are listed; a quote from an article says nothing of the collection."""
    return all(statement.verdict != "verbatim" for statement in answer.statements)


_Check = Callable[[Answer, Case], bool]
_FIRST: Sequence[_Check] = (_holds_first, _cites_articles)
_WHOLE: Sequence[_Check] = (_holds_all, _cites_articles)
_CHECKS: dict[str, Sequence[_Check]] = {
    "fact": _FIRST,
    "yesno": _FIRST,
    "table": _FIRST,
    "followup": _FIRST,
    "language": _FIRST,
    "list": _WHOLE,
    "section": _WHOLE,
    "compare": _WHOLE,
    "several": _WHOLE,
    "turn": (*_FIRST, _holds_all),
    "collection": (*_FIRST, _holds_all, _is_listed),
    "talk": (_is_talk,),
    "summary": (_is_summary,),
    "unanswerable": (_is_refused,),
}


def summarize_cases(results: Sequence[CaseResult]) -> dict[str, Any]:
    """By kind, how many are right of how many, and how many of those that are wrong say that they are not sure."""
    kinds = {kind: [one for one in results if one.kind == kind] for kind in dict.fromkeys(one.kind for one in results)}
    return {
        kind: {
            "right": sum(one.is_right for one in of_kind),
            "of": len(of_kind),
            "wrong but unsure": sum(one.state == "unsure" and not one.is_right for one in of_kind),
        }
        for kind, of_kind in kinds.items()
    }


def score_cases(results: Sequence[CaseResult]) -> dict[str, dict[str, float]]:
    """1 for each case with the right outcome, else 0, by the measure of its kind and its name."""
    scores: dict[str, dict[str, float]] = {}
    for result in results:
        scores.setdefault(f"{MEASURE_PREFIX}{result.kind}", {})[result.name] = float(result.is_right)
    return scores
