"""Rules of the Markdown parser beyond CommonMark: what is not shown (comments, scripts, tags, marks of footnotes), the
words of wikilinks, and tables whose rows keep every cell.

Each looks at most at what it consumes, or remembers that there was nothing to find, so that its work grows as the text
does.
"""

import re

from markdown_it.common.html_re import close_tag, open_tag
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_block.table import table as match_table
from markdown_it.rules_inline import StateInline

_HIDDEN = re.compile(r"<(!--|script\b|style\b)", re.IGNORECASE)
_HIDDEN_ENDS = {
    "!--": re.compile("-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
_TAG = re.compile(rf"{open_tag}|{close_tag}|<![A-Za-z][^>]*>|<\?[^>]*>")
_SHORT_TAG_CHARS = 500
"""More than tags have but those with an image inside."""
_MAX_LONG_TAGS = 100
"""Tries of a block at a longer one."""
_FOOTNOTE_MARK = re.compile(r"\[\^([^\s\]\[]{1,100})\]")
_WIKI_LINK = re.compile(r"!?\[\[([^\[\]\n|]{1,300})(?:\|([^\[\]\n]{1,300}))?\]\]")
HTML_BLOCK_ALT = ["paragraph", "reference", "blockquote"]
"""Which blocks a hidden one ends, as one of HTML does."""
TABLE_ALT = ["paragraph", "reference"]


class InlineRules:
    """The rules of one text's blocks."""

    def __init__(self) -> None:
        self.begin_block()

    def begin_block(self) -> None:
        """Forget what was found, or not, in the block before."""
        self._without_end: set[str] = set()
        self._long_tags_left = _MAX_LONG_TAGS

    def read_tag(self, state: StateInline, silent: bool) -> bool:
        """Read a tag as a token, and leave out a comment, script or style with what is in it."""
        if state.src[state.pos] != "<":
            return False
        end = self._find_hidden_end(state)
        if end is None:
            tag = self._match_tag(state)
            if tag is None:
                return False
            if not silent:
                state.push("html_inline", "", 0).content = tag
            end = state.pos + len(tag)
        elif not silent:
            state.push("hidden", "", 0)
        state.pos = end
        return True

    def _find_hidden_end(self, state: StateInline) -> int | None:
        begin = _HIDDEN.match(state.src, state.pos)
        name = begin[1].lower() if begin else ""
        if not begin or name in self._without_end:
            return None
        end = _HIDDEN_ENDS[name].search(state.src, begin.end(), state.posMax)
        if end is None:
            self._without_end.add(name)
            return None
        return end.end()

    def _match_tag(self, state: StateInline) -> str | None:
        near = state.pos + _SHORT_TAG_CHARS
        match = _TAG.match(state.src, state.pos, min(near, state.posMax))
        if match is None and near < state.posMax and self._long_tags_left:
            self._long_tags_left -= 1
            match = _TAG.match(state.src, state.pos, state.posMax)
        return match[0] if match else None


def read_footnote_mark(state: StateInline, silent: bool) -> bool:
    """Leave out the mark of a footnote: a number, or a name that is defined."""
    match = _FOOTNOTE_MARK.match(state.src, state.pos, state.posMax)
    if match is None or not (match[1].isdigit() or f":{match[1]}" in state.env.get("footnotes", {}).get("refs", {})):
        return False
    if not silent:
        state.push("hidden", "", 0)
    state.pos = match.end()
    return True


def read_wiki_link(state: StateInline, silent: bool) -> bool:
    """Read a wikilink as its words."""
    match = _WIKI_LINK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("text", "", 0).content = (match[2] or match[1]).strip(" \\")
    state.pos = match.end()
    return True


def read_hidden_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave out a comment, script or style of any number of lines; one without an end is text."""
    at = state.bMarks[start] + state.tShift[start]
    begin = _HIDDEN.match(state.src, at, state.eMarks[start])
    if begin is None or state.is_code_block(start):
        return False
    name = begin[1].lower()
    without_end: set[tuple[str, int]] = state.env.setdefault("hidden blocks without end", set())
    if (name, end) in without_end:
        return False
    for line in range(start, end):
        if line > start and not state.isEmpty(line) and state.sCount[line] < state.blkIndent:
            return False
        close = _HIDDEN_ENDS[name].search(
            state.src, begin.end() if line == start else state.bMarks[line], state.eMarks[line]
        )
        if close:
            if not silent:
                _push_rest(state, close.end(), line)
                state.line = line + 1
            return True
    without_end.add((name, end))
    return False


def _push_rest(state: StateBlock, at: int, line: int) -> None:
    """What stands behind a hidden block in its last line is a paragraph."""
    state.push("paragraph_open", "p", 1)
    rest = state.push("inline", "", 0)
    rest.content, rest.children, rest.map = state.src[at : state.eMarks[line]].strip(), [], [line, line + 1]
    state.push("paragraph_close", "p", -1)


def read_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table as its rows. The parser's own rule drops cells beyond those of the heading, and fills up short rows,
    of which a small text may have endless ones."""
    if not match_table(state, start, end, True):
        return False
    if silent:
        return True
    enclosing, state.parentType = state.parentType, "table"
    ends = state.md.block.ruler.getRules("blockquote")
    state.push("table_open", "table", 1)
    _push_row(state, start)
    line = start + 2
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        if state.is_code_block(line) or any(rule(state, line, end, True) for rule in ends):
            break
        _push_row(state, line)
        line += 1
    state.push("table_close", "table", -1)
    state.parentType, state.line = enclosing, line
    return True


def _push_row(state: StateBlock, line: int) -> None:
    cells = [cell.strip() for cell in escapedSplit(getLine(state, line).strip())]
    state.push("tr_open", "tr", 1)
    for cell in cells[cells[0] == "" : len(cells) - (len(cells) > 1 and cells[-1] == "")]:
        token = state.push("inline", "", 0)
        token.content, token.children, token.map = cell, [], [line, line + 1]
    state.push("tr_close", "tr", -1)
