"""The words of HTML as lines: a block, an item of a list or a row of a table each.

The parser reads whatever browsers read. Which of a page's blocks are the article is the extractor's decision, but for
three things that it gets wrong: it drops lists near the body and lists with links, keeps blocks of nothing but links,
and breaks the rows of tables whose cells hold paragraphs.
"""

import re
from collections.abc import Iterable
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import ElementNode, HTMLTree, traverse_dom

from rag.errors import ReadError

CELL_SEPARATOR = " | "
_MAX_DEPTHS = 10_000_000
"""Sum of the depths of all nodes: the extractor goes up from each, 0.3 to 0.6 microseconds a level. Of elements
nested 4,000 deep it is 8 million."""
_MAX_CELL_CHARS = 2_000
"""A longer cell is a column of a page laid out by a table."""
_LAYOUT_PARTS = "table, h1, h2, h3"
"""What no cell of data holds."""
_LINK_BLOCKS = "ul, ol, dl, div, section, nav, aside, table"
_MAX_LINK_BLOCKS = 1_500
"""The parser takes 2 microseconds for each pair of blocks: a page of more keeps its menus."""
_MIN_LINKS, _LINK_SHARE = 3, 0.8
"""From which a block is a menu: chosen, not fitted."""
_KEPT_PARTS = "h1, article, main"
_LIST_DEPTH = 3
"""The extractor takes each list less deep than this for navigation, and deeper ones by the share of their links."""
_SKIPPED = ("nav", "button", "select", "sup.reference", ".mw-editsection", "a.headerlink", "[role=complementary]")
"""Beside what the extractor skips: marks that MediaWiki and Sphinx put into text, and what is no text."""
_BACK_LINKS = ('a[href^="#footnote-ref-"]', 'a[href^="#endnote-ref-"]')
"""The arrows that lead back from the notes of a Word document."""
_ITEM = re.compile(r"^\s+(?=•|\d+\. )", re.MULTILINE)
_LINE_END_SPACE = re.compile(r"[^\S\n]+$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")


def parse_html(text: str) -> HTMLTree:
    """The tree of a page or a piece of one; raises ReadError for what nobody wrote: nested thousands deep."""
    tree = HTMLTree.parse(text)
    if tree.body is None:
        raise ReadError("It holds no words.")
    depths = 0

    def count(context: Any) -> None:
        nonlocal depths
        depths += context.depth
        if depths > _MAX_DEPTHS:
            raise ReadError("It is nested too deeply to be read.")

    traverse_dom(tree.body, count)
    return tree


def extract_words(tree: HTMLTree) -> str:
    """All words of a tree, which is changed."""
    _join_rows(tree)
    return _extract(tree, is_page=False)


def extract_article(tree: HTMLTree) -> str:
    """The words of a page's article, without menus, comments and the like; all words where the page is nothing else.
    The tree is changed."""
    _join_rows(tree)
    everything = _extract(tree, is_page=False)
    _remove_menus(tree)
    _lower_lists(tree)
    return _extract(tree, is_page=True) or everything


def join_cells(cells: Iterable[str]) -> str:
    """A row of a table as one line; empty where all cells are."""
    words = [" ".join(cell.split()) for cell in cells]
    while words and not words[-1]:
        words.pop()
    return " ".join(CELL_SEPARATOR.join(words).split())


def _extract(tree: HTMLTree, is_page: bool) -> str:
    skipped = [*_SKIPPED, *_BACK_LINKS] if is_page else [*_BACK_LINKS]
    text = extract_plain_text(
        tree,
        preserve_formatting=True,
        main_content=is_page,
        alt_texts=False,
        comments=not is_page,
        post_meta=not is_page,
        skip_elements=skipped,
    )
    text = text.replace("\t\t", "\n")  # between the columns of a layout
    return _EMPTY_LINES.sub("\n\n", _ITEM.sub("", _LINE_END_SPACE.sub("", text))).strip("\n")


def _join_rows(tree: HTMLTree) -> None:
    """Make each row of data one text."""
    for row in list(tree.body.query_selector_all("tr")):
        cells = [cell for cell in row.child_nodes if cell.tag in ("td", "th")]
        if len(cells) < 2 or row.query_selector(_LAYOUT_PARTS) is not None:
            continue
        words = [_cell_words(cell) for cell in cells]
        if max(map(len, words)) <= _MAX_CELL_CHARS:
            row.text = join_cells(words)


def _cell_words(cell: ElementNode) -> str:
    has_parts = cell.query_selector("*") is not None
    return str(extract_plain_text(cell.html, preserve_formatting=True) if has_parts else cell.text)


def _remove_menus(tree: HTMLTree) -> None:
    blocks = list(tree.body.query_selector_all(_LINK_BLOCKS))
    for block in blocks if len(blocks) <= _MAX_LINK_BLOCKS else ():
        links = list(block.query_selector_all("a"))
        if len(links) < _MIN_LINKS or block.parent is None or block.query_selector(_KEPT_PARTS) is not None:
            continue
        if sum(len(link.text.strip()) for link in links) >= _LINK_SHARE * len(" ".join(block.text.split())):
            block.parent.remove_child(block)


def _lower_lists(tree: HTMLTree) -> None:
    """Put lists near the body into further elements, and their links into words: what is still there is no menu."""
    for items in list(tree.body.query_selector_all("ul")):
        for link in list(items.query_selector_all("a")):
            link.parent.replace_child(tree.create_text_node(link.text or ""), link)
        for _ in range(max(0, _LIST_DEPTH - _depth_below(items, tree.body))):
            around = tree.create_element("div")
            items.parent.replace_child(around, items)
            around.append_child(items)


def _depth_below(node: ElementNode, body: ElementNode) -> int:
    depth = 0
    while (node := node.parent) is not None and node != body:
        depth += 1
    return depth
