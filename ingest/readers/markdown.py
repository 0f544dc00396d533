"""Markdown with front matter: its words are one article.

Readers see words, not marks, and a hard-wrapped paragraph is one line again, so that its line ends are not taken for
ends of sentences.
"""

from collections.abc import Iterator
from io import BufferedReader

import yaml
from markdown_it.token import Token

from ingest.readers.base import (
    MAX_TITLE_CHARS,
    ArticleFields,
    ReadFailure,
    Source,
    make_article,
    read_limited,
    validate_fields,
)
from ingest.readers.bounded_markdown import parse_markdown
from ingest.readers.decoding import decode_text
from rag.errors import ReadError
from rag.types import Article

_FRONT_MATTER_START = "---"
_FRONT_MATTER_ENDS = ("---", "...")
_MAX_FRONT_MATTER_CHARS = 100_000
"""Room for more than anyone writes; YAML takes 15 microseconds a character."""
_BULLET = "• "


def read_markdown(stream: BufferedReader, source: Source) -> Iterator[Article | ReadFailure]:
    """The article of a Markdown text; raises ReadError."""
    fields, body = _split_front_matter(decode_text(read_limited(stream, source)))
    heading, text = _extract_words(body)
    yield make_article(fields, text, source, heading)


def _split_front_matter(content: str) -> tuple[ArticleFields, str]:
    lines = content.splitlines(keepends=True)
    if not lines or lines[0].strip() != _FRONT_MATTER_START:
        return ArticleFields(), content
    for at, line in enumerate(lines[1:], 1):
        if line.strip() in _FRONT_MATTER_ENDS:
            return _parse_front_matter("".join(lines[1:at])), "".join(lines[at + 1 :])
    raise ReadError("The front matter is not closed: a line of three hyphens is missing.")


class _FrontMatterLoader(yaml.SafeLoader):
    """YAML in which `<<` is a key like any other: each merge may double what the one before has merged."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge nothing."""


for _tag in ("merge", "value"):
    _FrontMatterLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda _loader, node: str(node.value))


def _parse_front_matter(block: str) -> ArticleFields:
    if len(block) > _MAX_FRONT_MATTER_CHARS:
        raise ReadError(f"The front matter is too long: at most {_MAX_FRONT_MATTER_CHARS:,} characters.")
    try:
        values = yaml.load(block, _FrontMatterLoader) or {}
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError, ArithmeticError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 2}"
        raise ReadError(f"The front matter is not YAML{where}. Put values with a colon into quotes.") from None
    if not isinstance(values, dict):
        raise ReadError("The front matter is not a list of `name: value` lines.")
    fields: ArticleFields = validate_fields(ArticleFields, values)
    return fields


def _extract_words(body: str) -> tuple[str | None, str]:
    """The first heading of level one, where it comes before all else, and the words of the rest, a block a line; a
    body whose blocks cannot be told apart as it stands."""
    tokens = parse_markdown(body)
    if tokens is None:
        return None, body
    blocks: list[str] = []
    heading: str | None = None
    marker = ""
    for at, token in enumerate(tokens):
        if token.type == "list_item_open":
            marker = f"{token.info}. " if token.info else _BULLET
        elif token.type == "inline":
            text = marker + _inline_words(token)
            marker = ""
            is_title = tokens[at - 1].tag == "h1" and heading is None and not blocks and len(text) <= MAX_TITLE_CHARS
            if is_title:
                heading = text
            else:
                blocks.append(text)
        elif token.type in ("fence", "code_block"):
            blocks.append(token.content.rstrip())
    return heading, "\n\n".join(blocks)


def _inline_words(token: Token) -> str:
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak":
            parts.append("\n")
    return "".join(parts).strip()
