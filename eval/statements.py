"""What the checking of a model's sentences lets through: true statements and lies about the sample articles.

Each statement of `gold/statements.jsonl` is put before the passage that holds its evidence, as a model would cite it.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from eval.report import samples
from eval.run import temporary
from rag.answering.assistant import Assistant
from rag.errors import DalilError
from rag.grounding.verifier import verify
from rag.settings import Settings
from rag.types import Hit, Language

STATEMENTS = Path(__file__).parent / "gold" / "statements.jsonl"
_ALL = 200
"""More chunks than an article's question could leave out."""


class Case(NamedTuple):
    """A statement: `kind` is true, or what the lie in it is about."""

    id: str
    article: str
    evidence: str
    language: Language
    kind: str
    statement: str


def cases(path: Path = STATEMENTS) -> list[Case]:
    """The statements of a file."""
    return [Case(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def flagged(settings: Settings, articles: Path) -> dict[str, bool]:
    """By id of a statement, whether it was flagged as unverified."""
    with temporary(settings, samples(settings, articles), lambda done, total: None) as assistant:
        return {case.id: _flagged(assistant, case) for case in cases()}


def _flagged(assistant: Assistant, case: Case) -> bool:
    hit = _holding(assistant, case)
    found = verify(f"{case.statement} [1]", [hit], assistant.nearness([hit]), case.language)
    return not found.supported


def _holding(assistant: Assistant, case: Case) -> Hit:
    for hit in assistant.search(case.evidence[: assistant.settings.max_question_chars], _ALL).hits:
        if hit.article.id == case.article and case.evidence in hit.text:
            return hit
    raise DalilError(f"No chunk of {case.article} holds the evidence of {case.id}.")


def summary(found: dict[str, bool]) -> dict[str, Any]:
    """The share that was flagged, by kind and language: 0 is best for true ones, 1 for all others."""
    groups: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for case in cases():
        groups[case.kind, case.language].append(found[case.id])
    return {
        f"{kind}, {language}": {"statements": len(values), "flagged": round(sum(values) / len(values), 4)}
        for (kind, language), values in sorted(groups.items())
    }


def scores(found: dict[str, bool]) -> dict[str, float]:
    """By id, 1 where the checking was right."""
    return {case.id: float(found[case.id] == (case.kind != "true")) for case in cases()}
