"""A hit as statements are verified against it."""

from functools import cached_property

from rag.grounding.entities import EntityIndex
from rag.language.document import Document
from rag.types import Hit, Span

_LEAD_CHARS = 500
"""Of the article's beginning, where the names that a passage takes for granted are given in full."""


class Passage:
    """A hit with the analysis of its text, each part made when it is first asked for.

    Parameters
    ----------
    hit : Hit
        What was retrieved.
    """

    def __init__(self, hit: Hit) -> None:
        self.hit = hit

    @cached_property
    def document(self) -> Document:
        """The text of the hit."""
        return Document(self.hit.text)

    @cached_property
    def sentences(self) -> list[Document]:
        """The sentences of the hit, in the order of `hit.sentences`."""
        start = self.hit.start
        return [self.document.part(Span(span.start - start, span.end - start)) for span in self.hit.sentences]

    @cached_property
    def title(self) -> Document:
        """The title of the article."""
        return Document(self.hit.article.title)

    @cached_property
    def entities(self) -> EntityIndex:
        """The names in the title, in the article's beginning and in the text of the hit."""
        article = self.hit.article
        return EntityIndex.of(Document(f"{article.title}\n{article.text[:_LEAD_CHARS]}\n{self.hit.text}"))
