"""What the gold set shows, as one object."""

from pathlib import Path
from typing import Any

from eval.datasets import gold
from eval.run import answered, false_citations, summary, temporary
from ingest.read import files, read
from rag.settings import Settings
from rag.types import Article


def gold_report(settings: Settings, articles: Path) -> dict[str, Any]:
    """Ask the gold set over the sample articles, in a store of its own; shares by language and kind of question."""
    found = [item for file, root in files([articles]) for item in read(file, root, settings.max_article_chars)]
    with temporary(
        settings, [item for item in found if isinstance(item, Article)], lambda done, total: None
    ) as assistant:
        results = answered(assistant, gold())
        false = false_citations(assistant, results)
    groups = {}
    for language in ("ar", "en"):
        asked = [result for result in results if result.question.language == language]
        groups[language] = summary(
            [result for result in asked if result.question.kind in ("answerable", "unanswerable")]
        )
    for kind in ("variant", "dialect"):
        groups[kind] = summary([result for result in results if result.question.kind == kind])
    citations = sum(len(result.answer.citations) for result in results)
    return {"groups": groups, "questions": len(results), "citations": citations, "false_citations": false}
