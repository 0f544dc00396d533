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

from ingest.readers.html_attributes import check_attributes
from ingest.readers.html_menus import remove_menus
from ingest.readers.html_tree import children_of, find_elements, find_outermost
from rag.errors import ReadError

CELL_SEPARATOR = " | "
_MAX_DEPTHS = 10_000_000
"""Sum of the depths of all nodes: the extractor goes up from each, 0.3 to 0.6 microseconds a level. Of elements
nested 4,000 deep it is 8 million."""
_MAX_NODES = 300_000
"""Elements and texts: each takes some 20 microseconds in all."""
_MAX_OPTIONS = 10_000
"""Of all choices in a page: the parser takes 3 nanoseconds for each pair of one choice's."""
_MAX_CELL_CHARS = 2_000
"""A longer cell is a column of a page laid out by a table."""
_LAYOUT_PARTS = "table, h1, h2, h3"
"""What no cell of data holds."""
_LIST_DEPTH = 3
"""The extractor takes each list less deep than this for navigation, and deeper ones by the share of their links."""
_SKIPPED = ("nav", "button", "select", "sup.reference", ".mw-editsection", "a.headerlink", "[role=complementary]")
"""Beside what the extractor skips: marks that MediaWiki and Sphinx put into text, and what is no text."""
_BACK_LINKS = ('a[href^="#footnote-ref-"]', 'a[href^="#endnote-ref-"]')
"""The arrows that lead back from the notes of a Word document."""
_ITEM = re.compile(r"•|\d+\. ")


def parse_html(text: str) -> HTMLTree:
    """The tree of a page or a piece of one; raises ReadError for what nobody wrote: nested thousands
    deep, or of hundreds of thousands of parts."""
    if text.lower().count("<option") > _MAX_OPTIONS:
        raise ReadError(f"It has too many choices in forms, more than {_MAX_OPTIONS:,}.")
    check_attributes(text)
    tree = HTMLTree.parse(text)
    if tree.body is None:
        raise ReadError("It holds no words.")
    nodes = depths = 0

    def count(context: Any) -> None:
        nonlocal nodes, depths
        nodes += 1
        depths += context.depth
        if nodes > _MAX_NODES:
            raise ReadError(f"It has too many parts, more than {_MAX_NODES:,}. Cut it into several pages.")
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
    remove_menus(tree.body)
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
    return _tidy_lines(text.replace("\t\t", "\n").split("\n"))  # tabs stand between the columns of a layout


def _tidy_lines(lines: Iterable[str]) -> str:
    """Lines without space at their ends, an item of a list directly below what is before it, and one empty line at
    most elsewhere."""
    kept: list[str] = []
    for line in map(str.rstrip, lines):
        is_item = _ITEM.match(line.lstrip()) is not None
        while kept and not kept[-1] and (is_item or not line):
            kept.pop()
        kept.append(line.lstrip() if is_item else line)
    return "\n".join(kept).strip("\n")


def _join_rows(tree: HTMLTree) -> None:
    """Make each row of data one text."""
    for row in find_elements(tree.body, "tr"):
        cells = [cell for cell in children_of(row) if cell.tag in ("td", "th")]
        if len(cells) < 2 or row.query_selector(_LAYOUT_PARTS) is not None:
            continue
        words = [_cell_words(cell) for cell in cells]
        if max(map(len, words)) <= _MAX_CELL_CHARS:
            row.text = join_cells(words)


def _cell_words(cell: ElementNode) -> str:
    has_parts = cell.first_element_child is not None
    return str(extract_plain_text(cell.html, preserve_formatting=True) if has_parts else cell.text)


def _lower_lists(tree: HTMLTree) -> None:
    """Put lists near the body into further elements, and their links into words: what is still there is no menu."""
    for link, _ in find_outermost(tree.body, "a", within="ul"):
        link.parent.replace_child(tree.create_text_node(link.text or ""), link)
    for items, depth in find_outermost(tree.body, "ul"):
        for _ in range(max(0, _LIST_DEPTH - (depth - 1))):
            around = tree.create_element("div")
            items.parent.replace_child(around, items)
            around.append_child(items)
