"""Markdown to tokens in time that grows as the text does, whatever was written to make it slow.

The parser looks ahead from each open bracket, and reads a quote in a quote once for each level: in text made for it,
hundreds of steps a character or without end. So steps are counted, and what takes far more of them than text ever does
is left as it stands.
"""

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.footnote import footnote_plugin

from ingest.readers.markdown_rules import (
    HTML_BLOCK_ALT,
    TABLE_ALT,
    InlineRules,
    read_footnote_mark,
    read_hidden_block,
    read_table,
    read_wiki_link,
)

_BLOCK_STEPS, _BLOCK_STEPS_PER_CHAR = 2_000, 1
"""Allowed for telling the blocks of a text apart. 120 documents took at most 0.04 a character; lines of three letters
take 0.8."""
_INLINE_STEPS, _INLINE_STEPS_PER_CHAR = 200, 2
"""Allowed for finding the ends of the links of a block. The 10,000 blocks of those documents took at most 0.08 a
character."""
_MAX_NESTING = 100
"""Of quotes and lists: deep lists are real, endless ones are not."""
_ROOM_ABOVE = 3
"""The parser drops what lies deeper than its own limit, and one step goes two levels down: ours must be met before."""
_INTERRUPTING = ["paragraph", "reference", "blockquote", "list"]
"""Where the parser asks of every line whether another block begins."""


class _TooManySteps(Exception):
    """The text takes far more steps than text ever does."""


def parse_markdown(text: str) -> list[Token] | None:
    """The blocks of a text with their inline tokens.

    Parameters
    ----------
    text : str
        Of any length.

    Returns
    -------
    list of Token or None
        A block whose inline marks take too many steps has its text as it stands in one token. None where the blocks
        themselves cannot be told apart in few enough steps, or lie deeper than a hundred levels.
    """
    parser = make_parser(_BoundedInlineParser())
    parser.options["maxNesting"] = _MAX_NESTING + _ROOM_ABOVE
    steps = _BlockSteps(_BLOCK_STEPS + _BLOCK_STEPS_PER_CHAR * len(text))
    parser.block.ruler.before("table", "steps", steps.count, {"alt": _INTERRUPTING})
    try:
        return parser.parse(text)
    except _TooManySteps:
        return None


def make_parser(inline: ParserInline) -> MarkdownIt:
    """A parser of CommonMark with tables, footnotes, struck text, tasks, wikilinks, and without HTML; `inline` parses
    what stands in its blocks."""
    parser = _WordParser("commonmark")
    parser.inline = inline
    parser.configure("commonmark", {"html": False, "tasklists": True})
    parser.enable("strikethrough")
    parser.use(footnote_plugin, inline=False, move_to_end=False)
    parser.block.ruler.at("html_block", read_hidden_block, {"alt": HTML_BLOCK_ALT})
    parser.block.ruler.at("table", read_table, {"alt": TABLE_ALT})
    parser.block.ruler.enable("table")
    rules = inline.rules if isinstance(inline, _BoundedInlineParser) else InlineRules()
    parser.inline.ruler.at("html_inline", rules.read_tag)
    parser.inline.ruler.at("footnote_ref", read_footnote_mark)
    parser.inline.ruler.before("link", "wiki_link", read_wiki_link)
    return parser


class _WordParser(MarkdownIt):
    """Takes every link for one: its words are read and its address is left out, so none need be refused. A refused one
    (of a script, of data) would stand in the text with its address, and be a link again wherever the text is shown."""

    def validateLink(self, url: str) -> bool:
        """Whether an address may be linked to."""
        return True


class _BlockSteps:
    """A rule of the block parser that never matches, and counts how often it is asked."""

    def __init__(self, allowed: int) -> None:
        self._left = allowed

    def count(self, state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
        """Count a step; raises _TooManySteps."""
        self._left -= 1
        if self._left < 0 or state.level >= _MAX_NESTING:
            raise _TooManySteps
        return False


class _BoundedInlineParser(ParserInline):
    """Counts the steps of looking ahead, in each block anew."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = InlineRules()
        self._left: int | None = None

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """The inline tokens of a block."""
        if self._left is not None:
            return tokens  # the words of an image in the block: they are taken as they stand, never by their tokens
        self.rules.begin_block()
        self._left = _INLINE_STEPS + _INLINE_STEPS_PER_CHAR * len(src)
        try:
            return super().parse(src, md, env, tokens)
        except _TooManySteps:
            tokens[:] = [Token("text", "", 0, content=_join_lines(src))]
            return tokens
        finally:
            self._left = None

    def skipToken(self, state: StateInline) -> None:
        """Go past one token, looking ahead; raises _TooManySteps."""
        self._left = (self._left or 0) - 1
        if self._left < 0:
            raise _TooManySteps
        super().skipToken(state)


def _join_lines(text: str) -> str:
    """A hard-wrapped block as one line."""
    return " ".join(line.strip() for line in text.split("\n"))
