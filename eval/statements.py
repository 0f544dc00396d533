"""How well the verifier tells true statements about the sample articles from false ones.

Each statement of `gold/statements.jsonl` is verified against the passage that holds its evidence, as a model would
cite it.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rag.answering.assistant import Assistant
from rag.errors import DalilError
from rag.grounding.verifier import verify_draft
from rag.types import Hit, Language

STATEMENTS = Path(__file__).parent / "gold" / "statements.jsonl"
_TRUE = "true"
_TOP_K = 200
"""More chunks than the search for an article's own words could leave out."""


class StatementCase(NamedTuple):
    """A statement about a sample article.

    Attributes
    ----------
    id : str
        Unique in the file.
    article : str
        Id of the article.
    evidence : str
        Words of the article that tell whether the statement is true.
    language : Language
        Of the statement.
    kind : str
        `true`, or what is false in it.
    statement : str
        One sentence.
    """

    id: str
    article: str
    evidence: str
    language: Language
    kind: str
    statement: str


def read_statements(path: Path = STATEMENTS) -> list[StatementCase]:
    """The statements of a file."""
    return [StatementCase(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def flag_statements(assistant: Assistant) -> dict[str, bool]:
    """Whether each statement is flagged as unverified, by its id, over the sample articles."""
    by_evidence: dict[tuple[str, str], list[StatementCase]] = defaultdict(list)
    for case in read_statements():
        by_evidence[case.article, case.evidence].append(case)
    flags: dict[str, bool] = {}
    for cases in by_evidence.values():
        hit = _find_evidence(assistant, cases[0])
        flags |= {case.id: _is_flagged(assistant, case, hit) for case in cases}
    return flags


def summarize_flags(flags: Mapping[str, bool]) -> dict[str, dict[str, Any]]:
    """The number of statements and the share flagged, by kind and language.

    A share of 0 is best for true statements, of 1 for all others.
    """
    groups: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for case in read_statements():
        groups[case.kind, case.language].append(flags[case.id])
    return {
        f"{kind}, {language}": {"statements": len(values), "flagged": round(sum(values) / len(values), 4)}
        for (kind, language), values in sorted(groups.items())
    }


def score_flags(flags: Mapping[str, bool]) -> dict[str, float]:
    """1 for each statement that the verifier judged rightly, else 0, by id."""
    return {case.id: float(flags[case.id] == (case.kind != _TRUE)) for case in read_statements()}


def _is_flagged(assistant: Assistant, case: StatementCase, hit: Hit) -> bool:
    verified = verify_draft(f"{case.statement} [1]", [hit], assistant.similarity([hit]), case.language)
    return not verified.is_supported


def _find_evidence(assistant: Assistant, case: StatementCase) -> Hit:
    for hit in assistant.search(case.evidence[: assistant.settings.max_question_chars], _TOP_K).hits:
        if hit.article.id == case.article and case.evidence in hit.text:
            return hit
    raise DalilError(f"No chunk of {case.article} holds the evidence of {case.id}.")
