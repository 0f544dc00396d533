"""What was found, and why, as the command line, the API and the page show it."""

from dataclasses import asdict
from typing import Any

from rag.embedding.bm25 import index_terms
from rag.language.document import Document
from rag.retrieval.retriever import RetrievalResult
from rag.types import Hit


def describe_result(result: RetrievalResult, with_reasons: bool) -> dict[str, Any]:
    """A result as plain data.

    Parameters
    ----------
    result : RetrievalResult
        What was found.
    with_reasons : bool
        Whether to add the language, probability, features and timings, and to each hit its scores and the forms in it
        that match a word of the question.
    """
    hits = [describe_hit(hit) | (_describe_match(result.question, hit) if with_reasons else {}) for hit in result.hits]
    if not with_reasons:
        return {"hits": hits}
    return {
        "hits": hits,
        "language": result.language,
        "probability": round(result.probability, 4),
        "features": {name: round(value, 4) for name, value in result.features.items()},
        "timings_ms": result.timings_ms,
    }


def describe_hit(hit: Hit) -> dict[str, Any]:
    """A hit as plain data: where it stands, its words and its score; `page` is None where its article has none, `ocr`
    says whether its words were read from pictures."""
    return {
        "article_id": hit.article.id,
        "title": hit.article.title,
        "url": hit.article.url,
        "start": hit.start,
        "end": hit.end,
        "page": asdict(hit.page) if hit.page else None,
        "ocr": hit.ocr,
        "text": hit.text,
        "score": hit.score,
    }


def _describe_match(question: Document, hit: Hit) -> dict[str, Any]:
    """Each representation's score, and the forms in the hit that match a word of the question (والكتاب for كتاب)."""
    asked = {key: term.surface for term, keys in index_terms(question) for key in keys}
    forms: dict[str, list[str]] = {}
    for term, keys in index_terms(Document(hit.text)):
        key = next((key for key in keys if key in asked), None)
        form = hit.text[slice(*term.span)]
        if key is not None and form not in forms.setdefault(asked[key], []):
            forms[asked[key]].append(form)
    scores = {name: round(value, 4) for name, value in asdict(hit.scores).items()}
    return {"signals": scores, "matched": forms}
