"""A hit as statements are verified against it."""

import re
from functools import cached_property

from rag.grounding.entities import EntityIndex
from rag.language.document import Document
from rag.types import Hit, Span

_LEAD_CHARS = 500
"""Of the article's beginning, where the names that a passage takes for granted are given in full."""

_MAX_HEADING_CHARS = 100
_LINE_END = re.compile(r"[.!…]['\"”’»)\]]*$")
_ITEM = re.compile(r"[-*•‣◦▪●–]|\d")


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
    def evidence(self) -> list[int]:
        """The numbers of the sentences that can be evidence: all but headings, where there are others."""
        text, spans = self.hit.article.text, self.hit.sentences
        return [at for at, span in enumerate(spans) if not _is_heading(text, span)] or list(range(len(spans)))

    @cached_property
    def title(self) -> Document:
        """The title of the article."""
        return Document(self.hit.article.title)

    @cached_property
    def entities(self) -> EntityIndex:
        """The names in the title, in the article's beginning and in the text of the hit."""
        article = self.hit.article
        return EntityIndex.of(Document(f"{article.title}\n{article.text[:_LEAD_CHARS]}\n{self.hit.text}"))


def _is_heading(text: str, span: Span) -> bool:
    """Whether a sentence is a short line of its own without a full stop that leads to a line of prose."""
    line = text[slice(*span)].strip()
    if len(line) > _MAX_HEADING_CHARS or _LINE_END.search(line) or _ITEM.match(line):
        return False
    before = text[: span.start].rsplit("\n", 1)[-1]
    rest, _, following = text[span.start + len(line) :].lstrip(" ").partition("\n")
    if before.strip() or rest.strip() or not following.strip():
        return False
    next_line = following.lstrip().split("\n", 1)[0].strip()
    return len(next_line) > len(line) and bool(_LINE_END.search(next_line))
