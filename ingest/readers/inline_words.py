"""The words of one block of Markdown: marks, tags and struck text are gone, and rows of a table in HTML are lines."""

import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from rag.language.sentences import CELL_SEPARATOR

_CELL = "\x1f"
_STRUCK_TAGS = frozenset(("s", "del", "strike"))
_CELL_TAGS = frozenset(("td", "th"))
_BREAKING_TAGS = frozenset(
    "address article aside blockquote br caption center dd details div dl dt fieldset figcaption figure footer form h1 "
    "h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot thead title tr ul".split()
)
"""Those that begin a line."""
_TAG_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)")
_CALLOUT = re.compile(r"\[!\w[\w-]*\][+-]?\s*")
_HIGHLIGHT = re.compile(r"(?<![\w=])==(?=[^\s=])([^=\n]+)(?<=\S)==(?![\w=])")
_SPACES = re.compile(" {2,}")


def inline_words(token: Token) -> str:
    """The words of an inline token, lines apart where it has breaks."""
    children = token.children or []
    shown = list(_skip_struck(children))
    text = "".join(map(_child_words, shown))
    if not any(child.type == "code_inline" for child in children):
        text = _HIGHLIGHT.sub(r"\1", text)
    if len(shown) < len(children) or any(child.type in ("hidden", "html_inline") for child in children):
        text = _SPACES.sub(" ", text)
    return "\n".join(filter(None, map(_join_cells, text.split("\n"))))


def drop_callout(text: str) -> str:
    """The words of the first paragraph of a quote, without the mark that says what kind of note it is."""
    return _CALLOUT.sub("", text, count=1) if _CALLOUT.match(text) else text


def _skip_struck(children: Sequence[Token]) -> Iterator[Token]:
    """The children that are not struck out; a tag that nothing closes strikes nothing."""
    ends: dict[int, int] = {}
    begun: list[int] = []
    for at, child in enumerate(children):
        if child.type == "s_open" or (child.type == "html_inline" and _begins_struck(child)):
            begun.append(at)
        elif begun and (child.type == "s_close" or (child.type == "html_inline" and _ends_struck(child))):
            ends[begun.pop()] = at
    at = 0
    while at < len(children):
        if at in ends:
            at = ends[at]
        else:
            yield children[at]
        at += 1


def _begins_struck(tag: Token) -> bool:
    return _name_of(tag) in _STRUCK_TAGS and not tag.content.startswith("</")


def _ends_struck(tag: Token) -> bool:
    return _name_of(tag) in _STRUCK_TAGS and tag.content.startswith("</")


def _child_words(child: Token) -> str:
    if child.type in ("text", "code_inline", "image"):
        return child.content
    if child.type == "softbreak":
        return " "
    if child.type == "hardbreak":
        return "\n"
    return _tag_words(child) if child.type == "html_inline" else ""


def _tag_words(tag: Token) -> str:
    name, is_closing = _name_of(tag), tag.content.startswith("</")
    if name in _CELL_TAGS:
        return "" if is_closing else _CELL
    if name == "li" and not is_closing:
        return "\n• "
    return "\n" if name in _BREAKING_TAGS else ""


def _name_of(tag: Token) -> str:
    match = _TAG_NAME.match(tag.content)
    return match[1].lower() if match else ""


def _join_cells(line: str) -> str:
    """A line, whose cells are joined where it is a row."""
    before, *cells = (cell.strip() for cell in line.split(_CELL))
    row = CELL_SEPARATOR.join([before, *cells] if before else cells)
    return row if any(cells) else before
