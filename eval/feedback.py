"""Readers' ratings as gold cases: what they said was right, or which passage should have been cited."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import InputError, NotFoundError
from rag.store import Store


def cases(file: Path, store: Store) -> list[dict[str, Any]]:
    """The rated answers that tell which passage is right, in the form of the gold set; the last rating of each counts.

    Ratings of passages that the index no longer holds are left out. Raises InputError when there are no ratings.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"There are no ratings in {file}: {error.strerror}.") from None
    last = {rating["answer"]: rating for rating in map(json.loads, lines)}
    return [case for rating in last.values() for case in _case(rating, store)]


def _case(rating: dict[str, Any], store: Store) -> Iterator[dict[str, Any]]:
    cited = rating["citations"][0] if rating["rating"] == "up" and rating["citations"] else None
    right = rating["passage"] or cited
    if right is None:
        return
    try:
        evidence = store.article(right["article_id"]).text[right["start"] : right["end"]]
    except NotFoundError:
        return
    yield {
        "id": f"feedback-{rating['answer']}",
        "kind": "answerable",
        "language": rating["language"],
        "question": rating["question"],
        "article": right["article_id"],
        "start": right["start"],
        "end": right["end"],
        "evidence": evidence,
        "answers": [evidence],
    }
