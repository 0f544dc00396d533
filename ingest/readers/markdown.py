"""Markdown with front matter: its words are one article.

Readers see words, not marks, and a hard-wrapped paragraph is one line again, so that its line ends are not taken for
ends of sentences. A row of a table is a line.
"""

from collections.abc import Iterator
from io import BufferedReader

from markdown_it.token import Token

from ingest.readers.base import ReadResult, Source, make_article, read_limited
from ingest.readers.bounded_markdown import parse_markdown
from ingest.readers.decoding import decode_text, encoding_warning
from ingest.readers.front_matter import split_front_matter
from ingest.readers.headings import mark_heading
from ingest.readers.inline_words import drop_callout, inline_words
from ingest.readers.metadata import MAX_TITLE_CHARS, read_fields
from rag.language.sentences import CELL_SEPARATOR

_BULLET = "• "


def read_markdown(stream: BufferedReader, source: Source) -> Iterator[ReadResult]:
    """The article of a Markdown text; raises ReadError."""
    content, encoding = decode_text(read_limited(stream, source))
    front = split_front_matter(content)
    heading, text = _extract_words(front.body)
    warnings = filter(None, [encoding_warning(encoding), front.warning])
    yield from make_article(read_fields(front.values), text, source, heading, warnings)


def _extract_words(body: str) -> tuple[str | None, str]:
    """The first heading of level one, where it comes before all else, and the words of the rest, a block a line; a
    body whose blocks cannot be told apart as it stands."""
    tokens = parse_markdown(body)
    if tokens is None:
        return None, body
    words = _Words()
    for at, token in enumerate(tokens):
        words.add(token, tokens[max(0, at - 2) : at])
    return words.heading, "\n\n".join(words.blocks)


class _Words:
    """The words of a text, as its tokens come.

    Attributes
    ----------
    heading : str or None
        The first heading of level one, where nothing stands before it.
    blocks : list of str
        The words of the other blocks; the rows of a table are the lines of one.
    """

    def __init__(self) -> None:
        self.heading: str | None = None
        self.blocks: list[str] = []
        self._marker = ""
        self._rows: list[str] | None = None
        self._cells: list[str] = []

    def add(self, token: Token, before: list[Token]) -> None:
        """Take in a token; `before` holds the two before it."""
        if token.type == "list_item_open":
            self._marker = f"{token.info}. " if token.info else _BULLET
        elif token.type == "table_open":
            self._rows = []
        elif token.type == "table_close":
            self._add_block("\n".join(self._rows or ()))
            self._rows = None
        elif token.type == "tr_close" and self._rows is not None:
            self._rows += [CELL_SEPARATOR.join(self._cells)] if any(self._cells) else []
            self._cells = []
        elif token.type == "inline":
            self._add_words(inline_words(token), [one.type for one in before], before[-1].tag if before else "")
        elif token.type in ("fence", "code_block"):
            self.blocks.append(token.content.rstrip())

    def _add_words(self, text: str, before: list[str], tag: str) -> None:
        if self._rows is not None:
            self._cells.append(" ".join(text.split("\n")))
            return
        if before == ["blockquote_open", "paragraph_open"]:
            text = drop_callout(text)
        if tag == "h1" and self.heading is None and not self.blocks and len(text) <= MAX_TITLE_CHARS:
            self.heading = text
        else:
            level = int(tag[1:]) if before[-1:] == ["heading_open"] else 0
            self._add_block(mark_heading(text, level) if level and not self._marker else text)

    def _add_block(self, text: str) -> None:
        if text:
            self.blocks.append(self._marker + text)
            self._marker = ""
