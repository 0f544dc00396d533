"""Readers' ratings as gold cases: the passage that they called right, or that should have been cited."""

from collections.abc import Iterator
from typing import Any

from rag.errors import NotFoundError
from rag.records import Records
from rag.store import Store


def export_gold_cases(records: Records, store: Store) -> list[dict[str, Any]]:
    """The rated answers that tell which passage is right.

    Parameters
    ----------
    records : Records
        Hold the ratings.
    store : Store
        Holds the passages; ratings of those that it no longer holds are left out.

    Returns
    -------
    list of dict
        In the form of the gold set, in the order in which the answers were first rated.

    Raises
    ------
    InputError
        When there are no ratings.
    """
    return [case for rating in records.read_all("ratings") for case in _make_case(rating, store)]


def _make_case(rating: dict[str, Any], store: Store) -> Iterator[dict[str, Any]]:
    """The case of a rating; none when it tells no passage, or one that is gone."""
    first_cited = rating["citations"][0] if rating["rating"] == "up" and rating["citations"] else None
    passage = rating["passage"] or first_cited
    if passage is None:
        return
    try:
        evidence = store.get_article(passage["article_id"]).text[passage["start"] : passage["end"]]
    except NotFoundError:
        return
    yield {
        "id": f"feedback-{rating['answer']}",
        "kind": "answerable",
        "language": rating["language"],
        "question": rating["question"],
        "article": passage["article_id"],
        "start": passage["start"],
        "end": passage["end"],
        "evidence": evidence,
        "answers": [evidence],
    }
