"""What frameworks are told of a passage beside its words."""

from typing import Any

from rag.answering.references import SECTION_SEPARATOR
from rag.types import Hit


def describe_passage(hit: Hit) -> dict[str, Any]:
    """The metadata of a passage: `article_id`, `title` and `url`, of a document with pages its `page_label`, as
    llama-index's readers of PDF call it, the headings above it as `section`, and `ocr` where the words were read from
    pictures."""
    metadata: dict[str, Any] = {"article_id": hit.article.id, "title": hit.article.title, "url": hit.article.url}
    if hit.page:
        metadata["page_label"] = hit.page.label or str(hit.page.number)
    if hit.section:
        metadata["section"] = SECTION_SEPARATOR.join(hit.section)
    return metadata | ({"ocr": True} if hit.ocr else {})
